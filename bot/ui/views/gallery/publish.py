"""*Publish* under a person's own picture: what will be shown and where, as they alone see it, and then the post.

The custom_ids of the controls hold all that was chosen, so a question that was open during a restart goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.database.gallery.publications import PUBLICATIONS_OF_JOB, Publication, PublicationState
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.people.preferences import find_preferences
from bot.database.pictures.pictures import PICTURES_OF_JOB, Picture
from bot.errors.gallery import NoArtChannel
from bot.errors.rights import NotYours
from bot.i18n import _, later, sentences
from bot.i18n.texts import message_url, on_a_label
from bot.pictures.attachments import DAMAGED, ENCODING, PictureFile
from bot.servers.defaults import shows_prompt
from bot.ui.access import context_of, require_open, server_settings
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import RenderedMessage, button_rows, view_of
from bot.ui.views.custom_ids import discord_id, is_discord_id
from bot.ui.views.gallery.post import UnpublishButton, picture_items, shown_picture
from bot.ui.views.persistent_items import JobButton, PersistentButton, PersistentMenu, job_gone, outdated_error
from bot.ui.views.results.sheet import label_of_variant
from bot.workspace.repaint import picture_gone
from inference.errors import RequestError


@dataclass(frozen=True)
class PublishChoice:
    """What a person has chosen so far: the picture, the art channel, and whether the prompt is shown."""

    job_id: int
    position: int
    channel_id: int
    shows_prompt: bool

    ID_PATTERN: ClassVar[str] = r"[0-9]{1,18}:[0-9]:[0-9]{1,19}:[01]"

    @classmethod
    def from_id(cls, text: str) -> Self:
        """Read what `str` wrote. Raises ValueError for a number that is no id of Discord."""
        job_id, position, channel_id, prompt = text.split(":")
        return cls(int(job_id), int(position), discord_id(channel_id), prompt == "1")

    def __str__(self) -> str:
        return f"{self.job_id}:{self.position}:{self.channel_id}:{int(self.shows_prompt)}"


class PublishButton(JobButton, prefix="publish"):
    """Asks how the person's own picture is to be published. Only in servers with art channels it is there."""

    command = "gallery"
    label = later("Publish")

    async def handle(self, interaction: Interaction) -> None:
        """Show what would be posted. Raises NotYours, and why nothing of it may be published here."""
        job = await own_job(interaction, self.job_id)
        settings = await server_settings(interaction)
        preferences = await find_preferences(interaction.client.db, interaction.user.id)
        channels = [channel.channel_id for channel in settings.art_channels]
        published = await _published(interaction, job)
        try:
            channel_id = await _first_open(interaction, job, channels)
        except RequestError:
            if not published:
                raise
            channel_id = published[0].art_channel_id
        position = published[0].position if published else 0
        choice = PublishChoice(job.id, position, channel_id, shows_prompt(preferences, settings))
        await send_ephemeral(interaction, await publish_page(interaction, choice))


async def own_job(interaction: Interaction, job_id: int) -> Job:
    """The person's own job. Raises NothingThere or NotYours."""
    job = await interaction.client.db.one(FIND_JOB, job_id)
    if job is None:
        raise job_gone()
    if job.person_id != interaction.user.id:
        raise NotYours(instead=_("Only the picture's author can publish it."))
    return job


async def _first_open(interaction: Interaction, job: Job, channels: Sequence[int]) -> int:
    """The first channel in which this may be published. Raises why nobody is shown it now, or it may be in none."""
    await require_open(interaction, job)
    refusals: list[RequestError] = []
    for channel_id in channels:
        try:
            await interaction.client.publishing_rules.check(context_of(interaction), job, channel_id)
        except RequestError as refusal:
            refusals.append(refusal)
        else:
            return channel_id
    raise refusals[0] if refusals else NoArtChannel()


async def publish_page(interaction: Interaction, choice: PublishChoice) -> RenderedMessage:
    """The question, or where the picture is published already. Raises why this choice may not be published."""
    job = await own_job(interaction, choice.job_id)
    pictures = await interaction.client.db.all(PICTURES_OF_JOB, job.id)
    picture = next((each for each in pictures if each.position == choice.position), None)
    if picture is None:
        raise picture_gone()
    published = [each for each in await _published(interaction, job) if each.position == choice.position]
    page = RenderedMessage()
    if published:
        page.add(*published_items(published[0]))
    else:
        await require_open(interaction, job)
        await interaction.client.publishing_rules.check(context_of(interaction), job, choice.channel_id)
        page.add(*await _question(interaction, choice, job, picture, page))
    if len(pictures) > 1:
        others = [PictureChoiceButton.of(job, replace(choice, position=one.position)) for one in pictures]
        page.add(*button_rows(others))
    return page


async def _question(
    interaction: Interaction, choice: PublishChoice, job: Job, picture: Picture, page: RenderedMessage
) -> list[ui.Item[Any]]:
    client, settings = interaction.client, await server_settings(interaction)
    shown = await shown_picture(client.db, job, choice.position, shows_prompt=choice.shows_prompt)
    there = context_of(interaction).model_copy(update={"channel_id": choice.channel_id, "parent_ids": frozenset[int]()})
    hidden = await client.servers.content.hides_pictures(there)
    head = sentences(
        _("**Publish this picture in {channel}?**").format(channel=f"<#{choice.channel_id}>"),
        _(
            "Everyone who can read the art channel will see the picture as shown here, with your name. "
            "They can also find the picture in /gallery."
        ),
    )
    buttons: list[PersistentButton] = [PublishConfirmButton(choice)]
    if shown.request.own_words:
        buttons.append(PublishPromptButton(replace(choice, shows_prompt=not choice.shows_prompt)))
    items: list[ui.Item[Any]] = [
        ui.TextDisplay[Any](head),
        *picture_items(shown, page.attach(await _file(interaction, picture)), hidden=hidden),
    ]
    if len(settings.art_channels) > 1:
        names = {each.channel_id: _channel_name(interaction, each.channel_id) for each in settings.art_channels}
        items.append(ui.ActionRow[Any](ChannelChoice.of(choice, names)))
    return [*items, ui.ActionRow[Any](*buttons)]


async def _file(interaction: Interaction, picture: Picture) -> PictureFile:
    path = interaction.client.configuration.settings.storage.pictures / picture.path
    try:
        return await ENCODING.run(interaction.client.attachments.fit, path, interaction.filesize_limit)
    except DAMAGED:
        raise picture_gone() from None


def _channel_name(interaction: Interaction, channel_id: int) -> str:
    server = interaction.client.get_guild(interaction.guild_id or 0)
    channel = server.get_channel_or_thread(channel_id) if server else None
    return on_a_label(f"#{channel.name}" if channel else str(channel_id), 100)


async def _published(interaction: Interaction, job: Job) -> list[Publication]:
    """The pictures of a job that are published in the server where the person is, or are about to be."""
    found = await interaction.client.db.all(PUBLICATIONS_OF_JOB, job.id)
    return [each for each in found if each.server_id == interaction.guild_id]


def published_items(publication: Publication) -> list[ui.Item[Any]]:
    """Where a picture is published, with the way there and back."""
    if publication.state is PublicationState.POSTED:
        text = _("**Published in {channel}**").format(channel=f"<#{publication.art_channel_id}>")
        there = message_url(publication.server_id, publication.channel_id, publication.message_id)
        row = ui.ActionRow[Any](ui.Button(label=_("Open post"), url=there), UnpublishButton(publication.id))
        return [ui.TextDisplay[Any](text), row]
    if publication.state is PublicationState.REMOVING:
        return [ui.TextDisplay[Any](_("The picture is published, but its post is currently hidden."))]
    if publication.hidden or publication.was_posted:
        text = _("The picture is published, but its post is currently hidden.")
    else:
        text = _("Discord is not responding. Easel will post the picture as soon as possible.")
    return [ui.TextDisplay[Any](text), ui.ActionRow[Any](UnpublishButton(publication.id))]


class _ChoiceButton(PersistentButton):
    """A button of the question, which shows it with another choice."""

    command = "gallery"

    choice: PublishChoice

    async def handle(self, interaction: Interaction) -> None:
        """Show the question with this choice."""
        await acknowledge.replace(interaction, await publish_page(interaction, self.choice))


class PictureChoiceButton(_ChoiceButton, prefix="pubpicture"):
    """Chooses one of the pictures of a job."""

    @classmethod
    def of(cls, job: Job, choice: PublishChoice) -> Self:
        """The button for a picture, with its number, or on a sheet with what it was painted with."""
        if not job.request.variants:
            return cls(choice).labelled(_("Picture {number}").format(number=choice.position + 1))
        return cls(choice).labelled(label_of_variant(job.request, choice.position))


class PublishPromptButton(_ChoiceButton, prefix="pubprompt"):
    """Shows the prompt under the picture, or not."""

    def text(self) -> str:
        """What it does."""
        return _("Show the prompt") if self.choice.shows_prompt else _("Keep the prompt private")


class PublishConfirmButton(_ChoiceButton, prefix="pubconfirm"):
    """Publishes the picture."""

    label, style = later("Publish"), discord.ButtonStyle.success

    async def handle(self, interaction: Interaction) -> None:
        """Publish it, and say where it is. Raises why it may not be."""
        job, choice = await own_job(interaction, self.choice.job_id), self.choice
        await require_open(interaction, job)
        published = await interaction.client.publishing.publish(
            context_of(interaction), job, choice.position, choice.channel_id, shows_prompt=choice.shows_prompt
        )
        await acknowledge.replace(interaction, view_of(*published_items(published)))


class ChannelChoice(PersistentMenu, prefix="pubchannel"):
    """Chooses the art channel."""

    command = "gallery"

    choice: PublishChoice

    @classmethod
    def of(cls, choice: PublishChoice, names: dict[int, str]) -> Self:
        """The menu of all art channels."""
        options = [
            discord.SelectOption(label=name, value=str(channel_id), default=channel_id == choice.channel_id)
            for channel_id, name in names.items()
        ]
        return cls(choice).offering(options)

    async def handle(self, interaction: Interaction) -> None:
        """Show the question for this channel. Raises why the picture may not be published there."""
        if not is_discord_id(self.value):
            raise outdated_error()
        choice = replace(self.choice, channel_id=int(self.value))
        await acknowledge.replace(interaction, await publish_page(interaction, choice))

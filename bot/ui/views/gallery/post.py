"""A published picture: its message in an art channel, and the buttons that are for everybody who sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import discord
from discord import ui

from bot.database.database import Database
from bot.database.gallery.publications import FIND_PUBLICATION, Publication, PublicationState
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.errors.gallery import NotPublished
from bot.errors.rights import NotYours
from bot.i18n import _, later, ngettext, number, sentences
from bot.i18n.texts import plain, prompt_text, summary_of_job
from bot.pictures.attachments import PictureFile, attachment_url, kept_files
from bot.servers.rights import Action
from bot.ui.access import context_of, may, require_published
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS, is_final
from bot.ui.interactions.replies import send_ephemeral, send_ephemeral_text
from bot.ui.rendered_message import RenderedMessage, button_rows, custom_ids_of, view_of
from bot.ui.views.custom_ids import Id
from bot.ui.views.loras.page import LoraPageButton
from bot.ui.views.persistent_items import PersistentButton
from bot.ui.views.question import ask, conclude
from bot.ui.views.results.details import USE_PICTURE, bookmark_loras, remix_job
from bot.ui.views.results.removal_form import RemovalForm
from bot.workspace.remix import MatchedLora, parts_of, with_same_loras
from inference.messages.request import GenerationRequest
from inference.parameters import recipe_of

MAX_SHOWN_PROMPT = 1000  # characters of a prompt under a picture
MAX_LINKS = 10  # LoRAs with a button each


@dataclass(frozen=True)
class ShownPicture:
    """What is shown of a published picture beside the picture itself. `loras` are those of its request, in order."""

    job: Job
    position: int
    shows_prompt: bool
    loras: Sequence[MatchedLora]

    @property
    def request(self) -> GenerationRequest:
        """The request that paints this picture alone."""
        return self.job.request.only(self.position)


async def shown_picture(db: Database, job: Job, position: int, *, shows_prompt: bool) -> ShownPicture:
    """A picture with its LoRAs as they are known here. Raises DatabaseError."""
    loras = await parts_of(db, recipe_of(job.request.only(position)).loras)
    return ShownPicture(job, position, shows_prompt, loras)


def picture_items(shown: ShownPicture, url: str, *, hidden: bool) -> list[ui.Item[Any]]:
    """The picture, its author, checkpoint and LoRAs, with a link to the page of each that is known here."""
    lines = [f"-# {summary_of_job(replace(shown.job, request=shown.request))}"]
    if shown.shows_prompt and (prompt := prompt_text(shown.request)):
        lines.insert(0, f"> {plain(prompt, MAX_SHOWN_PROMPT)}")
    links = [LoraPageButton.named(each.lora) for each in shown.loras if each.lora is not None][:MAX_LINKS]
    return [
        ui.MediaGallery[Any](discord.MediaGalleryItem(url, spoiler=hidden)),
        ui.TextDisplay[Any]("\n".join(lines)),
        *button_rows(links),
    ]


def published_message(
    publication: Publication, shown: ShownPicture, picture: PictureFile, *, hidden: bool
) -> RenderedMessage:
    """The message of a publication; a `hidden` picture is shown when it is pressed."""
    page = RenderedMessage()
    row = ui.ActionRow[Any](*publication_buttons(publication, shown.job))
    return page.add(*picture_items(shown, page.attach(picture), hidden=hidden), row)


def details_buttons(publication: Publication, job: Job) -> list[PersistentButton]:
    """What everybody may do with the details of a published picture, whose job has this picture alone."""
    keep = [BookmarkPublishedButton(publication.id)] if job.request.loras else []
    return [RemixPublishedButton(publication.id), *keep]


def publication_buttons(publication: Publication, job: Job, *, unpublish: bool = True) -> list[PersistentButton]:
    """What everybody may do with a published picture, and with `unpublish` what its author and staff may."""
    about_loras: list[PersistentButton] = []
    if job.request.only(publication.position).loras:
        about_loras = [UseSameButton(publication.id), BookmarkPublishedButton(publication.id)]
    return [
        LikeButton(publication.id).labelled(like_label(publication.likes)),
        *about_loras,
        RemixPublishedButton(publication.id),
        *([UnpublishButton(publication.id)] if unpublish else []),
    ]


class PublicationButton(PersistentButton):
    """A button about a published picture."""

    command = "gallery"

    publication_id: Id


async def publication_here(interaction: Interaction, publication_id: int) -> Publication:
    """A publication of the server where the person is, until it is taken back. Raises NotPublished.

    Its message may be seen and pressed a moment before Discord's answer to its posting.
    """
    found = await interaction.client.db.one(FIND_PUBLICATION, publication_id)
    if found is None or found.state is PublicationState.REMOVING or found.server_id != interaction.guild_id:
        raise NotPublished
    return found


class LikeButton(PublicationButton, prefix="like"):
    """Likes a published picture. The message that is pressed shows the new number where it can be edited."""

    label = later("Like")

    async def handle(self, interaction: Interaction) -> None:
        """Like it. Who likes it already may take that back."""
        publication, _job = await require_published(interaction, self.publication_id)
        who = context_of(interaction)
        count = await interaction.client.likes.like(publication.id, who.person_id, who.joined_at)
        if not count.changed:
            text = sentences(_("You already like this picture."), likes_text(count.likes))
            await send_ephemeral(interaction, view_of(text, ui.ActionRow[Any](UnlikeButton(publication.id))))
        elif not await _show_in_post(interaction, publication, count.likes):
            await send_ephemeral_text(interaction, sentences(_("You like this picture."), likes_text(count.likes)))


class UnlikeButton(PublicationButton, prefix="unlike"):
    """Takes a like back."""

    label = later("Unlike")

    async def handle(self, interaction: Interaction) -> None:
        """Take it back; the post shows that some minutes later."""
        publication = await publication_here(interaction, self.publication_id)
        count = await interaction.client.likes.unlike(publication.id, interaction.user.id)
        text = sentences(_("You removed your like."), likes_text(count.likes))
        await acknowledge.replace(interaction, view_of(text))


async def _show_in_post(interaction: Interaction, publication: Publication, likes: int) -> bool:
    """Answer by the new number in the message of the publication; False where that is not pressed or not editable."""
    message = interaction.message
    if message is None or message.id != publication.message_id:
        return False
    view, kept = with_likes(message, publication.id, likes)
    try:
        async with interaction.client.likes.showing(publication.id, likes):
            await acknowledge.edit(interaction, view, kept)
    except DISCORD_ERRORS as problem:
        if not is_final(problem):
            raise
        return False  # the thread is archived
    return True


def like_label(likes: int) -> str:
    """`Like`, and how many do."""
    return _("Like · {count}").format(count=number(likes)) if likes else _("Like")


def likes_text(likes: int) -> str:
    """How many people like a picture, as a sentence."""
    return ngettext("{count} like.", "{count} likes.", likes).format(count=number(likes))


def with_likes(
    message: discord.Message, publication_id: int, likes: int
) -> tuple[ui.LayoutView, list[discord.Attachment]]:
    """The components of a message with another number on its *Like*, and its files as they are."""
    kept = kept_files(message)  # before the view changes: both share what Discord has sent
    view = ui.LayoutView.from_message(message, timeout=None)
    for item in view.walk_children():
        if isinstance(item, ui.Button) and item.custom_id == LikeButton(publication_id).custom_id:
            item.label = like_label(likes)
        elif isinstance(item, ui.MediaGallery):
            for picture in item.items:
                picture.media.url = attachment_url(picture.media.url)
    view.stop()
    return view, kept


class UseSameButton(PublicationButton, prefix="usesame"):
    """Brings the LoRAs of a published picture into the studio of the person who presses."""

    command = "studio"
    label, style = later("Use these LoRAs"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Put them in place of those in the studio, and say which do not fit the checkpoint there. The words stay."""
        client, (publication, job) = interaction.client, await require_published(interaction, self.publication_id)
        snapshot, limit = await client.studios.snapshot(interaction), client.configuration.settings.limits.max_loras
        same = await with_same_loras(
            client.db, snapshot.checkpoints, job, snapshot.draft(), limit=limit, position=publication.position
        )
        note = _("Your studio now has only this picture's LoRAs. Your prompt and model did not change.")
        await client.studios.open_with(interaction, same.draft, "\n".join([note, *same.notes]))


class RemixPublishedButton(PublicationButton, prefix="remixpub"):
    """Fills the studio of the person who presses from a published picture."""

    command = USE_PICTURE
    label, style = later("Remix"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Fill and show the studio."""
        publication, job = await require_published(interaction, self.publication_id)
        await remix_job(interaction, job, publication.position)


class BookmarkPublishedButton(PublicationButton, prefix="keeppub"):
    """Bookmarks the LoRAs of a published picture for the person who presses."""

    command = "Bookmark LoRAs"
    label = later("Bookmark these LoRAs")

    async def handle(self, interaction: Interaction) -> None:
        """Bookmark the LoRAs and say which are new."""
        publication, job = await require_published(interaction, self.publication_id)
        await bookmark_loras(interaction, recipe_of(job.request.only(publication.position)).loras)


class UnpublishButton(PublicationButton, prefix="unpublish"):
    """Asks the author before a picture is taken out of the gallery, or asks staff why."""

    command, action = "history", None
    label = later("Unpublish")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Ask. Raises NotYours."""
        publication = await publication_here(interaction, self.publication_id)
        await check_may_unpublish(interaction, publication)
        if publication.person_id != interaction.user.id:
            await acknowledge.open_modal(interaction, RemovePublicationForm(publication.id, interaction.id))
            return
        text = sentences(
            _("This removes the picture, with its likes, from this server's art channel and gallery."),
            _("The picture stays in your /history."),
        )
        confirm = ConfirmUnpublishingButton(publication.id)
        await ask(interaction, _("Unpublish this picture?"), text, confirm, _("Keep picture published"))


class ConfirmUnpublishingButton(PublicationButton, prefix="unpublishnow"):
    """Unpublishes a picture for its author. Staff get the form instead: messages sent before it have this button."""

    command, action = "history", None
    label, style = later("Unpublish"), discord.ButtonStyle.danger
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Take it out of the gallery, and say so. Raises NotYours."""
        publication = await publication_here(interaction, self.publication_id)
        await check_may_unpublish(interaction, publication)
        if publication.person_id != interaction.user.id:
            await acknowledge.open_modal(interaction, RemovePublicationForm(publication.id, interaction.id))
            return
        await interaction.client.publishing.take_back(publication.id)
        await conclude(interaction, _("The picture is no longer published."))


class RemovePublicationForm(RemovalForm, key="unpublish"):
    """Takes a published picture out of the gallery, and its job down in the server."""

    private = True

    def __init__(self, publication_id: int, opening: int) -> None:
        text = sentences(
            _("This removes the picture from all channels and the gallery of this server."),
            _("The picture's buttons will no longer generate pictures here."),
            _("The picture stays in the author's /history."),
        )
        super().__init__(text, opening)
        self._publication_id = publication_id

    async def submitted(self, interaction: Interaction) -> None:
        """Remove it, and say so. Raises NotYours or ReasonNeeded."""
        client, publication = interaction.client, await publication_here(interaction, self._publication_id)
        await check_may_unpublish(interaction, publication)
        job = await client.db.one(FIND_JOB, publication.job_id)
        if job is not None:
            await client.removals.take_down(job, publication.server_id, interaction.user.id, self.reason)
            await client.publishing.take_back_job(job.id, publication.server_id)
        await send_ephemeral_text(interaction, _("The picture is no longer published."))


async def check_may_unpublish(interaction: Interaction, publication: Publication) -> None:
    """Raises NotYours. Staff may, and who may delete anybody's messages where the post is, unless they are blocked."""
    if publication.person_id == context_of(interaction).person_id:
        return
    here = interaction.channel_id == publication.channel_id  # the gallery opens in channels of which others take care
    moderates = here and interaction.permissions.manage_messages and await may(interaction, Action.USE)
    if not moderates and not await may(interaction, Action.TAKE_DOWN, publication.server_id):
        raise NotYours(
            instead=_(
                "Only the picture's author, staff, or members with *Manage Messages* in its channel can unpublish it."
            )
        )


def is_post_of(message: discord.Message, publication_id: int) -> bool:
    """Whether a message of the bot is that of a publication."""
    return UnpublishButton(publication_id).custom_id in custom_ids_of(message)


async def find_published(db: Database, message: discord.Message) -> Publication | None:
    """The publication whose message this message of the bot is. Raises DatabaseError."""
    for custom_id in custom_ids_of(message):
        if button := UnpublishButton.from_text(custom_id):
            return await db.one(FIND_PUBLICATION, button.publication_id)
    return None

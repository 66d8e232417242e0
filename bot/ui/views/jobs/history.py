"""The pages of a person's own pictures. The custom_ids of the buttons hold the query, so pages work after a restart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import discord
from discord import ui

from bot.database.database import Database
from bot.database.gallery.publications import PUBLICATIONS_OF_JOB, PublicationState
from bot.database.jobs.deliveries import FIND_DELIVERY, DeliveryState
from bot.database.jobs.history import NEWEST, HistoryPage, Wanted, history_page, newer_page, numbered_page
from bot.database.jobs.jobs import Job
from bot.database.loras.catalogue import VERSION_BY_SHA256, find_lora
from bot.database.pictures.pictures import PICTURES_OF_JOB, Picture
from bot.errors.pictures import PictureReported
from bot.i18n import _, later, ngettext
from bot.i18n.texts import clipped, lora_use, plain, prompt_text, several
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.pictures.attachments import ENCODING, PictureFile
from bot.pictures.signing.attachments import SignedAttachments
from bot.ui.access import context_of, hides_pictures, require_shown, server_settings
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import error_message, send_ephemeral
from bot.ui.rendered_message import RenderedMessage, hide_pictures
from bot.ui.views.gallery.post import UnpublishButton
from bot.ui.views.go_to_page import GoToPageForm
from bot.ui.views.loras.buttons import named_here
from bot.ui.views.persistent_items import JobButton, PersistentButton
from bot.ui.views.results.result import AgainButton, DeleteButton, EditButton, result_view
from bot.workspace.repaint import picture_gone
from inference.errors import RequestError

PAGE_SIZE = 5  # jobs of 7 components each, in a message of at most 40
MAX_SEARCH = 30  # characters; the search is part of every button's custom_id, which holds 100
MAX_PROMPT, MAX_LORAS = 160, 150  # characters about one job; five share the 4000 of a message
MAX_UNPUBLISH = 4  # buttons in a row beside *Delete*
_KEY_DIGITS = 6
_PATTERN = r"(?P<anchor>\d{1,18}):(?P<lora>\d{0,18}):(?P<checkpoint>[0-9a-f]{0,6}):(?P<search>.{0,30})"


@dataclass(frozen=True)
class HistoryQuery:
    """A page of jobs older (or `newer`) than the job id `anchor`; filtered by LoRA id, checkpoint name and words."""

    anchor: int = NEWEST
    newer: bool = False
    lora: int | None = None
    checkpoint: str | None = None
    search: str = ""

    def __str__(self) -> str:
        key = checkpoint_key(self.checkpoint) if self.checkpoint else ""
        return f"{self.anchor}:{self.lora or ''}:{key}:{self.search[:MAX_SEARCH]}"


def checkpoint_key(name: str) -> str:
    """A short hash of a checkpoint's name, which may be too long for a custom_id."""
    return hashlib.sha256(name.encode()).hexdigest()[:_KEY_DIGITS]


class HistoryPageButton(PersistentButton, template=rf"hi(?P<way>[no]):{_PATTERN}"):
    """Shows the page of `n`ewer or `o`lder pictures."""

    command = "history"

    def __init__(self, query: HistoryQuery, checkpoint_digits: str = "", *, disabled: bool = False) -> None:
        self.query, self._digits = query, checkpoint_digits
        way, label = ("n", _("Newer")) if query.newer else ("o", _("Older"))
        super().__init__(ui.Button(label=label, custom_id=f"hi{way}:{query}"[:100], disabled=disabled))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        query, checkpoint_digits = _query_in(match)
        return cls(replace(query, newer=match["way"] == "n"), checkpoint_digits)

    async def handle(self, interaction: Interaction) -> None:
        """Edit the message to show that page."""
        await _show(interaction, self.query, self._digits)


class GoToHistoryPageButton(PersistentButton, template=rf"hij:{_PATTERN}"):
    """Opens the form for the number of a page."""

    command = "history"
    opens_modal = True

    def __init__(self, query: HistoryQuery, checkpoint_digits: str = "") -> None:
        self.query, self._digits = query, checkpoint_digits
        super().__init__(ui.Button(label=_("Go to a page"), custom_id=f"hij:{query}"[:100]))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(*_query_in(match))

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        await acknowledge.open_modal(
            interaction, GoToPageForm(self._show, command=self.command, here=None, opening=interaction.id)
        )

    async def _show(self, interaction: Interaction, page: int) -> None:
        await _show(interaction, self.query, self._digits, page)


class OpenResultButton(JobButton, template=r"open:(?P<job>\d{1,18})"):
    """Sends the pictures again, as files with their metadata, with the buttons of a result."""

    command = "history"
    name, label = "open", later("Open")
    in_message_of_job = False

    async def handle(self, interaction: Interaction) -> None:
        """Send them in an ephemeral message."""
        job = await self.own_job(interaction, _("Your own pictures are in /history."))
        await require_shown(interaction, job)
        pictures = await interaction.client.db.all(PICTURES_OF_JOB, job.id)
        folder = interaction.client.configuration.settings.storage.pictures
        attachments = await ENCODING.run(
            _files, interaction.client.attachments, folder, pictures, interaction.filesize_limit
        )
        if not attachments:
            raise picture_gone()
        publishes = bool((await server_settings(interaction)).art_channels)
        view = result_view(job, attachments, shows_prompt=True, publishes=publishes)
        if await hides_pictures(interaction):
            hide_pictures(view)
        await send_ephemeral(interaction, view, [attachment.file() for attachment in attachments])


def _query_in(match: re.Match[str]) -> tuple[HistoryQuery, str]:
    """The query of a button, and the key of its checkpoint."""
    lora = int(match["lora"]) if match["lora"] else None
    return HistoryQuery(int(match["anchor"]), lora=lora, search=match["search"]), match["checkpoint"]


async def _show(
    interaction: Interaction, query: HistoryQuery, checkpoint_digits: str, number: int | None = None
) -> None:
    """Edit the message to show a page of a query."""
    checkpoints = interaction.client.configuration.checkpoints
    names = checkpoints.names if checkpoint_digits else ()
    checkpoint = next((name for name in names if checkpoint_key(name) == checkpoint_digits), None)
    query = replace(query, checkpoint=checkpoint)
    page = await history(interaction, query, number)
    await acknowledge.replace(interaction, page.view, page.files)


def _files(
    attachments: SignedAttachments, folder: Path, pictures: Sequence[Picture], limit: int
) -> tuple[PictureFile, ...]:
    paths = [folder / picture.path for picture in pictures]
    return tuple(attachments.fit(path, limit // len(paths)) for path in paths if path.exists())


async def history(interaction: Interaction, query: HistoryQuery, number: int | None = None) -> RenderedMessage:
    """One page of a person's history, with thumbnails: that of the query's anchor, or that with a `number`, from 0.

    What is rated above the place, or reported, is named and not shown.
    """
    client, person_id = interaction.client, interaction.user.id
    db, checkpoints = client.db, client.configuration.checkpoints
    lora = await find_lora(db, query.lora) if query.lora else None
    wanted = Wanted(query.search, query.checkpoint, lora.name if lora else None)
    called = None if lora is None else (await named_here(interaction, lora)).name
    if number is not None:
        found = await numbered_page(db, person_id, wanted, limit=PAGE_SIZE, page=number)
    else:
        turn = newer_page if query.newer else history_page
        found = await turn(db, person_id, wanted, limit=PAGE_SIZE, anchor=query.anchor)
    page = RenderedMessage()
    page.view.add_item(ui.TextDisplay[Any](_title(replace(wanted, lora=called), found)))
    hidden = await client.servers.checks.hidden(context_of(interaction), found.jobs)
    for job in found.jobs:
        if refusal := hidden.get(job.id):
            page.view.add_item(ui.TextDisplay[Any](_hidden_text(job, refusal)))
            if buttons := await _buttons_of_hidden(interaction, job, refusal):
                page.view.add_item(ui.ActionRow[Any](*buttons))
            continue
        pictures = await db.all(PICTURES_OF_JOB, job.id)
        thumbnail = await client.thumbnails.of_painted(pictures[0].path) if pictures else None
        _add(page, job, await _text(db, checkpoints, job, len(pictures)), thumbnail)
    if found.jobs and (found.newer or found.older):
        newer = replace(query, newer=True, anchor=found.jobs[0].id)
        older = replace(query, newer=False, anchor=found.jobs[-1].id)
        buttons = (
            HistoryPageButton(newer, disabled=not found.newer),
            GoToHistoryPageButton(older),
            HistoryPageButton(older, disabled=not found.older),
        )
        page.view.add_item(ui.ActionRow[Any](*buttons))
    return page


def _title(wanted: Wanted, found: HistoryPage) -> str:
    filters = (f"“{plain(wanted.search)}”" if wanted.search else "", wanted.lora, wanted.checkpoint)
    chosen = " · ".join(plain(text) for text in filters if text)
    head = f"## {_('Your pictures')}"
    if found.jobs:
        newest = _("newest first")
        return f"{head}\n-# {newest}{' · ' + chosen if chosen else ''}"
    if chosen:
        return f"{head}\n" + _("None of your pictures match {wanted}. Try fewer words or filters.").format(
            wanted=chosen
        )
    return f"{head}\n" + _("No pictures yet. Generate one with /imagine or in your /studio.")


def _add(page: RenderedMessage, job: Job, text: str, thumbnail: PictureFile | None) -> None:
    if thumbnail is None:
        page.view.add_item(ui.TextDisplay[Any](text))
    else:
        accessory = ui.Thumbnail[Any](page.attach(thumbnail))
        page.view.add_item(ui.Section[Any](text, accessory=accessory))
    again = AgainButton(job.id)
    again.item.style = discord.ButtonStyle.secondary  # no primary buttons in a list
    page.view.add_item(ui.ActionRow[Any](OpenResultButton(job.id), EditButton(job.id), again))


def _hidden_text(job: Job, refusal: RequestError) -> str:
    """What stands in place of a job that is rated above what is shown here, or reported."""
    what = _("One of your pictures (not shown here)")
    return f"{what} · <t:{job.created_at // 1000}:R>\n-# {error_message(refusal)}"


async def _buttons_of_hidden(interaction: Interaction, job: Job, refusal: RequestError) -> list[PersistentButton]:
    """What its owner may do with it all the same: its messages are out of sight, with their buttons."""
    reported = [DeleteButton(job.id)] if isinstance(refusal, PictureReported) else []
    published = await interaction.client.db.all(PUBLICATIONS_OF_JOB, job.id)
    here = [
        one for one in published if one.server_id == interaction.guild_id and one.state is not PublicationState.REMOVING
    ]
    unpublish = [UnpublishButton(one.id) for one in here[:MAX_UNPUBLISH]]
    if len(unpublish) > 1:
        for button, one in zip(unpublish, here, strict=False):
            number_of = _("Picture {number}").format(number=one.position + 1)
            button.item.label = f"{button.item.label} · {number_of}"
    return [*reported, *unpublish]


async def _text(db: Database, checkpoints: InstalledCheckpoints, job: Job, count: int) -> str:
    """Prompt, checkpoint and LoRAs, time, and what is missing since."""
    request = job.request
    parts = [
        f"**{plain(request.checkpoint, 64)}**",
        several((lora_use(use) for use in request.loras), MAX_LORAS),
        ngettext("{count} picture", "{count} pictures", count).format(count=count) if count > 1 else "",
        f"<t:{job.created_at // 1000}:R>",
    ]
    lines = [clipped(prompt_text(request), MAX_PROMPT) or _("no prompt"), "-# " + " · ".join(filter(None, parts))]
    if gone := await _missing_parts(db, checkpoints, job):
        lines.append("-# " + _("no longer available: {names}").format(names=several(gone, MAX_LORAS)))
    delivery = await db.one(FIND_DELIVERY, job.id)
    if delivery is not None and delivery.state is DeliveryState.UNDELIVERABLE:
        lines.append("-# " + _("Easel could not deliver this picture. Press *Open* to get it."))
    return "\n".join(lines)


async def _missing_parts(db: Database, checkpoints: InstalledCheckpoints, job: Job) -> list[str]:
    """The LoRAs and the checkpoint of a job that are not installed any more."""
    gone: list[str] = []
    for use in job.request.loras:
        version = await db.one(VERSION_BY_SHA256, use.sha256)
        if version is None or not version.usable:
            gone.append(use.name)
    if checkpoints.find(job.request.checkpoint) is None:
        gone.append(job.request.checkpoint)
    return gone

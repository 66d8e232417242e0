"""The pages of a person's own pictures. The custom_ids of the buttons hold the query, so pages work after a restart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
from discord import ui

from bot.database.database import Database
from bot.database.gallery.publications import PUBLICATIONS_OF_JOB, PublicationState
from bot.database.jobs.deliveries import FIND_DELIVERY, DeliveryState
from bot.database.jobs.history import Wanted, history_page, newer_page, numbered_page
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
from bot.ui.interactions.replies import error_message, send_ephemeral
from bot.ui.rendered_message import Items, RenderedMessage, hide_pictures
from bot.ui.views.gallery.post import UnpublishButton
from bot.ui.views.list_page import Cursor, Found, ListPage, ListRef
from bot.ui.views.loras.buttons import named_here
from bot.ui.views.persistent_items import JobButton, PersistentButton, outdated_error
from bot.ui.views.results.result import AgainButton, DeleteButton, EditButton, result_view
from bot.workspace.repaint import picture_gone
from inference.errors import RequestError

PAGE_SIZE = 5  # jobs of 7 components each, in a message of at most 40
MAX_SEARCH = 30  # characters; the search is part of every button's custom_id, which holds 100
MAX_PROMPT, MAX_LORAS = 160, 150  # characters about one job; five share the 4000 of a message
MAX_UNPUBLISH = 4  # buttons in a row beside *Delete*
_KEY_DIGITS = 6
_QUERY = re.compile(r"(?P<lora>[0-9]{0,18}):(?P<checkpoint>[0-9a-f]{0,6}):(?P<search>.{0,30})")


@dataclass(frozen=True)
class HistoryQuery:
    """Which jobs: with this LoRA (its id), on this checkpoint (its name), with these words."""

    lora: int | None = None
    checkpoint: str | None = None
    search: str = ""

    def __str__(self) -> str:
        key = checkpoint_key(self.checkpoint) if self.checkpoint else ""
        return f"{self.lora or ''}:{key}:{self.search[:MAX_SEARCH]}"


def checkpoint_key(name: str) -> str:
    """A short hash of a checkpoint's name, which may be too long for a custom_id."""
    return hashlib.sha256(name.encode()).hexdigest()[:_KEY_DIGITS]


@dataclass(frozen=True)
class HistoryEntry:
    """A job, and why its pictures are not shown where the person is."""

    job: Job
    refusal: RequestError | None


class History(ListPage[HistoryQuery, HistoryEntry]):
    """A person's own pictures, the newest first. What is rated above the place, or reported, is named and not shown."""

    key, command = "hi", "history"

    async def query(self, interaction: Interaction, text: str) -> HistoryQuery:
        """The query on a button. Raises NothingThere for what is none."""
        match = _QUERY.fullmatch(text)
        if match is None:
            raise outdated_error()
        names = interaction.client.configuration.checkpoints.names if match["checkpoint"] else ()
        checkpoint = next((name for name in names if checkpoint_key(name) == match["checkpoint"]), None)
        return HistoryQuery(int(match["lora"]) if match["lora"] else None, checkpoint, match["search"])

    async def fetch(self, interaction: Interaction, query: HistoryQuery, cursor: Cursor) -> Found[HistoryEntry]:
        """The page of a job's id, or of a number."""
        client, person_id = interaction.client, interaction.user.id
        lora = await find_lora(client.db, query.lora) if query.lora else None
        wanted = Wanted(query.search, query.checkpoint, lora.name if lora else None)
        if cursor.anchor:
            turn = newer_page if cursor.back else history_page
            found = await turn(client.db, person_id, wanted, limit=PAGE_SIZE, anchor=cursor.anchor[0])
        else:
            found = await numbered_page(client.db, person_id, wanted, limit=PAGE_SIZE, page=cursor.number)
        hidden = await client.servers.checks.hidden(context_of(interaction), found.jobs)
        return Found(
            [HistoryEntry(job, hidden.get(job.id)) for job in found.jobs],
            Cursor(anchor=(found.jobs[0].id,), back=True) if found.newer and found.jobs else None,
            Cursor(anchor=(found.jobs[-1].id,)) if found.older and found.jobs else None,
        )

    async def heading(
        self, interaction: Interaction, at: ListRef, query: HistoryQuery, found: Found[HistoryEntry]
    ) -> str:
        """The filters, or that there is nothing."""
        lora = await find_lora(interaction.client.db, query.lora) if query.lora else None
        called = None if lora is None else (await named_here(interaction, lora)).name
        filters = (f"“{plain(query.search)}”" if query.search else "", called, query.checkpoint)
        chosen = " · ".join(plain(text) for text in filters if text)
        head = f"## {_('Your pictures')}\n"
        if found.entries:
            return f"{head}-# {_('newest first')}{' · ' + chosen if chosen else ''}"
        if chosen:
            return head + _("None of your pictures match {wanted}. Try fewer words or filters.").format(wanted=chosen)
        return head + _("No pictures yet. Generate one with /imagine or in your /studio.")

    async def entry(
        self, interaction: Interaction, at: ListRef, query: HistoryQuery, entry: HistoryEntry, page: RenderedMessage
    ) -> Items:
        """The picture, its parameters and buttons; or why it is not shown, and what its owner may do all the same."""
        client, job = interaction.client, entry.job
        if entry.refusal is not None:
            buttons = await _buttons_of_hidden(interaction, job, entry.refusal)
            text = ui.TextDisplay[Any](_hidden_text(job, entry.refusal))
            return [text, *([ui.ActionRow[Any](*buttons)] if buttons else [])]
        pictures = await client.db.all(PICTURES_OF_JOB, job.id)
        thumbnail = await client.thumbnails.of_painted(pictures[0].path) if pictures else None
        text = ui.TextDisplay[Any](await _text(client.db, client.configuration.checkpoints, job, len(pictures)))
        shown = ui.Section[Any](text, accessory=ui.Thumbnail[Any](page.attach(thumbnail))) if thumbnail else text
        again = AgainButton(job.id).labelled(_("Again"), style=discord.ButtonStyle.secondary)  # one of many
        return [shown, ui.ActionRow[Any](OpenResultButton(job.id), EditButton(job.id), again)]


class OpenResultButton(JobButton, prefix="open"):
    """Sends the pictures again, as files with their metadata, with the buttons of a result."""

    command = "history"
    label = later("Open")
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


def _files(
    attachments: SignedAttachments, folder: Path, pictures: Sequence[Picture], limit: int
) -> tuple[PictureFile, ...]:
    paths = [folder / picture.path for picture in pictures]
    return tuple(attachments.fit(path, limit // len(paths)) for path in paths if path.exists())


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
            button.labelled(f"{button.text()} · {_('Picture {number}').format(number=one.position + 1)}")
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

"""Export of a person's bookmarks as a file, and import from such a file."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import discord
from discord import ui

from bot.database.bookmarks.transfer import Brought, NewBookmark, bring_bookmarks, saved_bookmarks
from bot.errors.bookmarks import BookmarksRefused
from bot.i18n import _, later, ngettext, number
from bot.i18n.texts import bounded_lines, clipped
from bot.moderation.enforcement import WordRules
from bot.moderation.word_rules import TextKind
from bot.ui.access import words_here
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral, send_ephemeral_text
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.forms import FileField, Form
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace import bookmark_file
from bot.workspace.bookmark_file import Written

MAX_UNKNOWN = 2500  # characters about LoRAs that are not here; a message holds 4000
MAX_NAME = 80
MAX_FILES = 10  # of one message


class ExportBookmarksButton(PersistentButton, prefix="bmfile"):
    """Sends a person all their bookmarks as files, with a button that imports some."""

    command = "bookmarks"
    label = later("Export / import")

    async def handle(self, interaction: Interaction) -> None:
        """Write the files and send them, at most MAX_FILES in each message."""
        found = saved_bookmarks(interaction.client.db, interaction.user.id)
        bookmarks = [bookmark async for bookmark in found]
        for page in export_pages(await asyncio.to_thread(bookmark_file.written, bookmarks, datetime.now(UTC))):
            await send_ephemeral(interaction, page)


class ImportBookmarksButton(PersistentButton, prefix="bmimport"):
    """Opens the form that uploads a file of bookmarks."""

    command = "bookmarks"
    label, opens_modal = later("Import"), True

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        await acknowledge.open_modal(interaction, ImportBookmarksForm(_("Import bookmarks"), interaction.id))


class ImportBookmarksForm(Form, key="bmimported"):
    """Uploads the file."""

    command = "bookmarks"
    private = True
    file = FileField(
        later("File"), later("A file from “Export / import”. Bookmarks that you already have stay unchanged.")
    )

    async def submitted(self, interaction: Interaction) -> None:
        """Import the bookmarks of known LoRAs, and list the unknown ones. Notes that break a rule are left out."""
        (attachment,) = self.file
        client = interaction.client
        found = await asyncio.to_thread(bookmark_file.read, await _download(attachment), datetime.now(UTC))
        allowed = await asyncio.to_thread(with_allowed_notes, await words_here(interaction), found.bookmarks)
        refused = sum(before.note != after.note for before, after in zip(found.bookmarks, allowed, strict=True))
        brought = await bring_bookmarks(client.db, interaction.user.id, allowed)
        await send_ephemeral_text(interaction, import_text(brought, found.broken, refused))


def export_pages(files: Sequence[Written]) -> list[RenderedMessage]:
    """The messages with `files`; each says which bookmarks are in it."""
    count, last = sum(file.count for file in files), 0
    how = _("Your notes are included. To load the bookmarks, use *Import*, here or in another bot that runs Easel.")
    pages: list[RenderedMessage] = []
    for start in range(0, len(files), MAX_FILES):
        here = files[start : start + MAX_FILES]
        first, last = last + 1, last + sum(file.count for file in here)
        head = ngettext("Easel exported your bookmark.", "Easel exported your {count} bookmarks.", count)
        if len(files) > MAX_FILES:
            head = _("Bookmarks {first} to {last} of {count}. Import each file separately.")
        head = head.format(first=number(first), last=number(last), count=number(count))
        page = RenderedMessage()
        page.view.add_item(ui.TextDisplay[Any](f"{head}\n-# {how}"))
        for place, file in enumerate(here, start):
            name = f"bookmarks-{place}.json" if place else "bookmarks.json"
            page.files.append(discord.File(io.BytesIO(file.data), name))
            page.view.add_item(ui.File[Any](page.files[-1]))
        page.view.add_item(ui.ActionRow[Any](ImportBookmarksButton()))
        pages.append(page)
    return pages


async def _download(attachment: discord.Attachment) -> bytes:
    if attachment.size > bookmark_file.MAX_BYTES:
        raise BookmarksRefused(reason=later("the file is larger than 4 MB"))
    try:
        return await attachment.read()
    except discord.HTTPException:
        raise BookmarksRefused(reason=later("the download failed")) from None


def with_allowed_notes(words: WordRules, bookmarks: Sequence[NewBookmark]) -> list[NewBookmark]:
    """The bookmarks, without those notes that rules on words refuse. Takes seconds for thousands of long notes."""
    return [each if words.allows(each.note, TextKind.NOTE) else replace(each, note="") for each in bookmarks]


def import_text(brought: Brought, broken: int, refused: int = 0) -> str:
    """The summary of an import; `refused` notes were left out."""
    counts = (
        (brought.saved, ngettext("Bookmarked {count} LoRA.", "Bookmarked {count} LoRAs.", brought.saved)),
        (
            brought.known,
            ngettext("{count} LoRA was already bookmarked.", "{count} LoRAs were already bookmarked.", brought.known),
        ),
        (
            refused,
            ngettext(
                "{count} note was left out because it contains words that are not allowed here.",
                "{count} notes were left out because they contain words that are not allowed here.",
                refused,
            ),
        ),
        (
            broken,
            ngettext("{count} entry in the file is not valid.", "{count} entries in the file are not valid.", broken),
        ),
    )
    parts = [text.format(count=number(count)) for count, text in counts if count]
    lines = [" ".join(parts)] if parts else []
    if brought.unknown:
        count = len(brought.unknown)
        text = ngettext(
            "{count} LoRA is not in this bot's library:", "{count} LoRAs are not in this bot's library:", count
        )
        lines.append(text.format(count=number(count)))
        lines += bounded_lines([_unknown_text(each) for each in brought.unknown], MAX_UNKNOWN)
    return "\n".join(lines) or _("This file contains no bookmarks.")


def _unknown_text(bookmark: NewBookmark) -> str:
    parts = [clipped(text, MAX_NAME) for text in (bookmark.name, bookmark.version) if text.strip()]
    return f"- {' · '.join([*dict.fromkeys(parts), f'`{bookmark.hashes[0][: bookmark_file.AUTOV2_DIGITS]}`'])}"

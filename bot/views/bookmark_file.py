"""Taking bookmarks along as a file, and bringing them in from one."""

from __future__ import annotations

import asyncio
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot import acknowledge, bookmark_file
from bot.database.bookmark_transfer import Brought, NewBookmark, bring_bookmarks, saved_bookmarks
from bot.errors import BookmarksRefused
from bot.replies import whisper, whisper_text
from bot.texts import bounded_lines, clipped
from bot.views.press import Form, PressButton
from bot.words import _, later, ngettext, number

if TYPE_CHECKING:
    from bot.views.press import Interaction

MAX_UNKNOWN = 2500  # characters about LoRAs that are not here; a message holds 4000
MAX_NAME = 80


class FileButton(PressButton, template=r"bmfile"):
    """Gives a person all their bookmarks as a file, and offers to bring some in."""

    def __init__(self) -> None:
        super().__init__(ui.Button(label=_("Export / import"), custom_id="bmfile"))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls()

    async def press(self, interaction: Interaction) -> None:
        """Write the file and give it, in a message of its own."""
        found = saved_bookmarks(interaction.client.easel.connection, interaction.user.id)
        bookmarks = [bookmark async for bookmark in found]
        parts = await asyncio.to_thread(bookmark_file.written, bookmarks, datetime.now(UTC))
        files = [
            discord.File(io.BytesIO(data), f"bookmarks-{place}.json" if place else "bookmarks.json")
            for place, data in enumerate(parts)
        ]
        told = ngettext("Your bookmark as a file.", "Your {count} bookmarks as a file.", len(bookmarks))
        how = _("It names LoRAs by their SHA-256, with your notes. *Import* brings such a file in, here or elsewhere.")
        view = ui.LayoutView(timeout=None)
        view.add_item(ui.TextDisplay[Any](f"{told.format(count=number(len(bookmarks)))}\n-# {how}"))
        for file in files:
            view.add_item(ui.File[Any](file))
        view.add_item(ui.ActionRow[Any](ImportButton()))
        await whisper(interaction, view, files)


class ImportButton(PressButton, template=r"bmimport"):
    """Asks for a file of bookmarks."""

    asks = True

    def __init__(self) -> None:
        super().__init__(ui.Button(label=_("Import"), custom_id="bmimport"))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls()

    async def press(self, interaction: Interaction) -> None:
        """Open the form."""
        await acknowledge.ask(interaction, ImportForm(interaction.id))


class ImportForm(Form):
    """The file."""

    private = True

    def __init__(self, opening: int) -> None:
        super().__init__(_("Import bookmarks"), "bmimported", opening)
        self.file: ui.FileUpload[Any] = ui.FileUpload(custom_id="file", min_values=1, max_values=1)
        told = _("One that *Export* gave; what you have already stays as it is")
        self.add_item(ui.Label[Any](text=_("File"), description=told, component=self.file))

    async def submitted(self, interaction: Interaction) -> None:
        """Bring in what is known here, and say what is not."""
        (attachment,) = self.file.values
        found = await asyncio.to_thread(bookmark_file.read, await _downloaded(attachment), datetime.now(UTC))
        brought = await bring_bookmarks(interaction.client.easel.connection, interaction.user.id, found.bookmarks)
        await whisper_text(interaction, imported(brought, found.broken))


# To be registered, so that messages from before a restart are alive.
BUTTONS: tuple[type[PressButton], ...] = (FileButton, ImportButton)


async def _downloaded(attachment: discord.Attachment) -> bytes:
    if attachment.size > bookmark_file.MAX_BYTES:
        raise BookmarksRefused(reason=later("it is larger than 4 MB"))
    try:
        return await attachment.read()
    except discord.HTTPException:
        raise BookmarksRefused(reason=later("it cannot be downloaded")) from None


def imported(brought: Brought, broken: int) -> str:
    """What is told of bookmarks that were brought in."""
    counts = (
        (brought.saved, ngettext("Bookmarked {count} LoRA.", "Bookmarked {count} LoRAs.", brought.saved)),
        (brought.known, ngettext("{count} was there already.", "{count} were there already.", brought.known)),
        (broken, ngettext("{count} entry makes no sense.", "{count} entries make no sense.", broken)),
    )
    told = [text.format(count=number(count)) for count, text in counts if count]
    lines = [" ".join(told)] if told else []
    if brought.unknown:
        count = len(brought.unknown)
        text = ngettext("{count} is not in the library here:", "{count} are not in the library here:", count)
        lines.append(text.format(count=number(count)))
        lines += bounded_lines([_unknown(each) for each in brought.unknown], MAX_UNKNOWN)
    return "\n".join(lines) or _("There is nothing in this file.")


def _unknown(bookmark: NewBookmark) -> str:
    parts = [clipped(text, MAX_NAME) for text in (bookmark.name, bookmark.version) if text.strip()]
    return f"- {' · '.join([*dict.fromkeys(parts), f'`{bookmark.hashes[0][: bookmark_file.AUTOV2_DIGITS]}`'])}"

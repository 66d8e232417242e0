"""A person's bookmarks: the list, and the card of one bookmark with its note and buttons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from discord import ui

from bot.database.bookmarks.bookmarks import (
    MAX_NOTE,
    Bookmark,
    find_bookmark,
    list_bookmarks,
    remove_bookmarks,
    restore_bookmarks,
    set_note,
)
from bot.database.loras.catalogue import find_lora
from bot.database.loras.search import Sort
from bot.errors.missing import NothingThere
from bot.i18n import _, label, later, ngettext, number
from bot.i18n.texts import base_models, clipped
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.moderation.word_rules import TextKind
from bot.requests.builder import usual_checkpoint
from bot.ui.access import checkpoints_here, shown_ratings, words_here
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.rendered_message import Items, RenderedMessage
from bot.ui.views.bookmarks.bookmark_file import ExportBookmarksButton, ImportBookmarksButton
from bot.ui.views.browse import active_filters
from bot.ui.views.custom_ids import Id, Position
from bot.ui.views.forms import Form, TextField
from bot.ui.views.list_page import Cursor, Found, ListRef, TurnPageButton
from bot.ui.views.loras import text as lora_text
from bot.ui.views.loras.buttons import AddToStudioButton, named_here
from bot.ui.views.loras.lists import EntriesMenu, ListedLora, LoraList, hidden_line, with_preview
from bot.ui.views.loras.market import MarketButton
from bot.ui.views.loras.newer_versions import NewerVersionsButton, loras_to_tell, notice_text
from bot.ui.views.loras.page import LoraPageButton, UseButton, require_rating_shown
from bot.ui.views.persistent_items import PersistentButton
from bot.workspace.browsing import BrowseQuery

MAX_SHORT_NOTE = 160  # characters of a note in the list; four bookmarks share the 4000 of a message
MAX_NOTE_SHOWN = 1500  # on a card: a note of MAX_NOTE characters, of which some are made plain


class BookmarkButton(PersistentButton):
    """A button about one bookmark of a list."""

    command = "bookmarks"

    lora_id: Id
    at: ListRef


class OpenBookmarkButton(BookmarkButton, prefix="bmo"):
    """Shows a bookmark's card in place of the list."""

    label = later("Open")

    async def handle(self, interaction: Interaction) -> None:
        """Show the card."""
        await _show_card(interaction, self.lora_id, self.at)


class NoteButton(BookmarkButton, prefix="bmt"):
    """Opens the form for the note."""

    label, opens_modal = later("Note"), True

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        form = NoteForm(await _require_bookmark(interaction, self.lora_id), self.at, interaction.id)
        await acknowledge.open_modal(interaction, form)


class RemoveButton(BookmarkButton, prefix="bmr"):
    """Removes a bookmark; the list then has a button that restores it."""

    label = later("Remove")

    async def handle(self, interaction: Interaction) -> None:
        """Remove it and show the page without it."""
        bookmark = await _require_bookmark(interaction, self.lora_id)
        removed = await remove_bookmarks(interaction.client.db, interaction.user.id, [self.lora_id])
        await _show_without(interaction, self.at, removed, bookmark.lora.name)


class OpenListedBookmarkMenu(EntriesMenu, prefix="bml"):
    """Shows the card of a bookmark in place of the compact list."""

    command = "bookmarks"

    async def handle(self, interaction: Interaction) -> None:
        """Show the card."""
        await _show_card(interaction, self.ids[0], self.at)


class RemoveSeveralMenu(EntriesMenu, prefix="bmm"):
    """Removes several bookmarks of the compact list at once; the list then has a button that restores them."""

    command = "bookmarks"
    placeholder, several = later("Remove several bookmarks"), True

    async def handle(self, interaction: Interaction) -> None:
        """Remove them and show the page without them."""
        removed = await remove_bookmarks(interaction.client.db, interaction.user.id, self.ids)
        await _show_without(interaction, self.at, removed)


class RestoreBookmarksButton(PersistentButton, prefix="bmu"):
    """Restores removed bookmarks with note, date and uses."""

    command = "bookmarks"
    label = later("Undo")

    first: Id
    count: Position
    at: ListRef

    async def handle(self, interaction: Interaction) -> None:
        """Restore them and show the page with them."""
        removed = range(self.first, self.first + self.count)
        if not await restore_bookmarks(interaction.client.db, interaction.user.id, removed):
            raise NothingThere(
                what=_("You can no longer undo the removal: the bookmark is already back, or a week has passed.")
            )
        await self.at.show(interaction)


class NoteForm(Form, key="bmnote"):
    """The person's note on a LoRA."""

    command = "bookmarks"
    sends_message = False
    note = TextField(
        later("Note"),
        later("Only you can read this note. When you search your bookmarks, Easel also searches your notes."),
        length=MAX_NOTE,
        required=False,
        long=True,
    )

    def __init__(self, bookmark: Bookmark, at: ListRef, opening: int) -> None:
        super().__init__(_("Note on {lora}").format(lora=bookmark.lora.name), opening, note=bookmark.note)
        self._lora_id, self._at = bookmark.lora.id, at

    async def submitted(self, interaction: Interaction) -> None:
        """Save the note, and show the card with it."""
        lora = await find_lora(interaction.client.db, self._lora_id)
        rating = None if lora is None else lora.content_rating
        await (await words_here(interaction)).check(self.note, TextKind.NOTE, rating)
        await set_note(interaction.client.db, interaction.user.id, self._lora_id, self.note)
        await _show_card(interaction, self._lora_id, self._at)


class Bookmarks(LoraList):
    """The bookmarks of a person."""

    command, key = "bookmarks", "bm"
    sorts = (Sort.NEWEST, Sort.OLDEST, Sort.MOST_USED, Sort.NAME)
    cards = 4  # of 6 components each; beside them 15 for title with undo, buttons and menus
    menus = (OpenListedBookmarkMenu, RemoveSeveralMenu)
    search_title = later("Search your bookmarks")
    search_hint = later("Searches names, trigger words and your notes, even with typos")

    async def fetch(self, interaction: Interaction, query: BrowseQuery, cursor: Cursor) -> Found[ListedLora]:
        """The bookmarks with their notes."""
        size = self.size(query)
        bases = (await checkpoints_here(interaction)).lora_bases_for(query.base_model) if query.base_model else None
        found = await list_bookmarks(
            interaction.client.db,
            interaction.user.id,
            limit=size,
            offset=cursor.number * size,
            search=query.search,
            category=query.category,
            base_models=bases,
            shown=await shown_ratings(interaction),
            sort=query.sort,
        )
        entries = [
            ListedLora(each.lora, each.note, [f"> {clipped(each.note, MAX_SHORT_NOTE)}"] if each.note else ())
            for each in found.bookmarks
        ]
        remarks = [*_misfits_line(found.misfits), *hidden_line(found.hidden)]
        return Found.counted(entries, cursor, found.total, size, remarks)

    async def heading(self, interaction: Interaction, at: ListRef, query: BrowseQuery, found: Found[ListedLora]) -> str:
        """How many bookmarks match, the filters and order, and how many the base model filter hides."""
        lines = [f"## {_('Your bookmarks')}"]
        if found.total:
            count = ngettext("{count} bookmark", "{count} bookmarks", found.total).format(count=number(found.total))
            lines += self.facts(query, found, count)
        elif _is_empty_collection(query, found):
            lines.append(_("No bookmarks yet. Press *Bookmark* in the market, on a LoRA's page or under a picture."))
        elif filters := active_filters(query):
            lines.append(_("No bookmarks match {filters}.").format(filters=" · ".join(filters)))
        return "\n".join([*lines, *found.remarks])

    def card(self, at: ListRef, entry: ListedLora, shown: ui.Item[Any]) -> Items:
        """A bookmark with its buttons."""
        use = [UseButton(entry.lora.id)] if entry.lora.usable else []
        return [shown, ui.ActionRow[Any](*use, OpenBookmarkButton(entry.lora.id, at))]

    def buttons(self, at: ListRef, query: BrowseQuery) -> Items:
        """The export."""
        return [ExportBookmarksButton()]

    async def below(self, interaction: Interaction, at: ListRef, query: BrowseQuery, found: Found[ListedLora]) -> Items:
        """The buttons and menus; for a person without bookmarks the ways to get some."""
        if _is_empty_collection(query, found):
            return [ui.ActionRow[Any](MarketButton(), ImportBookmarksButton())]
        return await super().below(interaction, at, query, found)

    async def render(
        self, interaction: Interaction, at: ListRef, note: str = "", accessory: ui.Item[Any] | None = None
    ) -> RenderedMessage:
        """The page, with a notice of newer versions of bookmarked LoRAs."""
        if accessory is None:
            newer = await loras_to_tell(interaction.client.db, interaction.user.id, await shown_ratings(interaction))
            if newer:
                note, accessory = f"{note}\n{notice_text(newer)}".lstrip(), NewerVersionsButton()
        return await super().render(interaction, at, note, accessory)


async def open_bookmarks(interaction: Interaction, query: BrowseQuery, note: str = "") -> None:
    """Show the first page of a query in an ephemeral message; `note` says what was just done."""
    await (await Bookmarks().at(interaction, query)).open(interaction, note)


async def _show_without(interaction: Interaction, at: ListRef, removed: range, name: str = "") -> None:
    """Show the page, with a button that restores what was just removed; `name` is of a single LoRA."""
    if not removed:
        await at.show(interaction)
        return
    note = ngettext("Removed {count} bookmark.", "Removed {count} bookmarks.", len(removed))
    note = note.format(count=number(len(removed)))
    if name:
        note = _("Removed **{lora}**.").format(lora=clipped(name, lora_text.MAX_NAME))
    await at.show(interaction, note, RestoreBookmarksButton(removed.start, len(removed), at))


def _is_empty_collection(query: BrowseQuery, found: Found[ListedLora]) -> bool:
    return not (found.total or found.remarks or query.search or query.category)


def _misfits_line(count: int) -> list[str]:
    """The line that says how many bookmarks the base model filter hides; none without any."""
    text = ngettext(
        "{count} more bookmark is for another base model. To see it, choose *For any base model* under *Filter*.",
        "{count} more bookmarks are for other base models. To see them, choose *For any base model* under *Filter*.",
        count,
    )
    return [f"-# {text.format(count=number(count))}"] if count else []


async def _require_bookmark(interaction: Interaction, lora_id: int) -> Bookmark:
    """The person's bookmark of a LoRA. Raises NothingThere."""
    bookmark = await find_bookmark(interaction.client.db, interaction.user.id, lora_id)
    if bookmark is None:
        raise NothingThere(what=_("This bookmark no longer exists. Please open /bookmarks again."))
    return replace(bookmark, lora=await named_here(interaction, bookmark.lora))


async def _show_card(interaction: Interaction, lora_id: int, at: ListRef) -> None:
    """Edit the message to show one bookmark. Raises NothingThere."""
    bookmark = await _require_bookmark(interaction, lora_id)
    require_rating_shown(bookmark.lora, await shown_ratings(interaction))
    await acknowledge.replace(interaction, await bookmark_card(interaction, bookmark, at))


async def bookmark_card(interaction: Interaction, bookmark: Bookmark, at: ListRef) -> RenderedMessage:
    """The card of one bookmark; *Back* leads to the page of the list from which it was opened."""
    client, page, lora = interaction.client, RenderedMessage(), bookmark.lora
    checkpoints = await checkpoints_here(interaction)
    usual = await usual_checkpoint(client.db, checkpoints, interaction.user.id)
    preview = await client.lora_pictures.preview(lora, usual.base_model if usual else None)
    page.view.add_item(with_preview(page, _card_text(checkpoints, bookmark, usual.name if usual else None), preview))
    use = [UseButton(lora.id), AddToStudioButton(lora.id)] if lora.usable else []
    page.view.add_item(ui.ActionRow[Any](*use, NoteButton(lora.id, at), RemoveButton(lora.id, at)))
    page.view.add_item(ui.ActionRow[Any](TurnPageButton(at), LoraPageButton(lora.id)))
    return page


def _card_text(checkpoints: InstalledCheckpoints, bookmark: Bookmark, usual: str | None) -> str:
    lora = bookmark.lora
    saved = _("Bookmarked on {when}").format(when=f"<t:{bookmark.created_at // 1000}:D>")
    used = (
        ngettext("you used this LoRA once", "you used this LoRA {count} times", bookmark.uses) if bookmark.uses else ""
    )
    kind = f"{label(lora.category)} · {clipped(base_models(lora), lora_text.MAX_SHORT)}"
    lines = [f"## {clipped(lora.name, lora_text.MAX_NAME)}", kind]
    details = (
        lora_text.misfit_text(checkpoints, lora, usual),
        lora_text.trigger_words_text(lora, lora_text.MAX_DESCRIPTION),
    )
    lines += [f"-# {line}" for line in details if line]
    lines.append(f"-# {' · '.join(filter(None, (saved, used.format(count=number(bookmark.uses)))))}")
    if bookmark.note:
        lines.append(f"> {clipped(bookmark.note, MAX_NOTE_SHOWN)}")
    return "\n".join(lines)

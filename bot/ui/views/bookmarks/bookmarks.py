"""A person's bookmarks: the pages of the list, and the card of one bookmark with its note and buttons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import discord
from discord import ui

from bot.config import CheckpointSettings
from bot.database.bookmarks.bookmarks import (
    MAX_NOTE,
    Bookmark,
    BookmarkPage,
    find_bookmark,
    list_bookmarks,
    remove_bookmarks,
    restore_bookmarks,
    set_note,
)
from bot.database.database import Database
from bot.database.loras.catalogue import Lora, find_lora
from bot.database.loras.search import Shown, Sort
from bot.errors.missing import NothingThere
from bot.i18n import _, label, later, ngettext, number
from bot.i18n.texts import base_models, clipped
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.moderation.word_rules import TextKind
from bot.pictures.lora_pictures import LoraPictures
from bot.requests.builder import usual_checkpoint
from bot.ui.access import checkpoints_here, shown_ratings, words_here
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.page_kind import PageKind
from bot.ui.rendered_message import RenderedMessage, button_rows
from bot.ui.views.bookmarks.bookmark_file import ExportBookmarksButton, ImportBookmarksButton
from bot.ui.views.browse import (
    PAGE_REF,
    PageLocation,
    TurnPageButton,
    active_filters,
    hidden_line,
    page_buttons,
    page_of_text,
)
from bot.ui.views.browse_menus import add_menus
from bot.ui.views.compact_lists import EntriesMenu, compact_hint, lines_text, page_size_of
from bot.ui.views.loras import text as lora_text
from bot.ui.views.loras.add_to_studio import AddToStudioButton
from bot.ui.views.loras.buttons import LORA, named_here
from bot.ui.views.loras.market import MarketButton
from bot.ui.views.loras.newer_versions import NewerVersionsButton, loras_to_tell, notice_text
from bot.ui.views.loras.page import LoraPageButton, UseButton, require_rating_shown
from bot.ui.views.persistent_items import NO_CUSTOM_ID, ModalForm, PersistentButton
from bot.workspace.browsing import BrowseQuery, PageRef, in_order, page_ref_of, query_at

PAGE_SIZE = 4  # bookmarks of 6 components each; beside them 15 for title with undo, buttons and menus
MAX_SHORT_NOTE = 160  # characters of a note in the list; four bookmarks share the 4000 of a message
MAX_NOTE_SHOWN = 1500  # on a card: a note of MAX_NOTE characters, of which some are made plain


class Bookmarks(PageKind):
    """The bookmarks of a person, as a list with pages."""

    command, key = "bookmarks", "bm"
    sorts = (Sort.NEWEST, Sort.OLDEST, Sort.MOST_USED, Sort.NAME)
    page_size = PAGE_SIZE
    tags = False
    search_title = later("Search your bookmarks")
    search_hint = later("Searches names, trigger words and your notes, even with typos")

    async def page(self, interaction: Interaction, page_ref: PageRef) -> RenderedMessage:
        """One page of at most PAGE_SIZE bookmarks."""
        return await _page(interaction, page_ref)


BOOKMARKS = Bookmarks()


@dataclass(frozen=True)
class RemovedBookmarks:
    """Bookmarks that were just removed: the ids with which they can be restored, and the name of a single LoRA."""

    ids: range
    name: str = ""


class BookmarkButton(PersistentButton, template=NO_CUSTOM_ID):
    """A button about one bookmark; it remembers the page of the list."""

    command = "bookmarks"
    name, text = "", ""  # the prefix of its custom_id; its label, marked by `later`

    def __init__(self, lora_id: int, page_ref: PageRef) -> None:
        self.lora_id, self.page_ref = lora_id, page_ref
        super().__init__(ui.Button(label=_(self.text), custom_id=f"{self.name}:{lora_id}:{page_ref}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]), _page_ref_in(match))

    async def bookmark(self, interaction: Interaction) -> Bookmark:
        """The bookmark. Raises NothingThere."""
        return await _require_bookmark(interaction, self.lora_id)


class OpenBookmarkButton(BookmarkButton, template=rf"bmo:{LORA}:{PAGE_REF}"):
    """Shows a bookmark's card in place of the list."""

    name, text = "bmo", later("Open")

    async def handle(self, interaction: Interaction) -> None:
        """Show the card."""
        await _show_card(interaction, self.lora_id, self.page_ref)


class NoteButton(BookmarkButton, template=rf"bmt:{LORA}:{PAGE_REF}"):
    """Opens the modal for the note."""

    opens_modal = True
    name, text = "bmt", later("Note")

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        await acknowledge.open_modal(
            interaction, NoteForm(await self.bookmark(interaction), self.page_ref, interaction.id)
        )


class RemoveButton(BookmarkButton, template=rf"bmr:{LORA}:{PAGE_REF}"):
    """Removes a bookmark; the list then has a button that restores it."""

    name, text = "bmr", later("Remove")

    async def handle(self, interaction: Interaction) -> None:
        """Remove it and show the page without it."""
        bookmark = await self.bookmark(interaction)
        removed_ids = await remove_bookmarks(interaction.client.db, interaction.user.id, [self.lora_id])
        removed = RemovedBookmarks(removed_ids, bookmark.lora.name) if removed_ids else None
        await _show(interaction, self.page_ref, removed)


class OpenListedBookmarkMenu(EntriesMenu, template=rf"bml:{PAGE_REF}"):
    """Shows the card of a bookmark in place of the compact list."""

    command = "bookmarks"
    name = "bml"

    async def chosen(self, interaction: Interaction, lora_ids: Sequence[int]) -> None:
        """Show the card."""
        await _show_card(interaction, lora_ids[0], self.page_ref)


class RemoveSeveralMenu(EntriesMenu, template=rf"bmm:{PAGE_REF}"):
    """Removes several bookmarks of the compact list at once; the list then has a button that restores them."""

    command = "bookmarks"
    name = "bmm"

    async def chosen(self, interaction: Interaction, lora_ids: Sequence[int]) -> None:
        """Remove them and show the page without them."""
        removed = await remove_bookmarks(interaction.client.db, interaction.user.id, lora_ids)
        await _show(interaction, self.page_ref, RemovedBookmarks(removed) if removed else None)


class RestoreBookmarksButton(
    PersistentButton, template=rf"bmu:(?P<removed>\d{{1,18}})(-(?P<count>\d{{1,2}}))?:{PAGE_REF}"
):
    """Restores removed bookmarks with note, date and uses."""

    command = "bookmarks"

    def __init__(self, removed_ids: range, page_ref: PageRef) -> None:
        self.removed_ids, self.page_ref = removed_ids, page_ref
        several = f"-{len(removed_ids)}" if len(removed_ids) > 1 else ""
        custom_id = f"bmu:{removed_ids.start}{several}:{page_ref}"
        super().__init__(ui.Button(label=_("Undo"), custom_id=custom_id))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        first = int(match["removed"])
        return cls(range(first, first + int(match["count"] or 1)), _page_ref_in(match))

    async def handle(self, interaction: Interaction) -> None:
        """Restore them and show the page with them."""
        db = interaction.client.db
        if not await restore_bookmarks(db, interaction.user.id, self.removed_ids):
            raise NothingThere(
                what=_("You can no longer undo the removal: the bookmark is already back, or a week has passed.")
            )
        await PageLocation(BOOKMARKS.key, self.page_ref).show(interaction)


class NoteForm(ModalForm):
    """The person's note on a LoRA."""

    command = "bookmarks"
    sends_message = False

    def __init__(self, bookmark: Bookmark, page_ref: PageRef, opening: int) -> None:
        super().__init__(_("Note on {lora}").format(lora=bookmark.lora.name), f"bmnote:{bookmark.lora.id}", opening)
        self._lora_id, self._page_ref = bookmark.lora.id, page_ref
        self.note: ui.TextInput[Any] = ui.TextInput(
            custom_id="note",
            style=discord.TextStyle.paragraph,
            default=bookmark.note or None,
            required=False,
            max_length=MAX_NOTE,
        )
        description = _("Only you can read this note. When you search your bookmarks, Easel also searches your notes.")
        self.add_item(ui.Label[Any](text=_("Note"), description=description, component=self.note))

    async def submitted(self, interaction: Interaction) -> None:
        """Save the note, and show the card with it."""
        lora = await find_lora(interaction.client.db, self._lora_id)
        rating = None if lora is None else lora.content_rating
        await (await words_here(interaction)).check(self.note.value, TextKind.NOTE, rating)
        await set_note(interaction.client.db, interaction.user.id, self._lora_id, self.note.value)
        await _show_card(interaction, self._lora_id, self._page_ref)


def _page_ref_in(match: re.Match[str]) -> PageRef:
    return PageRef(int(match["page"]), match["key"])


async def open_bookmarks(interaction: Interaction, query: BrowseQuery, note: str = "") -> None:
    """Show the first page of a query in an ephemeral message; `note` says what was just done."""
    page_ref = await page_ref_of(interaction.client.db, interaction.user.id, query)
    page = await _page(interaction, page_ref, note=note)
    await send_ephemeral(interaction, page.view, page.files)


async def _show(interaction: Interaction, page_ref: PageRef, removed: RemovedBookmarks | None) -> None:
    """Edit the message to show the page, with a button that restores what was just removed."""
    page = await _page(interaction, page_ref, removed)
    await acknowledge.replace(interaction, page.view, page.files)


async def _page(
    interaction: Interaction, page_ref: PageRef, removed: RemovedBookmarks | None = None, note: str = ""
) -> RenderedMessage:
    client, person_id, shown = interaction.client, interaction.user.id, await shown_ratings(interaction)
    checkpoints = await checkpoints_here(interaction)
    return await bookmarks_page(
        client.db, checkpoints, client.lora_pictures, person_id, page_ref, removed, note, shown=shown
    )


async def bookmarks_page(
    db: Database,
    checkpoints: InstalledCheckpoints,
    pictures: LoraPictures,
    person_id: int,
    page_ref: PageRef,
    removed: RemovedBookmarks | None = None,
    note: str = "",
    *,
    shown: Shown = None,
) -> RenderedMessage:
    """One page of the bookmarks, with previews if there are any. `note` says what was just done; `shown` are the
    content ratings that are shown.

    Raises NothingThere when the stored query is gone.
    """
    query = await query_at(db, person_id, page_ref)
    page_size = page_size_of(BOOKMARKS, query)
    found = await list_bookmarks(
        db,
        person_id,
        limit=page_size,
        offset=page_ref.page * page_size,
        search=query.search,
        category=query.category,
        base_models=checkpoints.lora_bases_for(query.base_model) if query.base_model else None,
        shown=shown,
        sort=query.sort,
    )
    if not found.bookmarks and page_ref.page:  # the last page is gone, or somebody jumped beyond it
        last = PageRef((max(found.total, 1) - 1) // page_size, page_ref.key)
        return await bookmarks_page(db, checkpoints, pictures, person_id, last, removed, note, shown=shown)
    page = RenderedMessage()
    newer = [] if removed else await loras_to_tell(db, person_id, shown)
    _add_title(page, f"{_title(query, page_ref, found)}\n{note}".rstrip(), page_ref, removed, newer)
    if _is_empty_collection(query, found):
        page.view.add_item(ui.ActionRow[Any](MarketButton(), ImportBookmarksButton()))
        return page
    usual = await usual_checkpoint(db, checkpoints, person_id)
    base_model = query.base_model or (usual.base_model if usual else None)
    if query.compact and found.bookmarks:
        loras = [bookmark.lora for bookmark in found.bookmarks]
        notes = {bookmark.lora.id: bookmark.note for bookmark in found.bookmarks if bookmark.note}
        page.view.add_item(ui.TextDisplay[Any](lines_text(loras, page_ref.page * page_size + 1, notes)))
        page.view.add_item(ui.ActionRow[Any](OpenListedBookmarkMenu(page_ref, loras, _("Open a LoRA"))))
        several = RemoveSeveralMenu(page_ref, loras, _("Remove several bookmarks"), several=True)
        page.view.add_item(ui.ActionRow[Any](several))
    for bookmark in () if query.compact else found.bookmarks:
        preview = page.attach_if(await pictures.preview(bookmark.lora, base_model))
        text = lora_text.entry_text(checkpoints, bookmark.lora, usual.name if usual else None)
        _add(page, bookmark, text, preview, page_ref)
    location = PageLocation(BOOKMARKS.key, page_ref)
    pages = -(-found.total // page_size)
    buttons = page_buttons(location, query, more=page_ref.page + 1 < pages, pages=pages if query.compact else None)
    buttons.append(ExportBookmarksButton())
    for row in button_rows(buttons):
        page.view.add_item(row)
    await add_menus(page, db, checkpoints, usual, BOOKMARKS, location, query)
    return page


def _add_title(
    page: RenderedMessage, text: str, page_ref: PageRef, removed: RemovedBookmarks | None, newer: Sequence[Lora]
) -> None:
    if newer:
        page.view.add_item(ui.Section[Any](f"{text}\n{notice_text(newer)}", accessory=NewerVersionsButton()))
        return
    if removed is None:
        page.view.add_item(ui.TextDisplay[Any](text))
        return
    count = len(removed.ids)
    removal = ngettext("Removed {count} bookmark.", "Removed {count} bookmarks.", count).format(count=number(count))
    if removed.name:
        removal = _("Removed **{lora}**.").format(lora=clipped(removed.name, lora_text.MAX_NAME))
    page.view.add_item(ui.Section[Any](f"{text}\n{removal}", accessory=RestoreBookmarksButton(removed.ids, page_ref)))


def _is_empty_collection(query: BrowseQuery, found: BookmarkPage) -> bool:
    return not (found.total or found.misfits or found.hidden or query.search or query.category)


def _title(query: BrowseQuery, page_ref: PageRef, found: BookmarkPage) -> str:
    """The heading: how many bookmarks match, the filters and order, and how many the base model filter hides."""
    lines = [f"## {_('Your bookmarks')}"]
    filters = active_filters(query)
    if found.total:
        parts = [ngettext("{count} bookmark", "{count} bookmarks", found.total).format(count=number(found.total))]
        parts += [*filters, in_order(query.sort)]
        parts += filter(None, [page_of_text(page_ref, found.total, page_size_of(BOOKMARKS, query))])
        lines += [f"-# {' · '.join(parts)}", *compact_hint(query, found.total, PAGE_SIZE)]
    elif _is_empty_collection(query, found):
        lines.append(_("No bookmarks yet. Press *Bookmark* in the market, on a LoRA's page or under a picture."))
    elif filters:
        lines.append(_("No bookmarks match {filters}.").format(filters=" · ".join(filters)))
    if found.misfits and query.base_model:
        text = ngettext(
            "{count} more bookmark is for another base model. Choose *For any base model* to see it.",
            "{count} more bookmarks are for other base models. Choose *For any base model* to see them.",
            found.misfits,
        )
        lines.append("-# " + text.format(count=number(found.misfits)))
    return "\n".join([*lines, *hidden_line(found.hidden)])


def _add(page: RenderedMessage, bookmark: Bookmark, text: str, preview: str | None, page_ref: PageRef) -> None:
    """Add a bookmark to the list: its preview, text and buttons."""
    lora = bookmark.lora
    if bookmark.note:
        text += f"\n> {clipped(bookmark.note, MAX_SHORT_NOTE)}"
    _add_pictured(page, text, preview)
    use = [UseButton(lora.id)] if lora.usable else []
    page.view.add_item(ui.ActionRow[Any](*use, OpenBookmarkButton(lora.id, page_ref)))


def _add_pictured(page: RenderedMessage, text: str, preview: str | None) -> None:
    if preview is None:
        page.view.add_item(ui.TextDisplay[Any](text))
    else:
        page.view.add_item(ui.Section[Any](text, accessory=ui.Thumbnail[Any](preview, description=_("Preview"))))


async def _require_bookmark(interaction: Interaction, lora_id: int) -> Bookmark:
    """The person's bookmark of a LoRA. Raises NothingThere."""
    bookmark = await find_bookmark(interaction.client.db, interaction.user.id, lora_id)
    if bookmark is None:
        raise NothingThere(what=_("This bookmark no longer exists. Please open /bookmarks again."))
    return replace(bookmark, lora=await named_here(interaction, bookmark.lora))


async def _show_card(interaction: Interaction, lora_id: int, page_ref: PageRef) -> None:
    """Edit the message to show one bookmark. Raises NothingThere."""
    client, person_id, bookmark = interaction.client, interaction.user.id, await _require_bookmark(interaction, lora_id)
    require_rating_shown(bookmark.lora, await shown_ratings(interaction))
    checkpoints = await checkpoints_here(interaction)
    usual = await usual_checkpoint(client.db, checkpoints, person_id)
    page = await bookmark_card(checkpoints, client.lora_pictures, usual, bookmark, page_ref)
    await acknowledge.replace(interaction, page.view, page.files)


async def bookmark_card(
    checkpoints: InstalledCheckpoints,
    pictures: LoraPictures,
    usual: CheckpointSettings | None,
    bookmark: Bookmark,
    page_ref: PageRef,
) -> RenderedMessage:
    """The card of one bookmark; *Back* leads to `page_ref`, the page of the list from which it was opened.

    `usual` is the person's checkpoint.
    """
    page, lora = RenderedMessage(), bookmark.lora
    preview = page.attach_if(await pictures.preview(lora, usual.base_model if usual else None))
    _add_pictured(page, _card_text(checkpoints, bookmark, usual.name if usual else None), preview)
    use = [UseButton(lora.id), AddToStudioButton(lora.id)] if lora.usable else []
    page.view.add_item(ui.ActionRow[Any](*use, NoteButton(lora.id, page_ref), RemoveButton(lora.id, page_ref)))
    back = TurnPageButton(PageLocation(BOOKMARKS.key, page_ref), way="p")
    page.view.add_item(ui.ActionRow[Any](back, LoraPageButton(lora.id)))
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

"""Pages of bookmarks: they fit into a message with any content, and their custom_ids hold the query."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from PIL import Image

from bot.app.assembly import Easel
from bot.database.bookmarks.bookmarks import MAX_NOTE, add_bookmark, find_bookmark
from bot.database.bookmarks.transfer import Brought, NewBookmark
from bot.database.loras.catalogue import find_lora_by_name
from bot.database.loras.search import Sort
from bot.database.people.preferences import Preferences, save_preferences
from bot.i18n import speaking
from bot.i18n.texts import clipped
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.bookmarks.bookmark_file import export_pages, import_text
from bot.ui.views.bookmarks.bookmarks import (
    BookmarkButton,
    Bookmarks,
    RestoreBookmarksButton,
    bookmark_card,
)
from bot.ui.views.browse import BrowseMenu
from bot.ui.views.list_page import Cursor, ListButton, ListRef
from bot.ui.views.loras.lists import EntriesMenu, lines_text
from bot.ui.views.persistent_items import PersistentItem
from bot.workspace.bookmark_file import Written
from bot.workspace.browsing import MAX_KEY, MAX_SEARCH, BrowseQuery, first_of_bookmarks
from inference.base_models import BaseModelId
from inference.lora.beside.categories import Category
from tests.bot.lora_shelf import assert_fits_a_message, custom_ids, open_shelf, text_of, visit
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

ADA, GRACE = 1, 2
BIRD = "بومة "  # an owl, from right to left


@pytest.fixture
async def easel(house: House) -> AsyncIterator[Easel]:
    async with open_shelf(house) as easel:
        yield easel


async def page_of(easel: Easel, person: int, query: BrowseQuery) -> RenderedMessage:
    visitor = visit(easel, person)
    return await Bookmarks().render(visitor, await Bookmarks().at(visitor, query))


async def page_without(easel: Easel, query: BrowseQuery, removed: range, name: str, page: int = 0) -> RenderedMessage:
    """The page after bookmarks were removed."""
    visitor = visit(easel, ADA)
    at = await Bookmarks().at(visitor, query, Cursor(page))
    undo = RestoreBookmarksButton(removed.start, len(removed), at)
    return await Bookmarks().render(visitor, at, f"Removed **{clipped(name, 120)}**.", undo)


async def first_page(easel: Easel, person: int) -> RenderedMessage:
    return await page_of(easel, person, await first_of_bookmarks(easel.db, easel.configuration.checkpoints, person))


async def keep(easel: Easel, name: str, note: str = "", person: int = ADA) -> int:
    lora = await find_lora_by_name(easel.db, name)
    assert lora
    await add_bookmark(easel.db, person, lora.id, note)
    return lora.id


@pytest.mark.parametrize("letter", ["*", "ب", "漢", "🦉"])
@pytest.mark.parametrize("language", ["en", "ja"])
async def test_the_longest_fit_into_a_message(easel: Easel, house: House, letter: str, language: str) -> None:
    names = [f"{number}".ljust(100, letter) for number in range(5)]
    for number, name in enumerate(names):
        path = house.add_lora(f"long{number}", None, seed=40 + number)
        words = [f"{n:02}".ljust(100, letter) for n in range(50)]
        write_sidecar(path, name=name, base_model=BASES[VIVID], trigger_words=words, description=letter * 4000)
        Image.new("RGB", (300, 300), (number, 0, 0)).save(path.with_suffix(".png"))
    await easel.keeper.scan()
    await save_preferences(easel.db, ADA, Preferences(checkpoint=PASTEL))
    with speaking(language):
        for name in names:
            lora_id = await keep(easel, name, letter * MAX_NOTE)
        for search in ("", "4" + letter * (MAX_SEARCH - 1)):
            page = await page_without(easel, BrowseQuery(search=search), range(10**18 - 1, 10**18), names[0])
            assert_fits_a_message(page)
            assert search or (len(page.files), page.view.total_children_count) == (4, 39)
            compact = BrowseQuery(search=search, compact=True)
            page = await page_without(easel, compact, range(10**18 - 25, 10**18), names[0])
            assert_fits_a_message(page)
            assert search or ("\n5. **" in text_of(page) and not page.files)
        bookmark = await find_bookmark(easel.db, ADA, lora_id)
        assert bookmark
        many = [replace(bookmark.lora, id=number) for number in range(25)]
        notes = dict.fromkeys(range(25), bookmark.note)
        assert len(lines_text(many, 24 * 10**6, notes)) <= 3300, "the title has 700"
        at = ListRef("bm", "x" * MAX_KEY, Cursor(999_999))
        assert_fits_a_message(await bookmark_card(visit(easel, ADA), bookmark, at))
        lost = [NewBookmark(name, name, "", 0, ("0" * 64,)) for name in names * 100]
        told = import_text(Brought(9_999, 9_999, tuple(lost)), 9_999)
        assert (len(told) <= 4000 and "491" in told.splitlines()[-1]) or len(told) <= 4000


@pytest.mark.parametrize(
    "query",
    [
        BrowseQuery(),
        BrowseQuery(sort=Sort.NAME, category=Category.OTHER, search="12.x:y"),
        BrowseQuery(base_model=BaseModelId("sdxl/illustrious"), search="x" * MAX_SEARCH),
        BrowseQuery(search=BIRD * 20, base_model=BaseModelId("sd1/" + "m" * 60)),
        BrowseQuery(sort=Sort.OLDEST, category=Category.STYLE, search="a:b", compact=True),
        BrowseQuery(search=BIRD * 20, compact=True),
    ],
    ids=lambda query: query.key[:40],
)
async def test_the_custom_ids_of_a_page_hold_its_query(easel: Easel, query: BrowseQuery) -> None:
    lora_id = await keep(easel, "Bat", f"12.x:y {BIRD}{'x' * MAX_SEARCH}")
    page = await page_without(easel, query, range(10**18 - 25, 10**18), "Bat", page=999_999)
    bookmark = await find_bookmark(easel.db, ADA, lora_id)
    assert bookmark
    visitor = visit(easel, ADA)
    own = await bookmark_card(visitor, bookmark, await Bookmarks().at(visitor, query, Cursor(999_999)))
    for custom_id in [*custom_ids(page), *custom_ids(own)]:
        assert len(custom_id.encode("utf-16-le")) // 2 <= 100
        (control,) = filter(None, (each.from_text(custom_id) for each in PersistentItem.registered))
        if isinstance(control, ListButton | BrowseMenu | EntriesMenu | BookmarkButton | RestoreBookmarksButton):
            assert await Bookmarks().query(visitor, control.at.query) == query


async def test_what_fits_my_checkpoint_comes_first(easel: Easel) -> None:
    await keep(easel, "Bat")
    await keep(easel, "Wash")
    for checkpoint, shown, other in ((VIVID, "Bat", "Wash"), (PASTEL, "Wash", "Bat")):
        await save_preferences(easel.db, ADA, Preferences(checkpoint=checkpoint))
        page = await first_page(easel, ADA)
        assert f"**{shown}**" in text_of(page) and f"**{other}**" not in text_of(page)
        assert "1 more bookmark is for another base model" in text_of(page)


async def test_bookmarks_without_a_fitting_one_are_not_called_empty(easel: Easel) -> None:
    await keep(easel, "Wash")
    page = await first_page(easel, ADA)
    assert "No bookmarks match For Vivid" in text_of(page) and "1 more bookmark is for" in text_of(page)
    nothing = await first_page(easel, GRACE)
    assert "No bookmarks yet" in text_of(nothing) and custom_ids(nothing) == ["market", "bmimport"]


async def test_the_bookmark_of_a_deleted_file_has_a_warning(easel: Easel, house: House) -> None:
    lora_id = await keep(easel, "Bat", "my best one")
    house.bat.unlink()
    await easel.keeper.scan()
    page = await page_of(easel, ADA, BrowseQuery())
    assert "file is no longer in the library" in text_of(page) and "> my best one" in text_of(page)
    assert "· Vivid" in text_of(page), "what it was trained on is still known"
    assert not any(custom_id.startswith("use:") for custom_id in custom_ids(page))
    bookmark = await find_bookmark(easel.db, ADA, lora_id)
    assert bookmark
    own = await bookmark_card(visit(easel, ADA), bookmark, ListRef("bm", BrowseQuery().key))
    assert "file is no longer in the library" in text_of(own) and "my best one" in text_of(own)
    assert not any(custom_id.startswith(("use:", "tostudio:")) for custom_id in custom_ids(own))
    fitting = await first_page(easel, ADA)
    assert "1 more bookmark is" in text_of(fitting)


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_an_export_of_many_files_is_split_into_messages(language: str) -> None:
    files = [Written(str(number).encode(), 1000 + number) for number in range(23)]
    with speaking(language):
        pages = export_pages(files)
    assert len(pages) == 3
    for page in pages:
        assert_fits_a_message(page)
        assert custom_ids(page) == ["bmimport"]
    assert [file.fp.read() for page in pages for file in page.files] == [file.data for file in files]
    names = [file.filename for page in pages for file in page.files]
    assert names[:2] == ["bookmarks.json", "bookmarks-1.json"] and len(set(names)) == 23
    for page, told in zip(pages, ["1 10,045 23,253", "10,046 20,190 23,253", "20,191 23,253 23,253"], strict=True):
        assert sorted(re.findall(r"[\d,]+\d|\d", text_of(page).partition("\n")[0])) == sorted(told.split())


async def test_an_export_of_few_files_is_one_message() -> None:
    (page,) = export_pages([Written(b"a", 20_000), Written(b"b", 7)])
    assert text_of(page).startswith("Easel exported your 20,007 bookmarks.") and len(page.files) == 2
    (page,) = export_pages([Written(b"a", 0)])
    assert text_of(page).startswith("Easel exported your 0 bookmarks.") and len(page.files) == 1

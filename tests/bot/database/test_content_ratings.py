"""Lists, bookmarks and suggestions leave out what is rated above a place, and say how much that is."""

from __future__ import annotations

from itertools import product

import pytest

from bot.database.bookmarks.bookmarks import add_bookmarks, list_bookmarks
from bot.database.database import Database
from bot.database.loras.autocomplete import lora_choices
from bot.database.loras.catalogue import browse_loras, find_lora_by_name
from bot.database.loras.records import rate_content
from bot.database.loras.search import Shown, Sort
from inference.content_rating import ContentRating
from tests.bot.database.conftest import ILLUSTRIOUS, NOBODY, add_lora

MISO = 1
LEVELS = (None, *ContentRating)
GENERAL, TEEN, MATURE, EXPLICIT, BLOCKED = ContentRating
SHOWN: dict[str, Shown] = {
    "all": None,
    "open": frozenset({None, GENERAL, TEEN}),
    "adults": frozenset(LEVELS) - {BLOCKED},
    "rated alone": frozenset({GENERAL, TEEN, MATURE}),
    "nothing": frozenset(),
}


@pytest.fixture
async def rated(db: Database) -> Database:
    """Two LoRAs of each rating and two without any, all bookmarked by Miso."""
    for level, number in product(LEVELS, (1, 2)):
        name = f"Owl {level or 'unrated'} {number}"
        await add_lora(db, name, base_model=ILLUSTRIOUS, content_rating=level, category="style")
    loras = (await browse_loras(db, limit=50)).loras
    await add_bookmarks(db, MISO, [lora.id for lora in loras])
    return db


def visible(shown: Shown) -> set[str]:
    return {f"Owl {level or 'unrated'} {n}" for level in LEVELS if shown is None or level in shown for n in (1, 2)}


@pytest.mark.parametrize("place", SHOWN)
@pytest.mark.parametrize("search", ["", "owl", "style"])
async def test_lists_leave_out_and_count_what_is_rated_above(rated: Database, place: str, search: str) -> None:
    shown = SHOWN[place]
    wanted = visible(shown) if search != "style" else set[str]()
    for sort in Sort:
        page = await browse_loras(rated, limit=50, search=search, shown=shown, sort=sort)
        assert {lora.name for lora in page.loras} == wanted and page.total == len(wanted)
        assert page.hidden == (12 - len(wanted) if search != "style" else 0)
        kept = await list_bookmarks(rated, MISO, limit=50, search=search, shown=shown, sort=sort)
        assert {bookmark.lora.name for bookmark in kept.bookmarks} == wanted
        assert (kept.total, kept.hidden, kept.misfits) == (len(wanted), page.hidden, 0)
    fitting = await list_bookmarks(rated, MISO, limit=50, search=search, shown=shown, base_models=["sdxl/pony"])  # type: ignore[list-item]
    assert (fitting.total, fitting.misfits) == (0, len(wanted))


@pytest.mark.parametrize("place", SHOWN)
@pytest.mark.parametrize("typed", ["", "owl", "ow", "oel"])
@pytest.mark.parametrize("person", [MISO, NOBODY])
async def test_suggestions_leave_out_what_is_rated_above(rated: Database, place: str, typed: str, person: int) -> None:
    for fitting in ([], [ILLUSTRIOUS]):
        choices = await lora_choices(rated, person, typed, fitting=fitting, shown=SHOWN[place])
        assert {choice.name for choice in choices} == visible(SHOWN[place])


async def test_a_rating_counts_in_lists_at_once(rated: Database) -> None:
    lora = await find_lora_by_name(rated, "Owl unrated 1")
    assert lora is not None
    async with rated.transaction():
        await rate_content(rated, lora.id, EXPLICIT, MISO)
    found = await browse_loras(rated, limit=50, search="owl unrated", shown=SHOWN["open"])
    assert [each.name for each in found.loras] == ["Owl unrated 2"] and found.hidden == 1


async def test_pages_go_on_behind_what_is_left_out(rated: Database) -> None:
    pages = [
        await browse_loras(rated, limit=2, offset=offset, shown=SHOWN["open"], sort=Sort.NAME) for offset in (0, 2, 4)
    ]
    assert {lora.name for page in pages for lora in page.loras} == visible(SHOWN["open"])
    assert [(page.more, page.total, page.hidden) for page in pages] == [(True, 6, 6), (True, 6, 6), (False, 6, 6)]

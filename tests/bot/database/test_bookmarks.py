"""Bookmarks: saved once, found by any word of LoRA or note, in the order asked for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.database.bookmarks.bookmarks import (
    COUNT_BOOKMARKS,
    MAX_NOTE,
    UNDO_MS,
    add_bookmark,
    add_bookmarks,
    find_bookmark,
    list_bookmarks,
    remove_bookmarks,
    restore_bookmarks,
    set_note,
)
from bot.database.database import Database
from bot.database.loras.catalogue import Sort
from bot.database.loras.records import mark_missing
from inference.lora.beside.categories import Category

from .conftest import ILLUSTRIOUS, NOBODY, PONY, add_lora, erase

MISO, RUI = 1, 2  # two people


async def names(db: Database, person: int = MISO, **conditions: object) -> list[str]:
    page = await list_bookmarks(db, person, limit=50, **conditions)  # type: ignore[arg-type]
    assert page.total == len(page.bookmarks)
    return [bookmark.lora.name for bookmark in page.bookmarks]


@pytest.fixture
async def filled(db: Database) -> Database:
    """Miso's four bookmarks in this order, and one of Rui's."""
    await add_lora(db, "Komori", category="character", base_model=ILLUSTRIOUS, trigger_words=["komori_shy"])
    await add_lora(db, "Water colour", category="style", base_model=PONY, trigger_words=["wet paper"])
    await add_lora(db, "Änne-Lise", category="character", base_model=PONY)
    await add_lora(db, "zoom lens", category="detail")
    notes = {1: "for rainy days ⭐", 2: 'says "hi" (often)', 3: "", 4: "Komori likes it"}
    for lora_id, note in notes.items():
        assert await add_bookmark(db, MISO, lora_id, note)
    assert await add_bookmark(db, RUI, 1, "secret rainbow")
    return db


async def test_saving_twice_keeps_the_first(filled: Database) -> None:
    before = await find_bookmark(filled, MISO, 1)
    assert not await add_bookmark(filled, MISO, 1, "another note")
    assert await find_bookmark(filled, MISO, 1) == before
    assert await filled.get(COUNT_BOOKMARKS, MISO) == 4


async def test_what_does_not_exist_cannot_be_saved(filled: Database) -> None:
    assert not await add_bookmark(filled, MISO, 99)
    assert await find_bookmark(filled, MISO, 99) is None


async def test_removing_takes_one_persons_bookmark(filled: Database) -> None:
    assert await remove_bookmarks(filled, MISO, [1])
    assert not await remove_bookmarks(filled, MISO, [1])
    assert await names(filled, RUI) == ["Komori"]
    assert await names(filled, search="rainy") == []


async def test_a_note_can_be_changed_and_is_found_by_its_new_words(filled: Database) -> None:
    assert await set_note(filled, MISO, 3, "  hat\0 and coat\udfff ")
    bookmark = await find_bookmark(filled, MISO, 3)
    assert bookmark is not None
    assert bookmark.note == "hat  and coat?"
    assert await names(filled, search="coat") == ["Änne-Lise"]
    assert await set_note(filled, MISO, 3, "x" * 2 * MAX_NOTE)
    assert await names(filled, search="coat") == []
    assert not await set_note(filled, MISO, 99, "nothing there")
    assert not await set_note(filled, NOBODY, 3, "not yours")


async def test_orders(filled: Database) -> None:
    saved = ["Komori", "Water colour", "Änne-Lise", "zoom lens"]
    assert await names(filled, sort=Sort.OLDEST) == saved
    assert await names(filled, sort=Sort.NEWEST) == saved[::-1]
    assert await names(filled, sort=Sort.NAME) == ["Komori", "Water colour", "zoom lens", "Änne-Lise"]


async def test_filters(filled: Database) -> None:
    assert await names(filled, category=Category.CHARACTER, sort=Sort.NAME) == ["Komori", "Änne-Lise"]
    assert await names(filled, base_models=[PONY], sort=Sort.NAME) == ["Water colour", "Änne-Lise"]
    assert await names(filled, base_models=[PONY], category=Category.STYLE) == ["Water colour"]
    assert await names(filled, base_models=[PONY, ILLUSTRIOUS], sort=Sort.OLDEST, search="komori") == ["Komori"]
    assert await names(filled, base_models=[]) == []


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("", ["Komori", "Water colour", "Änne-Lise", "zoom lens"]),
        ("   \n\t ", ["Komori", "Water colour", "Änne-Lise", "zoom lens"]),
        ("komori", ["Komori", "zoom lens"]),  # a name, and a word of another's note
        ("KOM", ["Komori", "zoom lens"]),
        ("omori", ["Komori", "zoom lens"]),  # one character left out, of a name and of a note
        ("mori", []),  # otherwise only the beginnings of words
        ("kmoori rainny", ["Komori"]),  # one typo in each word
        ("komorishy", ["Komori"]),  # what stands between words counts as a character too
        ("omoiri", []),  # two typos
        ("komori rainy", ["Komori"]),  # one word in the name, the other in the note
        ("rainy komori days", ["Komori"]),
        ("komori komori", ["Komori", "zoom lens"]),
        ("komori paper", []),  # every word must match
        ("paper", ["Water colour"]),  # a trigger word
        ("komori_shy", ["Komori"]),
        ("komori_s", ["Komori"]),
        ("anne", ["Änne-Lise"]),  # without its accent
        ("ÄNNE-LI", ["Änne-Lise"]),
        ("secret", []),  # Rui's note is Rui's
        ("rainbow", []),
        ("⭐", []),  # neither letter nor digit
        ("rainy ⭐", ["Komori"]),
        ('"hi"', ["Water colour"]),
        ('"', []),
        ('"""', []),
        ("*", []),
        ('"*:^', []),
        ("(", []),
        ("hi)", ["Water colour"]),
        ("NOT", []),
        ("komori OR paper", []),  # the operators of FTS5 are words like others
        ("komori AND rainy", []),
        ("NEAR(komori rainy)", []),
        ("name:komori", []),
        ("owner:p2", []),
        ("p1", []),  # the owner's mark is no word of a note
        ("-komori", ["Komori", "zoom lens"]),
        ("^komori", ["Komori", "zoom lens"]),
        ("komori\0rainy", ["Komori"]),
        ("\0", ["Komori", "Water colour", "Änne-Lise", "zoom lens"]),
        ("' OR 1=1 --", []),
        ("ｋｏｍｏｒｉ", ["Komori", "zoom lens"]),  # noqa: RUF001 - full width on purpose
        ("kom\ud800 rainy", ["Komori"]),  # half a surrogate pair
        ("\ud800 komori", ["Komori", "zoom lens"]),
        ("komori " * 2000, ["Komori", "zoom lens"]),
        ("k" * 10_000, []),
        ("\u200f\u200b", []),
    ],
)
async def test_search(filled: Database, search: str, expected: list[str]) -> None:
    assert await names(filled, search=search, sort=Sort.OLDEST) == expected


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(search=st.text(max_size=40))
async def test_no_search_breaks(filled: Database, search: str) -> None:
    await names(filled, search=search)


async def test_what_was_typed_comes_before_what_is_near(filled: Database) -> None:
    await add_lora(filled, "Komora", category="pose")
    await add_bookmark(filled, MISO, 5)
    assert await names(filled, search="komora", sort=Sort.OLDEST) == ["Komora", "Komori", "zoom lens"]
    assert await names(filled, search="komori", sort=Sort.NEWEST) == ["zoom lens", "Komori", "Komora"]


async def test_removing_is_undone_with_note_date_and_uses(filled: Database) -> None:
    await filled.connection.execute(
        "UPDATE bookmark SET uses = 7, created_at = 123 WHERE person_id = ? AND lora_id = 1", (MISO,)
    )
    before = await find_bookmark(filled, MISO, 1)
    removed = await remove_bookmarks(filled, MISO, [1])
    assert len(removed) == 1
    assert not await restore_bookmarks(filled, RUI, removed), "another person's"
    assert await restore_bookmarks(filled, MISO, removed)
    assert before is not None and await find_bookmark(filled, MISO, 1) == before and before.uses == 7
    assert await names(filled, search="rainy") == ["Komori"]
    assert not await restore_bookmarks(filled, MISO, removed), "it is back already"


async def test_several_are_saved_removed_and_restored_at_once(filled: Database) -> None:
    before = [await find_bookmark(filled, MISO, lora_id) for lora_id in (1, 2, 3)]
    removed = await remove_bookmarks(filled, MISO, [3, 1, 99, 1, 2])
    assert len(removed) == 3 and await filled.get(COUNT_BOOKMARKS, MISO) == 1
    assert not await remove_bookmarks(filled, MISO, [1, 2, 3])
    assert not await restore_bookmarks(filled, RUI, removed)
    assert await restore_bookmarks(filled, MISO, removed) == 3
    assert [await find_bookmark(filled, MISO, lora_id) for lora_id in (1, 2, 3)] == before
    assert await add_bookmarks(filled, RUI, [1, 2, 3, 99]) == 2


async def test_undo_keeps_what_was_saved_anew_and_ends_after_some_days(
    filled: Database,
) -> None:
    removed = await remove_bookmarks(filled, MISO, [1])
    await add_bookmark(filled, MISO, 1, "new")
    assert removed and not await restore_bookmarks(filled, MISO, removed)
    bookmark = await find_bookmark(filled, MISO, 1)
    assert bookmark is not None and bookmark.note == "new"
    old = await remove_bookmarks(filled, MISO, [2])
    await filled.connection.execute("UPDATE removed_bookmark SET removed_at = removed_at - ?", (UNDO_MS + 1,))
    await remove_bookmarks(filled, MISO, [3])
    assert old and not await restore_bookmarks(filled, MISO, old)


@pytest.mark.parametrize("search", ["雨の日", "日に使う", "使う", "雨の目"])
async def test_notes_in_scripts_without_blanks_are_found_from_within(filled: Database, search: str) -> None:
    await set_note(filled, MISO, 3, "雨の日に使う 雨の日")
    assert await names(filled, search=search) == ["Änne-Lise"]


async def test_pages_know_how_many_there_are(filled: Database) -> None:
    first = await list_bookmarks(filled, MISO, limit=3, sort=Sort.OLDEST)
    rest = await list_bookmarks(filled, MISO, limit=3, offset=3, sort=Sort.OLDEST)
    behind = await list_bookmarks(filled, MISO, limit=3, offset=30)
    assert [len(page.bookmarks) for page in (first, rest, behind)] == [3, 1, 0]
    assert [page.total for page in (first, rest, behind)] == [4, 4, 4]
    nobody = await list_bookmarks(filled, NOBODY, limit=3)
    assert (nobody.bookmarks, nobody.total) == ((), 0)


async def test_a_bookmark_outlives_its_file(filled: Database) -> None:
    await mark_missing(filled, [])
    bookmark = await find_bookmark(filled, MISO, 1)
    assert bookmark is not None
    assert bookmark.lora.usable == ()
    assert await names(filled, search="komori_shy") == ["Komori"]
    assert await names(filled, base_models=[ILLUSTRIOUS]) == []


async def test_a_forgotten_persons_notes_leave_the_index_too(filled: Database) -> None:
    await erase(filled, MISO)
    (row,) = await filled.fetch("SELECT count(*) FROM bookmark_text")
    assert row[0] == 1
    await filled.connection.execute("INSERT INTO bookmark_text (bookmark_text) VALUES ('integrity-check')")

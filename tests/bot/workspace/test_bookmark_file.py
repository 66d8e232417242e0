"""Bookmarks as a file: what is written is read back in files of bounded size, and rubbish is refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.database.bookmarks.transfer import SavedBookmark, SavedVersion
from bot.errors.bookmarks import BookmarksRefused
from bot.workspace import bookmark_file
from bot.workspace.bookmark_file import MAX_BYTES, MAX_ENTRIES

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MILLISECONDS = round(NOW.timestamp() * 1000)
SHA = "0123456789abcdef" * 4
MANY = 45_000


def bookmark(number: int, note: str = "") -> SavedBookmark:
    version = SavedVersion("v1", "sdxl/pony", f"{number:064x}")
    return SavedBookmark(f"LoRA {number}", "style", note, MILLISECONDS - number, (version,))


def file(*bookmarks: object, **head: object) -> bytes:
    return json.dumps({"easel_bookmarks": 1, "bookmarks": bookmarks} | head).encode()


def entry(**fields: object) -> dict[str, object]:
    return {"name": "Owl", "versions": [{"sha256": SHA}]} | fields


def test_many_bookmarks_are_written_and_read_back_whole() -> None:
    parts = bookmark_file.written(map(bookmark, range(MANY)), NOW)
    files = [part.data for part in parts]
    found = [bookmark_file.read(data, NOW) for data in files]
    assert len(files) > 2 and all(len(data) <= MAX_BYTES for data in files)
    assert all(len(one.bookmarks) <= MAX_ENTRIES and one.broken == 0 for one in found)
    assert [len(one.bookmarks) for one in found] == [part.count for part in parts]
    read = [each for one in found for each in one.bookmarks]
    assert [each.name for each in read] == [f"LoRA {number}" for number in range(MANY)]
    assert [each.saved_at for each in read] == [MILLISECONDS - number for number in range(MANY)]
    assert read[7].hashes == (f"{7:064x}", f"{7:064x}"[:10]) and read[7].version == "v1"


def test_long_notes_in_any_script_keep_each_file_within_its_size() -> None:
    note = '夜🦉خفاش\n"\\' * 120  # bytes are bounded, not characters
    files = [part.data for part in bookmark_file.written((bookmark(number, note) for number in range(4000)), NOW)]
    assert len(files) > 1 and all(len(data) <= MAX_BYTES for data in files)
    read = [each for data in files for each in bookmark_file.read(data, NOW).bookmarks]
    assert len(read) == 4000 and {each.note for each in read} == {note}


def test_nobody_without_bookmarks_gets_a_file_that_cannot_be_read() -> None:
    (empty,) = bookmark_file.written([], NOW)
    assert bookmark_file.read(empty.data, NOW) == bookmark_file.Read((), 0)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b" " * (MAX_BYTES + 1), "the file is larger than 4 MB"),
        (lambda: b"", "the file is not a bookmark file"),
        (lambda: b"\x89PNG\r\n\x1a\n", "the file is not a bookmark file"),
        (lambda: b"\xff\xfe{\x00}\x00", "the file is not a bookmark file"),
        (lambda: b"[" * 200_000, "the file is not a bookmark file"),
        (lambda: b'{"easel_bookmarks": 1, "bookmarks": [' + b'{"a":' * 100_000, "the file is not a bookmark file"),
        (lambda: file()[:-1], "the file is not a bookmark file"),
        (lambda: b"null", "the file contains no Easel bookmarks"),
        (lambda: b"[]", "the file contains no Easel bookmarks"),
        (lambda: file(easel_bookmarks=2), "the file contains no Easel bookmarks"),
        (lambda: file(bookmarks={"0": 1}), "the file contains no Easel bookmarks"),
        (lambda: file(*[0] * (MAX_ENTRIES + 1)), "the file contains more than 20,000 bookmarks"),
    ],
    ids=[
        "large", "empty", "picture", "utf-16", "deep", "deep inside", "cut off", "null", "list", "of later", "dict",
        "many",
    ],
)  # fmt: skip
def test_rubbish_is_refused_with_its_reason(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(BookmarksRefused) as refused:
        bookmark_file.read(make(), NOW)
    assert reason in str(refused.value) and "Use a file from" in str(refused.value)


@pytest.mark.parametrize(
    "broken",
    [
        7,
        None,
        [],
        {},
        entry(versions=[]),
        entry(versions=[{"sha256": "not a hash"}]),
        entry(versions=[{"sha256": SHA[:9]}]),
        entry(versions=[{"sha256": SHA + "0"}]),
        entry(versions=[{"sha256": SHA}] * 51),
        entry(name="n" * 4001),
        entry(note=7),
        entry(saved_at="yesterday"),
        entry(saved_at="2026-11-25T12:00:00"),  # nobody knows where that was
    ],
)
def test_what_makes_no_sense_is_counted_and_stops_nothing_else(broken: object) -> None:
    found = bookmark_file.read(file(entry(name="before"), broken, entry(name="after")), NOW)
    assert [each.name for each in found.bookmarks] == ["before", "after"] and found.broken == 1


@pytest.mark.parametrize(
    ("saved_at", "read_as"),
    [
        (None, NOW),
        ("2026-11-24T12:00:00Z", NOW - timedelta(days=1)),
        ("2026-11-24T21:00:00+09:00", NOW - timedelta(days=1)),
        ("9999-12-31T23:59:59Z", NOW),  # nothing was saved in the future
        ("0001-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_of_anybody_are_read_within_what_can_be(saved_at: str | None, read_as: datetime) -> None:
    (found,) = bookmark_file.read(file(entry(saved_at=saved_at)), NOW).bookmarks
    assert found.saved_at == round(read_as.timestamp() * 1000)


def test_hashes_are_read_as_other_programs_write_them() -> None:
    versions = [{"autov2": SHA[:10].upper()}, {"sha256": SHA.upper(), "autov2": "FFFFFFFFFF"}]
    (found,) = bookmark_file.read(
        b"\xef\xbb\xbf" + file(entry(versions=versions, color="of another program")), NOW
    ).bookmarks
    assert found.hashes == (SHA[:10], SHA, "ffffffffff")

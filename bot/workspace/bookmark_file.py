"""Exports and imports bookmarks as a JSON file.

A LoRA is identified by the SHA-256 of its files. AutoV2, its first ten digits, is written for other programs and is
enough for an import. Names are for people. An imported file is untrusted: its size is bounded, and a broken entry does
not stop the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from pydantic_core import from_json

from bot.database.bookmarks.transfer import NewBookmark, SavedBookmark
from bot.errors.bookmarks import BookmarksRefused
from bot.i18n import later

FORMAT = 1
MAX_BYTES = 4 * 2**20  # of one file, read or written
MAX_ENTRIES = 20_000  # in one file
AUTOV2_DIGITS = 10
_HASH = re.compile(r"[0-9a-f]{10,64}")

_Text = Annotated[str, Field(max_length=4000)]


class _Version(BaseModel):
    """One file of a LoRA in a bookmark file."""

    name: _Text = ""
    sha256: _Text = ""
    autov2: _Text = ""

    @property
    def hashes(self) -> list[str]:
        """The hashes of the file, the longest first."""
        return [text for text in (self.sha256.lower(), self.autov2.lower()) if _HASH.fullmatch(text)]


class _Entry(BaseModel):
    """One bookmark."""

    name: _Text = ""
    note: _Text = ""
    saved_at: AwareDatetime | None = None
    versions: Annotated[list[_Version], Field(max_length=50)] = []


class _File(BaseModel):
    easel_bookmarks: Literal[1]
    bookmarks: list[Any]


@dataclass(frozen=True)
class Read:
    """The bookmarks of a file, and how many of its entries are broken."""

    bookmarks: tuple[NewBookmark, ...]
    broken: int


@dataclass(frozen=True)
class Written:
    """A file, and how many bookmarks it holds."""

    data: bytes
    count: int


def written(bookmarks: Iterable[SavedBookmark], now: datetime) -> list[Written]:
    """The bookmarks as files, each small enough to be imported."""
    files: list[Written] = []
    entries: list[str] = []
    size = 0
    for bookmark in bookmarks:
        entry = json.dumps(_entry(bookmark), ensure_ascii=False)
        room = len(entry.encode()) + 200  # the head, a comma, a line's end
        if entries and (size + room > MAX_BYTES or len(entries) == MAX_ENTRIES):
            files.append(_file(entries, now))
            entries, size = [], 0
        entries.append(entry)
        size += room
    return [*files, _file(entries, now)]


def _file(entries: Sequence[str], now: datetime) -> Written:
    head = f'"easel_bookmarks": {FORMAT}, "exported_at": "{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"'
    text = f'{{{head}, "bookmarks": [\n' + ",\n".join(entries) + "\n]}\n"
    return Written(text.encode(), len(entries))


def _entry(bookmark: SavedBookmark) -> dict[str, object]:
    return {
        "name": bookmark.name,
        "category": bookmark.category,
        "note": bookmark.note,
        "saved_at": datetime.fromtimestamp(bookmark.saved_at / 1000, UTC).isoformat(timespec="milliseconds"),
        "versions": [
            {
                "name": version.name,
                "base_model": version.base_model,
                "sha256": version.sha256,
                "autov2": version.sha256[:AUTOV2_DIGITS].upper(),
            }
            for version in bookmark.versions
        ],
    }


def read(data: bytes, now: datetime) -> Read:
    """The bookmarks in `data`; times in the future become `now`. Raises BookmarksRefused."""
    if len(data) > MAX_BYTES:
        raise BookmarksRefused(reason=later("the file is larger than 4 MB"))
    try:
        parsed = from_json(data.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        raise BookmarksRefused(reason=later("the file is not a bookmark file")) from None
    try:
        entries = _File.model_validate(parsed).bookmarks
    except ValidationError:
        raise BookmarksRefused(reason=later("the file contains no Easel bookmarks")) from None
    if len(entries) > MAX_ENTRIES:
        raise BookmarksRefused(reason=later("the file contains more than 20,000 bookmarks"))
    found = [_read_entry(entry, now) for entry in entries]
    whole = tuple(entry for entry in found if entry is not None)
    return Read(whole, len(found) - len(whole))


def _read_entry(entry: object, now: datetime) -> NewBookmark | None:
    try:
        read_entry = _Entry.model_validate(entry)
    except ValidationError:
        return None
    hashes = [version.hashes for version in read_entry.versions]
    if not any(hashes):
        return None
    in_order = [each for place in range(2) for known in hashes for each in known[place : place + 1]]
    when = min(now, max(read_entry.saved_at or now, datetime.fromtimestamp(0, UTC)))
    return NewBookmark(
        name=read_entry.name,
        version=next((version.name for version in read_entry.versions if version.name), ""),
        note=read_entry.note,
        saved_at=round(when.timestamp() * 1000),
        hashes=tuple(dict.fromkeys(in_order)),
    )

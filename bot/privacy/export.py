"""A person's copy of what is kept of them: ZIP files with rows as JSON, and with pictures.

The files of an export are in a fixed order, and a part begins where another ended. So a part can be made without those
before it, also after a restart.
"""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import zipfile
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from bot.config.sections import StorageSettings
from bot.database.connection import fetch
from bot.database.inputs import inputs_of_person
from bot.database.pictures import paths_of_person
from bot.pictures.attachments import DAMAGED, fitted
from bot.pictures.signing import SignedAttachments
from bot.privacy.stored_data import TABLES

ROWS_A_FILE = 500
EXACT = 2**53  # programs that read JSON round greater numbers
MARGIN = 1024  # bytes that a ZIP takes for each file in it, names included, and more


@dataclass(frozen=True)
class ExportPart:
    """A ZIP file of an export; `files` are in it. `next` is where the next part begins; None after the last."""

    data: bytes
    files: int
    next: int | None


@dataclass(frozen=True)
class _Source:
    """A file of the export: text, or a picture at `path`, which was `painted` here or given by the person."""

    name: str
    text: str | None = None
    path: Path | None = None
    painted: bool = False


@dataclass(frozen=True)
class Exporter:
    """Makes exports of one database and its folders."""

    connection: aiosqlite.Connection
    storage: StorageSettings
    attachments: SignedAttachments

    async def parts(self, person_id: int, limit: int, begin: int = 0) -> AsyncGenerator[ExportPart]:
        """The parts from file number `begin` on, each of at most `limit` bytes. Raises DatabaseError.

        A picture that is larger than a part is encoded anew; what is gone or damaged is left out, and named at the end.
        """
        sources = await self._sources(person_id)
        place = begin
        while place < len(sources) or place == 0:
            part = await asyncio.to_thread(_packed, self.attachments, sources, place, limit)
            yield part
            if part.next is None:
                return
            place = part.next

    async def _sources(self, person_id: int) -> Sequence[_Source]:
        """All files in their order: rows, pictures to start from, pictures."""
        rows = [source async for source in self._rows(person_id)]
        given = [
            _Source(f"inputs/{name}.png", path=self.storage.inputs / name)
            for name in await inputs_of_person(self.connection, person_id)
        ]
        painted = [
            _Source(f"pictures/{Path(path).name}", path=self.storage.pictures / path, painted=True)
            for path in await paths_of_person(self.connection, person_id)
        ]
        return [*rows, *given, *painted]

    async def _rows(self, person_id: int) -> AsyncGenerator[_Source]:
        for table in TABLES:
            if table.derived:
                continue
            rows = await fetch(self.connection, table.rows, {"person": person_id})
            for number, place in enumerate(range(0, len(rows), ROWS_A_FILE), 1):
                told = [_told(row) for row in rows[place : place + ROWS_A_FILE]]
                text = json.dumps(told, ensure_ascii=False, indent=1)
                yield _Source(f"data/{table.name}-{number:03}.json", text=text)


async def stored_counts(connection: aiosqlite.Connection, person_id: int) -> dict[str, int]:
    """How many rows each table has of the person, without empty ones. Raises DatabaseError."""
    counts: dict[str, int] = {}
    for table in TABLES:
        if not table.derived:
            sql = f"SELECT count(*) FROM ({table.rows})"  # noqa: S608 - constants only
            ((count,),) = await fetch(connection, sql, {"person": person_id})
            if count:
                counts[table.name] = count
    return counts


def _told(row: sqlite3.Row) -> dict[str, object]:
    """The row; ids of Discord are text."""
    return {
        name: str(value) if isinstance(value, int) and abs(value) > EXACT else value
        for name, value in dict(row).items()
    }


def _packed(attachments: SignedAttachments, sources: Sequence[_Source], begin: int, limit: int) -> ExportPart:
    """As many files as fit, at least one. Blocks."""
    buffer, size, place, left_out = io.BytesIO(), MARGIN, begin, list[str]()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sources[begin:]:
            made = _encoded(attachments, source, limit - 2 * MARGIN)
            if made is None:
                left_out.append(source.name)
                place += 1
                continue
            name, data = made
            if size + len(data) + MARGIN > limit and place > begin:
                break
            # Text is counted as if it were not packed, which costs a part at times and is never too much.
            packed = zipfile.ZIP_DEFLATED if source.text is not None else zipfile.ZIP_STORED
            archive.writestr(name, data, packed)
            size += len(data) + MARGIN
            place += 1
        if left_out or not sources:
            archive.writestr("README.txt", _remark(left_out))
    return ExportPart(buffer.getvalue(), place - begin - len(left_out), place if place < len(sources) else None)


def _remark(left_out: Iterable[str]) -> str:
    lines = [f"{name} is gone or damaged, and is left out." for name in left_out]
    return "\n".join(lines or ["Nothing is kept of you."])


def _encoded(attachments: SignedAttachments, source: _Source, limit: int) -> tuple[str, bytes] | None:
    """Name and bytes of a file; None when it is gone or damaged."""
    if source.path is None:
        return source.name, (source.text or "").encode()
    try:
        name, path = Path(source.name).name, source.path
        made = attachments.fit(path, limit) if source.painted else fitted(name, path.read_bytes(), limit)
    except DAMAGED:
        return None
    return str(Path(source.name).with_suffix(Path(made.name).suffix or ".png")), made.data

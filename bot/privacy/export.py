"""A person's copy of what is kept of them: ZIP files with rows as JSON, with pictures, and with a page that shows both.

The files of an export are in a fixed order, and a part begins where another ended. So a part can be made without those
before it, also after a restart. Rows are read when their file is packed: nobody's export is in memory as a whole.
"""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.background import Pool
from bot.config import Settings
from bot.config.sections.retention import RetentionSettings
from bot.config.sections.storage import StorageSettings
from bot.database.database import Database
from bot.database.pictures.inputs import inputs_of_person, use_of_input
from bot.database.pictures.pictures import files_of_person, recorded_picture
from bot.database.query import Query
from bot.i18n.texts import prompt_text
from bot.pictures.attachments import DAMAGED, fitted
from bot.pictures.signing.attachments import SignedAttachments
from bot.privacy.export_page import ExportPage, PictureFacts, StartFacts, figure, table_section
from bot.privacy.page_values import MEANINGS, ExportReader
from bot.privacy.stored_data import TABLES, StoredTable
from inference.errors import RequestError
from inference.messages.request import GenerationRequest, JobRequest

ROWS_A_FILE = 500
INPUTS = "inputs/"
EXACT = 2**53  # programs that read JSON round greater numbers
PAGE_BYTES = 8 * 2**20  # of a page before it is packed; browsers are slow with more
PAGE_FRAME = 4096  # bytes that a page takes in a ZIP, without what it shows of files
MARGIN = 1024  # bytes that a ZIP takes for each file in it, names included, and more
PACKING = Pool("packing", 1)  # encoding and signing takes seconds: one export after the other, beside deliveries


@dataclass(eq=False)
class ExportUnderWay(RequestError):
    """Easel is still creating this part of your export. When it has arrived, you can request the next part."""


@dataclass(frozen=True)
class ExportPart:
    """A ZIP file with `files` and a page. `next` is where the next part begins; None after the last."""

    data: bytes
    files: int
    next: int | None


@dataclass(frozen=True)
class _Source:
    """A file of the export: a `table`'s rows, or a picture at `path`.

    A generated picture has a `picture_id`, a start picture an `input_sha256`.
    """

    name: str
    table: StoredTable | None = None
    first: int = 0
    path: Path | None = None
    picture_id: int | None = None
    input_sha256: str | None = None


@dataclass(frozen=True)
class _Packable:
    """Name and bytes of a file; None when it is gone or damaged. `is_text` is packed, pictures are packed already.

    `shown` is what the page shows of it, in the section of its `table`.
    """

    name: str
    data: bytes | None
    is_text: bool = False
    unsigned: bool = False
    shown: str = ""
    table: StoredTable | None = None


class _Archive:
    """A part while it is filled."""

    def __init__(self, limit: int, page: ExportPage) -> None:
        self.files = 0
        self._limit = limit
        self._size, self._page_size = MARGIN + PAGE_FRAME, 0
        self._page = page
        self._buffer = io.BytesIO()
        self._zip = zipfile.ZipFile(self._buffer, "w", zipfile.ZIP_DEFLATED)
        self._left_out, self._unsigned = list[str](), list[str]()

    def add(self, made: _Packable) -> bool:
        """Whether it was added, or is to be named as left out; False when it does not fit. One at least fits. Blocks.

        Each text counts with its own compressed size. MARGIN covers the rest.
        """
        if made.data is None:
            self._left_out.append(made.name)
            return True
        shown = made.shown.encode()
        size = len(zlib.compress(made.data) if made.is_text else made.data) + len(zlib.compress(shown)) + MARGIN
        is_full = self._size + size > self._limit or self._page_size + len(shown) > PAGE_BYTES
        if is_full and self.files:
            return False
        self._zip.writestr(made.name, made.data, zipfile.ZIP_DEFLATED if made.is_text else zipfile.ZIP_STORED)
        self._size += size
        self._page_size += len(shown)
        self.files += 1
        if made.table is not None:
            self._page.tables.append((made.table, made.shown))
        else:
            (self._page.inputs if made.name.startswith(INPUTS) else self._page.pictures).append(made.shown)
        if made.unsigned:
            self._unsigned.append(made.name)
        return True

    def packed(self, remarks: Iterable[str], begin: int, *, is_last: bool) -> bytes:
        """The ZIP file, with its page and what there is to remark. `begin` is the first file's number. Blocks.

        Pages have different names, so that several parts can be unpacked into one folder.
        """
        lines = [*remarks, *(f"{name} is gone or damaged, and is left out." for name in self._left_out)]
        lines += [f"{name} has no C2PA signature: it could not be made now." for name in self._unsigned]
        if lines:
            self._zip.writestr("README.txt", "\n".join(lines))
        page = self._page.written(lines, self._zip.namelist(), complete=is_last and not begin)
        self._zip.writestr(f"index-{begin + 1:05}.html" if begin else "index.html", page)
        self._zip.close()
        return self._buffer.getvalue()


class Exporter:
    """Makes exports of one database and its folders."""

    def __init__(
        self,
        db: Database,
        storage: StorageSettings,
        attachments: SignedAttachments,
        settings: Callable[[], Settings],
        place_name: Callable[[int], str | None] = lambda _id: None,
    ) -> None:
        """`place_name` returns the name of a server or channel, if the bot knows it. Other threads call it."""
        self._db = db
        self._storage = storage
        self._settings, self._place_name = settings, place_name
        self._attachments = attachments
        self._under_way = set[int]()  # people

    async def parts(self, person_id: int, limit: int, begin: int = 0) -> AsyncGenerator[ExportPart]:
        """The parts from file number `begin` on, each of at most `limit` bytes. Raises DatabaseError.

        A picture that is larger than a part is encoded anew. Pictures are signed where the settings have a certificate.
        What is gone or damaged is left out; README.txt names it, and pictures that could not be signed. Raises
        ExportUnderWay while another is made for the person.
        """
        if person_id in self._under_way:
            raise ExportUnderWay
        self._under_way.add(person_id)
        try:
            async for part in self._parts(person_id, limit, begin):
                yield part
        finally:
            self._under_way.discard(person_id)

    async def _parts(self, person_id: int, limit: int, begin: int) -> AsyncGenerator[ExportPart]:
        counts = await stored_counts(self._db, person_id)
        sources, place = await self._sources(person_id, counts), begin
        reader, settings = ExportReader(person_id, cache(self._place_name)), self._settings()
        made: _Packable | None = None
        if not sources and begin == 0:
            empty = _Archive(limit, ExportPage(reader, settings, counts))
            data = await PACKING.run(empty.packed, ["Easel stores no data about you."], 0, is_last=True)
            yield ExportPart(data, 0, None)
        while place < len(sources):
            archive, first = _Archive(limit, ExportPage(reader, settings, counts)), place
            while place < len(sources):
                made = made or await self._made(sources[place], reader, limit - 3 * MARGIN - PAGE_FRAME)
                if not await PACKING.run(archive.add, made):
                    break
                made, place = None, place + 1
            data = await PACKING.run(archive.packed, self._remarks(), first, is_last=place == len(sources))
            yield ExportPart(data, archive.files, place if place < len(sources) else None)

    async def _sources(self, person_id: int, counts: Mapping[str, int]) -> Sequence[_Source]:
        """All files in their order: rows, pictures to start from, pictures."""
        rows = [
            _Source(f"data/{table.name}-{number:03}.json", table, first)
            for table in TABLES
            for number, first in enumerate(range(0, counts.get(table.name, 0), ROWS_A_FILE), 1)
        ]
        given = [
            _Source(f"{INPUTS}{name}.png", path=self._storage.inputs / name, input_sha256=name)
            for name in await inputs_of_person(self._db, person_id)
        ]
        painted = [
            _Source(f"pictures/{Path(path).name}", path=self._storage.pictures / path, picture_id=picture_id)
            for picture_id, path in await files_of_person(self._db, person_id)
        ]
        return [*rows, *given, *painted]

    async def _made(self, source: _Source, reader: ExportReader, limit: int) -> _Packable:
        if source.table is None:
            facts = await self._facts(source, reader.person_id)
            return await PACKING.run(_encoded, self._attachments, source, facts, limit)
        page = Query(sqlite3.Row, f"{source.table.rows_with(MEANINGS)} LIMIT :limit OFFSET :first")
        rows = await self._db.all(page, person=reader.person_id, limit=ROWS_A_FILE, first=source.first)
        return await PACKING.run(_as_json, source.name, source.table, rows, reader, self._settings().retention)

    async def _facts(self, source: _Source, person_id: int) -> PictureFacts | StartFacts | None:
        """Return the facts about a picture for the page; None if its row is gone."""
        if source.input_sha256 is not None:
            use = await use_of_input(self._db, person_id, source.input_sha256)
            return StartFacts(use.job_id, _prompt(use.request), use.given_at, use.by_another, use.generated)
        assert source.picture_id is not None
        found = await recorded_picture(self._db, source.picture_id)
        if found is None:
            return None
        prompt = _prompt(found.request)
        return PictureFacts(
            found.job_id, prompt, found.checkpoint, found.created_at, found.private, found.published, found.removed
        )

    def _remarks(self) -> list[str]:
        if not self._attachments.signs:
            return []
        time = "with" if self._attachments.asks_for_time else "without"
        return [
            f"Your generated pictures are signed (C2PA), {time} the time of a timestamp authority.",
            "The signature shows that a picture is generated, and that nobody changed it after this bot signed it.",
            "Programs may show the signer as unknown.",
        ]


async def stored_counts(db: Database, person_id: int) -> dict[str, int]:
    """How many rows each table has of the person, without empty ones. Raises DatabaseError."""
    counts: dict[str, int] = {}
    for table in TABLES:
        if not table.derived:
            rows = Query(int, f"SELECT count(*) FROM {table.name} WHERE {table.owner}")  # noqa: S608 - constants only
            if count := await db.get(rows, person=person_id):
                counts[table.name] = count
    return counts


def _prompt(request: str | None) -> str:
    """Return the prompt of a stored request; nothing for another kind of job."""
    stored = None if request is None else JobRequest.stored(request)
    return prompt_text(stored) if isinstance(stored, GenerationRequest) else ""


def _told(row: sqlite3.Row, columns: Iterable[str]) -> dict[str, object]:
    """The row; ids of Discord are text."""
    return {
        name: str(row[name]) if isinstance(row[name], int) and abs(row[name]) > EXACT else row[name] for name in columns
    }


def _as_json(
    name: str, table: StoredTable, rows: Sequence[sqlite3.Row], reader: ExportReader, retention: RetentionSettings
) -> _Packable:
    """The file of these rows. Blocks."""
    told = [_told(row, table.described) for row in rows]
    shown = table_section(table, [dict(row) for row in rows], name, reader, retention)
    data = json.dumps(told, ensure_ascii=False, indent=1).encode()
    return _Packable(name, data, is_text=True, table=table, shown=shown)


def _encoded(
    attachments: SignedAttachments, source: _Source, facts: PictureFacts | StartFacts | None, limit: int
) -> _Packable:
    """The file of a picture, within the limit. Blocks."""
    assert source.path is not None
    name, path = Path(source.name).name, source.path
    try:
        is_input = source.picture_id is None
        made = fitted(name, path.read_bytes(), limit) if is_input else attachments.fit(path, limit)
    except DAMAGED:
        return _Packable(source.name, None)
    name = str(Path(source.name).with_suffix(Path(made.name).suffix or ".png"))
    return _Packable(name, made.data, unsigned=made.unsigned, shown=figure(name, facts))

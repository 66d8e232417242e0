"""An export holds every row and picture of a person and no one else's, in parts of a size."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable

import aiosqlite
import pytest

from bot.config import Settings
from bot.privacy.export import Exporter, ExportPart, stored_counts
from bot.privacy.stored_data import TABLES
from tests.bot.pictures.unsigned import attachments
from tests.bot.privacy.people import ADA, BOTH_GAVE, GRACE, MARGARET, WORDS, closure
from tests.xmp import source_types

LARGE, SMALL = 10**9, 20_000  # bytes; a picture has about 12,000


def exporter(connection: aiosqlite.Connection, settings: Settings) -> Exporter:
    return Exporter(connection, settings.storage, attachments(settings.storage.folder))


def files(parts: Iterable[ExportPart]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in parts:
        with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
            assert not found.keys() & set(archive.namelist()), "no file comes twice"
            assert len(archive.namelist()) == part.files
            found |= {name: archive.read(name) for name in archive.namelist()}
    return found


async def exported(
    connection: aiosqlite.Connection, settings: Settings, limit: int, person: int = ADA
) -> list[ExportPart]:
    return [part async for part in exporter(connection, settings).parts(person, limit)]


@pytest.mark.parametrize("limit", [LARGE, SMALL])
async def test_it_holds_every_row_and_picture(filled: aiosqlite.Connection, settings: Settings, limit: int) -> None:
    parts = await exported(filled, settings, limit)
    assert (len(parts) > 1) == (limit == SMALL) and all(len(part.data) <= limit for part in parts)
    told = files(parts)
    rows: dict[str, list[dict[str, object]]] = {}
    for name, data in told.items():
        if name.startswith("data/"):
            rows.setdefault(name.removeprefix("data/")[:-9], []).extend(json.loads(data))
    kept = closure(settings.storage.database, ADA)
    assert {name: len(found) for name, found in rows.items()} == {name: len(found) for name, found in kept.items()}
    assert await stored_counts(filled, ADA) == {name: len(found) for name, found in kept.items()}
    (request, *_) = [json.loads(str(job["request"])) for job in rows["job"]]
    assert request["prompt"] == f"a {WORDS[ADA]} at dawn" and {job["person_id"] for job in rows["job"]} == {str(ADA)}
    pictures = [data for name, data in told.items() if name.startswith("pictures/")]
    assert len(pictures) == 3 and all(WORDS[ADA].encode() in data for data in pictures)
    given = [data for name, data in told.items() if name.startswith("inputs/") and data != BOTH_GAVE]
    assert given and all(source_types(data) == [] for data in given), "what a person gave is not ours to mark"


async def test_it_holds_nothing_of_anybody_else(filled: aiosqlite.Connection, settings: Settings) -> None:
    for name, data in files(await exported(filled, settings, LARGE)).items():
        for other in (GRACE, MARGARET):
            assert str(other).encode() not in data, name
        assert WORDS[GRACE].encode() not in data and b"sealed" not in data, name


async def test_a_part_can_be_made_by_itself(filled: aiosqlite.Connection, settings: Settings) -> None:
    parts = await exported(filled, settings, SMALL)
    assert parts[0].next is not None
    again = [part async for part in exporter(filled, settings).parts(ADA, SMALL, parts[0].next)]
    assert files(again) == files(parts[1:])


async def test_a_picture_that_is_too_large_for_a_part_is_encoded_anew(
    filled: aiosqlite.Connection, settings: Settings
) -> None:
    told = files(await exported(filled, settings, 9_000))
    assert {name.rpartition(".")[2] for name in told if name.startswith("pictures/")} <= {"webp", "jpg"}


async def test_what_is_gone_is_named(filled: aiosqlite.Connection, settings: Settings) -> None:
    gone = min(settings.storage.pictures.glob("*.png"))
    gone.unlink()
    (part,) = await exported(filled, settings, LARGE)
    with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
        assert f"pictures/{gone.name} is gone" in archive.read("README.txt").decode()


async def test_of_a_stranger_there_is_nothing(filled: aiosqlite.Connection, settings: Settings) -> None:
    (part,) = await exported(filled, settings, LARGE, person=5)
    assert part.next is None and part.files == 0 and await stored_counts(filled, 5) == {}
    assert BOTH_GAVE not in part.data


def test_no_derived_table_is_exported() -> None:
    assert {table.name for table in TABLES if table.derived} == {"job_text", "bookmark_text", "publication_text"}

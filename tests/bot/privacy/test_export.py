"""An export holds every row and picture of a person and no one else's, in parts of a size."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import aiosqlite
import pytest

from bot.config import Settings
from bot.database.connection import write
from bot.i18n import speaking
from bot.pictures.signing import SignedAttachments
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.export import Exporter, ExportPart, ExportUnderWay, stored_counts
from bot.privacy.stored_data import TABLES
from tests.bot.pictures.certificates import settings_in
from tests.bot.pictures.unsigned import attachments
from tests.bot.privacy.people import ADA, BOTH_GAVE, GRACE, MARGARET, WORDS, closure
from tests.xmp import source_types

LARGE, SMALL = 10**9, 20_000  # bytes; a picture has about 12,000


def exporter(connection: aiosqlite.Connection, settings: Settings) -> Exporter:
    return Exporter(connection, settings.storage, attachments(settings.storage.folder), lambda: settings)


def files(parts: Iterable[ExportPart]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in parts:
        with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
            assert not found.keys() & set(archive.namelist()), "no file comes twice"
            names = [name for name in archive.namelist() if not name.startswith("index")]
            assert len(names) == part.files
            found |= {name: archive.read(name) for name in names}
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
    assert any(f"{WORDS[ADA]} on a hill" in str(job["request"]) for job in rows["job"]), "the words of regions too"
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


async def test_many_rows_are_in_several_files(filled: aiosqlite.Connection, settings: Settings) -> None:
    await write(
        filled,
        """INSERT INTO job (person_id, channel_id, request, checkpoint, state, attempt, created_at, finished_at)
           WITH RECURSIVE number (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < 1200)
           SELECT person_id, 1, request, checkpoint, 'cancelled', 1, 1, 1 FROM number, (SELECT * FROM job LIMIT 1)""",
    )
    told = files(await exported(filled, settings, LARGE))
    rows = [json.loads(data) for name, data in told.items() if name.startswith("data/job-")]
    assert [len(each) for each in rows] == [500, 500, 204]
    assert len({row["id"] for each in rows for row in each}) == 1204


async def test_one_export_at_a_time(filled: aiosqlite.Connection, settings: Settings) -> None:
    """Who presses again and again keeps nobody else waiting."""
    service = exporter(filled, settings)
    first = service.parts(ADA, SMALL)
    await anext(first)
    with pytest.raises(ExportUnderWay):
        await anext(service.parts(ADA, SMALL))
    assert await anext(service.parts(GRACE, SMALL))
    await first.aclose()
    assert await anext(service.parts(ADA, SMALL))


@pytest.mark.parametrize("limit", [LARGE, 200_000])
async def test_pictures_are_signed_where_the_settings_say_so(
    filled: aiosqlite.Connection, settings: Settings, tmp_path: Path, limit: int
) -> None:
    """Nothing that is signed for it stays in the thumbnails' folder."""
    c2pa = pytest.importorskip("c2pa")
    before = set(settings.storage.thumbnails.rglob("*"))
    parts = [part async for part in certified(filled, settings, tmp_path).parts(ADA, limit)]
    pictures = dict[str, bytes]()
    for part in parts:
        with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
            assert len(part.data) <= limit and "without the time of a" in archive.read("README.txt").decode()
            names = [name for name in archive.namelist() if name.startswith("pictures/")]
            pictures |= {name: archive.read(name) for name in names}
    assert len(pictures) == 3
    for data in pictures.values():
        with c2pa.Reader("image/png", io.BytesIO(data)) as reader:
            assert reader.get_validation_state() == "Valid"
        assert source_types(data)
    assert set(settings.storage.thumbnails.rglob("*")) == before


async def test_pictures_that_cannot_be_signed_are_named(
    filled: aiosqlite.Connection, settings: Settings, tmp_path: Path
) -> None:
    pytest.importorskip("c2pa")
    service = certified(filled, settings, tmp_path)
    (tmp_path / "certificates" / "key.pem").unlink()
    (part,) = [part async for part in service.parts(ADA, LARGE)]
    with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
        pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
        remarks = archive.read("README.txt").decode()
    assert len(pictures) == 3
    assert all(f"{name} has no C2PA signature" in remarks for name in pictures)


def certified(connection: aiosqlite.Connection, settings: Settings, folder: Path) -> Exporter:
    """An exporter that signs."""
    thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
    certificate = settings_in(folder / "certificates")
    return Exporter(connection, settings.storage, SignedAttachments(thumbnails, lambda: certificate), Settings)


def test_no_derived_table_is_exported() -> None:
    assert {table.name for table in TABLES if table.derived} == {"job_text", "bookmark_text", "publication_text"}


# --- the page -------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page shows and points to."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags, self.targets, self.texts = Counter[str](), list[str](), list[str]()
        self.attributes = set[str]()
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def pages(parts: Iterable[ExportPart]) -> list[tuple[str, Page, set[str]]]:
    """The page of each part with its name, and the names of all files of the part."""
    found = list[tuple[str, Page, set[str]]]()
    for part in parts:
        with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".html")]
            found.append((name, Page(archive.read(name)), set(archive.namelist())))
    return found


@pytest.mark.parametrize("limit", [LARGE, SMALL])
async def test_each_part_has_a_page_that_shows_its_files(
    filled: aiosqlite.Connection, settings: Settings, limit: int
) -> None:
    parts = await exported(filled, settings, limit)
    shown = pages(parts)
    assert shown[0][0] == "index.html" and len({name for name, _, _ in shown}) == len(parts)
    linked = set[str]()
    for name, page, files_of_part in shown:
        targets = {unquote(target) for target in page.targets if not target.startswith("#")}
        assert targets == files_of_part - {name, "README.txt"}, "it names its own files, and nothing else"
        assert "script" not in page.tags and not any(attribute.startswith("on") for attribute in page.attributes)
        linked |= targets
    assert len(linked) == sum(part.files for part in parts)
    assert ("This is one part of your data" in shown[0][1].text) == (limit == SMALL)


async def test_the_page_explains_tables_in_words(filled: aiosqlite.Connection, settings: Settings) -> None:
    await write(filled, "UPDATE rating SET rated_at = 1764597780000")
    ((_, page, _),) = pages(await exported(filled, settings, LARGE))
    for table in TABLES:
        if not table.derived and table.name not in {"erasure", "erasure_file", "erasure_message", "erasure_report"}:
            assert table.about[1:].replace("*", "") in page.text or table.name == "erased_addition_request", table.name
    assert "The number of stars" in page.text and "How long Easel keeps it: until you delete this data" in page.text
    assert "without pictures, 90 days" in page.text, "in days, not by the name of a setting"
    assert "2025-12-01 14:03" in page.text and "1764597780000" not in page.text
    assert page.text.count(f"a {WORDS[ADA]} at dawn") >= 6, "under the pictures, and with the requests"


HOSTILE = (
    """</style></table><script>alert(1)</script><img src=x onerror=alert(1)>"' &\u202e\x00 https://evil.example/"""
)


async def test_text_of_people_is_only_text(filled: aiosqlite.Connection, settings: Settings) -> None:
    before = pages(await exported(filled, settings, LARGE))[0][1]
    await write(filled, "UPDATE bookmark SET note = ?", (HOSTILE.replace("\x00", ""),))
    await write(filled, "UPDATE stack SET name = ?", ('{"<script>": "<script>"}',))
    await write(filled, "UPDATE block SET reason = ?", ("[" * 5000,))
    sql = "UPDATE job SET request = json_set(request, '$.prompt', ?) WHERE person_id = ?"
    await write(filled, sql, (HOSTILE, ADA))
    ((_, page, _),) = pages(await exported(filled, settings, LARGE))
    assert page.attributes == before.attributes and set(page.tags) == set(before.tags)
    assert page.targets == before.targets and "<script>alert(1)</script>" in page.text
    assert "\x00" not in page.text


async def test_the_page_speaks_the_persons_language(filled: aiosqlite.Connection, settings: Settings) -> None:
    with speaking("ja"):
        ((_, page, _),) = pages(await exported(filled, settings, LARGE))
    assert "Your data in Easel" not in page.text and "Easel" in page.text
    for table in TABLES:
        for described in (table.about, *table.columns.values()):
            assert len(described) < 12 or described[1:] not in page.text, described

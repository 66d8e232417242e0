"""An export holds every row and picture of a person and no one else's, in parts of a size."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import c2pa
import pytest

from bot.cli.setup.certificate import certificate_in
from bot.config import Settings
from bot.config.sections.privacy import PrivacySettings
from bot.database.database import Database
from bot.database.gallery.likes import like
from bot.database.pictures.inputs import NOTE_SOURCE
from bot.database.reports.reports import NewReport, ReportReason, Subject, save_report
from bot.i18n import speaking
from bot.pictures.signing.attachments import SignedAttachments
from bot.pictures.signing.certificates import make_certificate
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.export import Exporter, ExportPart, ExportUnderWay, stored_counts
from bot.privacy.stored_data import TABLES
from tests.bot.pictures.unsigned import attachments
from tests.bot.privacy.people import ADA, BOTH_GAVE, CHANNEL, GRACE, MARGARET, SERVER, WORDS, closure
from tests.xmp import source_types

LARGE, SMALL = 10**9, 21_000  # bytes; a picture has about 12,000


def exporter(db: Database, settings: Settings) -> Exporter:
    return Exporter(db, settings.storage, attachments(settings.storage.folder), lambda: settings)


def files(parts: Iterable[ExportPart]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in parts:
        with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
            assert not found.keys() & set(archive.namelist()), "no file comes twice"
            names = [name for name in archive.namelist() if not name.startswith(("index", "README"))]
            assert len(names) == part.files
            found |= {name: archive.read(name) for name in names}
    return found


async def exported(db: Database, settings: Settings, limit: int, person: int = ADA) -> list[ExportPart]:
    return [part async for part in exporter(db, settings).parts(person, limit)]


@pytest.mark.parametrize("limit", [LARGE, SMALL])
async def test_it_holds_every_row_and_picture(filled: Database, settings: Settings, limit: int) -> None:
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


async def test_it_holds_nothing_of_anybody_else(filled: Database, settings: Settings) -> None:
    for name, data in files(await exported(filled, settings, LARGE)).items():
        for other in (GRACE, MARGARET):
            assert str(other).encode() not in data, name
        assert WORDS[GRACE].encode() not in data and b"sealed" not in data, name


async def test_a_part_can_be_made_by_itself(filled: Database, settings: Settings) -> None:
    parts = await exported(filled, settings, SMALL)
    assert parts[0].next is not None
    again = [part async for part in exporter(filled, settings).parts(ADA, SMALL, parts[0].next)]
    assert files(again) == files(parts[1:])


async def test_a_picture_that_is_too_large_for_a_part_is_encoded_anew(filled: Database, settings: Settings) -> None:
    told = files(await exported(filled, settings, 10_000))
    assert {name.rpartition(".")[2] for name in told if name.startswith("pictures/")} <= {"webp", "jpg"}


async def test_what_is_gone_is_named(filled: Database, settings: Settings) -> None:
    gone = min(settings.storage.pictures.glob("*.png"))
    gone.unlink()
    (part,) = await exported(filled, settings, LARGE)
    with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
        assert f"pictures/{gone.name} is gone" in archive.read("README.txt").decode()


async def test_of_a_stranger_there_is_nothing(filled: Database, settings: Settings) -> None:
    (part,) = await exported(filled, settings, LARGE, person=5)
    assert part.next is None and part.files == 0 and await stored_counts(filled, 5) == {}
    assert BOTH_GAVE not in part.data


async def test_many_rows_are_in_several_files(filled: Database, settings: Settings) -> None:
    await filled.write(
        """INSERT INTO job (person_id, channel_id, request, checkpoint, state, attempt, created_at, finished_at)
           WITH RECURSIVE number (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < 1200)
           SELECT person_id, 1, request, checkpoint, 'cancelled', 1, 1, 1 FROM number, (SELECT * FROM job LIMIT 1)""",
    )
    told = files(await exported(filled, settings, LARGE))
    rows = [json.loads(data) for name, data in told.items() if name.startswith("data/job-")]
    assert [len(each) for each in rows] == [500, 500, 204]
    assert len({row["id"] for each in rows for row in each}) == 1204


async def test_one_export_at_a_time(filled: Database, settings: Settings) -> None:
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
    filled: Database, settings: Settings, tmp_path: Path, limit: int
) -> None:
    service = certified(filled, settings, tmp_path)
    parts = [part async for part in service.parts(ADA, limit)]
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
    stored = [file.stat().st_size for file in settings.storage.thumbnails.rglob("*-signature-*")]
    assert len(stored) == 3 and max(stored) < 5000


async def test_an_export_that_is_made_again_has_the_same_signed_pictures(
    filled: Database, settings: Settings, tmp_path: Path
) -> None:
    made = [files([part async for part in certified(filled, settings, tmp_path).parts(ADA, LARGE)]) for _ in range(2)]
    assert made[0] == made[1]


async def test_pictures_that_cannot_be_signed_are_named(filled: Database, settings: Settings, tmp_path: Path) -> None:
    service = certified(filled, settings, tmp_path)
    (tmp_path / "c2pa" / "key.pem").unlink()
    (part,) = [part async for part in service.parts(ADA, LARGE)]
    with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
        pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
        remarks = archive.read("README.txt").decode()
    assert len(pictures) == 3
    assert all(f"{name} has no C2PA signature" in remarks for name in pictures)


def certified(db: Database, settings: Settings, folder: Path) -> Exporter:
    """An exporter that signs."""
    thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
    certificate = certificate_in(folder)
    make_certificate(certificate)
    return Exporter(db, settings.storage, SignedAttachments(thumbnails, lambda: certificate), Settings)


def test_no_derived_table_is_exported() -> None:
    assert {table.name for table in TABLES if table.derived} == {"job_text", "bookmark_text", "publication_text"}


# --- the page -------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page shows and points to. `open_text` is what it shows before anything is unfolded."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags, self.targets, self.texts, self.alternatives = Counter[str](), list[str](), list[str](), list[str]()
        self.attributes, self._folds, self._open = set[str](), 0, list[str]()
        self._in_style = False
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._folds += tag == "details"
        self._in_style |= tag == "style"
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value or "" for name, value in attrs if name in {"href", "src"}]
        if ("class", "small") not in attrs:
            self.alternatives += [value or "" for name, value in attrs if name == "alt"]

    def handle_endtag(self, tag: str) -> None:
        self._folds -= tag == "details"
        self._in_style &= tag != "style"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if not self._folds and not self._in_style:
            self._open.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def open_text(self) -> str:
        return " ".join(self._open)

    @property
    def files(self) -> set[str]:
        """The files that it names, without links to Discord and within the page."""
        return {
            unquote(target)
            for target in self.targets
            if not target.startswith("#") and not target.startswith("https://discord.com/channels/")
        }


def pages(parts: Iterable[ExportPart]) -> list[tuple[str, Page, set[str]]]:
    """The page of each part with its name, and the names of all files of the part."""
    found = list[tuple[str, Page, set[str]]]()
    for part in parts:
        with zipfile.ZipFile(io.BytesIO(part.data)) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".html")]
            found.append((name, Page(archive.read(name)), set(archive.namelist())))
    return found


@pytest.mark.parametrize("limit", [LARGE, SMALL])
async def test_each_part_has_a_page_that_shows_its_files(filled: Database, settings: Settings, limit: int) -> None:
    parts = await exported(filled, settings, limit)
    shown = pages(parts)
    assert shown[0][0] == "index.html" and len({name for name, _, _ in shown}) == len(parts)
    linked = set[str]()
    for name, page, files_of_part in shown:
        assert page.files == files_of_part - {name, "README.txt"}, "it names its own files, and nothing else"
        assert all(page.alternatives), "each picture is described"
        assert "script" not in page.tags and not any(attribute.startswith("on") for attribute in page.attributes)
        linked |= page.files
    assert len(linked) == sum(part.files for part in parts)
    assert ("This page shows one part of your data" in shown[0][1].text) == (limit == SMALL)


async def the_page(db: Database, settings: Settings) -> Page:
    ((_, page, _),) = pages(await exported(db, settings, LARGE))
    return page


async def test_the_page_explains_tables_in_words(filled: Database, settings: Settings) -> None:
    page = await the_page(filled, settings)
    for table in TABLES:
        if not table.derived and table.name not in {"erasure", "erasure_file", "erasure_message", "erasure_report"}:
            assert table.about[1:].replace("*", "") in page.text or table.name == "erased_addition_request", table.name
    assert "Number of stars" in page.text and "How long Easel keeps this data: until you delete this data" in page.text
    assert "without pictures, 90 days" in page.text, "in days, not by the name of a setting"
    assert "minor" not in page.text and "serious reports are kept longer" in page.text
    assert page.text.count(f"a {WORDS[ADA]} at dawn") >= 6, "under the pictures, and with the requests"


async def test_the_page_has_no_names_and_numbers_of_the_program(filled: Database, settings: Settings) -> None:
    """The id is there once, at the top; what only programs can use is in their files."""
    page = await the_page(filled, settings)
    programs = {column for table in TABLES for column in table.columns if "_" in column} | {"sha256"}
    assert {word for word in programs if word in page.open_text} == set()
    assert page.text.count(str(ADA)) == 1 and f"Your Discord ID: {ADA}" in page.open_text
    assert "@you was rude" in page.text
    assert "Number of attempts" in page.text and "Number of attempts" not in page.open_text, "it is folded"
    assert "Numbers that describe your pictures" in page.text
    assert "Numbers that describe your pictures" not in page.open_text


async def test_values_are_written_for_people(filled: Database, settings: Settings) -> None:
    await filled.write("UPDATE rating SET rated_at = 1764597780000")
    await filled.write("UPDATE job SET seconds = 0.31037567800376564, peak_memory = 600948736")
    await filled.write("UPDATE daily_usage SET day = 20788")
    context = '{"joined_at": 1700000000000, "permissions": 1126211292089408, "nsfw_command": false}'
    await filled.write("UPDATE job_order SET context = ?", (context,))
    await filled.write("UPDATE publication SET hidden = 1, state = 'pending', level = -1")
    page = await the_page(filled, settings)
    for text in ("2025-12-01 14:03", "0.3 s", "601 MB", "2026-12-01", "2023-11-14 22:13", "picture 1"):
        assert text in page.text, text
    for value in ("1764597780000", "0.310375", "600948736", "20788", "1126211292089408", "nsfw"):
        assert value not in page.text, value
    assert "hidden by staff or because of a report" in page.open_text and "pending" not in page.text


async def test_it_names_requests_loras_and_places(filled: Database, settings: Settings) -> None:
    names = {SERVER: "Guild of Flowers", CHANNEL: "bouquets"}
    attached = attachments(settings.storage.folder)
    service = Exporter(filled, settings.storage, attached, lambda: settings, names.get)
    ((_, page, files_of_part),) = pages([part async for part in service.parts(ADA, LARGE)])
    (row,) = await filled.fetch("SELECT min(id) AS id FROM job WHERE person_id = ?", (ADA,))
    assert page.targets.count(f"#r{row['id']}") > 3, "likes, publications and more are linked to the request"
    (shown,) = [name for name in files_of_part if f"job{row['id']}-" in name]
    assert page.targets.count(shown) > 4, "with its picture"
    assert "Guild of Flowers" in page.open_text and "bouquets" in page.open_text and "Bat" in page.open_text
    page = await the_page(filled, settings)
    assert f"server …\u2060{str(SERVER)[-4:]}" in page.open_text, "without a name, the end of its id"
    assert str(SERVER) not in page.text


async def test_a_picture_of_another_user_is_named_by_its_place(filled: Database, settings: Settings) -> None:
    """The page has neither the words nor the picture."""
    (other,) = await filled.fetch("SELECT * FROM publication WHERE person_id = ?", (GRACE,))
    await filled.write("DELETE FROM publication_like WHERE person_id = ?", (ADA,))
    await like(filled, other["id"], ADA)
    await save_report(
        filled,
        NewReport(
            Subject.PICTURES, other["job_id"], server_id=SERVER, owner_id=GRACE, shared=False, person_id=ADA,
            reason=ReportReason.RIGHTS, note="mine",
        ),
    )  # fmt: skip
    page = await the_page(filled, settings)
    assert page.targets.count(f"https://discord.com/channels/{SERVER}/{CHANNEL}/{other['message_id']}") == 2
    assert page.open_text.count("· model vivid") + page.open_text.count(f"· model {other['checkpoint']}") >= 2
    assert "violates someone's rights" in page.open_text
    assert WORDS[GRACE] not in page.text and not any(f"job{other['job_id']}-" in name for name in page.targets)


async def test_the_author_reads_the_reason_and_how_to_appeal(filled: Database, settings: Settings) -> None:
    """As soon as Easel has notified them, and never who reported it."""
    before = (await the_page(filled, settings)).open_text
    assert "something else" in before and "Decision upheld" in before and "Hidden, author warned" in before
    await filled.write("DELETE FROM appeal")
    (row,) = await filled.fetch(
        "SELECT decision.id FROM decision JOIN report ON report_id = report.id WHERE owner_id = ?", (ADA,)
    )
    page = await the_page(filled, settings)
    assert f"the reference D{row['id']}" in page.open_text
    await filled.write("UPDATE decision SET told_at = NULL")
    await filled.write("DELETE FROM report_by WHERE person_id = ?", (ADA,))
    assert "something else" not in (await the_page(filled, settings)).text


async def test_captions_tell_who_sees_a_picture(filled: Database, settings: Settings) -> None:
    await filled.write("DELETE FROM takedown_notice")
    page = await the_page(filled, settings)
    captions = page.open_text[page.open_text.index("Pictures that you generated") :]
    assert "removed by staff" in captions and "private" in captions
    await filled.write("DELETE FROM takedown")
    captions = (await the_page(filled, settings)).open_text
    assert "published" in captions and "removed by staff" not in captions


async def test_a_start_picture_says_where_it_is_from(filled: Database, settings: Settings) -> None:
    (row, *_) = await filled.fetch(
        "SELECT request ->> '$.image.sha256' AS sha256 FROM job WHERE person_id = ? AND sha256 NOT NULL",
        (ADA,),
    )
    assert "another user generated" not in (await the_page(filled, settings)).open_text
    await filled.run(NOTE_SOURCE, person=GRACE, sha256=row["sha256"])
    text = (await the_page(filled, settings)).open_text
    assert "from a picture that another user generated with Easel" in text and "used in:" in text
    assert row["sha256"] not in text


async def test_the_top_says_who_is_responsible_and_how_much_there_is(filled: Database, settings: Settings) -> None:
    said = PrivacySettings(controller="Blooms Ltd", contact="blooms@example.org")
    page = await the_page(filled, settings.model_copy(update={"privacy": said}))
    assert "Blooms Ltd · blooms@example.org" in page.open_text and "Star ratings that you gave: 1" in page.open_text
    assert f"{datetime.now(UTC):%Y-}" in page.open_text and "contains the prompt" in page.open_text
    places = {target for target in page.targets if target.startswith("#") and not target.startswith("#r")}
    assert {"#top", "#pictures", "#inputs", "#technical", "#job"} <= places


HOSTILE = (
    """</style></table><script>alert(1)</script><img src=x onerror=alert(1)>"' &\u202e\x00 https://evil.example/"""
)


async def test_text_of_people_is_only_text(filled: Database, settings: Settings) -> None:
    before = pages(await exported(filled, settings, LARGE))[0][1]
    await filled.write("UPDATE bookmark SET note = ?", (HOSTILE.replace("\x00", ""),))
    await filled.write("UPDATE stack SET name = ?", ('{"<script>": "<script>"}',))
    await filled.write("UPDATE block SET reason = ?", ("[" * 5000,))
    sql = "UPDATE job SET request = json_set(request, '$.prompt', ?) WHERE person_id = ?"
    await filled.write(sql, (HOSTILE, ADA))
    ((_, page, _),) = pages(await exported(filled, settings, LARGE))
    assert page.attributes == before.attributes and set(page.tags) == set(before.tags)
    assert page.targets == before.targets and "<script>alert(1)</script>" in page.text
    assert "\x00" not in page.text


async def test_the_page_speaks_the_persons_language(filled: Database, settings: Settings) -> None:
    with speaking("ja"):
        ((_, page, _),) = pages(await exported(filled, settings, LARGE))
    assert "Your data in Easel" not in page.text and "Easel" in page.text
    assert "画像がない場合は 90日" in page.text and "_days" not in page.text
    for table in TABLES:
        for described in (table.about, *table.columns.values()):
            assert len(described) < 12 or described[1:] not in page.text, described

"""Two people of whom all is kept that the program can keep: rows in every table, files in every folder."""

from __future__ import annotations

import hashlib
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.config import Settings
from bot.database.bookmarks.bookmarks import add_bookmark, remove_bookmarks, set_note
from bot.database.bookmarks.stacks import StackLora, remember_miss, save_stack
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.features import FeatureKind, add_feature
from bot.database.gallery.likes import like
from bot.database.gallery.publications import NewPublication, begin_publication, mark_posted
from bot.database.gallery.terms import PublishedFacets
from bot.database.jobs.deliveries import MARK_SENT, OPEN_DELIVERY
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.jobs.orders import STORE_CONTEXT
from bot.database.jobs.pauses import PAUSE_SERVER
from bot.database.jobs.posted_messages import note_posted
from bot.database.jobs.ratings import RATE_JOB, RatingSource
from bot.database.loras.ratings import rate_lora
from bot.database.people.blocks import BlockKind, save_block
from bot.database.people.drafts import save_draft
from bot.database.people.people import SAVE_LOCALE
from bot.database.people.preferences import Preferences, save_preferences
from bot.database.people.studio import fill_studio, save_studio
from bot.database.pictures.hashes import record_hashes
from bot.database.pictures.inputs import NOTE_SOURCE, note_given
from bot.database.pictures.pictures import PICTURES_OF_JOB, NewPicture
from bot.database.pictures.verdicts import hold_copy
from bot.database.privacy.deletions import HIDE_JOB, begin_deletion
from bot.database.privacy.takedown_cases import CopyKind, FoundCopy
from bot.database.privacy.takedown_commands import open_case
from bot.database.privacy.takedowns import RECORD_TAKEDOWN, Takedown, mark_told
from bot.database.reports.appeals import MARK_ANSWER_TOLD, AppealState, answer_appeal, save_appeal
from bot.database.reports.decisions import (
    MARK_DECISION_TOLD,
    DecisionAction,
    NewDecision,
    Step,
    save_decision,
)
from bot.database.reports.reports import (
    MARK_REPORT_POSTED,
    MARK_REPORT_POSTING,
    NewReport,
    ReportReason,
    Subject,
    save_report,
)
from bot.database.servers.allowed_phrases import (
    DECIDE_QUESTION,
    POST_QUESTION,
    QuestionState,
    add_phrase,
    save_question,
)
from bot.database.servers.audit import AuditAction, add_entry
from bot.database.servers.limits import HeldLimits, LimitHolder, LimitValues, save_limits
from bot.pictures.similarity.perceptual_hash import hash_file
from bot.pictures.thumbnails import GALLERY, LIST, Thumbnails
from inference.content_rating import ContentRating
from inference.messages.request import LoraUse, Region, SourceImage
from inference.messages.spool import state_file
from inference.parameters import CHUNK, JSON_CHUNK, infotext, marked
from inference.regions import RegionName
from tests.bot.database.conftest import add_lora, finish, request_for, sha

ADA, GRACE, MARGARET = 812345678901234567, 823456789012345678, 834567890123456789
WORDS = {ADA: "zebrafinch", GRACE: "quokkacloud"}  # in everything that they wrote
SERVER, CHANNEL = 900000000000000001, 900000000000000002
DIRECT = 900000000000000003
NOTICE = "INSERT INTO takedown_notice (case_id, person_id, pictures, created_at) VALUES (?, ?, 1, ?)"
BOTH_GAVE = b"a picture that both started from"


def png(text: str, size: int = 64) -> bytes:
    """A picture with a request inside."""
    made = request_for(prompt=text)
    info = PngInfo()
    info.add_itxt(CHUNK, infotext(made, None, {}))
    info.add_itxt(JSON_CHUNK, made.model_dump_json())
    buffer = io.BytesIO()
    Image.effect_noise((size, size), 80).convert("RGB").save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


async def live(db: Database, settings: Settings, person: int) -> None:
    """Let a person do everything, in a server that Margaret looks after."""
    storage, word, first = settings.storage, WORDS[person], person == ADA
    for folder in (storage.pictures, storage.inputs, storage.spool, storage.thumbnails):
        folder.mkdir(parents=True, exist_ok=True)
    lora, other = await add_lora(db, "Bat"), await add_lora(db, "Wash")
    image = {"image": SourceImage(sha256=given(storage.inputs, BOTH_GAVE), strength=0.5)}
    own = given(storage.inputs, png(word))
    await note_given(db, person, given(storage.inputs, png(f"{word}, replaced in the studio")))
    await db.run(NOTE_SOURCE, person=person, sha256=given(storage.inputs, png(f"{word}, taken up by somebody")))
    request = request_for(LoraUse(sha256=sha("Bat"), name="Bat", weight=1), prompt=f"a {word} at dawn")
    thumbnails = Thumbnails(storage.thumbnails, storage.pictures)
    for number, private in enumerate((False, True, False, False)):
        asked = request.model_copy(update=image) if number else request
        job = await create_job(db, asked, person_id=person, channel_id=CHANNEL, server_id=SERVER)
        await db.run(OPEN_DELIVERY, job=job.id, private=private, shows_prompt=False, ticket="sealed", now=now_ms())
        await db.run(STORE_CONTEXT, context=f'{{"person_id": {person}}}', job=job.id)
        await db.one(START_JOB, now=now_ms(), id=job.id)
        name = f"job{job.id}-1-0.png"
        (storage.pictures / name).write_bytes(marked(png(word)))
        for box in (LIST, GALLERY):
            assert await thumbnails.of_painted(name, box)
        await finish(db, job.id, 1, [NewPicture(name, 64, 64, 7)])
        (picture,) = await db.all(PICTURES_OF_JOB, job.id)
        await record_hashes(db, [(picture.id, hash_file(storage.pictures / name))])
        copies = [FoundCopy(CopyKind.PICTURE, name, job.id, 0.1)]
        case_id = open_case(storage.database, b"", copies, note="", received_at=1)
        await db.run(MARK_SENT, message=person + number, job=job.id)
        (storage.spool / state_file(job.id)).write_bytes(word.encode())
        (storage.spool / f"job{job.id}-1-preview.png").write_bytes(png(word))
        if number == 0:
            await db.write(NOTICE, (case_id, person, now_ms()))
            await db.run(
                RATE_JOB, server=SERVER, source=RatingSource.STAFF, rating=ContentRating.TEEN, now=now_ms(), job=job.id
            )
            await db.run(
                RECORD_TAKEDOWN,
                job=job.id,
                server=SERVER,
                person=job.person_id,
                now=now_ms(),
                reason=f"{word} of <@{person}>",
            )
            await mark_told(db, [Takedown(job.id, SERVER, "")], 1, person + 10)
            await publish(db, job.id, person, word)
        if number == 2:
            await begin_deletion(db, job.id, CHANNEL, person + number)
        if number == 3:
            await db.run(HIDE_JOB, delete_at=now_ms() + 3_600_000, id=job.id)
    regions = (Region(name=RegionName.LEFT, prompt=f"{word} on a hill"), Region(name=RegionName.RIGHT))
    waiting = request.model_copy(update={"regions": regions})
    copy = await create_job(db, waiting, person_id=person, channel_id=CHANNEL, server_id=SERVER)
    await db.run(SAVE_LOCALE, locale="ja", person=person)
    await save_preferences(db, person, Preferences(private=True))
    await add_bookmark(db, person, lora.id)
    await set_note(db, person, lora.id, f"my {word}")
    await add_bookmark(db, person, other.id)
    await set_note(db, person, other.id, f"another {word}")
    await remove_bookmarks(db, person, [other.id])
    await rate_lora(db, person, lora.id, 5)
    await save_stack(db, person, f"{word} stack", [StackLora(sha256=sha("Bat"), name="Bat", weight=1)])
    await note_posted(db, person, CHANNEL, person + 30)
    await remember_miss(db, person, since_ms=0)
    draft = f'{{"wish": {{"prompt": "{word}", "image": {{"sha256": "{own}", "strength": 0.5}}}}}}'
    await save_studio(db, person, draft)
    await fill_studio(db, person, draft)
    await save_draft(db, person, f'{{"prompt": "{word}", "image": {{"sha256": "{own}", "strength": 1}}}}')
    await db.write("UPDATE lora SET added_by = ? WHERE id = ?", (person, lora.id if first else other.id))
    limits = HeldLimits(LimitHolder.PERSON, person, "", LimitValues(pictures_per_day=2))
    await save_limits(db, SERVER, limits)
    await save_block(
        db, SERVER, BlockKind.PERSON, person, reason=f"<@{person}> was rude", ends_at=None, created_by=MARGARET
    )
    await save_block(db, 0, BlockKind.LORA, person % 97, reason="x", ends_at=None, created_by=person)
    await db.run(PAUSE_SERVER, server=SERVER + (person % 7) * 10, person=person, now=now_ms())
    await db.write(
        "INSERT INTO base_model_proposal (server_id, sha256, name, base_model, reason, proposed_by, created_at)"
        " VALUES (?, ?, 'Bat', 'sdxl/pony', 'r', ?, 1)",
        (SERVER, sha(word), person),
    )
    await report(db, person, copy.id, word)
    await ask(db, person, word)
    await wish(db, person)
    await add_entry(db, SERVER, person, AuditAction.PAUSE_QUEUE, {})
    await add_entry(
        db, SERVER, MARGARET, AuditAction.BLOCK_PERSON, {"reason": (None, f"<@{person}> was rude")},
        target=f"person {person}", person_id=person,
    )  # fmt: skip
    await add_entry(db, SERVER, person, AuditAction.BLOCK_PERSON, {}, target=f"person {MARGARET}", person_id=MARGARET)


async def report(db: Database, person: int, job_id: int, word: str) -> None:
    """Report a picture of Margaret's and decide it; and appeal a decision of hers about an own one, with a copy."""
    for number, (owner, by, decides) in enumerate(((MARGARET, person, person), (person, MARGARET, MARGARET))):
        made = await save_report(
            db,
            NewReport(
                Subject.PICTURES,
                person % 1000 + number,
                server_id=SERVER,
                owner_id=owner,
                shared=False,
                person_id=by,
                reason=ReportReason.OTHER,
                note=f"{word} by <@{person}>" if by == person else f"<@{person}>",
            ),
        )
        await db.run(MARK_REPORT_POSTING, channel=CHANNEL, now=now_ms(), id=made.id)
        await db.run(MARK_REPORT_POSTED, message=5, id=made.id)
        decision = await save_decision(
            db,
            made.id,
            NewDecision(DecisionAction.WARN, decided_by=decides, note=f"no more of <@{person}>"),
            [Step.TELL],
        )
        assert decision is not None
        if owner == person:
            await save_appeal(db, decision, person, f"my {word} is fine")
            await answer_appeal(db, decision, AppealState.UPHELD, [], answered_by=MARGARET)
            await db.run(MARK_DECISION_TOLD, now=now_ms(), notice=person + 20, decision=decision.id)
            await db.run(MARK_ANSWER_TOLD, now=now_ms(), notice=person + 21, decision=decision.id)
            await hold_copy(db, job_id, [made.id])


async def ask(db: Database, person: int, word: str) -> None:
    """Ask Margaret, as staff, to allow a phrase, and answer a question of hers."""
    for asking, deciding in ((person, MARGARET), (MARGARET, person)):
        phrase = f"a {word} for <@{person}>" if asking == person else "a bird"
        asked = await save_question(db, SERVER, asking, word if asking == person else f"w{person % 97}", phrase)
        assert asked is not None
        await db.run(POST_QUESTION, channel=CHANNEL, message=person + (40 if asking == person else 41), id=asked.id)
        await db.one(DECIDE_QUESTION, state=QuestionState.ALLOWED, phrase=phrase, decided_by=deciding, id=asked.id)
    await add_phrase(db, SERVER, f"a bird for <@{person}>", person)


async def wish(db: Database, person: int) -> None:
    """Ask for a file from outside, and be told of a newer version of another."""
    (row,) = await db.write(
        "INSERT INTO addition (key, source, path, created_at) VALUES (?, '{}', 'x.safetensors', 1) RETURNING id",
        (f"https://example.org/{person % 1000}",),
    )
    sql = "INSERT INTO addition_request (addition_id, person_id, server_id, created_at) VALUES (?, ?, ?, 1)"
    await db.write(sql, (row["id"], person, SERVER))
    sql = "INSERT INTO update_notice (person_id, lora_id, newer_sha256, created_at) SELECT ?, min(id), ?, 1 FROM lora"
    await db.write(sql, (person, "e" * 64))


async def publish(db: Database, job_id: int, person: int, word: str) -> None:
    """Publish the picture of a job. Its author likes it, and features a LoRA as staff of another server."""
    new = NewPublication(SERVER, job_id, 0, CHANNEL, True, None, None, [sha("Bat")])
    begun = await begin_publication(db, new)
    assert begun is not None
    await mark_posted(db, begun.id, CHANNEL, person + 20, PublishedFacets(), word)
    await like(db, begun.id, person)
    await add_feature(db, SERVER + person % 7, FeatureKind.LORA, 1, person)


def given(folder: Path, data: bytes) -> str:
    """Keep a picture to start from; its name."""
    name = hashlib.sha256(data).hexdigest()
    (folder / name).write_bytes(data)
    return name


def spellings(person: int) -> list[bytes]:
    """The ways in which an id may stand in a file: as text, in the words of the history's index, in a row, as a key."""
    return [str(person).encode(), f"{person:016x}".encode(), person.to_bytes(8, "big"), _varint(person)]


def _varint(number: int) -> bytes:
    """SQLite's form of a key: nine bytes, of which eight have seven bits, for numbers of this size."""
    groups = [number & 0xFF] + [(number >> 8 >> shift) & 0x7F | 0x80 for shift in range(0, 56, 7)]
    return bytes(reversed(groups))


def traces(folder: Path, person: int) -> Iterator[tuple[str, bytes]]:
    """Every file below `folder` in which the person's id or words stand, in whatever form."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        for trace in (*spellings(person), WORDS[person].encode()):
            if trace in data:
                yield file.relative_to(folder).as_posix(), trace


def closure(database: Path, person: int) -> dict[str, set[tuple[object, ...]]]:
    """Every row that names the person's id or refers to such a row by a foreign key, by table.

    Found by the schema alone, with nothing of the program.
    """
    found: dict[str, set[tuple[object, ...]]] = {}
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        plain = [
            name
            for name in names
            if not name.startswith(
                ("sqlite_", "job_text", "bookmark_text", "lora_text", "lora_name", "publication_text")
            )
        ]
        tables = {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in plain}
        keys = {name: list(connection.execute(f"PRAGMA foreign_key_list({name})")) for name in plain}
    mine: dict[str, list[dict[str, object]]] = {
        name: [row for row in rows if person in row.values()] for name, rows in tables.items()
    }
    while True:
        before = sum(map(len, mine.values()))
        for name, rows in tables.items():
            for key in keys[name]:
                if key["table"] in {"person", "lora", "server", "lora_version"}:
                    continue
                if (name, key["table"]) == ("report_by", "report"):
                    continue  # what others said of it is theirs
                theirs = {row[key["to"]] for row in mine[key["table"]]}
                mine[name] += [row for row in rows if row[key["from"]] in theirs and row not in mine[name]]
        if sum(map(len, mine.values())) == before:
            break
    asked_for = {row["addition_id"] for row in mine["addition_request"]}  # which refers to what the person asked for
    mine["addition"] += [row for row in tables["addition"] if row["id"] in asked_for]
    for name, rows in mine.items():
        if rows:
            found[name] = {tuple(row.values()) for row in rows}
    return found


async def rows_of(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables. The index of prompts has none, but its pages are among them."""
    async with db.transaction():
        names = await db.fetch("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'job_text'")
        return {row["name"]: [tuple(each) for each in await db.fetch(f"SELECT * FROM {row['name']}")] for row in names}

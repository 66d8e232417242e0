"""What is older than it is to be kept goes, with its files; what is newer, needed or kept by the settings stays."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings
from bot.config.sections.monitoring import LogSettings
from bot.config.sections.retention import RetentionSettings
from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.bookmarks.stacks import StackLora, save_stack
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.gallery.publications import (
    BEGIN_REMOVAL_OF_JOB,
    PUBLICATIONS_OF_JOB,
    PublicationState,
)
from bot.database.jobs.deliveries import MARK_SENT, OPEN_DELIVERY
from bot.database.jobs.history import Wanted, history_page
from bot.database.jobs.jobs import (
    CANCEL_JOB,
    FIND_JOB,
    START_JOB,
    create_job,
    note_opened,
)
from bot.database.people.blocks import LIFT_BLOCK, BlockKind, save_block
from bot.database.pictures.pictures import PICTURES_OF_JOB, NewPicture
from bot.database.privacy.deletions import PENDING_DELETIONS
from bot.database.privacy.erasure_leftovers import FileFolder, LeftFile
from bot.database.reports.appeals import AppealState, answer_appeal, save_appeal
from bot.database.reports.decisions import DECISION_OF, DecisionAction, NewDecision, Step, plan_steps, save_decision
from bot.database.reports.reports import (
    MARK_REPORT_POSTED,
    MARK_REPORT_POSTING,
    NewReport,
    Report,
    ReportReason,
    Subject,
    save_report,
)
from bot.database.servers.audit import AuditAction, add_entry
from bot.library.configuration import Configuration
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.file_removal import FileRemoval
from bot.privacy.retention import Expired, Kind, Retention
from inference.content_rating import ContentRating
from inference.messages.request import LoraUse, SourceImage
from inference.messages.spool import state_file
from tests.bot.database.conftest import add_lora, finish, request_for, sha
from tests.bot.privacy.people import ADA, CHANNEL, GRACE, MARGARET, SERVER, given, publish

SIZE = 1000  # bytes of a picture


def retention(db: Database, settings: Settings, **kept: Any) -> Retention:
    everything = dict.fromkeys((name for name in RetentionSettings.model_fields if name.endswith("_days")), 0)
    settings = settings.model_copy(update={"retention": RetentionSettings(**{**everything, **kept})})
    configuration = Configuration(settings, [])
    thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
    return Retention(db, configuration, FileRemoval(db, configuration, thumbnails), share=1, at_once=20)


async def swept(db: Database, settings: Settings, **kept: Any) -> dict[Kind, Expired]:
    """What goes; a dry run tells the same before, and removes nothing."""
    service, before, pending = (
        retention(db, settings, **kept),
        state(settings),
        await db.all(PENDING_DELETIONS),
    )
    told = await service.sweep(dry=True)
    assert state(settings) == before
    done = await service.sweep()
    assert told == done and await db.all(PENDING_DELETIONS) == pending
    return {expired.kind: expired for expired in done if expired.count}


def state(settings: Settings) -> set[Path]:
    return {path for path in settings.storage.folder.rglob("*") if "easel.sqlite3" not in path.name}


def file_of(lora: str) -> str:
    """The SHA-256 that `add_lora` gives it."""
    return sha(f"{lora}.safetensors")


async def painted(db: Database, settings: Settings, days: int, *loras: str) -> int:
    """A job of Ada's with a picture, so many days old."""
    settings.storage.pictures.mkdir(parents=True, exist_ok=True)
    uses = [LoraUse(sha256=file_of(name), name=name, weight=1) for name in loras]
    job = await create_job(db, request_for(*uses, prompt="a fox"), person_id=ADA, channel_id=CHANNEL)
    await db.one(START_JOB, now=now_ms(), id=job.id)
    (settings.storage.pictures / f"{job.id}.png").write_bytes(os.urandom(SIZE))
    await finish(db, job.id, 1, [NewPicture(f"{job.id}.png", 64, 64, 7)])
    await aged(db, job.id, days)
    return job.id


async def aged(db: Database, job_id: int, days: int) -> None:
    await db.write("UPDATE job SET created_at = created_at - ? WHERE id = ?", (days * DAY_MS, job_id))


def old(path: Path, days: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(b"x" * SIZE)
    at = time.time() - days * 86_400
    os.utime(path, (at, at))
    return path


async def kept(db: Database) -> list[int]:
    """The jobs in Ada's history, found by a search too."""
    pages = [await history_page(db, ADA, Wanted(search), limit=50) for search in ("", "fox")]
    assert pages[0] == pages[1]
    return [job.id for job in pages[0].jobs]


async def test_by_default_no_picture_goes(db: Database, settings: Settings) -> None:
    job = await painted(db, settings, 3000)
    assert await swept(db, settings) == {}
    defaults = {name: field.default for name, field in RetentionSettings.model_fields.items()}
    assert Kind.PICTURES not in await swept(db, settings, **defaults) and await kept(db) == [job]


async def test_pictures_go_by_their_age(db: Database, settings: Settings) -> None:
    jobs = [await painted(db, settings, days) for days in range(70, 20, -1)]
    gone = await swept(db, settings, pictures_days=30)
    assert gone[Kind.PICTURES].count == 41 and gone[Kind.PICTURES].size == 41 * SIZE
    assert await kept(db) == jobs[:-10:-1] and len(list(settings.storage.pictures.iterdir())) == 9
    assert await db.one(FIND_JOB, jobs[0]) is not None, "the order itself goes by its own time"
    assert (await swept(db, settings, pictures_days=30, jobs_days=60))[Kind.JOBS].count == 11


async def test_the_folder_keeps_its_limit(db: Database, settings: Settings) -> None:
    jobs = [await painted(db, settings, days) for days in range(60, 30, -1)]
    gone = await swept(db, settings, pictures_gigabytes=10.5 * SIZE / 1e9)
    assert gone[Kind.PICTURES].count == 20 and await kept(db) == jobs[:-11:-1]
    assert sum(path.stat().st_size for path in settings.storage.pictures.iterdir()) <= 10.5 * SIZE


@pytest.mark.parametrize(
    ("keep", "stays"),
    [
        ((), []), (("bookmarked",), [1]), (("in_stack",), [0]), (("published",), [3]),
        (("bookmarked", "in_stack", "published"), [3, 1, 0]),
    ],
)  # fmt: skip
async def test_what_is_bookmarked_in_a_stack_or_published_stays_as_the_settings_say(
    db: Database, settings: Settings, keep: tuple[str, ...], stays: list[int]
) -> None:
    loras = [await add_lora(db, name) for name in ("Bat", "Wash", "Cape")]
    jobs = [await painted(db, settings, 50, lora.name) for lora in loras]
    jobs += [await painted(db, settings, 50) for _ in range(2)]
    await publish(db, jobs[3], ADA, "fox")
    await publish(db, jobs[4], ADA, "fox")
    await db.all(BEGIN_REMOVAL_OF_JOB, job=jobs[4], server=None)  # its owner has taken it back
    await add_bookmark(db, ADA, loras[1].id)
    await save_stack(db, ADA, "mine", [StackLora(sha256=file_of("Bat"), name="Bat", weight=1)])
    await add_bookmark(db, GRACE, loras[2].id)  # which keeps nothing of Ada's
    await swept(db, settings, pictures_days=30, keep=keep)
    assert await kept(db) == [jobs[number] for number in stays]


async def test_the_time_counts_from_the_day_when_a_picture_was_opened(db: Database, settings: Settings) -> None:
    opened, left = [await painted(db, settings, 50) for _ in range(2)]
    job = await db.one(FIND_JOB, opened)
    assert job is not None
    await note_opened(db, job)
    await swept(db, settings, pictures_days=30)
    assert await kept(db) == [opened] and left != opened
    await db.write("UPDATE job SET opened_at = opened_at - 31 * 86400000")
    await swept(db, settings, pictures_days=30)
    assert await kept(db) == []


async def test_what_is_reported_or_undelivered_stays(db: Database, settings: Settings) -> None:
    jobs = [await painted(db, settings, 50) for _ in range(4)]
    for job in jobs[:2]:
        await save_report(
            db,
            NewReport(
                Subject.PICTURES,
                job,
                server_id=SERVER,
                owner_id=ADA,
                shared=False,
                person_id=GRACE,
                reason=ReportReason.OTHER,
                note="",
            ),
        )
    await db.write("UPDATE report SET created_at = created_at - ? WHERE target_id = ?", (31 * DAY_MS, jobs[1]))
    await db.run(OPEN_DELIVERY, job=jobs[2], private=False, shows_prompt=True, ticket=None, now=now_ms())
    gone = await swept(db, settings, pictures_days=30, pictures_gigabytes=0.5 * SIZE / 1e9)
    assert gone[Kind.PICTURES].count == 2 and await kept(db) == [jobs[2], jobs[0]]


async def test_a_published_picture_that_goes_takes_its_post_along(db: Database, settings: Settings) -> None:
    job = await painted(db, settings, 50)
    await publish(db, job, ADA, "fox")
    await swept(db, settings, pictures_days=30, keep=())
    (left,) = await db.all(PUBLICATIONS_OF_JOB, job)
    assert left.state is PublicationState.REMOVING and left.message_id is not None


class Broken(FileRemoval):
    """Makes a mistake while it looks for what is too old."""

    async def unneeded(self, files: Sequence[LeftFile]) -> list[LeftFile]:
        if any(file.folder is FileFolder.INPUTS for file in files):
            raise ValueError("a mistake of ours")
        return await super().unneeded(files)


async def test_what_fails_keeps_nothing_else_from_going(
    db: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    job = await painted(db, settings, 50)
    old(settings.storage.inputs / hashlib.sha256(b"old").hexdigest(), 20)
    state = old(settings.storage.spool / state_file(99), 20)
    kept = RetentionSettings(pictures_days=30, inputs_days=7, states_days=7)
    configuration = Configuration(settings.model_copy(update={"retention": kept}), [])
    thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
    broken = Retention(db, configuration, Broken(db, configuration, thumbnails), share=1)
    gone = {expired.kind: expired.count for expired in await broken.sweep()}
    assert (gone[Kind.PICTURES], gone[Kind.INPUTS], gone[Kind.STATES]) == (1, 0, 1) and not state.exists()
    assert await db.all(PICTURES_OF_JOB, job) == []
    assert f"removing {Kind.INPUTS} failed" in caplog.text and "a mistake of ours" in caplog.text


async def test_orders_without_pictures_go(db: Database, settings: Settings) -> None:
    shown = await painted(db, settings, 200)
    jobs = [(await create_job(db, request_for(), person_id=ADA, channel_id=1)).id for _ in range(4)]
    for job in jobs[:3]:
        await db.one(CANCEL_JOB, now=now_ms(), id=job)
    for job, days in zip(jobs, (200, 100, 80, 200), strict=True):
        await aged(db, job, days)
    stop = f"CREATE TRIGGER stop BEFORE DELETE ON job WHEN old.id = {jobs[0]} BEGIN SELECT RAISE(ABORT, 'no'); END"
    await db.write(stop)
    await retention(db, settings, jobs_days=90).sweep()
    left = {row["id"] for row in await db.fetch("SELECT id FROM job")}
    assert left == {shown, jobs[0], jobs[2], jobs[3]}, "one that cannot go keeps no other"


async def test_of_an_order_that_goes_the_message_is_remembered(db: Database, settings: Settings) -> None:
    """So that it is deleted when its person has all deleted; a private answer is theirs alone."""
    for message, private in ((71, False), (72, True)):
        job = await create_job(db, request_for(), person_id=ADA, channel_id=CHANNEL)
        await db.run(OPEN_DELIVERY, job=job.id, private=private, shows_prompt=False, ticket=None, now=now_ms())
        await db.one(CANCEL_JOB, now=now_ms(), id=job.id)
        await db.run(MARK_SENT, message=message, job=job.id)
        await aged(db, job.id, 100)
    assert (await swept(db, settings, jobs_days=90))[Kind.JOBS].count == 2
    left = await db.fetch("SELECT message_id, channel_id, person_id FROM posted_message")
    assert [tuple(row) for row in left] == [(71, CHANNEL, ADA)]


async def test_files_go_by_their_age_unless_they_are_needed(db: Database, settings: Settings, tmp_path: Path) -> None:
    storage, logs = settings.storage, tmp_path / "logs"
    settings = settings.model_copy(update={"logs": LogSettings(folder=logs)})
    storage.inputs.mkdir(parents=True)
    needed, unneeded = (storage.inputs / given(storage.inputs, data) for data in (b"needed", b"not needed"))
    image = SourceImage(sha256=needed.name, strength=0.5)
    request = request_for().model_copy(update={"image": image})
    waiting = await create_job(db, request, person_id=ADA, channel_id=1)
    for path in (needed, unneeded):
        old(path, 20)
    fresh = [old(logs / "easel-2026-11-26.log", 1), old(storage.thumbnails / "ab" / "new.webp", 5)]
    stays = [old(storage.spool / state_file(waiting.id), 20), old(logs / "mine.txt", 90), needed, *fresh]
    goes = [
        old(storage.spool / state_file(99), 20), old(logs / "easel-2026-01-01.log", 90), unneeded,
        old(storage.thumbnails / "ab" / "old.webp", 20),
    ]  # fmt: skip
    gone = await swept(db, settings, thumbnails_days=10, inputs_days=10, states_days=10, logs_days=10, drafts_days=7)
    assert {kind: one.count for kind, one in gone.items()} == dict.fromkeys(
        (Kind.THUMBNAILS, Kind.INPUTS, Kind.STATES, Kind.LOGS), 1
    )
    assert all(path.exists() for path in stays) and not any(path.exists() for path in goes)


@pytest.mark.parametrize(("megabytes", "left"), [(1, ["new"]), (0, [])])
async def test_encoded_prompts_go_by_their_age_and_all_of_them_once_they_are_switched_off(
    db: Database, settings: Settings, megabytes: int, left: list[str]
) -> None:
    worker = settings.worker.model_copy(update={"embedding_files_megabytes": megabytes})
    folder = settings.storage.embeddings
    old(folder / "old", 8)
    old(folder / "new", 6)
    gone = await swept(db, settings.model_copy(update={"worker": worker}), embeddings_days=7)
    assert gone[Kind.EMBEDDINGS].count == 2 - len(left)
    assert [path.name for path in folder.iterdir()] == left


async def test_drafts_and_receipts_go(filled: Database, settings: Settings) -> None:
    await filled.write("UPDATE draft SET created_at = 1 WHERE person_id = ?", (ADA,))
    gone = await swept(filled, settings, drafts_days=7, receipts_days=30)
    assert gone.keys() == {Kind.DRAFTS}
    assert [row["person_id"] for row in await filled.fetch("SELECT person_id FROM draft")] == [GRACE]


async def decided(
    db: Database,
    number: int,
    action: DecisionAction = DecisionAction.WARN,
    *,
    reason: ReportReason = ReportReason.OTHER,
    days: int = 400,
    subject: Subject = Subject.PICTURES,
) -> Report:
    """A report of Grace's about pictures of Ada's, decided by Margaret so many days ago."""
    new = NewReport(
        subject, number, server_id=SERVER, owner_id=ADA, shared=False, person_id=GRACE, reason=reason, note=""
    )
    report = await save_report(db, new)
    rating = ContentRating.MATURE if action is DecisionAction.RATE else None
    await save_decision(db, report.id, NewDecision(action, decided_by=MARGARET, rating=rating), [])
    await db.write(
        "UPDATE decision SET decided_at = decided_at - ? WHERE report_id = ?",
        (days * DAY_MS, report.id),
    )
    return report


async def test_decided_reports_go_unless_they_still_count(db: Database, settings: Settings) -> None:
    """With their decisions; the messages to staff are found when somebody whom they name deletes all data."""
    job = await painted(db, settings, 400)
    old_one = await decided(db, 900)
    await db.run(MARK_REPORT_POSTING, channel=CHANNEL, now=now_ms(), id=old_one.id)
    await db.run(MARK_REPORT_POSTED, message=77, id=old_one.id)
    stays = [
        await decided(db, 901, days=300),
        await decided(db, 902, reason=ReportReason.MINORS),
        await decided(db, 903, DecisionAction.BLOCK),
        await decided(db, job, DecisionAction.RATE),
        await decided(db, 905),
        await decided(db, 906),
    ]
    await save_block(db, SERVER, BlockKind.PERSON, ADA, reason="", ends_at=None, created_by=MARGARET)
    unfinished = await db.one(DECISION_OF, stays[4].id)
    appealed = await db.one(DECISION_OF, stays[5].id)
    assert unfinished is not None and appealed is not None
    await plan_steps(db, unfinished.id, [Step.TELL])
    assert await save_appeal(db, appealed, ADA, "It is ketchup.") is not None
    gone = await swept(db, settings, reports_days=365)
    assert gone[Kind.REPORTS].count == 1
    left = [row["id"] for row in await db.fetch("SELECT id FROM report ORDER BY id")]
    assert left == [report.id for report in stays]
    named = await db.fetch("SELECT person_id, message_id FROM posted_message ORDER BY person_id")
    assert [tuple(row) for row in named] == [(ADA, 77), (GRACE, 77), (MARGARET, 77)]
    await db.one(LIFT_BLOCK, server=SERVER, kind=BlockKind.PERSON, id=ADA)
    await answer_appeal(db, appealed, AppealState.UPHELD, [], answered_by=MARGARET)
    assert (await swept(db, settings, reports_days=365))[Kind.REPORTS].count == 1, "the block is lifted"
    assert appealed.report_id in {row["id"] for row in await db.fetch("SELECT id FROM report")}, (
        "the answer to the appeal is recent"
    )


async def test_the_report_and_the_entry_about_a_blocked_lora_stay_while_it_is_blocked(
    db: Database, settings: Settings
) -> None:
    lora = await add_lora(db, "Bat")
    report = await decided(db, lora.id, DecisionAction.HIDE, subject=Subject.LORA)
    await save_block(db, SERVER, BlockKind.LORA, lora.id, reason="", ends_at=None, created_by=MARGARET)
    await add_entry(db, SERVER, MARGARET, AuditAction.BLOCK_LORA, {})
    old_settings = {"reports_days": 365, "audit_days": 365}
    assert not {Kind.REPORTS, Kind.AUDIT} & (await swept(db, settings, **old_settings)).keys()
    assert await db.fetch("SELECT id FROM report WHERE id = ?", (report.id,))
    await db.one(LIFT_BLOCK, server=SERVER, kind=BlockKind.LORA, id=lora.id)
    assert (await swept(db, settings, **old_settings))[Kind.REPORTS].count == 1


async def test_entries_of_the_log_go_by_their_age_and_no_others_can_be_deleted(
    db: Database, settings: Settings
) -> None:
    kept_report = await decided(db, 907, days=1)
    for action, target, person in (
        (AuditAction.PAUSE_QUEUE, "", None),
        (AuditAction.BLOCK_PERSON, f"person {ADA}", ADA),
        (AuditAction.BLOCK_PERSON, f"person {GRACE}", GRACE),
        (AuditAction.DECIDE_REPORT, f"report {kept_report.id}: pictures of job 907", ADA),
        (AuditAction.DECIDE_REPORT, "report 99: pictures of job 1", ADA),
    ):
        sql = (
            "INSERT INTO audit (server_id, actor_id, action, person_id, target, changes, created_at)"
            " VALUES (?, ?, ?, ?, ?, '{}', 1)"
        )
        await db.write(sql, (SERVER, MARGARET, action, person, target))
    recent = await add_entry(db, SERVER, MARGARET, AuditAction.RESUME_QUEUE, {})
    await save_block(db, SERVER, BlockKind.PERSON, ADA, reason="", ends_at=None, created_by=MARGARET)
    gone = await swept(db, settings, audit_days=365)
    assert gone[Kind.AUDIT].count == 3
    left = [row["id"] for row in await db.fetch("SELECT id FROM audit ORDER BY id")]
    assert left == [2, 4, recent.id], "a block in force, a report that is stored"
    with pytest.raises(Exception, match="not deleted"):
        await db.write("DELETE FROM audit WHERE id = 2")


async def test_notices_of_takedown_cases_go(filled: Database, settings: Settings) -> None:
    await filled.write("UPDATE takedown_notice SET created_at = 1 WHERE person_id = ?", (ADA,))
    gone = await swept(filled, settings, reports_days=365)
    assert gone.keys() == {Kind.NOTICES} and gone[Kind.NOTICES].count == 1
    assert [row["person_id"] for row in await filled.fetch("SELECT person_id FROM takedown_notice")] == [GRACE]

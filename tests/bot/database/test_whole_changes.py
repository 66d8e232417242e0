"""A change of several statements is stored as a whole: if one statement fails, none changed a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable

import pytest

from bot.database.additions.additions import begin_addition
from bot.database.bookmarks.bookmarks import add_bookmark, remove_bookmarks, restore_bookmarks
from bot.database.bookmarks.stacks import StackLora, save_stack
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.publications import begin_publication, mark_posted
from bot.database.gallery.terms import PublishedFacets
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.loras.records import record_found
from bot.database.pictures.pictures import NewPicture
from bot.database.privacy.deletions import begin_deletion
from bot.database.reports.appeals import reverse_decision
from bot.database.reports.decisions import Decision, DecisionAction, NewDecision, Step, save_decision
from bot.database.reports.reports import NewReport, ReportReason, Subject, save_report
from bot.database.servers.left_servers import NOTE_LEFT, forget_server
from inference.lora.knowledge import Knowledge
from tests.bot.database.conftest import add_lora, finish, found_lora, request_for, sha
from tests.bot.database.publishing import ART, SERVER, new_publication, painted, published
from tests.bot.privacy.people import rows_of

PERSON, STAFF = 1, 3
REPORT = NewReport(
    Subject.PICTURES, 1, server_id=SERVER, owner_id=2, shared=False, person_id=PERSON,
    reason=ReportReason.OTHER, note="",
)  # fmt: skip

Change = Awaitable[object]


async def new_job(db: Database) -> Change:
    return create_job(db, request_for(), person_id=PERSON, channel_id=5, server_id=SERVER)


async def finished_job(db: Database) -> Change:
    job = await create_job(db, request_for(), person_id=PERSON, channel_id=5)
    await db.one(START_JOB, now=now_ms(), id=job.id)
    return finish(db, job.id, 1, [NewPicture("1.png", 64, 64, 7)])


async def deleted_job(db: Database) -> Change:
    return begin_deletion(db, await painted(db), 5, 6)


async def removed_bookmark(db: Database) -> Change:
    lora = await add_lora(db, "Komori")
    await add_bookmark(db, PERSON, lora.id, "a note")
    return remove_bookmarks(db, PERSON, [lora.id])


async def restored_bookmark(db: Database) -> Change:
    return restore_bookmarks(db, PERSON, await (await removed_bookmark(db)))  # type: ignore[arg-type]


async def new_stack(db: Database) -> Change:
    return save_stack(db, PERSON, "Rain", [StackLora(sha256=sha("Komori"), name="Komori", weight=1)])


async def new_version(db: Database) -> Change:
    found = found_lora("Komori", trigger_words=["shy"])
    return record_found(db, found, found.judge(Knowledge()), last_word=True)


async def new_addition(db: Database) -> Change:
    return begin_addition(db, key="a", source="{}", path="a.safetensors", person_id=PERSON, server_id=SERVER)


async def new_publication_with_loras(db: Database) -> Change:
    return begin_publication(db, new_publication(await painted(db, "Komori"), "Komori"))


async def posted_publication(db: Database) -> Change:
    begun = await begin_publication(db, new_publication(await painted(db, "Komori"), "Komori"))
    assert begun is not None
    return mark_posted(db, begun.id, ART, 7, PublishedFacets(), "a fox")


async def new_report(db: Database) -> Change:
    return save_report(db, REPORT)


async def new_decision(db: Database) -> Change:
    report = await save_report(db, REPORT)
    return save_decision(db, report.id, NewDecision(DecisionAction.HIDE, STAFF), [Step.HIDE, Step.TELL])


async def reversed_decision(db: Database) -> Change:
    decision = await (await new_decision(db))
    assert isinstance(decision, Decision)
    return reverse_decision(db, decision, [Step.SHOW], person_id=2, reversed_by=STAFF)


async def forgotten_server(db: Database) -> Change:
    await published(db, "Komori")
    await save_report(db, REPORT)
    await db.run(NOTE_LEFT, server=SERVER, now=now_ms())
    return forget_server(db, SERVER)


@pytest.mark.parametrize(
    ("prepare", "refused"),
    [
        (new_job, "INSERT ON job_order"),
        (finished_job, "INSERT ON picture"),
        (deleted_job, "DELETE ON job"),
        (removed_bookmark, "INSERT ON removed_bookmark"),
        (restored_bookmark, "INSERT ON bookmark"),
        (new_stack, "INSERT ON stack_lora"),
        (new_version, "INSERT ON trigger_word"),
        (new_addition, "INSERT ON addition_request"),
        (new_publication_with_loras, "INSERT ON publication_lora"),
        (posted_publication, "UPDATE ON lora_in_server"),
        (new_report, "INSERT ON report_by"),
        (new_decision, "INSERT ON decision_step"),
        (reversed_decision, "UPDATE ON appeal"),
        (forgotten_server, "DELETE ON server"),
    ],
)
async def test_a_change_is_undone_when_one_of_its_statements_fails(
    db: Database, prepare: Callable[[Database], Awaitable[Change]], refused: str
) -> None:
    change = await prepare(db)
    before = await rows_of(db)
    await db.connection.execute(f"CREATE TRIGGER refused BEFORE {refused} BEGIN SELECT RAISE(ABORT, 'refused'); END")
    with pytest.raises(sqlite3.IntegrityError, match="refused"):
        await change
    assert await rows_of(db) == before

"""Deletions go on after a crash, an outage and a mistake, each by itself."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import discord
import pytest

from benchmarks._varied_pictures import varied
from bot.config import Settings
from bot.config.sections.moderation import ModerationSettings
from bot.config.sections.retention import RetentionSettings
from bot.config.sections.storage import StorageSettings
from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.jobs.jobs import FIND_JOB, START_JOB, Job, create_job
from bot.database.pictures.inputs import note_given
from bot.database.pictures.pictures import NewPicture
from bot.database.privacy.deletions import HIDE_JOB, PENDING_DELETIONS, begin_deletion
from bot.database.reports.decisions import DecisionAction, NewDecision, save_decision
from bot.database.reports.reports import NewReport, Report, ReportReason, Subject, save_report
from bot.library.configuration import Configuration
from bot.pictures.inputs import Inputs
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.file_removal import FileRemoval
from bot.ui.removals.pictures import Removals
from inference.messages.request import SourceImage
from inference.messages.spool import state_file
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import finish, request_for
from tests.bot.privacy.people import given, png

WORD = "zebrafinch"


@dataclass
class Messages:
    """Implements `ResultMessages`; while Discord is not `reachable`, nothing is hidden."""

    reachable: bool = True
    hidden: set[int] = field(default_factory=set[int])
    offers_undo: list[bool] = field(default_factory=list[bool])  # at each time that something was hidden

    async def hide(self, job: Job, until: int) -> bool:
        await asyncio.sleep(0)
        if self.reachable:
            self.hidden.add(job.id)
            self.offers_undo.append(until > now_ms())
        return self.reachable

    async def show(self, job: Job) -> int | None:
        await asyncio.sleep(0)
        self.hidden.discard(job.id)
        return None


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage=StorageSettings(folder=tmp_path / "data"))


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings.storage.database) as opened:
        yield opened


def removals(db: Database, settings: Settings, messages: Messages | None = None) -> Removals:
    configuration = Configuration(settings, [])
    thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
    files = FileRemoval(db, configuration, thumbnails)
    client = discord.Client(intents=discord.Intents.none())
    return Removals(client, db, configuration, files, messages or Messages())


async def painted(db: Database, settings: Settings) -> Job:
    """A job with a picture, one to start from, and a state that was left in the spool."""
    storage = settings.storage
    for folder in (storage.pictures, storage.inputs, storage.spool):
        folder.mkdir(parents=True, exist_ok=True)
    image = SourceImage(sha256=given(storage.inputs, png(WORD)), strength=0.5)
    request = request_for(prompt=WORD).model_copy(update={"image": image})
    job = await create_job(db, request, person_id=1, channel_id=5)
    await db.one(START_JOB, now=now_ms(), id=job.id)
    (storage.pictures / f"{job.id}.png").write_bytes(png(WORD))
    (storage.spool / state_file(job.id)).write_bytes(WORD.encode())
    await finish(db, job.id, 1, [NewPicture(f"{job.id}.png", 64, 64, 7)])
    await Thumbnails(storage.thumbnails, storage.pictures).of_painted(f"{job.id}.png")
    found = await db.one(FIND_JOB, job.id)
    assert found is not None
    return found


def files(settings: Settings) -> list[str]:
    folder = settings.storage.folder
    return sorted(
        path.relative_to(folder).parts[0]
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("easel", "pseudonyms"))
    )


ONE = ["inputs", "pictures", "spool", "thumbnails"]


async def test_one_that_fails_keeps_no_other_waiting(
    db: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, other = await painted(db, settings), await painted(db, settings)
    stop = f"CREATE TRIGGER stop BEFORE DELETE ON job WHEN old.id = {stuck.id} BEGIN SELECT RAISE(ABORT, 'no'); END"
    await db.write(stop)
    for job in (stuck, other):
        await db.run(HIDE_JOB, delete_at=1, id=job.id)
    await removals(db, settings).complete()
    assert [row["id"] for row in await db.fetch("SELECT id FROM job")] == [stuck.id]
    assert files(settings) == ONE and await db.all(PENDING_DELETIONS) == []
    assert "deleting a picture failed" in caplog.text and WORD not in caplog.text
    await db.write("DROP TRIGGER stop")
    await removals(db, settings).complete()
    assert files(settings) == [] and await db.fetch("SELECT id FROM job") == []


@pytest.mark.parametrize("gone", [[], ["thumbnails"], ["thumbnails", "pictures"], ["thumbnails", "pictures", "spool"]])
async def test_it_goes_on_where_the_program_was_killed(db: Database, settings: Settings, gone: list[str]) -> None:
    """After the transaction, files go one after the other."""
    job, kept = await painted(db, settings), await painted(db, settings)
    assert await begin_deletion(db, job.id, None, None) is not None
    for folder in gone:
        for path in (settings.storage.folder / folder).rglob(f"*{job.id}*" if folder != "thumbnails" else "*.webp"):
            path.unlink()
    await removals(db, settings).complete()
    left = [folder for folder in ONE if folder != "thumbnails" or "thumbnails" not in gone]
    assert files(settings) == left and await db.all(PENDING_DELETIONS) == [] and await db.one(FIND_JOB, kept.id)


async def test_a_message_that_cannot_be_hidden_is_hidden_later(db: Database, settings: Settings) -> None:
    job, messages = await painted(db, settings), Messages(reachable=False)
    service = removals(db, settings, messages)
    assert await service.delete_later(job) and await db.one(FIND_JOB, job.id) is None
    await service.complete()
    assert messages.hidden == set()
    messages.reachable = True
    await service.complete()
    assert messages.hidden == {job.id} and files(settings) == ONE
    await service.undo(job)
    await service.complete()
    assert messages.hidden == set() and await db.one(FIND_JOB, job.id) == job


async def test_without_a_time_for_undo_it_goes_at_once(db: Database, settings: Settings) -> None:
    settings = settings.model_copy(update={"retention": RetentionSettings(undo_minutes=0)})
    job = await painted(db, settings)
    assert await removals(db, settings).delete_later(job) is None and files(settings) == []


async def reported(db: Database, job: Job) -> Report:
    return await save_report(
        db,
        NewReport(
            Subject.PICTURES,
            job.id,
            server_id=EVERYWHERE,
            owner_id=1,
            shared=True,
            person_id=2,
            reason=ReportReason.CRUEL,
            note="",
        ),
    )


@pytest.mark.parametrize("minutes", [0, 10])
async def test_what_was_reported_is_held_until_that_is_decided(db: Database, settings: Settings, minutes: int) -> None:
    settings = settings.model_copy(update={"retention": RetentionSettings(undo_minutes=minutes)})
    job, messages = await painted(db, settings), Messages()
    report, service = await reported(db, job), removals(db, settings, messages)
    hidden = await service.delete_later(job)
    assert hidden is not None and (hidden.undo_until is None) == (not minutes)
    assert hidden.held_until == report.created_at + settings.moderation.held_ms
    await db.write("UPDATE job SET delete_at = ?", (now_ms() - 1,))
    await service.complete()
    assert await db.one(FIND_JOB, job.id) is None and messages.hidden == {job.id}, "nobody sees it"
    assert files(settings) == ONE, "those who decide do"
    await save_decision(db, report.id, NewDecision(DecisionAction.DISMISS, decided_by=3), ())
    await service.complete()
    assert files(settings) == [] and await db.fetch("SELECT id FROM job") == []


async def test_undo_is_offered_no_longer_than_it_works_for_what_a_report_holds(
    db: Database, settings: Settings
) -> None:
    job, messages = await painted(db, settings), Messages()
    await reported(db, job)
    service = removals(db, settings, messages)
    await service.delete_later(job)
    async with asyncio.timeout(120):
        while len(messages.offers_undo) < 2:  # by the press and by `complete`
            await service.complete()
    assert all(messages.offers_undo)
    offered = len(messages.offers_undo)
    await db.write("UPDATE job SET delete_at = ?", (now_ms() - 1,))
    messages.reachable = False
    await service.complete()
    assert len(messages.offers_undo) == offered, "Discord cannot be reached"
    messages.reachable = True
    for _ in range(2):
        await service.complete()
    assert messages.offers_undo[offered:] == [False], "once"


@pytest.mark.parametrize("held_days", [0, 3])
async def test_what_nobody_decides_about_goes_after_some_days(db: Database, settings: Settings, held_days: int) -> None:
    retention, moderation = RetentionSettings(undo_minutes=0), ModerationSettings(held_days=held_days)
    settings = settings.model_copy(update={"retention": retention, "moderation": moderation})
    job = await painted(db, settings)
    report = await reported(db, job)
    await db.write("UPDATE report SET created_at = created_at - ?", (moderation.held_ms + 1,))
    assert await removals(db, settings).delete_later(job) is None and files(settings) == []
    (row,) = await db.fetch("SELECT revision FROM report")
    assert row["revision"] > report.revision, "the message to staff shows it no more"


async def test_copies_to_start_from_go_with_what_is_deleted_everywhere(db: Database, settings: Settings) -> None:
    """As they come by the menu of a message, *Upscale* or an upload; what another job needs stays."""
    job, storage = await painted(db, settings), settings.storage
    path = storage.pictures / f"{job.id}.png"
    varied(5, 300).save(path)
    inputs, encoded = Inputs(storage.inputs), io.BytesIO()
    varied(5, 300).resize((200, 200)).save(encoded, "JPEG", quality=70)
    kept, larger = await inputs.keep_picture(path), await inputs.keep_picture(path, times=2)
    uploaded, other = await inputs.keep(encoded.getvalue()), await inputs.keep(png(WORD + "2"))
    assert kept is not None and larger is not None
    await note_given(db, 2, kept.sha256)
    image = SourceImage(sha256=larger.sha256, strength=0.5)
    await create_job(db, request_for().model_copy(update={"image": image}), person_id=2, channel_id=5)
    for _again in range(2):  # as after a crash
        await removals(db, settings).delete_everywhere(job)
    assert {larger.sha256, other.sha256} <= {each.name for each in storage.inputs.iterdir()}
    assert not {kept.sha256, uploaded.sha256} & {each.name for each in storage.inputs.iterdir()}
    assert not path.exists() and await db.fetch("SELECT * FROM given_input") == []

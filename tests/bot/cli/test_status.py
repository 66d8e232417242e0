"""`status`: how the bot stands, read beside it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import pytest

from bot.app.assembly import open_catalogue
from bot.app.health import Health
from bot.cli import DONE, UNUSABLE
from bot.database.clock import now_ms
from bot.database.jobs.jobs import NOTE_BEGUN, START_JOB, create_job, fail_job
from bot.database.jobs.pauses import PAUSE_SERVER
from bot.database.storage.lock import program_lock
from bot.diagnostics.finding import Finding, FindingGrade
from inference.errors import WorkerFailed
from inference.queue.policy import EVERYWHERE
from tests.bot.app.test_watchman import damage_page
from tests.bot.cli.commands import Here, bot, can_be_powerless
from tests.house import PASTEL, VIVID, House
from tests.inference.requests import request

ADA = 815_000_000_000_000_815  # a snowflake: no job id contains it


@pytest.fixture
async def busy(house: House):
    """A house at work, as a bot would have it open: one job is painted, two wait, one has failed."""
    (house.library / "diary.safetensors").write_text("Dear diary, today I renamed a text file.")
    async with open_catalogue(house.settings) as found:
        db = found.db
        requests = (request(checkpoint=name, prompt="my secret") for name in (VIVID, VIVID, PASTEL, "gone"))
        jobs = [await create_job(db, each, person_id=ADA, channel_id=5) for each in requests]
        for job in (jobs[0], jobs[2]):
            await db.one(START_JOB, now=now_ms(), id=job.id)
        await db.run(NOTE_BEGUN, now=now_ms(), id=jobs[0].id, attempt=1)
        failure = WorkerFailed(reason="the \x1b[31mmoon fell down")
        await fail_job(db, jobs[2].id, 1, failure.code, failure.detail)
        await db.run(PAUSE_SERVER, server=EVERYWHERE, person=ADA, now=now_ms())
        yield house


def test_the_state_is_told_while_the_bot_runs(here: Here, busy: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = here("status", "--config", busy.config)
    assert said.code == DONE, said
    for words in (
        "Easel      runs", "2 waiting, 1 running", "everywhere", "2 files can be used",
        "1 of unknown base model, 1 broken", "MB", "GB are free", "discord.py", ", pastel: ",
        "moon fell down", "not declared",
    ):  # fmt: skip
        assert words in said.out, said.out
    (row,) = [line.split() for line in said.out.splitlines() if line.split()[:1] == [VIVID]]
    assert row == [VIVID, "demo/vivid", "auto", "1", "1", "-"]
    assert "\x1b" not in said.out
    assert str(ADA) not in said.out and "my secret" not in said.out, "it names no person"


def test_programs_may_read_it_too(here: Here, busy: House) -> None:
    told = json.loads(here("status", "--json", "--config", busy.config).out)
    assert (told["running"], told["waiting"], told["painting"], told["paused"]) == (True, 2, 1, [EVERYWHERE])
    assert {each["checkpoint"]: each["waiting"] for each in told["checkpoints"]} == {VIVID: 1, PASTEL: 0, "gone": 1}
    assert told["library"] == {"usable": 2, "unknown": 1, "broken": 1}
    assert [each["code"] for each in told["failed"]] == ["worker_failed"]


def test_a_bot_that_does_not_run_has_a_state_and_one_that_never_ran_has_none(here: Here, house: House) -> None:
    said = here("status", "--config", house.config)
    assert (said.code, "no database" in said.sentence) == (UNUSABLE, True)
    assert not house.data.exists()
    house.data.mkdir()
    house.settings.storage.database.touch()
    said = here("status", "--config", house.config)
    assert (said.code, "no database" in said.sentence) == (UNUSABLE, True)
    assert here("library", "scan", "--config", house.config).code == DONE
    said = here("status", "--config", house.config)
    assert said.code == DONE
    assert "not running" in said.out and "0 waiting, 0 running" in said.out and "none" in said.out


def test_what_the_bot_found_is_told_where_its_database_cannot_be_read(here: Here, busy: House) -> None:
    storage = busy.settings.storage
    finding = Finding("database file", FindingGrade.PROBLEM, "The database file was removed.")
    health = Health(connected=True, workers=1, restarting=0, at=time.time(), findings=(finding,))
    storage.health.write_text(json.dumps(asdict(health)))
    damage_page(storage.database, "job")
    said = here("status", "--json", "--config", busy.config)
    told = json.loads(said.out)
    assert (said.code, told["running"], told["findings"]) == (UNUSABLE, True, [asdict(finding)])
    assert "is damaged" in told["problem"] and told["problem"] in said.err
    storage.database.unlink()
    said = here("status", "--config", busy.config)
    assert said.code == UNUSABLE and finding.says in said.err
    said = here("reports", "--config", busy.config)
    assert said.code == UNUSABLE and "was removed while Easel runs" in said.sentence


@pytest.mark.skipif(not can_be_powerless, reason="root cannot lay down its powers here")
def test_who_may_not_write_reads_it_too(here: Here, house: House) -> None:
    config, database = house.config, house.settings.storage.database
    assert here("library", "scan", "--config", config).code == DONE
    there = sorted(house.data.iterdir())
    lock = database.with_name(f"{database.name}.lock")
    for path in (database, lock, house.data):
        path.chmod(path.stat().st_mode & 0o555)
    said = bot("status", "--config", config, powerless=True)
    assert (said.code, "not running" in said.out) == (DONE, True), said
    said = bot("library", "list", "--config", config, powerless=True)
    assert (said.code, "Bat" in said.out) == (DONE, True), said
    assert sorted(house.data.iterdir()) == there
    with program_lock(database):  # of an account that may write
        lock.chmod(0o444)
        said = bot("status", "--config", config, powerless=True)
    assert (said.code, "Easel      runs" in said.out) == (DONE, True), said

"""Copies that the running bot makes by itself, in fast motion."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import background
from bot.app.backups import Backups
from bot.config import Settings
from bot.database.database import open_database
from bot.database.key_values import REMEMBER_VALUE
from bot.database.storage.backup import check, copies, made_at, newest_copy
from bot.diagnostics.finding import FindingGrade
from bot.diagnostics.watch import backup_state, check_backup
from bot.library.configuration import Configuration
from tests.house import House
from tests.log import Log

START = 1_800_000_000.0  # unix seconds
HOUR = 3600.0
DAY = 24 * HOUR


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def every_day(house: House, keep: int = 7) -> Settings:
    settings = house.settings
    return settings.model_copy(update={"backup": settings.backup.model_copy(update={"keep": keep})})


async def run_for(backups: Backups, clock: Clock, seconds: float, busy: Callable[[], None] = lambda: None) -> None:
    """Let the bot run for so long; `busy` happens before each look."""
    until = clock.now + seconds
    while clock.now < until:
        busy()
        clock.now += await backups.copy_if_due()


def grade(settings: Settings, clock: Clock) -> FindingGrade:
    return check_backup(backup_state(settings, clock)).grade


async def test_a_busy_month_has_a_copy_of_each_day(house: House, clock: Clock) -> None:
    """Checkpoints of the log renew the time of the database file all the time."""
    settings = every_day(house, keep=100)
    database = settings.storage.database
    async with open_database(database) as db:
        backups = Backups(Configuration(settings, ()), clock)
        assert grade(settings, clock) is FindingGrade.WARNING
        await backups.copy_if_due()
        assert [made_at(copy) for copy in copies(settings.backup_folder, clock.now)] == [START]
        await run_for(backups, clock, 30 * DAY, lambda: os.utime(database, (clock.now, clock.now)))
        await db.run(REMEMBER_VALUE, key="still", value="open")
    made = sorted(made_at(copy) for copy in copies(settings.backup_folder, clock.now))
    assert made == [START + day * DAY for day in range(30)]
    check(copies(settings.backup_folder, clock.now)[0])
    assert grade(settings, clock) is FindingGrade.OK


async def test_restarts_count_from_the_last_copy(house: House, clock: Clock) -> None:
    settings = every_day(house)
    async with open_database(settings.storage.database):
        pass
    for _start in range(40):
        await run_for(Backups(Configuration(settings, ()), clock), clock, 2 * HOUR)
    made = sorted(made_at(copy) for copy in copies(settings.backup_folder, clock.now))
    assert made == [START, START + DAY, START + 2 * DAY, START + 3 * DAY]


async def test_a_copy_from_the_future_holds_up_none_and_is_deleted_first(house: House, clock: Clock) -> None:
    """The clock of a rented box was a year ahead at its first start."""
    settings = every_day(house, keep=2)
    async with open_database(settings.storage.database):
        clock.now += 365 * DAY
        backups = Backups(Configuration(settings, ()), clock)
        await backups.copy_if_due()
        clock.now = START
        await run_for(backups, clock, 3 * DAY)
    made = [made_at(copy) for copy in copies(settings.backup_folder, clock.now)]
    assert made == [START + 2 * DAY, START + DAY]


async def test_an_old_or_failed_copy_is_a_finding(house: House, clock: Clock, tmp_path: Path) -> None:
    settings = every_day(house)
    async with open_database(settings.storage.database):
        backups = Backups(Configuration(settings, ()), clock)
        await backups.copy_if_due()
    clock.now += 2 * DAY - 1
    assert grade(settings, clock) is FindingGrade.OK
    clock.now += 2
    assert grade(settings, clock) is FindingGrade.WARNING
    (tmp_path / "file").touch()
    full = settings.model_copy(update={"backup": settings.backup.model_copy(update={"folder": tmp_path / "file"})})
    failing = Backups(Configuration(full, ()), clock)
    await failing.copy_if_due()
    assert failing.problem is not None and "cannot be written" in failing.problem


async def test_copies_can_be_switched_off(house: House, clock: Clock) -> None:
    settings = house.settings
    settings = settings.model_copy(update={"backup": settings.backup.model_copy(update={"every_hours": 0.0})})
    async with open_database(settings.storage.database):
        await run_for(Backups(Configuration(settings, ()), clock), clock, 5 * DAY)
    assert newest_copy(settings.backup_folder, clock.now) is None
    assert grade(settings, clock) is FindingGrade.OK


async def test_a_database_that_somebody_moved_away_does_not_end_the_copying(house: House) -> None:
    settings = house.settings
    settings = settings.model_copy(update={"backup": settings.backup.model_copy(update={"every_hours": 1e-6})})
    with Log.listening() as log:
        copying = background.start(Backups(Configuration(settings, ())).run(), "copying the database")
        await log.heard("There is no database")
        assert not copying.done() and not log.tracebacks
        copying.cancel()

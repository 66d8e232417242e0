"""Findings about data and workers: seen at the next look, sent to operators once a day, also over restarts."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from bot import metrics
from bot.app.assembly import Easel, assemble, open_catalogue
from bot.app.backups import Backups
from bot.app.health import STALE_SECONDS, Health
from bot.app.health_report import HealthReport, observe
from bot.app.recorded_state import findings_from_outside
from bot.app.watchman import DAY, Watchman
from bot.cli.setup.doctor import _data
from bot.database.database import open_database
from bot.database.errors import NotADatabase
from bot.database.key_values import RECALL_VALUE, REMEMBER_VALUE
from bot.database.storage.backup import back_up, copies, put_back
from bot.diagnostics.finding import Finding, FindingGrade
from bot.diagnostics.watch import (
    DATABASE_FILE,
    FULL_DISK,
    LONG_WAIT_SECONDS,
    LOW_DISK,
    NOTIFIED_DAYS,
    DiskSpace,
    SilentWorker,
    WatchFacts,
    check_disk,
    disk_spaces,
    troubles,
)
from tests.bot.app.test_backups import Clock
from tests.bot.pictures.certificates import settings_in
from tests.house import House
from tests.log import Log

GB = 10**9


@dataclass
class WatchedHouse:
    """The services of a house whose workers do not run, a watchman, and the texts that operators got."""

    easel: Easel
    clock: Clock
    sent: list[str] = field(default_factory=list[str])
    reachable: bool = True

    def __post_init__(self) -> None:
        self.watchman = self.restarted()

    @property
    def database(self) -> Path:
        return self.easel.configuration.settings.storage.database

    def restarted(self) -> Watchman:
        """A watchman as the next start makes it."""
        easel = self.easel
        watchman = Watchman(easel.configuration, easel.db, easel.jobs, easel.backups, self.clock)
        watchman.tell_operators = self._tell
        return watchman

    async def look(self, *, later: float = 0.0) -> list[str]:
        """The new texts of a look that comes so many seconds later."""
        self.clock.now += later
        before = len(self.sent)
        await self.watchman.look()
        return self.sent[before:]

    async def _tell(self, text: Callable[[], str]) -> bool:
        if self.reachable:
            self.sent.append(text())
        return self.reachable


@pytest_asyncio.fixture
async def watch(house: House) -> AsyncIterator[WatchedHouse]:
    async with open_catalogue(house.settings) as found:
        easel = assemble(found)
        await easel.backups.copy_if_due()
        yield WatchedHouse(easel, Clock())


def damage_page(database: Path, table: str) -> None:
    """Overwrite the root page of a table with noise, as a failing disk does."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
        ((size,),) = connection.execute("PRAGMA page_size")
    with database.open("rb+") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


async def test_what_is_well_is_no_finding(watch: WatchedHouse) -> None:
    watch.clock.now = time.time()
    assert await watch.look() == [] or all("free" in text for text in watch.sent)  # this machine's disk may be full
    assert {finding.what for finding in watch.watchman.findings} <= {"disk: database, pictures, backups"}


async def test_a_certificate_that_expires_is_told_with_the_command_that_renews(
    watch: WatchedHouse, tmp_path: Path
) -> None:
    async def told(days: int) -> list[str]:
        configuration, c2pa = watch.easel.configuration, settings_in(tmp_path, days=days)
        configuration.replace(configuration.settings.model_copy(update={"c2pa": c2pa}), configuration.checkpoints.specs)
        watch.clock.now = time.time()
        return [text for text in await watch.look() if "certificate" in text]

    assert await told(NOTIFIED_DAYS + 2) == []
    (soon,) = await told(NOTIFIED_DAYS - 1)
    (late,) = await told(-1)
    assert f"{tmp_path / 'chain.pem'} expires on" in soon and f"{tmp_path / 'chain.pem'} expired on" in late
    assert "`easel config certificate`" in soon and "`easel config certificate`" in late
    assert ("signatures", "problem") in metrics.FINDINGS.samples


async def test_a_damaged_page_is_sent_once_a_day_also_over_restarts(watch: WatchedHouse) -> None:
    damage_page(watch.database, "audit")
    assert await watch.watchman.check_database() > 0
    (text,) = [text for text in await watch.look(later=300) if "damaged" in text]
    assert "`easel restore`" in text
    assert await watch.look(later=15) == []
    watch.watchman = watch.restarted()
    await watch.watchman.check_database()
    assert await watch.look(later=300) == []
    assert next(finding.what for finding in watch.watchman.findings) == "database"
    assert ("database", "problem") in metrics.FINDINGS.samples
    assert [space.folder for space in metrics.FINDINGS.folders] == ["database", "pictures", "backups", "library"]
    assert all(0 < space.free < space.size for space in metrics.FINDINGS.folders)
    assert any("damaged" in text for text in await watch.look(later=DAY))
    with pytest.raises(NotADatabase, match="is damaged"):
        async with open_database(watch.database):
            pass


async def test_damage_that_a_query_meets_is_told_at_the_next_look(watch: WatchedHouse) -> None:
    await watch.look()
    damage_page(watch.database, "audit")
    with pytest.raises(NotADatabase):
        await watch.easel.db.fetch("SELECT * FROM audit")
    assert any("damaged" in text for text in await watch.look())


async def test_a_finding_is_in_doctor_and_status_before_its_message_is_sent(watch: WatchedHouse) -> None:
    settings, watchman = watch.easel.configuration.settings, watch.watchman
    watchman.publish = HealthReport(settings.storage.health, lambda: observe(True, [], watchman.findings)).write
    outside = list[bool]()

    async def tell(text: Callable[[], str]) -> bool:
        outside.append(text() in {finding.says for finding in findings_from_outside(settings)})
        return True

    watchman.tell_operators = tell
    await watch.look()
    watchman.note_shared_token()
    await watch.look()
    assert outside and all(outside)


async def test_an_unreachable_discord_delays_a_finding_and_loses_none(watch: WatchedHouse) -> None:
    watch.watchman.note_shared_token()
    watch.reachable = False
    assert await watch.look() == []
    watch.reachable = True
    assert any("Another program is using the bot's token" in text for text in await watch.look())
    assert not any("token" in text for text in await watch.look())
    await watch.look(later=DAY + 1)
    assert "token" not in {finding.what for finding in watch.watchman.findings}


async def recalled(copy: Path, database: Path) -> str | None:
    """Restore a copy, away from the database that is in use, and read "what" from it."""
    restored = database.parent / "restored" / "easel.sqlite3"
    restored.parent.mkdir()
    put_back(copy, restored)
    async with open_database(restored) as db:
        return await db.one(RECALL_VALUE, "what")


@pytest.mark.parametrize("replaced", [False, True])
async def test_the_data_of_a_removed_database_are_saved(watch: WatchedHouse, replaced: bool) -> None:
    await watch.easel.db.run(REMEMBER_VALUE, key="what", value="written since the last copy")
    watch.database.unlink()
    if replaced:
        watch.database.write_bytes(b"")
    (text,) = [text for text in await watch.look() if "database file" in text]
    newest = copies(watch.easel.configuration.settings.backup_folder, watch.clock.now)[0]
    assert str(newest) in text and ("was replaced" in text) is replaced
    await watch.easel.db.run(REMEMBER_VALUE, key="still", value="works")
    assert await recalled(newest, watch.database) == "written since the last copy"


async def test_a_database_that_is_removed_again_is_told_again(watch: WatchedHouse) -> None:
    aside = watch.database.with_name("aside.sqlite3")
    for _ in range(2):
        watch.database.rename(aside)
        assert any("was removed" in text for text in await watch.look(later=60))
        assert not any("was removed" in text for text in await watch.look(later=60))
        aside.rename(watch.database)
        await watch.look(later=60)


async def test_a_finding_that_was_gone_for_an_hour_is_sent_again(watch: WatchedHouse) -> None:
    other = watch.database.with_name("other.sqlite3")
    sent = list[bool]()
    for away in (60.0, 60.0, 2 * 3600.0):
        other.hardlink_to(watch.database)
        sent.append(any("second name" in text for text in await watch.look(later=15)))
        other.unlink()
        await watch.look(later=15)
        await watch.look(later=away)
    other.hardlink_to(watch.database)
    sent.append(any("second name" in text for text in await watch.look(later=15)))
    assert sent == [True, False, False, True]


async def test_a_finding_that_was_gone_before_a_restart_is_sent_again(watch: WatchedHouse) -> None:
    other = watch.database.with_name("other.sqlite3")
    other.hardlink_to(watch.database)
    assert any("second name" in text for text in await watch.look())
    other.unlink()
    await watch.look(later=3600.0)
    await watch.look(later=3 * 3600.0)
    watch.watchman = watch.restarted()
    other.hardlink_to(watch.database)
    assert any("second name" in text for text in await watch.look(later=1800.0))


async def test_a_finding_that_gets_worse_is_logged_and_published_at_once(watch: WatchedHouse) -> None:
    published = list[FindingGrade]()

    async def publish() -> None:
        published.extend(each.grade for each in watch.watchman.findings if each.what == DATABASE_FILE)

    watch.watchman.publish = publish
    watch.database.with_name("other.sqlite3").hardlink_to(watch.database)
    await watch.look()
    watch.database.unlink()
    with Log.listening() as log:
        await watch.look()
    assert published == [FindingGrade.WARNING, FindingGrade.PROBLEM]
    assert any("was removed" in record.getMessage() for record in log.records)


async def test_what_was_written_after_the_rescue_is_saved_when_the_bot_stops(watch: WatchedHouse) -> None:
    watch.database.unlink()
    (text,) = [text for text in await watch.look() if "database file" in text]
    await watch.easel.db.run(REMEMBER_VALUE, key="what", value="written after the message")
    await watch.watchman.aclose()
    newest = copies(watch.easel.configuration.settings.backup_folder, watch.clock.now)[0]
    assert str(newest) in text
    assert await recalled(newest, watch.database) == "written after the message"


class MadeMeanwhile(Backups):
    """Makes the first copy in the middle of a look."""

    @property
    def settled(self) -> bool:
        settings = self._configuration.settings
        back_up(settings.storage.database, settings.backup_folder, keep=7, clock=self._clock)
        return True

    @settled.setter
    def settled(self, settled: bool) -> None:
        pass


async def test_a_first_copy_that_is_made_during_a_look_is_no_finding(house: House) -> None:
    async with open_catalogue(house.settings) as found:
        easel, clock = assemble(found), Clock()
        backups = MadeMeanwhile(easel.configuration, clock)
        watchman = Watchman(easel.configuration, easel.db, easel.jobs, backups, clock)
        await watchman.look()
        assert "backup" not in {finding.what for finding in watchman.findings}


async def test_a_second_name_of_the_database_file_is_a_finding(watch: WatchedHouse) -> None:
    other = watch.database.with_name("other.sqlite3")
    other.hardlink_to(watch.database)
    assert any("second name" in text for text in await watch.look())
    other.unlink()
    await watch.look()
    assert "database file" not in {finding.what for finding in watch.watchman.findings}


@pytest.mark.parametrize(
    ("free", "total", "grade"),
    [
        (LOW_DISK + 1, 1000 * GB, FindingGrade.OK),
        (LOW_DISK - 1, 1000 * GB, FindingGrade.WARNING),
        (FULL_DISK - 1, 1000 * GB, FindingGrade.PROBLEM),
        (20_000_000, 64_000_000, FindingGrade.OK),  # a small disk that is mostly free
        (5_000_000, 64_000_000, FindingGrade.WARNING),
        (0, 64_000_000, FindingGrade.PROBLEM),
    ],
)
def test_a_disk_without_room_is_a_finding(free: int, total: int, grade: FindingGrade) -> None:
    finding = check_disk(DiskSpace(Path("/srv"), ("database", "pictures"), free, total))
    assert finding.grade is grade
    assert ("Free some space" in finding.says) is (grade is not FindingGrade.OK)
    assert "for the database and pictures" in finding.says


def test_folders_on_one_disk_are_one_finding(house: House) -> None:
    (space,) = disk_spaces(house.settings)
    assert space.saved == ("database", "pictures", "backups") and space.total > space.free > 0


def test_workers_and_queue() -> None:
    facts = WatchFacts(Path("easel.sqlite3"), longest_wait=LONG_WAIT_SECONDS - 1)
    assert troubles(facts) == []
    facts = WatchFacts(
        Path("easel.sqlite3"), longest_wait=LONG_WAIT_SECONDS + 1, silent=(SilentWorker("node-2: cuda:0", 45.0),)
    )
    worker, queue = troubles(facts)
    assert (worker.what, worker.grade) == ("worker node-2: cuda:0", FindingGrade.PROBLEM)
    assert "no progress for 45 seconds" in worker.says and "30 minutes" in queue.says


async def test_without_a_bot_the_same_is_read_from_the_files(house: House) -> None:
    settings = house.settings
    async with open_database(settings.storage.database):
        pass
    told = {finding.what: finding for finding in _data(settings)}
    assert told["database"].grade is FindingGrade.OK
    assert "no backup of the database yet" in told["backup"].says
    assert "backup" in {finding.what for finding in findings_from_outside(settings)}
    damage_page(settings.storage.database, "audit")
    told = {finding.what: finding for finding in _data(settings)}
    assert told["database"].grade is FindingGrade.PROBLEM and "`easel restore`" in told["database"].says


async def test_beside_a_bot_its_own_findings_are_read(house: House) -> None:
    settings, now = house.settings, time.time()
    async with open_database(settings.storage.database):
        pass
    finding = Finding("token", FindingGrade.PROBLEM, "Another program is using the bot's token.")
    health = Health(connected=True, workers=1, restarting=0, at=now, findings=(finding,))
    settings.storage.health.write_text(json.dumps(asdict(health)))
    assert findings_from_outside(settings, lambda: now + 5) == [finding]
    assert finding in _data(settings)
    assert finding not in findings_from_outside(settings, lambda: now + STALE_SECONDS + 1)

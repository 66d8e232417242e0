"""Watches data and workers of the running bot, and notifies operators of each finding once, then once a day."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bot import background, metrics
from bot.app.backups import Backups
from bot.config.sections.c2pa import C2paSettings
from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.storage.backup import copy_path
from bot.database.storage.integrity import FileState, OpenFile, damage
from bot.diagnostics.finding import Finding, FindingGrade
from bot.diagnostics.folder_spaces import folder_spaces
from bot.diagnostics.watch import (
    DATABASE,
    DATABASE_FILE,
    CertificateState,
    SilentWorker,
    WatchFacts,
    backup_state,
    disk_spaces,
    troubles,
)
from bot.jobs.service import JobService
from bot.library.configuration import Configuration
from bot.pictures.signing.credentials import expiry
from inference.queue.policy import EVERYWHERE

log = logging.getLogger(__name__)

WATCH_SECONDS = 15.0  # between looks; a finding reaches operators within a minute
DAY = 86_400.0
AWAY_SECONDS = 3600.0  # after which a finding that comes back is sent again
CHECK_COST = 60.0  # seconds between quick checks for each second that one takes
MALFORMED = "database disk image is malformed"
GONE = frozenset({FileState.REMOVED, FileState.REPLACED})
# Findings that do not come and go by themselves: after an operator has solved one, the next is sent at once.
ONCE_SOLVED = frozenset(f"{what} {FindingGrade.PROBLEM}" for what in (DATABASE, DATABASE_FILE))

# Sends a text to operators, each in their language. False: Discord cannot be reached now.
TellOperators = Callable[[Callable[[], str]], Awaitable[bool]]


async def _not_connected(_text: Callable[[], str]) -> bool:
    return False


async def _nowhere() -> None:
    pass


class Watchman:
    """Looks at everything in `bot.diagnostics.watch` every few seconds.

    `tell_operators` is set once Discord can be reached. `publish` shows the findings to `doctor` and `status`, before
    operators read of them in Discord. A file records when each finding was sent last, so a restart sends nothing
    again. It is a file because the database may be broken.
    """

    def __init__(
        self,
        configuration: Configuration,
        db: Database,
        jobs: JobService,
        backups: Backups,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tell_operators: TellOperators = _not_connected
        self.publish: Callable[[], Awaitable[None]] = _nowhere
        self._configuration = configuration
        self._db = db
        self._jobs = jobs
        self._backups = backups
        self._clock = clock
        storage = configuration.settings.storage
        self._file = OpenFile.at(storage.database)
        self._sent_file = storage.findings
        self._sent = _read(self._sent_file)
        self._damage: str | None = None
        self._token_shared_at = -DAY
        self._seen: set[str] = set()
        self._began = clock()
        self._present: dict[str, float] = {}  # time when each finding was last present
        self._facts = WatchFacts(storage.database)

    @property
    def findings(self) -> list[Finding]:
        """The findings of the last look, in the current language."""
        return troubles(self._facts)

    def note_shared_token(self) -> None:
        """Note that another program answered an interaction first."""
        self._token_shared_at = self._clock()

    async def run(self) -> None:
        """Look every few seconds, and check the database beside that. Runs until cancelled."""
        await asyncio.gather(
            background.Recurring("watching data and workers", self.look, WATCH_SECONDS).run(),
            background.Recurring("checking the database", self.check_database, WATCH_SECONDS).run(),
        )

    async def check_database(self) -> float:
        """Let SQLite check the database file. Return the seconds until the next check: few if it is cheap.

        SQLite opens the file by its name, so a file that was moved away is not checked.
        """
        if self._damage is not None:
            return DAY
        if await asyncio.to_thread(self._file_state) in GONE:
            return WATCH_SECONDS
        began = time.monotonic()
        try:
            self._damage = await background.reading(damage, self._facts.database)
        except DatabaseError as problem:
            log.warning("cannot check the database: %s", problem)
        return min(DAY, max(WATCH_SECONDS, CHECK_COST * (time.monotonic() - began)))

    async def look(self) -> None:
        """Collect the facts, and notify operators of new findings."""
        settings, facts = self._configuration.settings, self._facts
        due = not self._backups.settled  # asked before the newest copy: a copy may be made meanwhile
        state = await asyncio.to_thread(self._file_state)
        backup = await asyncio.to_thread(backup_state, settings, self._clock)
        if self._damage is None and self._db.met_damage:
            self._damage = MALFORMED
        self._facts = WatchFacts(
            facts.database,
            damage=self._damage,
            file=state,
            rescued=await self._rescued(state),
            disks=await asyncio.to_thread(disk_spaces, settings),
            backup=replace(backup, problem=self._backups.problem, due=due),
            longest_wait=None if EVERYWHERE in self._jobs.paused else self._jobs.forecasts.longest_wait,
            silent=tuple(
                SilentWorker(f"{worker.node}: {worker.device}" if worker.node else worker.device, worker.silent)
                for worker in self._jobs.workers
                if worker.silent is not None
            ),
            token_shared=self._clock() - self._token_shared_at < DAY,
            certificate=await asyncio.to_thread(self._certificate, settings.c2pa),
        )
        metrics.FINDINGS.samples = tuple((finding.what, finding.grade.value) for finding in self.findings)
        metrics.FINDINGS.backup_age = math.inf if backup.age is None else backup.age
        await self._tell(self.findings)
        metrics.FINDINGS.folders = await asyncio.to_thread(folder_spaces, settings)

    def _file_state(self) -> FileState:
        return FileState.IN_PLACE if self._file is None else self._file.state

    def _certificate(self, settings: C2paSettings) -> CertificateState | None:
        expires = expiry(settings)
        if settings.certificate is None or expires is None:
            return None
        return CertificateState(settings.certificate, expires, expires.timestamp() - self._clock())

    async def aclose(self) -> None:
        """Save the data of a database whose file is gone, because closing the database deletes them."""
        with suppress(OSError):  # a disk that is gone
            if await asyncio.to_thread(self._file_state) in GONE and (copy := await self._save_copy()) is not None:
                log.warning("the database file is gone; its data are in %s: `restore` puts that copy back", copy)

    async def _rescued(self, state: FileState) -> Path | None:
        """A copy of a database whose file is gone, made once while the data can still be read."""
        if state not in GONE:
            return None
        return self._facts.rescued or await self._save_copy()

    async def _save_copy(self) -> Path | None:
        """Copy the data of a database whose file is gone; None if that fails. A later copy replaces the first."""
        target = self._facts.rescued or copy_path(self._configuration.settings.backup_folder, self._clock())
        partial = target.with_name(f"{target.name}.partial")
        try:
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
            await asyncio.to_thread(partial.unlink, missing_ok=True)
            await self._db.copy_into(partial)
            await asyncio.to_thread(partial.replace, target)
        except (DatabaseError, OSError) as problem:  # retried at the next look
            if self._facts.file not in GONE:
                log.error("cannot copy the database, whose file was removed, to %s: %s", target, problem)
            return None
        return target

    async def _tell(self, findings: Sequence[Finding]) -> None:
        """Send the findings that were not sent within a day."""
        now = self._clock()
        keys = [f"{finding.what} {finding.grade}" for finding in findings]
        for finding, key in zip(findings, keys, strict=True):
            if key not in self._seen:
                log.warning("%s: %s", finding.what, finding.says)
        if self._seen != set(keys):
            self._seen = set(keys)
            await self.publish()
        self._present |= dict.fromkeys(keys, now)
        news = {key for key in self._sent if now - self._present.get(key, self._began) > AWAY_SECONDS}
        news |= ONCE_SOLVED.difference(keys)
        await self._save({key: at for key, at in self._sent.items() if 0 <= now - at < DAY and key not in news})
        for finding, key in zip(findings, keys, strict=True):
            if key not in self._sent and await self.tell_operators(_saying(self._facts, finding.what)):
                await self._save(self._sent | {key: now})

    async def _save(self, sent: dict[str, float]) -> None:
        """Record when each finding was sent, also for the next start."""
        if sent != self._sent:
            self._sent = sent
            await asyncio.to_thread(_write, self._sent_file, sent)


def _saying(facts: WatchFacts, what: str) -> Callable[[], str]:
    """Return a function that says a finding in the current language."""
    return lambda: next(finding.says for finding in troubles(facts) if finding.what == what)


def _read(file: Path) -> dict[str, float]:
    try:
        return {str(key): float(at) for key, at in json.loads(file.read_text("utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(file: Path, sent: dict[str, float]) -> None:
    part = file.with_suffix(".part")
    try:
        part.write_text(json.dumps(sent), "utf-8")
        part.replace(file)
    except OSError as problem:  # a full disk may be what was found
        log.warning("cannot write %s (%s); operators are notified again after a restart", file, problem)

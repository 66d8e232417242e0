"""Removes what is older than `[retention]` says, kind by kind, in batches so small that nobody waits for them.

A dry run takes the same way and removes nothing. What a crash leaves of a batch is removed at the next start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path

from bot import background
from bot.config import Settings
from bot.config.sections.retention import KeptPicture
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import UNFINISHED_IDS
from bot.database.people.drafts import FORGET_OLD_DRAFTS
from bot.database.privacy.erased_rows import overwrite_deleted
from bot.database.privacy.erasure_leftovers import FileFolder, LeftFile
from bot.database.privacy.erasures import FORGET_OLD_RECEIPTS
from bot.database.privacy.retention import (
    END_OLD_FILES,
    FORGET_OLD_NOTICES,
    OLD_DRAFTS,
    OLD_ENTRIES,
    OLD_JOBS,
    OLD_NOTICES,
    OLD_PICTURES,
    OLD_RECEIPTS,
    OLD_REPORTS,
    OldJob,
    OldRow,
    forget_entries,
    forget_jobs,
    forget_pictures,
    forget_reports,
)
from bot.database.query import Query
from bot.database.servers.left_servers import SERVERS_LEFT, forget_server
from bot.library.configuration import Configuration
from bot.privacy.file_removal import FileRemoval
from inference.messages.spool import job_of_file

SWEEP_SECONDS = 3600.0
OVERWRITE_SECONDS = 86_400.0  # between two times that the indexes are merged, in which deleted words are left
AT_ONCE = 100  # jobs in one batch: others wait to write meanwhile, some 20 ms
LOOKED_AT = 200  # files whose age or size is asked for together
SHARE = 0.1  # of the time that the work may take, the disk's included; for the rest of it, it sleeps
GIGABYTE = 10**9
LOG_FILES = "easel-*.log"
FOR_EVER = 2**62  # ms, after everything

log = logging.getLogger(__name__)


class Kind(StrEnum):
    """What expires by itself."""

    PICTURES = "pictures"
    JOBS = "orders without pictures"
    THUMBNAILS = "thumbnails"
    DRAFTS = "drafts"
    INPUTS = "pictures to start from"
    EMBEDDINGS = "encoded prompts"
    STATES = "states of ended orders"
    LOGS = "log files"
    REPORTS = "decided reports"
    NOTICES = "messages about takedown cases"
    AUDIT = "audit log entries"
    RECEIPTS = "receipts"
    SERVERS = "servers that removed the bot"


@dataclass(frozen=True)
class Expired:
    """How much of a kind is too old: rows, or files with their bytes. `oldest` in unix ms."""

    kind: Kind
    count: int = 0
    size: int = 0
    oldest: int | None = None

    def with_portion(self, batch: Portion) -> Expired:
        """The sum."""
        times = [at for at in (self.oldest, batch.oldest) if at is not None]
        return Expired(self.kind, self.count + batch.count, self.size + batch.size, min(times, default=None))


@dataclass(frozen=True)
class Portion:
    """A few things that go together; without any, a pause in a long search."""

    count: int = 0
    size: int = 0
    oldest: int | None = None
    remove: Callable[[], Awaitable[object]] | None = None


class Retention:
    """Removes what is too old from one database and its folders."""

    def __init__(
        self,
        db: Database,
        configuration: Configuration,
        files: FileRemoval,
        *,
        forgotten: Callable[[int], None] = lambda _server_id: None,
        share: float = SHARE,
        at_once: int = AT_ONCE,
    ) -> None:
        """`forgotten` is told of each server whose rows have gone, for what is held in memory."""
        self._db = db
        self._configuration = configuration
        self._files = files
        self._forgotten = forgotten
        self._share, self._at_once = share, at_once
        self._overwrite_at = 0.0

    async def run(self) -> None:
        """Remove what is too old, now and every hour. Runs until cancelled."""
        await background.Recurring("retention", self._sweep_and_log, SWEEP_SECONDS).run()

    async def _sweep_and_log(self) -> None:
        for expired in await self.sweep():
            if expired.count:
                log.info("removed %s %s, %.1f MB", expired.count, expired.kind, expired.size / 1e6)

    async def sweep(self, *, dry: bool = False) -> tuple[Expired, ...]:
        """What was removed; with `dry`, what would be. What fails keeps nothing else from being removed."""
        sources: dict[Kind, Callable[[], AsyncGenerator[Portion]]] = {
            Kind.PICTURES: self._pictures,
            Kind.JOBS: self._jobs,
            Kind.THUMBNAILS: self._thumbnails,
            Kind.DRAFTS: self._drafts,
            Kind.INPUTS: self._inputs,
            Kind.EMBEDDINGS: self._embeddings,
            Kind.STATES: self._states,
            Kind.LOGS: self._logs,
            Kind.REPORTS: self._reports,
            Kind.NOTICES: self._notices,
            Kind.AUDIT: self._audit,
            Kind.RECEIPTS: self._receipts,
            Kind.SERVERS: self._servers,
        }
        swept = {kind: Expired(kind) for kind in sources}
        for kind, source in sources.items():
            work = self._sweep_kind(source(), swept, kind, dry=dry)
            await background.guard(work, f"removing {kind}", expected=(OSError,))
        if not dry and time.monotonic() >= self._overwrite_at:
            await background.guard(overwrite_deleted(self._db), "overwriting what was removed")
            self._overwrite_at = time.monotonic() + OVERWRITE_SECONDS
        return tuple(swept.values())

    async def _sweep_kind(
        self, batches: AsyncGenerator[Portion], swept: dict[Kind, Expired], kind: Kind, *, dry: bool
    ) -> None:
        """Add to `swept` what went; a batch that fails keeps no other. Raises what the search for batches raises."""
        began = time.monotonic()
        async for batch in batches:
            problem = None
            if batch.remove is not None and not dry:
                problem = await background.failure(_awaited(batch.remove))
            if problem is None:
                swept[kind] = swept[kind].with_portion(batch)
            else:
                log.error("cannot remove %s: %s", kind, problem)
            await asyncio.sleep((time.monotonic() - began) * (1 / self._share - 1))
            began = time.monotonic()

    @property
    def _settings(self) -> Settings:
        return self._configuration.settings

    # --- rows ---------------------------------------------------------------------------------------------------------

    async def _pictures(self) -> AsyncGenerator[Portion]:
        """The oldest first: those beyond their days, and so many that the folder keeps its limit."""
        settings, folder = self._settings.retention, self._settings.storage.pictures
        expired_before = _before(settings.pictures_days)
        excess = 0.0
        if settings.pictures_gigabytes:
            total = 0
            async for sizes in _in_chunks(_walk(folder)):
                total += sum(size for _, size, _ in sizes)
                yield Portion()
            excess = total - settings.pictures_gigabytes * GIGABYTE
        held_since = now_ms() - self._settings.moderation.held_ms
        keep = {reason.value: reason in settings.keep for reason in KeptPicture}
        at = last = 0
        while expired_before or excess > 0:
            before = FOR_EVER if excess > 0 else expired_before
            page = await self._db.all(
                OLD_PICTURES, at=at, id=last, before=before, held_since=held_since, limit=self._at_once, **keep
            )
            sizes = await asyncio.to_thread(_sizes, folder, page)
            going = list[OldJob]()
            freed = 0
            for job, size in zip(page, sizes, strict=True):
                if job.at >= expired_before and excess <= 0:
                    break
                going.append(job)
                freed, excess = freed + size, excess - size
            if going:
                count = sum(len(job.paths) for job in going)
                yield Portion(count, freed, going[0].at, self._removal_of_pictures(going))
            if len(page) < self._at_once or len(going) < len(page):
                break
            at, last = page[-1].at, page[-1].id
        if excess > 0:
            log.warning("the folder of pictures is %.1f MB above its limit, because the rest is kept", excess / 1e6)

    def _removal_of_pictures(self, jobs: Iterable[OldJob]) -> Callable[[], Awaitable[None]]:
        async def remove() -> None:
            ids = [job.id for job in jobs]
            await forget_pictures(self._db, ids)
            await self._files.remove([LeftFile(FileFolder.PICTURES, path) for job in jobs for path in job.paths])
            await self._db.run(END_OLD_FILES, ids)

        return remove

    async def _old_rows(self, query: Query[OldRow], days: int) -> AsyncGenerator[list[OldRow]]:
        """Rows that are older, page by page, the oldest first."""
        before, at, last = _before(days), 0, 0
        while page := await self._db.all(query, at=at, id=last, before=before, now=now_ms(), limit=self._at_once):
            yield page
            at, last = page[-1].at, page[-1].id

    async def _jobs(self) -> AsyncGenerator[Portion]:
        async for page in self._old_rows(OLD_JOBS, self._settings.retention.jobs_days):
            ids = [job.id for job in page]
            yield Portion(len(page), 0, page[0].at, partial(self._forget_jobs, ids))

    async def _forget_jobs(self, job_ids: Sequence[int]) -> None:
        if await background.failure(forget_jobs(self._db, job_ids)) is not None:
            for job_id in job_ids:  # so that one that cannot go keeps no other
                await background.guard(forget_jobs(self._db, [job_id]), "removing an order")

    async def _drafts(self) -> AsyncGenerator[Portion]:
        before = _before(self._settings.retention.drafts_days)
        old = await self._db.get(OLD_DRAFTS, before)
        yield Portion(old.count, 0, old.oldest, lambda: self._db.run(FORGET_OLD_DRAFTS, before))

    async def _reports(self) -> AsyncGenerator[Portion]:
        async for page in self._old_rows(OLD_REPORTS, self._settings.retention.reports_days):
            ids = [report.id for report in page]
            yield Portion(len(page), 0, page[0].at, partial(forget_reports, self._db, ids))

    async def _notices(self) -> AsyncGenerator[Portion]:
        before = _before(self._settings.retention.reports_days)
        old = await self._db.get(OLD_NOTICES, before)
        yield Portion(old.count, 0, old.oldest, partial(self._db.run, FORGET_OLD_NOTICES, before))

    async def _audit(self) -> AsyncGenerator[Portion]:
        days = self._settings.retention.audit_days
        async for page in self._old_rows(OLD_ENTRIES, days):
            ids = [entry.id for entry in page]
            yield Portion(len(page), 0, page[0].at, partial(forget_entries, self._db, ids, before_ms=_before(days)))

    async def _receipts(self) -> AsyncGenerator[Portion]:
        before = _before(self._settings.retention.receipts_days)
        old = await self._db.get(OLD_RECEIPTS, before)
        yield Portion(old.count, 0, old.oldest, partial(self._db.run, FORGET_OLD_RECEIPTS, before))

    async def _servers(self) -> AsyncGenerator[Portion]:
        before = _before(self._settings.retention.servers_days)
        for server in await self._db.all(SERVERS_LEFT, before=before, limit=1000):
            yield Portion(1, 0, server.left_at, partial(self._forget_server, server.id))

    async def _forget_server(self, server_id: int) -> None:
        await forget_server(self._db, server_id)
        self._forgotten(server_id)

    # --- files --------------------------------------------------------------------------------------------------------

    async def _thumbnails(self) -> AsyncGenerator[Portion]:
        before = _before(self._settings.retention.thumbnails_days)
        async for old in _old(_walk(self._settings.storage.thumbnails), before):
            yield _files(old)

    async def _inputs(self) -> AsyncGenerator[Portion]:
        before = _before(self._settings.retention.inputs_days)
        async for old in _old(_walk(self._settings.storage.inputs), before):
            named = [LeftFile(FileFolder.INPUTS, path.name) for path, _, _ in old]
            unneeded = await self._files.unneeded(named)
            going = [file for file, left in zip(old, named, strict=True) if left in unneeded]
            batch = _files(going)
            yield Portion(batch.count, batch.size, batch.oldest, lambda left=unneeded: self._files.remove(left))

    async def _embeddings(self) -> AsyncGenerator[Portion]:
        """By the time at which they were written, however often they are used; all of them once none are to be kept."""
        kept = self._settings.worker.embedding_files_megabytes
        before = _before(self._settings.retention.embeddings_days) if kept else FOR_EVER
        async for old in _old(_walk(self._settings.storage.embeddings), before):
            yield _files(old)

    async def _states(self) -> AsyncGenerator[Portion]:
        before = _before(self._settings.retention.states_days)
        async for old in _old(_walk(self._settings.storage.spool), before):
            unfinished = set(await self._db.all(UNFINISHED_IDS))
            yield _files([file for file in old if job_of_file(file[0].name) not in unfinished])

    async def _logs(self) -> AsyncGenerator[Portion]:
        before, folder = _before(self._settings.retention.logs_days), self._settings.logs.folder
        if folder is not None:
            async for old in _old(_walk(folder), before):
                yield _files([file for file in old if file[0].match(LOG_FILES)])


_File = tuple[Path, int, int]  # with its size in bytes and its time in unix ms


def _before(days: int) -> int:
    """What is older than this (unix ms) is too old; 0: nothing is."""
    return now_ms() - days * DAY_MS if days else 0


async def _awaited(work: Callable[[], Awaitable[object]]) -> None:
    await work()


def _walk(folder: Path) -> Generator[_File]:
    """All files below `folder`; what vanishes meanwhile is left out. Raises OSError."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(Path(entry.path))
                else:
                    stat = entry.stat(follow_symlinks=False)
                    yield Path(entry.path), stat.st_size, stat.st_mtime_ns // 1_000_000
            except FileNotFoundError:
                continue


async def _in_chunks(files: Generator[_File], size: int = LOOKED_AT) -> AsyncGenerator[list[_File]]:
    """The files, so many at a time, looked at in a thread."""
    while chunk := await asyncio.to_thread(lambda: list(islice(files, size))):
        yield chunk


async def _old(files: Generator[_File], before: int) -> AsyncGenerator[list[_File]]:
    """Of each chunk the files that are older than `before` (unix ms), if anything can be."""
    if before:
        async for chunk in _in_chunks(files):
            yield [file for file in chunk if file[2] < before]


def _files(files: list[_File]) -> Portion:
    """The batch that removes them."""

    def unlink() -> None:
        for path, _, _ in files:
            path.unlink(missing_ok=True)

    return Portion(
        len(files),
        sum(size for _, size, _ in files),
        min((at for _, _, at in files), default=None),
        lambda: asyncio.to_thread(unlink),
    )


def _sizes(folder: Path, jobs: Iterable[OldJob]) -> list[int]:
    """What the pictures of each job take, in bytes."""
    sizes = list[int]()
    for job in jobs:
        size = 0
        for path in job.paths:
            try:
                size += (folder / path).stat().st_size
            except OSError:  # its row goes all the same
                continue
        sizes.append(size)
    return sizes

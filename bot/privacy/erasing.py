"""Carries erasures out: jobs are cancelled, then rows, files and messages go, and at last what is left is overwritten.

Each step is recorded in the database when it is done, and does no harm when it is done again. So after a crash, or when
Discord cannot be reached, it goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Protocol

from bot import background
from bot.background import DiscordUnreachable
from bot.config import Settings
from bot.database.additions.additions import WAITING_ADDITIONS_OF
from bot.database.clock import HOUR_MS, now_ms
from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.jobs.jobs import UNFINISHED_JOBS, AnyJob
from bot.database.privacy.erased_rows import (
    ENDED_JOBS,
    JOBS_BEING_DELETED,
    erase_jobs,
    erase_person,
    overwrite_deleted,
)
from bot.database.privacy.erasure_leftovers import (
    END_ERASED_REPORT,
    HELD_FILES,
    LEFT_FILES,
    NEXT_ERASED_MESSAGE,
    NEXT_ERASED_REPORT,
    HeldFiles,
    LeftMessage,
    end_files,
    end_message,
    note_direct_messages,
)
from bot.database.privacy.erasures import (
    FIND_ERASURE,
    NEWEST_ERASURE,
    UNFINISHED_ERASURES,
    Erasure,
    ErasureState,
    complete_erasure,
    request_erasure,
)
from bot.database.storage.backup import copies
from bot.library.configuration import Configuration
from bot.privacy.export import stored_counts
from bot.privacy.file_removal import FileRemoval
from bot.privacy.stored_data import is_deletable

AT_ONCE = 50  # jobs or files in one transaction
MESSAGE_SECONDS = 1.0  # between two messages, so that Discord's limits are left to others
RETRY_SECONDS = 60.0  # until what could not be done is tried again, and until an operator's order is noticed

log = logging.getLogger(__name__)


class RunningJobs(Protocol):
    """Cancels jobs; `bot.jobs.service.JobService` does."""

    async def cancel(self, job_id: int) -> AnyJob | None:
        """Cancel a waiting or running job. Raises DatabaseError."""
        ...

    async def until_gone(self, job_id: int) -> None:
        """Wait until the job does not wait any more and no worker has it."""
        ...


class RunningAdditions(Protocol):
    """Cancels additions; `bot.sources.additions.Additions` does."""

    async def cancel(self, addition_id: int, person_id: int) -> object:
        """Withdraw a person's request; when there is no other, it is not fetched. Raises DatabaseError."""
        ...


class DiscordSide(Protocol):
    """Deletes and changes what lies at Discord; `bot.ui.removals.erased_messages` does."""

    async def until_answered(self, person_id: int) -> None:
        """Wait until what the person has asked for is answered: it may write rows and files until then.

        Raises DiscordUnreachable when it takes long.
        """
        ...

    async def stop_delivering(self, person_id: int) -> None:
        """End the deliveries to the person; afterwards nothing more is posted of jobs that have ended."""
        ...

    async def direct_channel(self, person_id: int) -> int | None:
        """The channel of direct messages; None when there can be none. Raises DiscordUnreachable."""
        ...

    async def own_messages(self, channel_id: int) -> list[LeftMessage]:
        """All that the bot wrote in a channel. Raises DiscordUnreachable."""
        ...

    async def write_report(self, report_id: int) -> bool:
        """Write the message to staff about a report anew; False when it is out of reach.

        Raises DiscordUnreachable or DatabaseError.
        """
        ...

    async def delete_message(self, message: LeftMessage) -> bool:
        """Whether it is gone; False when it is not the bot's to delete. Raises DiscordUnreachable."""
        ...


class Erasures:
    """Takes orders to erase, and carries them out one after the other."""

    def __init__(
        self,
        db: Database,
        configuration: Configuration,
        jobs: RunningJobs,
        additions: RunningAdditions,
        files: FileRemoval,
        discord: DiscordSide,
        *,
        pause: float = MESSAGE_SECONDS,
        at_once: int = AT_ONCE,
    ) -> None:
        self._db = db
        self._configuration = configuration
        self._jobs = jobs
        self._additions = additions
        self._files = files
        self._discord = discord
        self._pause, self._at_once = pause, at_once
        self._recurring = background.Recurring("erasures", self.carry_out_all, RETRY_SECONDS)
        self._ended: dict[int, asyncio.Future[Erasure]] = {}
        self._overwritten = set[int]()  # erasures for which this has been done since the start

    async def request(self, person_id: int) -> asyncio.Future[Erasure]:
        """Order that all that is kept of the person is deleted; from now on it happens. Raises DatabaseError.

        The future ends with the receipt. It does not survive the program, but the erasure does. If nothing has been
        stored since the latest erasure, the earlier receipt is returned.
        """
        erasure = await self._db.one(NEWEST_ERASURE, person_id)
        if erasure is None or is_deletable(await stored_counts(self._db, person_id)):
            database = self._configuration.settings.storage.database
            await asyncio.to_thread(request_erasure, database, person_id, by_operator=False)
            erasure = await self._db.one(NEWEST_ERASURE, person_id)
        assert erasure is not None
        ended: asyncio.Future[Erasure] = asyncio.get_running_loop().create_future()
        if erasure.state is ErasureState.COMPLETE:
            ended.set_result(erasure)
            return ended
        ended = self._ended.setdefault(erasure.id, ended)
        self._recurring.wake()
        return ended

    async def run(self) -> None:
        """Carry out what is ordered, here or by an operator's command. Runs until cancelled."""
        await self._recurring.run()

    async def carry_out_all(self) -> None:
        """Go on with every erasure; what cannot be done now stays for the next time."""
        try:
            unfinished = await self._db.all(UNFINISHED_ERASURES)
        except DatabaseError as problem:
            log.warning("cannot continue erasures, will retry: %s", problem)
            return
        for erasure in unfinished:
            problem = await background.failure(self._carry_out(erasure))
            if isinstance(problem, DiscordUnreachable | DatabaseError | OSError):
                log.warning("cannot continue erasure %s, will retry: %s", erasure.id, problem)
            elif problem is not None:  # a mistake of ours, which keeps nobody else waiting
                log.error("erasure %s failed, will retry", erasure.id, exc_info=problem)

    async def _carry_out(self, erasure: Erasure) -> None:
        """Raises DatabaseError, OSError or DiscordUnreachable; what is done then stays done."""
        if erasure.person_id is not None:
            await self._erase_rows(erasure, erasure.person_id)
        await self._remove_files(erasure)
        await self._note_direct_messages(erasure)
        await self._write_reports(erasure)
        await self._delete_messages(erasure)
        held = await self.held(erasure)
        if held is not None and erasure.id in self._overwritten:
            return  # until the reports are decided
        await overwrite_deleted(self._db)
        self._overwritten.add(erasure.id)
        number, until = await asyncio.to_thread(_copies, self._configuration.settings)
        complete = await complete_erasure(self._db, erasure.id, copies=number, copies_until=until)
        if complete is None:  # somebody else was first
            complete = await self._db.one(FIND_ERASURE, erasure.id)
        if complete is not None and complete.state is ErasureState.COMPLETE:
            log.info("erasure %s is complete", erasure.id)
            ended = self._ended.pop(erasure.id, None)
            if ended is not None and not ended.done():
                ended.set_result(complete)

    async def _erase_rows(self, erasure: Erasure, person_id: int) -> None:
        """Repeat it until no job and no addition is left: one may be ordered meanwhile."""
        direct = await self._discord.direct_channel(person_id)
        while True:
            await self._stop_additions(person_id)
            await self._stop_jobs(person_id)
            while ids := await self._db.all(ENDED_JOBS, person=person_id, limit=self._at_once):
                spooled = await self._spooled(ids)
                await erase_jobs(self._db, erasure, ids, spooled=spooled, direct_channel=direct)
            spooled = await self._spooled(await self._db.all(JOBS_BEING_DELETED, person_id))
            if await erase_person(self._db, erasure, spooled=spooled, direct_channel=direct):
                return

    async def _spooled(self, job_ids: Collection[int]) -> list[str]:
        return [file.path for file in await self._files.spooled(job_ids)]

    async def _stop_jobs(self, person_id: int) -> None:
        """Cancel every job, wait until no worker has one, and until nothing is answered or delivered any more."""
        jobs = await self._db.all(UNFINISHED_JOBS, person_id)
        for job in jobs:
            await self._jobs.cancel(job.id)
        for job in jobs:
            await self._jobs.until_gone(job.id)
        await self._discord.until_answered(person_id)
        await self._discord.stop_delivering(person_id)

    async def _stop_additions(self, person_id: int) -> None:
        """Fetch nothing any more that nobody else asks for."""
        for addition_id in await self._db.all(WAITING_ADDITIONS_OF, person_id):
            await self._additions.cancel(addition_id, person_id)

    async def held(self, erasure: Erasure) -> HeldFiles | None:
        """What of it is held for open reports. Raises DatabaseError."""
        return await self._db.one(HELD_FILES, erasure=erasure.id, held_since=now_ms() - self.held_ms)

    @property
    def held_ms(self) -> int:
        """For how long after a report files are held, in ms."""
        return self._configuration.settings.moderation.held_ms

    async def _remove_files(self, erasure: Erasure) -> None:
        while files := await self._db.all(
            LEFT_FILES, erasure=erasure.id, held_since=now_ms() - self.held_ms, limit=self._at_once
        ):
            await self._files.remove(files)
            await end_files(self._db, erasure.id, files)
        await self._files.remove_embeddings()

    async def _note_direct_messages(self, erasure: Erasure) -> None:
        noted = await self._db.one(FIND_ERASURE, erasure.id)
        if noted is not None and noted.direct_channel is not None:
            messages = await self._discord.own_messages(noted.direct_channel)
            await note_direct_messages(self._db, erasure.id, messages)

    async def _write_reports(self, erasure: Erasure) -> None:
        """Messages to staff stay, without the person: they tell what staff decided."""
        report_id = await self._db.one(NEXT_ERASED_REPORT, erasure=erasure.id, report=0)
        while report_id is not None:
            written = await self._discord.write_report(report_id)
            await self._db.run(END_ERASED_REPORT, written=written, erasure=erasure.id, report=report_id)
            report_id = await self._db.one(NEXT_ERASED_REPORT, erasure=erasure.id, report=report_id)
            if report_id is not None:
                await asyncio.sleep(self._pause)

    async def _delete_messages(self, erasure: Erasure) -> None:
        message = await self._db.one(NEXT_ERASED_MESSAGE, erasure=erasure.id, channel=0, message=0)
        while message is not None:
            gone = await self._discord.delete_message(message)
            await end_message(self._db, erasure.id, message, gone=gone)
            message = await self._db.one(
                NEXT_ERASED_MESSAGE, erasure=erasure.id, channel=message.channel_id, message=message.message_id
            )
            if message is not None:
                await asyncio.sleep(self._pause)


def _copies(settings: Settings) -> tuple[int, int | None]:
    """How many copies of the database there are, and when the last expires (unix ms); None: not by itself."""
    database = settings.storage.database
    dated = copies(settings.backup_folder)
    kept = [*database.parent.glob(f"{database.stem}.schema-*"), *database.parent.glob(f"{database.stem}.before-*")]
    lasting = [path for path in kept if path.suffix == database.suffix]
    number = len(dated) + len(lasting)
    if lasting or not settings.backup.every_hours or not dated:
        return number, None
    return number, now_ms() + int(settings.backup.keep * settings.backup.every_hours * HOUR_MS)

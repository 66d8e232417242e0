"""Carries out confirmed takedowns, notifies authors, and reminds operators of cases that are due.

A step is recorded when it is done, and does no harm when it is done again. So after a crash, or when Discord cannot be
reached, it goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bot import background
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.deliveries import FIND_DELIVERY, DeliveryState
from bot.database.jobs.jobs import FIND_JOB
from bot.database.pictures.inputs import forget_given
from bot.database.privacy.deletions import FIND_HIDDEN_JOB
from bot.database.privacy.takedown_cases import (
    COMPLETE_CASE,
    COPIES_OF_CASE,
    SET_ALERTS,
    UNFINISHED_CASES,
    CaseState,
    CopyKind,
    CopyState,
    TakedownCase,
    TakedownCopy,
    end_copy,
)
from bot.library.configuration import Configuration
from bot.pictures.similarity.copies import folder_of
from bot.pictures.thumbnails import Thumbnails
from bot.ui.removals.pictures import Removals

LOOK_SECONDS = 3.0  # between two looks at what operators have ordered
RETRY_SECONDS = 60.0  # until what could not be removed is tried again
ALERTS_MS = (24 * 3_600_000, 6 * 3_600_000, 0)  # before it is due, operators are told

log = logging.getLogger(__name__)


class TakedownCases:
    """The takedown cases of a running bot. `alert` tells the operators of a case."""

    def __init__(
        self,
        db: Database,
        configuration: Configuration,
        thumbnails: Thumbnails,
        removals: Removals,
        tell_authors: Callable[[], Coroutine[Any, Any, bool]],
        alert: Callable[[TakedownCase], None],
    ) -> None:
        self._db = db
        self._configuration = configuration
        self._thumbnails = thumbnails
        self._removals = removals
        self._tell_authors = tell_authors
        self._alert = alert

    async def run(self) -> None:
        """Look for what there is to do. Runs until cancelled."""
        await background.Recurring("taking pictures down", self._look, RETRY_SECONDS).run()

    async def _look(self) -> float:
        """Returns the seconds until the next look. Raises DatabaseError."""
        return LOOK_SECONDS if await self.carry_out_all() else RETRY_SECONDS

    async def carry_out_all(self) -> bool:
        """Go on with every case; what cannot be removed now stays for the next time, and keeps nothing else.

        Return whether all confirmed cases are complete and all authors notified. Raises DatabaseError.
        """
        left = False
        for case in await self._db.all(UNFINISHED_CASES):
            confirmed = case.state is CaseState.CONFIRMED
            if confirmed and await self._carry_out(case):
                log.info("takedown %s is complete", case.id)
                continue
            left = left or confirmed
            await self._tell(case)
        return await self._tell_authors() and not left

    async def _carry_out(self, case: TakedownCase) -> bool:
        """Whether all that was confirmed is gone."""
        for copy in await self._db.all(COPIES_OF_CASE, case.id):
            if copy.state is CopyState.CONFIRMED:
                await background.guard(self._end(case, copy), f"removing a picture of the takedown {case.id}")
        return await self._db.run(COMPLETE_CASE, now=now_ms(), id=case.id)

    async def _end(self, case: TakedownCase, copy: TakedownCopy) -> None:
        """Remove it and note that, or leave it for the next time."""
        if await self._remove(copy):
            await end_copy(self._db, case.id, copy)

    async def _remove(self, copy: TakedownCopy) -> bool:
        """Whether it is gone."""
        if copy.job_id is not None:
            return await self._remove_job(copy.job_id)
        path = folder_of(copy.kind, self._configuration.settings) / copy.path
        try:
            await asyncio.to_thread(self._remove_file, path)
        except OSError as problem:
            log.warning("cannot remove a picture of a takedown, will retry: %s", problem)
            return False
        if copy.kind is CopyKind.INPUT:
            await forget_given(self._db, [copy.path])
        return True

    def _remove_file(self, path: Path) -> None:
        self._thumbnails.forget(path)
        path.unlink(missing_ok=True)

    async def _remove_job(self, job_id: int) -> bool:
        # Its owner may have deleted it a moment ago, and could still bring it back.
        job = await self._db.one(FIND_JOB, job_id) or await self._db.one(FIND_HIDDEN_JOB, job_id)
        if job is not None:
            delivery = await self._db.one(FIND_DELIVERY, job_id)
            if delivery is not None and delivery.state is DeliveryState.PENDING:
                return False  # it is being delivered, and its message is not known yet
            await self._removals.delete(job)
        return await self._removals.complete_one(job_id)

    async def _tell(self, case: TakedownCase) -> None:
        """Tell operators once for each of the times that has come."""
        left = case.due_at - now_ms()
        due = sum(left <= before for before in ALERTS_MS)
        if due > case.alerts and await self._db.run(SET_ALERTS, alerts=due, case=case.id):
            log.warning("takedown %s is %s, due in %.1f hours", case.id, case.state, left / 3_600_000)
            self._alert(case)

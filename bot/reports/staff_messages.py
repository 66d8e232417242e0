"""Keeps the message to staff about each report up to date.

A message is posted once: before it is posted again, the channel is searched for it. So after a crash, or when Discord
cannot be reached, it goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging

from bot.background import DiscordRefuses, attempt
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.reports.reports import (
    FIND_REPORT,
    MARK_REPORT_POSTED,
    MARK_REPORT_POSTING,
    MARK_REPORT_SHOWN,
    UNSHOWN_REPORTS,
    Report,
    ReportState,
)
from bot.reports.messenger import ReportMessenger, StaffMessageGone
from bot.reports.reporting import Reporting, find_case

AT_ONCE = 50  # reports that are read together

log = logging.getLogger(__name__)


class StaffMessages:
    """The messages to staff about the reports of a database."""

    def __init__(self, db: Database, reporting: Reporting, discord: ReportMessenger) -> None:
        self._db = db
        self._reporting = reporting
        self._discord = discord
        self._writing = asyncio.Lock()  # a message is written by one at a time: what was read first comes first

    async def write_all(self) -> None:
        """Post or edit the message of every report that has changed. Raises DatabaseError."""
        last, refusing = 0, set[int | None]()
        while reports := await self._db.all(UNSHOWN_REPORTS, after=last, limit=AT_ONCE):
            for report in reports:
                last = report.id
                await attempt(self._try(report, refusing), f"the message about the report {report.id}")

    async def _try(self, report: Report, refusing: set[int | None]) -> None:
        """Write the message, unless its channel is among those that refuse; one that does so now joins them."""
        channel_id = await self._reporting.channel_of(report.server_id)
        if channel_id in refusing:
            return
        try:
            async with self._writing:
                current = await self._db.one(FIND_REPORT, report.id)
                if current is not None:
                    await self._write(current, channel_id)
        except DiscordRefuses as problem:
            refusing.add(channel_id)
            log.warning("cannot post reports in channel %s: %s", channel_id, problem)

    async def rewrite(self, report_id: int) -> bool:
        """Write the message of a report anew, if it was posted; False when it is there and out of reach.

        Raises DiscordUnreachable or DatabaseError.
        """
        async with self._writing:
            report = await self._db.one(FIND_REPORT, report_id)
            if report is None:  # forgotten with a server that the bot has left
                return False
            posted = await self._posted(report)
            if posted is None:
                return True
            try:
                await self._discord.edit_post(await find_case(self._db, report), *posted)
            except StaffMessageGone:
                return True
            except DiscordRefuses:
                return False
            await self._db.run(MARK_REPORT_SHOWN, revision=report.revision, id=report.id)
            return True

    async def _write(self, report: Report, channel_id: int | None) -> None:
        """Raises DiscordRefuses for a channel in which nothing can be posted."""
        case = await find_case(self._db, report)
        posted = await self._posted(report)
        if posted is not None:
            try:
                await self._discord.edit_post(case, *posted)
            except StaffMessageGone:
                await self._db.run(MARK_REPORT_POSTED, message=None, id=report.id)
                posted = None
            except DiscordRefuses:  # it stands there, and may be reached again
                if report.state is not ReportState.DECIDED:
                    if report.channel_id == channel_id:
                        raise
                    posted = None
        if posted is None and report.state is not ReportState.DECIDED:
            if channel_id is None:
                return  # it is posted when staff choose a channel
            await self._db.run(MARK_REPORT_POSTING, channel=channel_id, now=now_ms(), id=report.id)
            await self._db.run(MARK_REPORT_POSTED, message=await self._discord.post(case, channel_id), id=report.id)
        await self._db.run(MARK_REPORT_SHOWN, revision=report.revision, id=report.id)

    async def _posted(self, report: Report) -> tuple[int, int] | None:
        """Channel and message, if it was posted, perhaps just before a crash."""
        if report.channel_id is None:
            return None
        if report.message_id is None and report.posting_at is not None:
            try:
                found = await self._discord.find_post(report, report.channel_id, report.posting_at)
            except DiscordRefuses:
                found = None
            if found is not None:
                await self._db.run(MARK_REPORT_POSTED, message=found, id=report.id)
                return report.channel_id, found
        return None if report.message_id is None else (report.channel_id, report.message_id)

"""Progress edits: how often a channel gets one, and what each shows."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.jobs.active_jobs import JobUpdate
from bot.ui.delivery.job_follower import CHANNEL_SECONDS, ChannelEditLimit, _newest
from inference.messages.events import Progress
from tests.bot.jobs.test_hanging_workers import JOB


def test_one_edit_per_second_and_channel_and_old_channels_are_dropped() -> None:
    edit_limit = ChannelEditLimit()
    assert edit_limit.take(1, 100.0) and not edit_limit.take(1, 100.0 + CHANNEL_SECONDS / 2)
    assert edit_limit.take(1, 100.0 + CHANNEL_SECONDS)
    for number in range(1000):
        assert edit_limit.take(number, 200.0 + number * CHANNEL_SECONDS)
        assert len(edit_limit) == 1


async def test_a_preview_stays_until_the_next_one_comes() -> None:
    """Most steps are reported without a preview; the last one was reported may come with an edit that was skipped."""
    updates: asyncio.Queue[JobUpdate] = asyncio.Queue()

    def report(step: int, preview: str | None) -> None:
        updates.put_nowait(JobUpdate(JOB, Progress(job_id=1, attempt=1, step=step, steps=9, preview=preview)))

    report(1, "a.png")
    shown = await _newest(updates, None)
    report(2, None)
    report(3, None)
    later = await _newest(updates, shown)
    assert later.progress is not None and (later.progress.step, later.progress.preview) == (3, "a.png")
    report(4, "b.png")
    report(5, None)
    newest = await _newest(updates, later)
    assert newest.progress is not None and newest.progress.preview == "b.png"
    updates.put_nowait(replace(newest, progress=None))
    assert (await _newest(updates, newest)).progress is None


async def test_that_no_worker_is_left_is_told_unless_the_job_goes_on() -> None:
    updates: asyncio.Queue[JobUpdate] = asyncio.Queue()
    for update in (JobUpdate(JOB, stranded=True), JobUpdate(JOB)):
        updates.put_nowait(update)
    stranded = await _newest(updates, None)
    assert stranded.stranded is True
    updates.put_nowait(JobUpdate(JOB))
    assert (await _newest(updates, stranded)).stranded is None, "it is told once"
    step = Progress(job_id=1, attempt=1, step=0, steps=9)
    for update in (JobUpdate(JOB, stranded=False), JobUpdate(JOB, step)):
        updates.put_nowait(update)
    assert (await _newest(updates, stranded)).stranded is None

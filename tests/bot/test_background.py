"""Background work neither vanishes nor complains."""

from __future__ import annotations

import asyncio
import gc
import logging
import warnings

import pytest

from bot import background
from bot.database.errors import FolderNotWritable


async def test_what_work_raises_is_logged_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ValueError("broken")

    with caplog.at_level(logging.ERROR):
        await background.start(work(), "the work")
    assert "the work failed" in caplog.text and "broken" in caplog.text


async def test_what_is_wrong_with_the_database_is_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise FolderNotWritable("The disk is full.")

    await background.start(work(), "the work")
    (told,) = [record for record in caplog.records if record.name == background.__name__]
    assert told.getMessage() == "the work failed: The disk is full." and told.exc_info is None


async def test_work_cancelled_before_it_began_is_no_mistake() -> None:
    async def work() -> None:
        pass

    gc.collect()  # what other tests left complains elsewhere
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task = background.start(work(), "the work")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        gc.collect()


async def test_an_expected_error_is_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise PermissionError("no")

    await background.guard(work(), "the work", expected=(OSError,))
    (told,) = [record for record in caplog.records if record.name == background.__name__]
    assert told.getMessage() == "the work failed: no" and told.exc_info is None


class Work:
    """Notes each time that it is done; while `broken`, it fails."""

    def __init__(self) -> None:
        self.times = 0
        self.broken = False
        self.again: background.Recurring | None = None  # is woken in the middle of the next time
        self._done = asyncio.Condition()

    async def __call__(self) -> None:
        async with self._done:
            self.times += 1
            self._done.notify_all()
        if self.again is not None:
            self.again, woken = None, self.again
            woken.wake()
        if self.broken:
            raise ValueError("broken")

    async def until(self, times: int) -> None:
        async with self._done, asyncio.timeout(60):
            await self._done.wait_for(lambda: self.times >= times)


async def test_recurring_work_goes_on_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    work = Work()
    work.broken = True
    recurring = background.Recurring("the work", work, 0.001)
    running = asyncio.create_task(recurring.run())
    await work.until(3)
    assert "the work failed" in caplog.text
    recurring.stop()
    await running


async def test_recurring_work_is_done_at_once_when_it_is_woken() -> None:
    work = Work()
    recurring = background.Recurring("the work", work, 1e6)
    running = asyncio.create_task(recurring.run())
    await work.until(1)
    recurring.wake()
    await work.until(2)
    work.again = recurring
    recurring.wake()
    await work.until(4)
    recurring.stop()
    await running
    assert work.times == 4, "nothing is done after it was stopped"


async def test_recurring_work_says_how_long_to_wait() -> None:
    work, waits = Work(), [0.0, 0.0, 1e6]

    async def done() -> float:
        await work()
        return waits.pop(0)

    running = asyncio.create_task(background.Recurring("the work", done, 1e6).run())
    await work.until(3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert work.times == 3


async def test_an_error_in_telling_of_an_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ValueError("first")

    async def tell(problem: Exception) -> None:
        raise RuntimeError("second") from problem

    await background.guard(work(), "a button", tell)
    assert "first" in caplog.text and "second" in caplog.text

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
    (told,) = caplog.records
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


async def test_an_error_in_telling_of_an_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ValueError("first")

    async def tell(problem: Exception) -> None:
        raise RuntimeError("second") from problem

    await background.guard(work(), "a button", tell)
    assert "first" in caplog.text and "second" in caplog.text

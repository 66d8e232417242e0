"""Replies that Discord refuses are logged, and leave no unfinished task."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.discord.conftest import PATIENCE, PROMPT, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Heard(logging.Handler):
    """Waits for the first log line that contains these words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self.line = asyncio.get_running_loop().create_future()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage() and not self.line.done():
            self.line.set_result(record.getMessage())


async def test_an_error_reply_that_cannot_be_sent_is_logged(scene: Scene) -> None:
    heard = Heard("cannot send an error reply")
    logging.getLogger("bot").addHandler(heard)
    try:
        await scene.control.fault(r"/callback$", status=400, count=9)
        await scene.ada.slash("imagine", prompt=PROMPT, lora1="nobody ever made this one")
        async with asyncio.timeout(PATIENCE):
            assert "400" in await heard.line
    finally:
        logging.getLogger("bot").removeHandler(heard)
        await scene.control.clear_faults()

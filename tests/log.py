"""The log as a test hears it: warnings and worse, to be waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PATIENCE = 300.0  # seconds


def lines_of(logger: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What one logger wrote: others of this process, and what earlier tests left in it, are heard too."""
    return [record.getMessage() for record in caplog.records if record.name == logger]


class Log(logging.Handler):
    """What was written down, to wait for a line."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        for loop, news in self._listeners.copy():
            loop.call_soon_threadsafe(news.set)  # whichever thread it is that writes

    async def heard(self, words: str) -> None:
        """Wait for a line with these words."""
        news = asyncio.Event()
        listener = asyncio.get_running_loop(), news
        self._listeners.add(listener)
        try:
            async with asyncio.timeout(PATIENCE):
                while not any(words in record.getMessage() for record in self.records):
                    await news.wait()
                    news.clear()
        finally:
            self._listeners.discard(listener)

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Log]:
        """Hears everything that is logged while inside."""
        log = cls()
        logging.getLogger().addHandler(log)
        try:
            yield log
        finally:
            logging.getLogger().removeHandler(log)

    @property
    def tracebacks(self) -> list[str]:
        """What is a mistake of ours."""
        return [record.getMessage() for record in self.records if record.exc_info]

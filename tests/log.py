"""The log as a test hears it: warnings and worse, to be waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 300.0  # seconds


class Log(logging.Handler):
    """What was written down, to wait for a line."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        self._news = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self._news.set()

    async def heard(self, words: str) -> None:
        """Wait for a line with these words."""
        async with asyncio.timeout(PATIENCE):
            while not any(words in record.getMessage() for record in self.records):
                self._news.clear()
                await self._news.wait()

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

"""Which job a log line is about, in bot and worker, and how a worker's lines come to the bot: as JSON on stderr."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from contextvars import ContextVar

from pydantic import BaseModel, ConfigDict, ValidationError

_job: ContextVar[int | None] = ContextVar("job", default=None)


@contextmanager
def about(job_id: int | None) -> Generator[None]:
    """Everything logged inside, also by tasks that are started there, is about this job; None: about no job."""
    token = _job.set(job_id)
    try:
        yield
    finally:
        _job.reset(token)


def job_in_hand() -> int | None:
    """The job that what is logged now is about."""
    return _job.get()


class Line(BaseModel):
    """One line of a worker's log. `message` includes the traceback, where there is one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: int
    logger: str
    job: int | None
    message: str

    @classmethod
    def read(cls, text: str) -> Line | None:
        """The line that `text` is; None for what libraries print."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None

    def repeat(self) -> None:
        """Write it down in this process."""
        with about(self.job):
            logging.getLogger(self.logger).log(self.level, "%s", self.message)


async def lines_of(stderr: asyncio.StreamReader) -> AsyncIterator[Line | str]:
    """What a process writes to its stderr until it ends: lines of its log, and as text what libraries print."""
    while True:
        try:
            line = await stderr.readline()
        except ValueError:  # an over-long line was thrown away
            continue
        if not line:
            return
        text = line.decode(errors="replace").rstrip()
        yield Line.read(text) or text


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = super().format(record)
        return Line(level=record.levelno, logger=record.name, job=_job.get(), message=message).model_dump_json()


def write_lines(level: int) -> None:
    """From now on this process, a worker, logs to stderr in lines that the bot can repeat."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=level, handlers=[handler])

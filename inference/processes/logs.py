"""Which job a log line is about, in bot and worker, and how a worker's lines come to the bot: as JSON on stderr."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

from pydantic import BaseModel, ConfigDict, ValidationError

log = logging.getLogger(__name__)

# Limits of what one process may add to the log, so that a faulty one does not fill the disk.
BUDGET_SECONDS = 60.0
MAX_LINES, MAX_CHARACTERS = 200, 64 * 1024  # in that time
MAX_LINE_CHARACTERS = 8000  # of one line; the rest is cut off

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

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

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


class LineBudget:
    """Limits the lines that a process adds to the log. Its debug lines are not limited: they are off by default."""

    def __init__(self, writer: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`writer` is what the log calls the process."""
        self._writer = writer
        self._clock = clock
        self._until = -1.0
        self._lines = self._characters = self._dropped = 0

    def repeat(self, line: Line) -> None:
        """Log a line of the process, unless it has used up its budget."""
        if line.level < logging.INFO or self.admits(line.message):
            line.repeat()

    def admits(self, text: str) -> bool:
        """Whether this text may be logged now; if so, it is counted. The log says once that lines are dropped."""
        if self._clock() >= self._until:
            self._begin()
        self._lines += 1
        self._characters += len(text)
        if self._lines <= MAX_LINES and self._characters <= MAX_CHARACTERS:
            return True
        self._dropped += 1
        if self._dropped == 1:
            seconds = self._until - self._clock()
            log.warning("%s logs too many lines; dropping them for %.0f seconds", self._writer, seconds)
        return False

    def _begin(self) -> None:
        if self._dropped:
            log.warning("dropped %s more lines of %s", self._dropped, self._writer)
        self._until = self._clock() + BUDGET_SECONDS
        self._lines = self._characters = self._dropped = 0


def _cut(text: str) -> str:
    rest = len(text) - MAX_LINE_CHARACTERS
    return f"{text[:MAX_LINE_CHARACTERS]} … {rest} more characters" if rest > 0 else text


async def lines_of(stderr: asyncio.StreamReader) -> AsyncIterator[Line | str]:
    """What a process writes to its stderr until it ends: lines of its log, and as text what libraries print.

    Long lines are cut.
    """
    while True:
        try:
            line = await stderr.readline()
        except ValueError:  # an over-long line was thrown away
            continue
        if not line:
            return
        text = line.decode(errors="replace").rstrip()
        read = Line.read(text)
        yield _cut(text) if read is None else read.model_copy(update={"message": _cut(read.message)})


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = super().format(record)
        return Line(level=record.levelno, logger=record.name, job=_job.get(), message=message).model_dump_json()


def write_lines(level: int) -> None:
    """From now on this process, a worker, logs to stderr in lines that the bot can repeat."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=level, handlers=[handler])

"""Logging: one line an event, with the id of the job that it is about."""

from __future__ import annotations

import logging
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from inference.processes.logs import job_in_hand


class LogFormat(StrEnum):
    """The format of log lines."""

    TEXT = "text"
    JSON = "json"


_TEXT = "%(asctime)s %(levelname)s %(name)s%(about)s: %(message)s"
_JSON_FIELDS = ("asctime", "levelname", "name", "job", "message")


class _WithJob(logging.Filter):
    """Adds the id of the current job to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__["job"] = job_in_hand()
        return True


# Characters that end a line somewhere, or steer a terminal.
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}
_IN_TRACEBACKS = _CONTROLS | {ord("\n"): "\n    ", ord("\t"): "\t"}


class _Text(logging.Formatter):
    """A line for people: the job id, if there is one, follows the logger's name.

    An event may hold text of strangers, so it is always one line; a traceback after it is indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        job: int | None = record.__dict__["job"]
        record.__dict__["about"] = "" if job is None else f" job={job}"
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        """The event in one line."""
        return super().formatMessage(record).translate(_CONTROLS)

    def formatException(self, ei: Any) -> str:  # noqa: N802 (logging's own name)
        """The traceback, indented so that none of its lines can pass for an event."""
        return f"    {super().formatException(ei)}".translate(_IN_TRACEBACKS)

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 (logging's own name)
        """The stack, indented in the same way."""
        return f"    {stack_info}".translate(_IN_TRACEBACKS)


class _DailyFile(logging.Handler):
    """Writes each day's lines to a file of its own, `easel-2026-11-27.log` (UTC)."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._day = ""
        self._file: TextIO | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line. What cannot be written is on stderr all the same."""
        try:
            day = time.strftime("%Y-%m-%d", time.gmtime(record.created))
            if day != self._day or self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self.close_file()
                self._file, self._day = (self._folder / f"easel-{day}.log").open("a", encoding="utf-8"), day
            self._file.write(self.format(record) + "\n")
            self._file.flush()
        except OSError:
            self.handleError(record)

    def close_file(self) -> None:
        """Close the file of the day."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close the file too."""
        self.close_file()
        super().close()


def set_up(level: int, form: LogFormat = LogFormat.TEXT, folder: Path | None = None) -> None:
    """Log to stderr from `level` on, and into daily files in `folder`, in place of any earlier setup."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if folder is not None:
        handlers.append(_DailyFile(folder))
    for handler in handlers:
        handler.addFilter(_WithJob())
        if form is LogFormat.JSON:
            from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 (few commands log JSON)

            names = {"asctime": "time", "levelname": "level", "name": "logger"}
            handler.setFormatter(JsonFormatter(list(_JSON_FIELDS), rename_fields=names, json_ensure_ascii=False))
        else:
            handler.setFormatter(_Text(_TEXT))
    logging.basicConfig(level=level, handlers=handlers, force=True)
    logging.getLogger("aiosqlite").setLevel(logging.INFO)  # at DEBUG it writes every row, and rows hold people's words

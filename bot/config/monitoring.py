"""The sections of config.toml about logs and metrics."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bot.config.section import Section


class LogFormat(StrEnum):
    """The format of log lines."""

    TEXT = "text"
    JSON = "json"


class LogSettings(Section):
    """What the running bot writes to stderr."""

    format: LogFormat = LogFormat.TEXT
    """text for people, json for programs that collect logs; both name the job on every line that is about one."""
    folder: Path | None = None
    """Where a file for each day (UTC) goes besides stderr; `[retention] logs_days` says how long it stays."""


class MetricsSettings(Section):
    """Numbers for Prometheus, on this machine alone."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """http://127.0.0.1:PORT/metrics; 0 is off."""

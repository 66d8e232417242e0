"""The sections of config.toml about logs and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bot.config.section import Section
from bot.logs import LogFormat


class LogSettings(Section):
    """Log of the running bot, written to stderr."""

    format: LogFormat = LogFormat.TEXT
    """text for people, json for log collectors. Both name the job in every line about a job."""
    folder: Path | None = Field(default=None, examples=["logs"])
    """Folder for one log file per day (UTC), in addition to stderr. `[retention] logs_days` limits their age."""


class MetricsSettings(Section):
    """Metrics for Prometheus, on this machine only."""

    port: Annotated[int, Field(ge=0, le=65_535)] = Field(default=0, examples=[9400])
    """Port of http://127.0.0.1:PORT/metrics. 0: off."""

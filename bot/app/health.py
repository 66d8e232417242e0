"""Reads the health file, which `bot.app.health_report` writes.

A file needs no port, and one that grows old shows a program that hangs as well as one that is gone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bot.diagnostics.finding import Finding, FindingGrade

STALE_SECONDS = 60.0  # a busy machine may delay a report; a program that is gone does not come back by waiting


@dataclass(frozen=True)
class Health:
    """Whether Discord is connected, and how many workers can paint, `at` seconds since 1970.

    `restarting` counts workers that died and are expected back soon. Jobs wait for these, and a new container would
    not be there any earlier. `findings` come from the watchman, for `doctor` and `status`.
    """

    connected: bool
    workers: int
    restarting: int
    at: float
    findings: tuple[Finding, ...] = ()

    def problem(self, now: float) -> str | None:
        """What keeps people from their pictures, as a sentence; None if nothing does."""
        if now - self.at > STALE_SECONDS:
            return f"Easel has said nothing for {now - self.at:.0f} seconds; it has ended or hangs."
        if not self.connected:
            return "Discord is not connected."
        if not self.workers and not self.restarting:
            return "No worker is ready to paint."
        return None


def last_health(file: Path) -> Health | None:
    """What the program told last; None if it does not run. Raises OSError, and ValueError for another's file."""
    try:
        found = json.loads(file.read_text("utf-8"))
        findings = [
            Finding(str(each["what"]), FindingGrade(each["grade"]), str(each["says"])) for each in found["findings"]
        ]
        return Health(
            bool(found["connected"]),
            int(found["workers"]),
            int(found["restarting"]),
            float(found["at"]),
            tuple(findings),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise ValueError("it is not what Easel writes") from None

"""What the running program tells of itself every few seconds, in a file that `easel health` reads.

A file needs no port, and one that grows old shows a program that hangs as well as one that is gone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from bot import metrics
from bot.diagnostics.finding import Finding, FindingGrade
from bot.jobs.worker_slots import UNKNOWN_DEVICE, WorkerState, WorkerStatus
from bot.metrics import WorkerSample

log = logging.getLogger(__name__)

REPORT_SECONDS = 5.0
STALE_SECONDS = 60.0  # a busy machine may delay a report; a program that is gone does not come back by waiting
NOT_READY = (WorkerState.STARTING, WorkerState.AWAY)
RESTART_SECONDS = 120.0  # from a death until a worker is ready again; importing torch from a cold disk takes a minute


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

    @classmethod
    def of(cls, connected: bool, workers: Sequence[WorkerStatus], findings: Sequence[Finding] = ()) -> Self:
        """The state now."""
        ready = sum(worker.state not in NOT_READY for worker in workers)
        return cls(connected, ready, sum(map(_is_soon_back, workers)), time.time(), tuple(findings))

    def problem(self, now: float) -> str | None:
        """What keeps people from their pictures, as a sentence; None if nothing does."""
        if now - self.at > STALE_SECONDS:
            return f"Easel has said nothing for {now - self.at:.0f} seconds; it has ended or hangs."
        if not self.connected:
            return "Discord is not connected."
        if not self.workers and not self.restarting:
            return "No worker is ready to paint."
        return None


def observe(connected: bool, workers: Sequence[WorkerStatus], findings: Sequence[Finding] = ()) -> Health:
    """The state now; the metrics tell each worker from now on."""
    metrics.WORKERS.samples = tuple(
        WorkerSample(each.node, each.device, each.state not in NOT_READY, each.jobs, each.distance, each.pid, each.card)
        for each in workers
    )
    return Health.of(connected, workers, findings)


def _is_soon_back(worker: WorkerStatus) -> bool:
    """Whether a worker that was ready before is expected back within RESTART_SECONDS of its death."""
    was_ready = worker.state is WorkerState.AWAY and worker.device != UNKNOWN_DEVICE
    return was_ready and worker.seconds + (worker.back or 0.0) <= RESTART_SECONDS


class HealthReport:
    """Writes what `look` returns into `file` and into the metrics every few seconds."""

    def __init__(self, file: Path, look: Callable[[], Health]) -> None:
        self._file = file
        self._look = look
        self._latest: Health | None = None  # what a thread writes, so that a slow one writes nothing older
        self._writing = threading.Lock()
        self._ended = False
        self._written = True

    async def run(self, seconds: float = REPORT_SECONDS) -> None:
        """Write the state again and again until cancelled; then remove the file."""
        try:
            while True:
                await self.write()
                await asyncio.sleep(seconds)
        finally:
            with self._writing, suppress(OSError):
                self._ended = True
                self._file.unlink(missing_ok=True)

    async def write(self) -> None:
        """Write the state of this moment, unless `run` has ended. A problem is logged once."""
        self._latest = health = self._look()
        metrics.GATEWAY.set(health.connected)
        metrics.WORKERS_READY.set(health.workers)
        try:
            await asyncio.to_thread(self._write)
            self._written = True
        except OSError as problem:
            if self._written:
                log.warning("cannot write %s (%s); `easel health` will report a problem", self._file, problem)
            self._written = False

    def _write(self) -> None:
        part = self._file.with_suffix(".part")
        with self._writing:
            if self._latest is None or self._ended:
                return
            text = json.dumps(asdict(self._latest))
            try:
                part.write_text(text, "utf-8")
                part.replace(self._file)
            except OSError as problem:  # on a full disk the old file still has its room
                with suppress(OSError):
                    part.unlink(missing_ok=True)
                try:
                    with self._file.open("r+", encoding="utf-8") as file:
                        file.write(text)
                        file.truncate()
                except OSError:
                    raise problem from None


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

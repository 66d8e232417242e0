"""Writes how the program stands every few seconds, for `easel health` and into the metrics."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from bot import metrics
from bot.app.health import Health
from bot.diagnostics.finding import Finding
from bot.jobs.worker_slots import NOT_READY, UNKNOWN_DEVICE, WorkerState, WorkerStatus
from bot.metrics import WorkerSample

log = logging.getLogger(__name__)

REPORT_SECONDS = 5.0
RESTART_SECONDS = 120.0  # from a death until a worker is ready again; importing torch from a cold disk takes a minute


def observe(connected: bool, workers: Sequence[WorkerStatus], findings: Sequence[Finding] = ()) -> Health:
    """Return the state now, and update the metrics of the workers."""
    metrics.WORKERS.samples = tuple(
        WorkerSample(each.node, each.device, each.state not in NOT_READY, each.jobs, each.distance, each.pid, each.card)
        for each in workers
    )
    ready = sum(worker.state not in NOT_READY for worker in workers)
    return Health(connected, ready, sum(map(_is_soon_back, workers)), time.time(), tuple(findings))


def _is_soon_back(worker: WorkerStatus) -> bool:
    """Whether a worker that was ready before is expected back within RESTART_SECONDS of its death."""
    was_ready = worker.state is WorkerState.AWAY and worker.device != UNKNOWN_DEVICE
    return was_ready and worker.seconds + (worker.back or 0.0) <= RESTART_SECONDS


class HealthReport:
    """Writes what `look` returns into `file` and into the metrics every few seconds."""

    def __init__(self, file: Path, look: Callable[[], Health]) -> None:
        self._file = file
        self._look = look
        self._latest: Health | None = None  # the newest state; a slow thread must not write an older one
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

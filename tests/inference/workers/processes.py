"""A worker process at the end of two pipes, without the supervisor."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from inference.messages.commands import Configure, Generate
from inference.messages.events import EVENTS, Cancelled, Event, Failed, Finished
from inference.messages.request import GenerationRequest

MAX_WAIT = 300.0  # seconds; a cold start of torch on a busy machine
SERVE = ["-m", "inference.engine"]
# A worker that runs `what` as soon as it has reported a step, or a later one, of so many jobs. A test that did that
# from outside would be late by any number of steps.
INTERRUPTED = """
import os, sys
from inference.engine import __main__ as engine
from inference.engine.process.channel import CommandChannel
from inference.messages.events import Progress

step, jobs = map(int, sys.argv[1:])
tell, there = CommandChannel.send, set()

def send(channel, event):
    tell(channel, event)
    if isinstance(event, Progress) and event.step >= step and len(there) < jobs:
        there.add((event.job_id, event.attempt))
        if len(there) == jobs:
            {what}

CommandChannel.send = send
engine.main()
"""
# A worker whose device fails in a step of its denoiser, as a card does: from then on in every step.
BROKEN = """
import sys
import torch
from inference.engine import __main__ as engine
from inference.engine.batch.batch import Batch

steps = int(sys.argv[1])
step = Batch.step

def broken(batch):
    global steps
    steps -= 1
    if steps < 0:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\\nCUDA kernel errors might be late")
    return step(batch)

Batch.step = broken
engine.main()
"""
Kind = TypeVar("Kind", bound=BaseModel)


class WorkerProcess:
    """Runs `python -m inference.engine`; lines that are not events fail the test."""

    def __init__(self, command: list[str] = SERVE, stderr: int = subprocess.DEVNULL) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
            env=environment, cwd=Path(__file__).parents[3],
        )  # fmt: skip
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._jobs = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def write(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def send(self, command: BaseModel) -> None:
        self.write(command.model_dump_json().encode() + b"\n")

    def event(self) -> Event:
        line = self._lines.get(timeout=MAX_WAIT)
        assert line, f"the worker is gone with exit code {self.process.wait(MAX_WAIT)}"
        return EVENTS.validate_json(line)

    def rest(self) -> Iterator[Event]:
        """All events until the process ends."""
        while line := self._lines.get(timeout=MAX_WAIT):
            yield EVENTS.validate_json(line)

    def next(self, *kinds: type[Kind]) -> Kind:
        """The next event of one of `kinds`; others are skipped."""
        while True:
            event = self.event()
            if isinstance(event, kinds):
                return event

    def begin(self, request: GenerationRequest, files: dict[str, str] | None = None) -> Generate:
        """Send a job."""
        self._jobs += 1
        job = Generate(job_id=self._jobs, attempt=1, request=request, files=files or {})
        self.send(job)
        return job

    def paint(self, request: GenerationRequest, files: dict[str, str] | None = None) -> Finished | Failed | Cancelled:
        """Send a job and wait for its end."""
        job = self.begin(request, files)
        end = self.next(Finished, Failed, Cancelled)
        assert end.job_id == job.job_id
        return end

    def leave(self) -> int:
        """Close its stdin, as a bot that dies does, and wait."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(MAX_WAIT)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def dying(step: int, jobs: int = 1) -> list[str]:
    """The command of a worker that exits at once when it has reported this step of so many jobs."""
    return ["-c", INTERRUPTED.format(what="os._exit(9)"), str(step), str(jobs)]


def lingering(step: int, jobs: int = 1) -> list[str]:
    """The command of a worker that reports this step of so many jobs and then hangs until the bot is gone."""
    return ["-c", INTERRUPTED.format(what="channel._closed.wait()"), str(step), str(jobs)]


def broken(steps: int) -> list[str]:
    """The command of a worker whose device fails after so many steps of its batches."""
    return ["-c", BROKEN, str(steps)]


def started(configure: Configure, command: list[str] = SERVE, stderr: int = subprocess.DEVNULL) -> WorkerProcess:
    worker = WorkerProcess(command, stderr)
    worker.send(configure)
    return worker

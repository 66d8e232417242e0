"""The worker's loop: receive, paint, report. The one place in the worker where every error is caught."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass

from inference.engine.channel import Channel
from inference.engine.devices import is_out_of_memory, peak_memory, pick_device
from inference.engine.painter import JobCancelled, Painter, Step
from inference.errors import InferenceError, OutOfMemory, WorkerFailed
from inference.messages import (
    BadCommand,
    Cancelled,
    Capacity,
    Configure,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    Started,
)

log = logging.getLogger(__name__)


@dataclass
class Server:
    """Serves one bot: one job at a time, in the order they arrive."""

    channel: Channel
    painter: Painter | None = None

    def run(self) -> None:
        """Serve until the bot closes the channel or asks to leave."""
        for command in self.channel.commands():
            if isinstance(command, Configure):
                self._configure(command)
            elif isinstance(command, Generate):
                self._generate(command)

    def _configure(self, command: Configure) -> None:
        device = pick_device(command.device, command.threads)
        self.painter = Painter(command, device)
        self.channel.send(Ready(device=str(device), pid=os.getpid()))
        self._announce()

    def _announce(self) -> None:
        assert self.painter is not None
        self.channel.send(Capacity(free=1, loaded=self.painter.loaded))

    def _generate(self, job: Generate) -> None:
        if self.painter is None:
            self.channel.send(BadCommand(problem="a job arrived before the configuration"))
            return
        self.channel.send(self._attempt(self.painter, job))
        self.channel.forget(job.job_id)
        self._announce()

    def _attempt(self, painter: Painter, job: Generate) -> Finished | Failed | Cancelled:
        began = time.monotonic()
        self.channel.send(Started(job_id=job.job_id, attempt=job.attempt))
        try:
            painted = painter.paint(job, lambda step: self._report(job, step))
        except JobCancelled:
            return Cancelled(job_id=job.job_id, attempt=job.attempt)
        except InferenceError as problem:
            return Failed(job_id=job.job_id, attempt=job.attempt, code=problem.code, detail=problem.detail)
        except Exception as problem:  # noqa: BLE001 (the worker's loop: one bad job must not take the others along)
            painter.clear()
            failure = _explain(job, problem)
            return Failed(job_id=job.job_id, attempt=job.attempt, code=failure.code, detail=failure.detail)
        seconds = time.monotonic() - began
        return Finished(
            job_id=job.job_id,
            attempt=job.attempt,
            pictures=painted.pictures,
            seconds=seconds,
            peak_memory=peak_memory(),
            notes=painted.notes,
        )

    def _report(self, job: Generate, step: Step) -> None:
        if self.channel.is_cancelled(job.job_id):
            raise JobCancelled
        self.channel.send(
            Progress(job_id=job.job_id, attempt=job.attempt, step=step.done, steps=step.total, preview=step.preview)
        )


def _explain(job: Generate, problem: Exception) -> InferenceError:
    if is_out_of_memory(problem):
        request = job.request
        return OutOfMemory(what=f"{request.count} x {request.width}x{request.height} on {request.checkpoint}")
    log.error("job %s failed", job.job_id, exc_info=problem)
    return WorkerFailed(reason=type(problem).__name__)

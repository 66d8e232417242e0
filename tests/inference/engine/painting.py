"""Runs one job from its start to its end, as the worker does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from inference.engine.process.job_runner import JobRunner
from inference.errors import InferenceError
from inference.messages.commands import Generate
from inference.messages.events import Cancelled, Failed, Finished, Progress
from inference.messages.request import GenerationRequest


@dataclass
class FinishedJob:
    """The events of a finished job."""

    end: Finished
    steps: list[Progress] = field(default_factory=list[Progress])


def paint(
    runner: JobRunner,
    request: GenerationRequest,
    files: dict[str, str] | None = None,
    on_step: Callable[[Progress], None] = lambda step: None,
) -> FinishedJob:
    """Run one job. Raises the error that it failed with."""
    steps: list[Progress] = []
    runner.take(Generate(job_id=1, attempt=1, request=request, files=files or {}))
    while True:
        for event in runner.step():
            if isinstance(event, Progress):
                steps.append(event)
                on_step(event)
            elif isinstance(event, Failed):
                raise InferenceError.from_failed(event.code, event.detail)
            elif isinstance(event, Finished):
                return FinishedJob(event, steps)
            else:
                assert not isinstance(event, Cancelled), "nobody asked for it"

"""One job from its beginning to its end, as the worker paints it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from inference.engine.process.job_runner import Painter
from inference.errors import InferenceError
from inference.messages import Cancelled, Failed, Finished, Generate, GenerationRequest, Progress


@dataclass
class Painted:
    """What was told of a job that ended well."""

    end: Finished
    steps: list[Progress] = field(default_factory=list[Progress])


def paint(
    painter: Painter,
    request: GenerationRequest,
    files: dict[str, str] | None = None,
    on_step: Callable[[Progress], None] = lambda step: None,
) -> Painted:
    """Paint alone. Raises the error that the job failed with."""
    steps: list[Progress] = []
    painter.take(Generate(job_id=1, attempt=1, request=request, files=files or {}))
    while True:
        for event in painter.step():
            if isinstance(event, Progress):
                steps.append(event)
                on_step(event)
            elif isinstance(event, Failed):
                raise InferenceError.from_failed(event.code, event.detail)
            elif isinstance(event, Finished):
                return Painted(event, steps)
            else:
                assert not isinstance(event, Cancelled), "nobody asked for it"

"""How long a job will take, from how long such jobs took here."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.database.paces import Measured, Shape
from inference.messages import GenerationRequest

NEWEST = 0.3  # how much the newest measurement counts against all before


@dataclass
class Watch:
    """Times one attempt at a job, from the worker's reports. Times are seconds by the caller's clock."""

    began: float
    loads: bool  # whether the checkpoint had to be loaded first
    first: float | None = None
    last: float | None = None
    steps: int = 0
    took: dict[int, list[float]] = field(default_factory=dict[int, list[float]])  # by pictures at once

    def step(self, now: float, step: int, pictures: int) -> float | None:
        """`step` steps are done; the worker has `pictures` in its hands. How long one took, once that is known."""
        if not step:
            return None
        took = None
        if self.first is None:
            self.first = now
        elif self.last is not None and step > self.steps:
            took = (now - self.last) / (step - self.steps)
            self.took.setdefault(pictures, []).append(took)
        self.last, self.steps = now, step
        return took


class Pace:
    """What was measured, and estimates made from it."""

    def __init__(self) -> None:
        self._paces: dict[Shape, Measured] = {}
        self.loads: dict[str, float] = {}
        self._news: set[Shape] = set()
        self._new_loads: set[str] = set()

    def remember(self, paces: dict[Shape, Measured], loads: dict[str, float]) -> None:
        """Take over what was measured before the program's start."""
        self._paces.update(paces)
        self.loads.update(loads)

    def news(self) -> tuple[dict[Shape, Measured], dict[str, float]]:
        """What was measured since the last call."""
        paces = {shape: self._paces[shape] for shape in self._news}
        loads = {checkpoint: self.loads[checkpoint] for checkpoint in self._new_loads}
        self._news, self._new_loads = set(), set()
        return paces, loads

    def learn(self, request: GenerationRequest, watch: Watch, ended: float) -> None:
        """A job has ended well."""
        if watch.first is None or watch.last is None or not watch.took:
            return
        for pictures, took in watch.took.items():
            shape = Shape(request.checkpoint, request.width, request.height, pictures)
            step = sum(took) / len(took)
            before = watch.first - watch.began - step
            if watch.loads:
                self._learn_load(request.checkpoint, max(0.0, before))
                before = 0.0
            self._learn(shape, Measured(step, max(0.0, before) + ended - watch.last))

    def _learn(self, shape: Shape, new: Measured) -> None:
        old = self._paces.get(shape, new)
        self._paces[shape] = Measured(
            old.step_seconds + NEWEST * (new.step_seconds - old.step_seconds),
            old.rest_seconds + NEWEST * (new.rest_seconds - old.rest_seconds),
        )
        self._news.add(shape)

    def _learn_load(self, checkpoint: str, seconds: float) -> None:
        old = self.loads.get(checkpoint, seconds)
        self.loads[checkpoint] = old + NEWEST * (seconds - old)
        self._new_loads.add(checkpoint)

    def seconds(self, request: GenerationRequest, jobs: int = 1, *, done: int = 0) -> float | None:
        """How long a job takes beside others, `jobs` in all, once `done` steps are done; None: nothing like it ran."""
        measured = self._like(request, jobs * request.count)
        if measured is None:
            return None
        return measured.rest_seconds + max(0, request.steps - done) * measured.step_seconds

    def _like(self, request: GenerationRequest, pictures: int) -> Measured | None:
        """What was measured for this shape, or for the nearest one of this checkpoint, scaled by the work of a step."""
        wanted = Shape(request.checkpoint, request.width, request.height, pictures)
        if (exact := self._paces.get(wanted)) is not None:
            return exact
        known = [shape for shape in self._paces if shape.checkpoint == request.checkpoint]
        if not known:
            return None
        nearest = min(known, key=lambda shape: (abs(_work(shape) - _work(wanted)), shape))
        scale = _work(wanted) / _work(nearest)
        measured = self._paces[nearest]
        return Measured(measured.step_seconds * scale, measured.rest_seconds * scale)


def _work(shape: Shape) -> int:
    return shape.width * shape.height * shape.pictures

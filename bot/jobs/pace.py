"""Measures how long things take here, and estimates from it: steps by checkpoint, size and batch size, loads, ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from bot.database.paces import MeasuredSeconds, Shape
from inference.messages import GenerationRequest

NEWEST_SHARE = 0.3  # how much the newest measurement of a load or an end counts against all before
AVERAGED_ROUNDS = 10.0  # a step's time is the mean of about so many
GUESSED_ROUNDS = 5.0  # that an estimate from other numbers of pictures counts for: the first rounds may be slow ones
GROWING_SHARE = 0.5  # of a step's time grows with the pictures at once, while only one number of them was measured
LONGEST_DELIVERY = 60.0  # seconds; what takes longer was an outage


@dataclass
class AttemptTimer:
    """Times one attempt at a job from the worker's reports. Times are seconds of the caller's clock."""

    began: float
    loads: bool  # whether the checkpoint had to be loaded first
    last: float | None = None  # when the newest step was reported
    steps: int = 0
    total: int | None = None  # as the worker counts them, once the job is being painted

    @property
    def in_batch(self) -> bool:
        """Whether the job takes part in each step: it has joined the batch, and has steps left."""
        return self.total is not None and self.steps < self.total

    def step(self, now: float, step: int, total: int) -> float | None:
        """Note that `step` of `total` steps are done; the seconds that one took, once they are known.

        The first report says where the job begins and comes together with the second.
        """
        seconds = (now - self.last) / (step - self.steps) if self.last is not None and step > self.steps else None
        self.last = None if self.total is None else now
        self.steps, self.total = step, total
        return seconds


class Pace:
    """Holds what was measured, and estimates from it. Times are seconds."""

    def __init__(self) -> None:
        self._steps: dict[Shape, float] = {}  # seconds of a step for so many pictures of one size at once
        self._rounds: dict[Shape, float] = {}  # how many rounds that is the mean of, at most AVERAGED_ROUNDS
        self._rests: dict[str, float] = {}  # by checkpoint: seconds for each pixel, from the last step to the end
        self.loads: dict[str, float] = {}
        self.delivery = 0.0  # seconds from a job's end until its person has it
        self._unsaved: set[Shape] = set()
        self._unsaved_loads: set[str] = set()

    def remember(self, paces: Mapping[Shape, MeasuredSeconds], loads: Mapping[str, float]) -> None:
        """Load what was measured before this start."""
        for shape, measured in paces.items():
            self._steps[shape], self._rounds[shape] = measured.step_seconds, AVERAGED_ROUNDS
            self._rests[shape.checkpoint] = measured.rest_seconds / _work(shape)
        self.loads.update(loads)

    def take_unsaved(self) -> tuple[dict[Shape, MeasuredSeconds], dict[str, float]]:
        """What was measured since the last call, to be stored."""
        paces = {
            shape: MeasuredSeconds(self._steps[shape], self._rests.get(shape.checkpoint, 0.0) * _work(shape))
            for shape in self._unsaved
        }
        loads = {checkpoint: self.loads[checkpoint] for checkpoint in self._unsaved_loads}
        self._unsaved, self._unsaved_loads = set(), set()
        return paces, loads

    # --- measuring ---------------------------------------------------------------------------------------------

    def record_step(self, batch: Collection[GenerationRequest], seconds: float, share: float = 1.0) -> None:
        """Each job of the batch has taken a step. This report is one of `1 / share` reports of the same round."""
        shapes = _shapes(batch)
        expected = self._expected(shapes)
        for shape in shapes:
            usual = self._step(shape)
            if usual is None or not expected:
                usual = seconds * _work(shape) / sum(map(_work, shapes))
            seen = self._rounds.get(shape, GUESSED_ROUNDS if expected else 0.0)
            self._rounds[shape] = min(AVERAGED_ROUNDS, seen + share)
            newest = share / self._rounds[shape]
            self._steps[shape] = usual * (1 + newest * (seconds / expected - 1)) if expected else usual
            self._unsaved.add(shape)

    def record_end(self, request: GenerationRequest, seconds: float) -> None:
        """A job has succeeded, `seconds` after its last step."""
        each = seconds / (request.width * request.height * request.count)
        self._rests[request.checkpoint] = _moving_average(self._rests.get(request.checkpoint), each)

    def record_load(self, checkpoint: str, seconds: float) -> None:
        """A checkpoint was loaded in `seconds`."""
        self.loads[checkpoint] = _moving_average(self.loads.get(checkpoint), seconds)
        self._unsaved_loads.add(checkpoint)

    def record_delivery(self, seconds: float) -> None:
        """A result was delivered, `seconds` after its job had ended."""
        if seconds < LONGEST_DELIVERY:
            self.delivery = _moving_average(self.delivery, seconds)

    # --- estimating --------------------------------------------------------------------------------------------

    def round(self, batch: Collection[GenerationRequest]) -> float | None:
        """Seconds of one step of this batch; None if the checkpoint was never used here."""
        return self._expected(_shapes(batch))

    def rest(self, request: GenerationRequest) -> float:
        """Seconds from a job's last step to its end."""
        return self._rests.get(request.checkpoint, 0.0) * request.width * request.height * request.count

    def _expected(self, shapes: Iterable[Shape]) -> float | None:
        """Seconds of one round: pictures of different sizes are denoised one size after the other."""
        steps = [self._step(shape) for shape in shapes]
        return None if None in steps else sum(step for step in steps if step is not None)

    def _step(self, wanted: Shape) -> float | None:
        """Seconds measured for this shape, or estimated from the nearest ones of the checkpoint."""
        if (exact := self._steps.get(wanted)) is not None:
            return exact
        known = [shape for shape in self._steps if shape.checkpoint == wanted.checkpoint]
        if not known:
            return None
        alike = sorted(shape for shape in known if (shape.width, shape.height) == (wanted.width, wanted.height))
        if not alike:
            near = min(known, key=lambda shape: (abs(_work(shape) - _work(wanted)), shape))
            return self._steps[near] * _work(wanted) / _work(near)
        for fewer, more in pairwise(alike):
            if fewer.pictures < wanted.pictures < more.pictures:
                part = (wanted.pictures - fewer.pictures) / (more.pictures - fewer.pictures)
                return self._steps[fewer] + part * (self._steps[more] - self._steps[fewer])
        near = alike[0] if wanted.pictures < alike[0].pictures else alike[-1]
        return self._steps[near] * (1 + GROWING_SHARE * (wanted.pictures / near.pictures - 1))


def _shapes(requests: Iterable[GenerationRequest]) -> list[Shape]:
    pictures = Counter[tuple[str, int, int]]()
    for request in requests:
        pictures[request.checkpoint, request.width, request.height] += request.count
    return [Shape(*size, count) for size, count in pictures.items()]


def _moving_average(old: float | None, new: float) -> float:
    return new if old is None else old + NEWEST_SHARE * (new - old)


def _work(shape: Shape) -> int:
    return shape.width * shape.height * shape.pictures

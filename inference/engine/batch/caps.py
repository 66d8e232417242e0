"""How many pictures share a pass: as many as make each of them cheaper. Measured, by checkpoint and size.

Nobody waits for a measurement: the passes that people's pictures need anyway are timed. A size that is new here
begins with one picture at a time, and with each doubling that made a picture cheaper by `GAIN` more may join; the
first one that did not settles it. What is settled is kept in a file for the next start.
"""

from __future__ import annotations

import logging
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from inference.messages import GenerationRequest
from inference.work import GUIDED, rows_each

log = logging.getLogger(__name__)

MOST = 16  # pictures that share a pass, where nobody says otherwise
GAIN = 0.05  # by so much each doubling has to make a picture cheaper
SAMPLES = 3  # passes that are timed at each number; the fastest counts, for others on the machine only make it slower
ROUNDING = 1e-9


@dataclass(frozen=True)
class Size:
    """What a cap holds for. In pixels."""

    checkpoint: str
    width: int
    height: int

    @classmethod
    def of(cls, request: GenerationRequest) -> Size:
        """That of a request's pictures."""
        return cls(request.checkpoint, request.width, request.height)

    def __str__(self) -> str:
        return f"{self.checkpoint}, {self.width}x{self.height}"


class Measured(BaseModel):
    """What was settled: as many `rows` share a pass. `seconds` of the fastest pass by number of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Annotated[int, Field(ge=1, le=4096)]
    seconds: dict[int, Annotated[float, Field(ge=0, allow_inf_nan=False)]]


_FILE: TypeAdapter[dict[str, Measured]] = TypeAdapter(dict[str, Measured])


@dataclass
class Ladder:
    """Climbed while passes of one size are timed; `rows` may share a pass now, `most` at any time."""

    most: int
    rows: int = GUIDED
    settled: bool = False
    _fastest: dict[int, float] = field(default_factory=dict[int, float])  # pass of so many rows
    _heard: Counter[int] = field(default_factory=Counter[int])  # passes of so many rows
    _below: int = 0  # the number of rows at the rung below

    def __post_init__(self) -> None:
        """Nobody climbs above the top."""
        self.rows = min(self.rows, self.most)

    def hear(self, rows: int, seconds: float) -> None:
        """A pass of so many rows took so long; for ever where memory was short."""
        if not self.settled:
            self._fastest[rows] = min(seconds, self._fastest.get(rows, math.inf))
            self._heard[rows] += 1
            self._climb()

    @property
    def measured(self) -> Measured:
        """What is known."""
        fastest = sorted(self._fastest.items())
        return Measured(rows=self.rows, seconds={rows: each for rows, each in fastest if math.isfinite(each)})

    def _climb(self) -> None:
        enough = [rows for rows, passes in self._heard.items() if passes >= SAMPLES and rows > self._below]
        here = max((rows for rows in enough if not self._below or 4 * rows > 3 * self.rows), default=0)
        if not here:
            return
        if self._below and not self._pays(self._below, here):
            self.rows, self.settled = self._below, True
        elif here >= self.most or self.rows >= self.most:
            self.rows, self.settled = self.most, True
        else:
            self._below, self.rows = here, min(self.most, 2 * max(here, self.rows))

    def _pays(self, few: int, many: int) -> bool:
        """Whether a row is so much cheaper among `many`."""
        before, now = (self._fastest[rows] / rows for rows in (few, many))
        return now <= before * (1 - GAIN) ** math.log2(many / few)


class Records:
    """What was settled before, in a file; `about` names what else a measurement depends on, such as the device.

    A file that cannot be read is passed over and written anew: it costs a measurement, and never a picture.
    """

    def __init__(self, path: Path | None, about: Callable[[Size], str]) -> None:
        self._path = path
        self._about = about
        self._known = self._read()

    def find(self, size: Size) -> Measured | None:
        """What is known of `size`; None when nothing is."""
        return self._known.get(self._about(size))

    def put(self, size: Size, measured: Measured) -> None:
        """Keep it, beside what others have written meanwhile."""
        self._known = self._read() | {self._about(size): measured}
        if self._path is None:
            return
        unfinished = self._path.with_suffix(f".{os.getpid()}.part")
        try:
            unfinished.write_bytes(_FILE.dump_json(self._known, indent=1))
            unfinished.replace(self._path)
        except OSError as problem:
            log.warning("%s cannot be written: %s", self._path, problem)
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def _read(self) -> dict[str, Measured]:
        if self._path is None or not self._path.exists():
            return {}
        try:
            return _FILE.validate_json(self._path.read_bytes())
        except (OSError, ValidationError) as problem:
            log.warning("%s is passed over: %s", self._path, str(problem).partition("\n")[0])
            return {}


class Caps:
    """The caps of all sizes. `fixed` is the operator's word: so many pictures, and nothing is measured."""

    def __init__(self, fixed: int | None = None, records: Records | None = None) -> None:
        self._fixed = fixed
        self._records = records or Records(None, str)
        self._ladders: dict[Size, Ladder] = {}
        self._limits: dict[Size, int] = {}  # rows for which memory was not enough

    def pictures(self, request: GenerationRequest, *, hoped: bool = False) -> int:
        """How many pictures of this kind may share a pass now; `hoped` as long as nothing is settled, at most."""
        size, each = Size.of(request), rows_each(request)
        ladder = self._ladder(size)
        rows = ladder.most if hoped and not ladder.settled else ladder.rows
        rows = min(rows, self._limits.get(size, rows))
        return max(1, min(rows // each, self._fixed or MOST))

    def places(self, there: Sequence[GenerationRequest], kind: GenerationRequest | None) -> int:
        """How many pictures are painted at once: as many of `there` as fit, and like `kind` beside them.

        None came before: what it may be is not known then, unless the operator said it.
        """
        pictures, room = 0, 1.0
        for request in there:
            share = self._share(request, hoped=True)
            if pictures and share > room + ROUNDING:
                break
            pictures += min(request.count, self.pictures(request, hoped=True))
            room -= share
        most = (self._fixed or 1) if kind is None else self.pictures(kind, hoped=True)
        return pictures + max(0, int(most * room + ROUNDING))

    def have_room(self, requests: Sequence[GenerationRequest]) -> bool:
        """Whether all of these may be painted together now: one takes its share of the whole, whatever the others."""
        return sum(map(self._share, requests)) <= 1 + ROUNDING

    def _share(self, request: GenerationRequest, *, hoped: bool = False) -> float:
        return request.count / self.pictures(request, hoped=hoped)

    @property
    def most(self) -> int:
        """Pictures that share a pass at most, whatever they are."""
        return self._fixed or MOST

    def hear(self, size: Size, rows: int, seconds: float) -> None:
        """A pass of so many rows took so long."""
        ladder = self._ladder(size)
        if not ladder.settled:
            ladder.hear(rows, seconds)
            if ladder.settled:
                log.info("%s: %d rows share a pass", size, ladder.rows)
                self._records.put(size, ladder.measured)

    def settled(self, size: Size) -> Measured | None:
        """What is known of a size once that is settled."""
        ladder = self._ladder(size)
        return (self._records.find(size) or ladder.measured) if ladder.settled else None

    def begin_again(self, size: Size) -> None:
        """Forget what is known of a size, to measure it anew."""
        self._ladders[size] = Ladder(GUIDED * self.most)

    def lower(self, size: Size, rows: int) -> int:
        """Memory was not enough: no more rows than these from now on. Returns how many may be."""
        self._limits[size] = min(rows, self._limits.get(size, rows))
        return self._limits[size]

    def fitting(self, request: GenerationRequest) -> int | None:
        """How many pictures of this kind memory is known to be enough for in one pass; None as long as it was."""
        rows = self._limits.get(Size.of(request))
        return None if rows is None else max(1, rows // rows_each(request))

    def forget_limits(self) -> None:
        """There is more memory now."""
        self._limits.clear()

    def _ladder(self, size: Size) -> Ladder:
        ladder = self._ladders.get(size)
        if ladder is None:
            ladder = self._ladders[size] = self._new_ladder(size)
        return ladder

    def _new_ladder(self, size: Size) -> Ladder:
        most = GUIDED * self.most
        if self._fixed is not None:
            return Ladder(most, most, settled=True)
        known = self._records.find(size)
        return Ladder(most) if known is None else Ladder(most, known.rows, settled=True)

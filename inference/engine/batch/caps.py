"""Caps: how many pictures share a pass, measured by checkpoint and picture size.

A picture with regions counts as one for each of its slots (`inference.queue.request_cost.slots`).

A cap is the largest number for which each picture still gets cheaper. No request waits for a measurement: the passes
that requests need anyway are timed. A new size starts with one picture per pass. The number is doubled as long as a
doubling makes each picture cheaper by at least `MIN_GAIN`; the first one that does not ends the search. Results are
kept in a file for the next start.
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

from inference.messages.request import GenerationRequest
from inference.queue.request_cost import GUIDED, rows_each, slots

log = logging.getLogger(__name__)

MAX_PICTURES = 16  # pictures that share a pass, unless the operator sets another number
MIN_GAIN = 0.05  # the share by which each doubling has to make a picture cheaper
# Passes that are timed for each number of rows; the fastest counts, since other processes only slow them down.
SAMPLES = 3
ROUNDING = 1e-9
# Rows that did not fit are tried again with this share of the bytes of LoRAs, or with so many times as much memory.
FEWER_LORAS, MORE_MEMORY = 0.5, 1.05


@dataclass(frozen=True)
class PictureSize:
    """What a cap is measured for: a checkpoint, and pictures of a width and height in pixels."""

    checkpoint: str
    width: int
    height: int

    @classmethod
    def of(cls, request: GenerationRequest) -> PictureSize:
        """The size of a request's pictures."""
        return cls(request.checkpoint, request.width, request.height)

    def __str__(self) -> str:
        return f"{self.checkpoint}, {self.width}x{self.height}"


class MeasuredCap(BaseModel):
    """A measured cap: `rows` may share a pass. `seconds` are those of the fastest pass, by number of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Annotated[int, Field(ge=1, le=4096)]
    seconds: dict[int, Annotated[float, Field(ge=0, allow_inf_nan=False)]]


@dataclass(frozen=True)
class Pressure:
    """What leaves a pass less memory: bytes of LoRAs, and bytes that the process can have in all; None: nobody says."""

    loras: int = 0
    memory: int | None = None

    def relieved_since(self, before: Pressure) -> bool:
        """Whether a pass that did not fit `before` may fit now."""
        if self.memory is not None and before.memory is not None and self.memory > before.memory * MORE_MEMORY:
            return True
        return self.loras < before.loras * FEWER_LORAS


@dataclass(frozen=True)
class _Limit:
    """No more than `rows` fit under a pressure."""

    rows: int
    pressure: Pressure


_FILE: TypeAdapter[dict[str, MeasuredCap]] = TypeAdapter(dict[str, MeasuredCap])


@dataclass
class CapSearch:
    """The search for the cap of one size: `rows` may share a pass now, at most `max_rows` ever."""

    max_rows: int
    rows: int = GUIDED
    finished: bool = False
    _fastest: dict[int, float] = field(default_factory=dict[int, float])  # seconds of a pass, by rows
    _passes: Counter[int] = field(default_factory=Counter[int])  # number of timed passes, by rows
    _rows_before: int = 0  # the number of rows before the last doubling

    def __post_init__(self) -> None:
        """Start below the maximum."""
        self.rows = min(self.rows, self.max_rows)

    def record(self, rows: int, seconds: float) -> None:
        """Record the `seconds` of a pass of `rows`; infinity where memory was short."""
        if not self.finished:
            self._fastest[rows] = min(seconds, self._fastest.get(rows, math.inf))
            self._passes[rows] += 1
            self._advance()

    @property
    def measured(self) -> MeasuredCap:
        """What has been measured so far."""
        fastest = sorted(self._fastest.items())
        return MeasuredCap(rows=self.rows, seconds={rows: each for rows, each in fastest if math.isfinite(each)})

    def _advance(self) -> None:
        enough = [rows for rows, passes in self._passes.items() if passes >= SAMPLES and rows > self._rows_before]
        here = max((rows for rows in enough if not self._rows_before or 4 * rows > 3 * self.rows), default=0)
        if not here:
            return
        if self._rows_before and not self._pays(self._rows_before, here):
            self.rows, self.finished = self._rows_before, True
        elif here >= self.max_rows or self.rows >= self.max_rows:
            self.rows, self.finished = self.max_rows, True
        else:
            self._rows_before, self.rows = here, min(self.max_rows, 2 * max(here, self.rows))

    def _pays(self, few: int, many: int) -> bool:
        """Whether a row of a pass of `many` rows is enough cheaper than one of `few`."""
        before, now = (self._fastest[rows] / rows for rows in (few, many))
        return now <= before * (1 - MIN_GAIN) ** math.log2(many / few)


class CapFile:
    """The file of measured caps; `about` tells what else a measurement depends on, such as the device.

    A file that cannot be read is ignored and written again: that costs a measurement, never a picture.
    """

    def __init__(self, path: Path | None, about: Callable[[PictureSize], str]) -> None:
        self._path = path
        self._about = about
        self._known = self._read()

    def find(self, size: PictureSize) -> MeasuredCap | None:
        """The cap of `size`; None when it was not measured."""
        return self._known.get(self._about(size))

    def put(self, size: PictureSize, measured: MeasuredCap) -> None:
        """Write it, keeping what other processes have written meanwhile."""
        self._known = self._read() | {self._about(size): measured}
        if self._path is None:
            return
        unfinished = self._path.with_suffix(f".{os.getpid()}.part")
        try:
            unfinished.write_bytes(_FILE.dump_json(self._known, indent=1))
            unfinished.replace(self._path)
        except OSError as problem:
            log.warning("cannot write %s: %s", self._path, problem)
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def _read(self) -> dict[str, MeasuredCap]:
        if self._path is None or not self._path.exists():
            return {}
        try:
            return _FILE.validate_json(self._path.read_bytes())
        except (OSError, ValidationError) as problem:
            log.warning("%s is ignored: %s", self._path, str(problem).partition("\n")[0])
            return {}


class Caps:
    """The caps of all sizes. With `fixed`, the operator's number of pictures, nothing is measured."""

    def __init__(self, fixed: int | None = None, records: CapFile | None = None) -> None:
        self._fixed = fixed
        self._records = records or CapFile(None, str)
        self._searches: dict[PictureSize, CapSearch] = {}
        self._limits: dict[PictureSize, list[_Limit]] = {}  # where memory was not enough
        self.pressure = Pressure()  # now; the engine sets it

    def pictures(self, request: GenerationRequest, *, optimistic: bool = False) -> int:
        """How many such pictures may share a pass now; `optimistic`: at most, while the search is not finished."""
        size, each = PictureSize.of(request), rows_each(request)
        search = self._search(size)
        rows = search.max_rows if optimistic and not search.finished else search.rows
        rows = min(rows, self._limit(size) or rows)
        return max(1, min(rows // each, self._fixed or MAX_PICTURES))

    def places(self, there: Sequence[GenerationRequest], kind: GenerationRequest | None) -> int:
        """How many pictures run at once: as many of the requests `there` as fit, and more like `kind` beside them.

        `kind` is None before the first request: then it is one, unless the operator set another number.
        """
        pictures, room = 0, 1.0
        for request in there:
            share = self._share(request, optimistic=True)
            if pictures and share > room + ROUNDING:
                break
            pictures += min(slots(request), self.pictures(request, optimistic=True))
            room -= share
        most = (self._fixed or 1) if kind is None else self.pictures(kind, optimistic=True)
        return pictures + max(0, int(most * room + ROUNDING))

    def have_room(self, requests: Sequence[GenerationRequest]) -> bool:
        """Whether all of these may run together now: their shares of their caps add up to at most one."""
        return sum(map(self._share, requests)) <= 1 + ROUNDING

    def _share(self, request: GenerationRequest, *, optimistic: bool = False) -> float:
        return slots(request) / self.pictures(request, optimistic=optimistic)

    @property
    def max_pictures(self) -> int:
        """Pictures of any kind that share a pass, at most."""
        return self._fixed or MAX_PICTURES

    def record(self, size: PictureSize, rows: int, seconds: float) -> None:
        """Record the `seconds` of a pass of `rows`."""
        search = self._search(size)
        if not search.finished:
            search.record(rows, seconds)
            if search.finished:
                log.info("%s: %d rows per batch", size, search.rows)
                self._records.put(size, search.measured)

    def measures(self, size: PictureSize) -> bool:
        """Whether the search for the cap of a size is not finished."""
        return not self._search(size).finished

    def measured_cap(self, size: PictureSize) -> MeasuredCap | None:
        """The cap of a size; None while its search is not finished."""
        search = self._search(size)
        return (self._records.find(size) or search.measured) if search.finished else None

    def reset(self, size: PictureSize) -> None:
        """Forget the cap of a size, to measure it again."""
        self._searches[size] = CapSearch(GUIDED * self.max_pictures)

    def lower(self, size: PictureSize, rows: int) -> int:
        """Limit a size to `rows`, after memory was short, while the pressure is as now. Returns the limit."""
        rows = min(rows, self._limit(size) or rows)
        others = [limit for limit in self._limits.get(size, []) if limit.pressure.relieved_since(self.pressure)]
        self._limits[size] = [*others, _Limit(rows, self.pressure)]
        return rows

    def fitting(self, request: GenerationRequest) -> int | None:
        """How many of its slots fit into memory in one pass; None where memory was never short for them."""
        rows = self._limit(PictureSize.of(request))
        return None if rows is None else max(1, rows // rows_each(request))

    def forget_limits(self) -> None:
        """Forget the limits: there is more memory now."""
        self._limits.clear()

    def _limit(self, size: PictureSize) -> int | None:
        """The rows that fit now; None where nothing limits them."""
        limits = self._limits.get(size, ())
        return min((each.rows for each in limits if not self.pressure.relieved_since(each.pressure)), default=None)

    def _search(self, size: PictureSize) -> CapSearch:
        search = self._searches.get(size)
        if search is None:
            search = self._searches[size] = self._new_search(size)
        return search

    def _new_search(self, size: PictureSize) -> CapSearch:
        max_rows = GUIDED * self.max_pictures
        if self._fixed is not None:
            return CapSearch(max_rows, max_rows, finished=True)
        known = self._records.find(size)
        return CapSearch(max_rows) if known is None else CapSearch(max_rows, known.rows, finished=True)

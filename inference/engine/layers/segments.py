"""Divides the pictures of a pass into segments: stacks of the LoRA sets of neighbouring pictures.

One segment for all takes the fewest kernels: two for each layer. But all its slots have the rank of the largest set in
it, and a set that several pictures share has a slot for each of them, unless every set has equally many pictures. Where
that takes much memory a segment more is cheaper.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from inference.engine.layers.host_buffers import Part
from inference.engine.layers.layer_hooks import SEGMENT_BYTES, SPARE_BYTES
from inference.engine.layers.lora_set import LoraSet

MAX_SEGMENTS = 6


@dataclass(frozen=True)
class Segment:
    """A slot for each of `sets`; each is of so many neighbouring units, of so many rows, as `repeat` says."""

    sets: tuple[LoraSet, ...]
    rows: int  # of a unit
    repeat: int = 1

    @property
    def units(self) -> int:
        """How many units it has."""
        return len(self.sets) * self.repeat

    @property
    def slot_rows(self) -> int:
        """How many rows a slot is for."""
        return self.rows * self.repeat

    @cached_property
    def ranks(self) -> Mapping[Part, int]:
        """The rank of each part of a slot, 0 where it has none."""
        found: dict[Part, int] = {}
        for one in self._different:
            for part, rank in one.ranks.items():
                if found.get(part, -1) < rank:
                    found[part] = rank
        return found

    @cached_property
    def nbytes(self) -> int:
        """Bytes of all its slots. Some layers have a copy of a slot for each of its rows, unless it is the only one."""
        once, per_row = self._slot_bytes
        return len(self.sets) * once + (1 if len(self.sets) == 1 else self.units * self.rows) * per_row

    def joined(self, other: Segment) -> Segment:
        """Both as one: sets of more units than others have a slot for each part of them."""
        repeat = math.gcd(self.repeat, other.repeat)
        return Segment(self._repeated(repeat) + other._repeated(repeat), self.rows, repeat)

    def _repeated(self, repeat: int) -> tuple[LoraSet, ...]:
        return tuple(one for one in self.sets for _ in range(self.repeat // repeat))

    @cached_property
    def _slot_bytes(self) -> tuple[int, int]:
        if len({one.shape for one in self._different}) == 1:
            return self._different[0].slot_bytes
        known = {part: one for one in self._different for part in one.parts}
        sizes = [0, 0]
        for part, rank in self.ranks.items():
            one = known[part]
            sizes[one.is_per_row(part)] += one.parts[part].nbytes // (one.ranks[part] or 1) * (rank or 1)
        return sizes[0], sizes[1]

    @cached_property
    def _different(self) -> tuple[LoraSet, ...]:
        return tuple({one.number: one for one in self.sets}.values())


def segments(
    units: Sequence[LoraSet], rows: int, spare: int = SPARE_BYTES, worth: int = SEGMENT_BYTES
) -> list[Segment]:
    """The segments of units of so many rows with these sets, in order. A segment more saves at least `worth` bytes."""
    if all(one is units[0] for one in units):
        return [Segment((units[0],), rows, len(units))]
    whole = Segment(tuple(units), rows)
    if whole.nbytes <= spare:
        return [whole]
    found: list[Segment] = []
    for one in units:
        if found and found[-1].sets[0] is one:
            found[-1] = Segment((one,), rows, found[-1].repeat + 1)
        else:
            found.append(Segment((one,), rows))
    while len(found) > 1:
        joined = [before.joined(after) for before, after in itertools.pairwise(found)]
        more = [both.nbytes - found[n].nbytes - found[n + 1].nbytes for n, both in enumerate(joined)]
        cheapest = min(range(len(joined)), key=lambda n: (more[n], n))
        if more[cheapest] >= worth and len(found) <= MAX_SEGMENTS:
            break
        found[cheapest : cheapest + 2] = [joined[cheapest]]
    return found


def arranged(pictures: Sequence[Sequence[LoraSet]], spare: int = SPARE_BYTES) -> list[int]:
    """An order of requests, given the sets of the pictures of each, in which few segments take little memory.

    Requests with the same sets stand together, those of most pictures first, then those with the largest sets. Where
    all fit into `spare` bytes the order is as it was.
    """
    order = list(range(len(pictures)))
    if sum(sum(one.slot_bytes) for own in pictures for one in own) <= spare:
        return order
    keys = [tuple(dict.fromkeys(one.number for one in own)) for own in pictures]
    units = Counter[tuple[int, ...]]()
    for key, own in zip(keys, pictures, strict=True):
        units[key] += len(own)
    first = {key: keys.index(key) for key in units}
    size = [max(sum(one.slot_bytes) for one in own) for own in pictures]
    return sorted(order, key=lambda n: (-units[keys[n]], -size[n], first[keys[n]], n))

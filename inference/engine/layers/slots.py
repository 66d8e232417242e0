"""The slots of a batch: LoRA tensors of several pictures, stacked per layer and written one slot at a time.

While stacks are small there are some slots and ranks more than are needed: a picture that joins or leaves costs one
write per layer, not a new stack. Large ones have exactly those that are needed.
"""

from __future__ import annotations

from collections.abc import Sequence

from inference.engine.layers.additions import Addition, Segmented
from inference.engine.layers.layer_hooks import Additions, LayerHooks
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.segments import Segment, arranged, segments
from inference.engine.layers.stacks import EMPTY, Sizes, Stacks

BUCKETS = (4, 8, 16, 32, 64, 128, 256, 512)  # of ranks in compiled blocks, so that shapes seldom change
MAX_PADDING = 2.0  # the ranks of stacks may be so many times as large as the slots need
MAX_EMPTY = 4  # stacks have fewer than so many times as many slots as are taken


def bucket(rank: int) -> int:
    """The rank that `rank` is padded to; beyond the largest bucket as it is."""
    return next((size for size in BUCKETS if size >= rank), rank)


class BatchSlots:
    """Slots for units of `rows` rows each: pictures, or single rows.

    With `padded`, for compiled blocks, ranks are those of buckets also where all slots have the same set, and there is
    one segment. Dense sets are never copied for that: few of their parts have a rank.
    """

    def __init__(self, hooks: LayerHooks, rows: int, *, padded: bool = False) -> None:
        self._padded = padded
        self._hooks = hooks
        self._rows = rows
        self._stacks: list[Stacks] = []

    @property
    def nbytes(self) -> int:
        """Bytes that the stacks take."""
        return sum(stacks.nbytes for stacks in self._stacks)

    @property
    def capacities(self) -> list[int]:
        """The number of slots of each segment."""
        return [len(stacks.set_numbers) for stacks in self._stacks]

    def arranged(self, pictures: Sequence[Sequence[LoraSet]]) -> list[int]:
        """An order of requests, given the sets of the pictures of each, in which slots take little memory."""
        return [*range(len(pictures))] if self._padded else arranged(pictures, self._hooks.spare)

    def bytes_for(self, pictures: Sequence[Sequence[LoraSet]]) -> int:
        """Bytes that slots need for requests, given the sets of the pictures of each."""
        units = [one for number in self.arranged(pictures) for one in pictures[number]]
        return sum(segment.nbytes for segment in self._segments(units))

    def assign(self, sets: Sequence[LoraSet]) -> Additions:
        """The additions of the denoiser's layers, by layer index, when unit n has the LoRA set n of `sets`."""
        first = sets[0]
        there = not first.buffers and (first.dense or not self._padded)
        if there and all(one is first for one in sets):
            self._stacks = []
            return first.additions
        wanted = self._segments(sets)
        if not self._holds(wanted):
            self._allocate(wanted)
        for stacks, segment in zip(self._stacks, wanted, strict=True):
            for slot, one in enumerate(segment.sets):
                stacks.write(slot, one, self._hooks.device)
        return self._together(wanted)

    def find(self, one: LoraSet) -> Additions | None:
        """What a set adds for one picture, on the device; None where it is in no slot."""
        stacks = next((stacks for stacks in self._stacks if one.number in stacks.set_numbers), None)
        if stacks is None:
            return None
        found: list[Addition | None] = [None] * len(self._hooks.keys)
        for index, addition in stacks.entry(one.number):
            found[index] = addition
        return found

    def clear(self) -> None:
        """Free the stacks: all slots are empty."""
        self._stacks = []

    def _segments(self, sets: Sequence[LoraSet]) -> list[Segment]:
        if self._padded:
            return [Segment(tuple(sets), self._rows)]
        return segments(sets, self._rows, self._hooks.spare, self._hooks.segment)

    def _needs(self, segment: Segment) -> Sizes:
        return {part: bucket(rank) if rank and self._padded else rank for part, rank in segment.ranks.items()}

    def _holds(self, wanted: Sequence[Segment]) -> bool:
        """Whether the stacks have room for these segments, without too much padding and too many empty slots."""
        if len(self._stacks) != len(wanted):
            return False
        for stacks, segment in zip(self._stacks, wanted, strict=True):
            needs, slots = self._needs(segment), len(segment.sets)
            if not stacks.has_room_for(needs, slots, segment.slot_rows) or not _fits(stacks.sizes, needs):
                return False
            if len(stacks.set_numbers) >= MAX_EMPTY * slots:
                return False
        spare = sum(stacks.nbytes for stacks in self._stacks) - sum(segment.nbytes for segment in wanted)
        return (self._padded or spare <= self._hooks.spare) and not (self._hooks.off_host and self._moves(wanted))

    def _moves(self, wanted: Sequence[Segment]) -> bool:
        """Whether a set would be copied from the host again, because it is in another slot now."""
        placed = {number for stacks in self._stacks for number in stacks.set_numbers}
        return any(
            stacks.set_numbers[slot] != one.number and one.number in placed
            for stacks, segment in zip(self._stacks, wanted, strict=True)
            for slot, one in enumerate(segment.sets)
        )

    def _allocate(self, wanted: Sequence[Segment]) -> None:
        """New stacks. What is on the device already is copied there, one part after the other, which is freed then."""
        before = self._stacks
        plans = [self._plan(segment, before if len(wanted) == 1 else ()) for segment in wanted]
        self._stacks = []
        if not self._hooks.off_host:
            before = []
        for stacks, segment in zip(plans, wanted, strict=True):
            placed = {number for other in before for number in other.set_numbers}
            for slot, one in enumerate(segment.sets):
                stacks.set_numbers[slot] = one.number if one.number in placed else EMPTY
        templates = [{part: tensor for one in segment.sets for part, tensor in one.parts.items()} for segment in wanted]
        parts = dict.fromkeys(part for other in [*templates, *(each.tensors for each in before)] for part in other)
        for part in parts:
            for stacks, own in zip(plans, templates, strict=True):
                if part in own:
                    stacks.allocate(part, own[part], self._hooks.device, before)
            for other in before:
                other.drop(part)
        self._stacks = plans

    def _plan(self, segment: Segment, before: Sequence[Stacks]) -> Stacks:
        """Stacks for a segment: with more room than it needs where that takes little memory."""
        needs, slots = self._needs(segment), len(segment.sets)
        if len(before) == 1:
            grown = {part: max(rank, before[0].sizes.get(part, 0)) for part, rank in needs.items()}
            needs = grown if _fits(grown, needs) and 2 * segment.nbytes * MAX_PADDING <= self._hooks.spare else needs
        rounded = 1 << (slots - 1).bit_length()
        if rounded * segment.nbytes <= slots * (segment.nbytes + self._hooks.spare):
            slots = rounded
        return Stacks.planned(needs, segment.sets, slots, segment.slot_rows, self._hooks)

    def _together(self, wanted: Sequence[Segment]) -> Additions:
        """The additions of all segments, of each layer as one."""
        each: list[dict[int, Addition]] = [
            dict(stacks.additions(len(segment.sets))) for stacks, segment in zip(self._stacks, wanted, strict=True)
        ]
        shares = tuple(segment.units for segment in wanted)
        additions: list[Addition | None] = [None] * len(self._hooks.keys)
        for index in {index for own in each for index in own}:
            parts = tuple(own.get(index) for own in each)
            additions[index] = parts[0] if len(parts) == 1 else Segmented(parts, shares)
        return additions


def additions_in(slots: Sequence[BatchSlots], one: LoraSet) -> Additions:
    """What a set adds for one picture: from a slot of `slots`, unless it is where the layers compute."""
    if not one.buffers:
        return one.additions
    return next(found for own in slots if (found := own.find(one)) is not None)


def _fits(sizes: Sizes, needs: Sizes) -> bool:
    """Whether `sizes` are not much more than `needs`."""
    return sum(sizes.values()) <= MAX_PADDING * sum(needs.values()) and len(sizes) <= MAX_PADDING * len(needs)

"""The slots of a batch: LoRA tensors of several pictures, stacked per layer and written one slot at a time.

A picture that joins or leaves costs one write per layer, not a new stack. A stack has the largest rank that its layer
needs. Stacks are allocated anew, smaller, when most of their numbers are padding or most slots are empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from inference.engine.layers.additions import Addition, Whole
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet, Part

BUCKETS = (4, 8, 16, 32, 64, 128, 256, 512)  # ranks are padded to one of these, so that shapes seldom change
MAX_PADDING = 2.0  # the ranks of stacks may be so many times as large as the slots need
MAX_EMPTY = 4  # stacks have fewer than so many times as many slots as are taken

Sizes = Mapping[Part, int]  # of each part of each layer: its rank, or 0 where it has none


def bucket(rank: int) -> int:
    """The rank that `rank` is padded to; beyond the largest bucket as it is."""
    return next((size for size in BUCKETS if size >= rank), rank)


class BatchSlots:
    """Slots of `rows` rows each. With `padded`, ranks are those of buckets also where all slots have the same set.

    Dense sets are never copied for that: few of their parts have a rank.
    """

    def __init__(self, hooks: LayerHooks, rows: int, *, padded: bool = False) -> None:
        self._padded = padded
        self._hooks = hooks
        self._rows = rows
        self._stacks: _Stacks | None = None

    def assign(self, sets: Sequence[LoraSet]) -> Sequence[Addition | None]:
        """The additions of the denoiser's layers, by layer index, when slot n has the LoRA set n of `sets`."""
        if (sets[0].dense or not self._padded) and all(one is sets[0] for one in sets):
            self._stacks = None
            return sets[0].additions
        needs = _needs(sets)
        stacks = self._stacks
        if stacks is None or not stacks.has_room_for(needs, len(sets)):
            grown = needs if stacks is None else _together(needs, stacks.sizes)
            stacks = self._stacks = None  # free their memory before the new stacks take theirs
            stacks = _Stacks.empty(grown if _fits(grown, needs) else needs, sets, self._rows, self._hooks)
            self._stacks = stacks
        for slot, one in enumerate(sets):
            stacks.write(slot, one)
        additions: list[Addition | None] = [None] * len(self._hooks.keys)
        for index, addition in stacks.additions(len(sets)):
            additions[index] = addition
        return additions

    def clear(self) -> None:
        """Free the stacks: all slots are empty."""
        self._stacks = None


def _needs(sets: Sequence[LoraSet]) -> dict[Part, int]:
    needs: dict[Part, int] = {}
    for one in {one.number: one for one in sets}.values():
        for part, rank in one.ranks.items():
            if needs.get(part, -1) < rank:
                needs[part] = rank
    return {part: bucket(rank) if rank else 0 for part, rank in needs.items()}


def _together(needs: Sizes, more: Sizes) -> Sizes:
    """The larger of both, of the parts that are needed now."""
    return {part: max(rank, more.get(part, 0)) for part, rank in needs.items()}


def _fits(sizes: Sizes, needs: Sizes) -> bool:
    """Whether `sizes` are not much more than `needs`."""
    return sum(sizes.values()) <= MAX_PADDING * sum(needs.values()) and len(sizes) <= MAX_PADDING * len(needs)


@dataclass
class _Stacks:
    """Every layer's stacked parts: one entry for each slot, of convolutions one for each row of each slot.

    A slot whose set does not change a layer has zeros there, or the layer's own weights (`plain`).
    """

    sizes: Sizes
    tensors: Mapping[Part, torch.Tensor]
    kinds: Mapping[int, type[Addition]]
    plain: Mapping[Part, torch.Tensor]
    set_numbers: list[int]  # of the set in each slot
    rows: int
    _views: list[dict[Part, torch.Tensor]] = field(init=False)  # of each slot
    _filled: list[dict[Part, int]] = field(init=False)  # of each slot: the rank that was written, 1 where there is none
    _taken: dict[int, list[tuple[int, Addition]]] = field(default_factory=dict[int, list[tuple[int, Addition]]])

    def __post_init__(self) -> None:
        """Make a view of each slot."""
        slots = range(len(self.set_numbers))
        self._filled = [{} for _ in slots]
        self._views = [
            {part: tensor[slot * (n := self._copies(part)) : (slot + 1) * n] for part, tensor in self.tensors.items()}
            for slot in slots
        ]

    @classmethod
    def empty(cls, needs: Sizes, sets: Sequence[LoraSet], rows: int, hooks: LayerHooks) -> _Stacks:
        """Stacks of zeros: as many slots as `sets`, rounded up to a power of two."""
        templates = {part: tensor for one in sets for part, tensor in one.parts.items()}
        kinds = {index: type(template) for one in sets for index in one.denoiser if (template := one.additions[index])}
        slots = 1 << (len(sets) - 1).bit_length()
        tensors: dict[Part, torch.Tensor] = {}
        for part, template in templates.items():
            index, name = part
            kind, shape = kinds[index], list(template.shape)
            shape[0] = slots * (rows if kind.PER_ROW else 1)
            if name in kind.RANK:
                shape[kind.RANK[name]] = needs[part]
            tensors[part] = template.new_zeros(shape)
        plain = {
            (index, name): tensor
            for index, kind in kinds.items()
            if issubclass(kind, Whole)
            for name, tensor in kind.plain(hooks.layers[index], hooks.device).items()
        }
        return cls(needs, tensors, kinds, plain, [-1] * slots, rows)

    def has_room_for(self, needs: Sizes, slots: int) -> bool:
        """Whether `needs` fit in so many slots, without too much padding and too many empty slots."""
        enough = len(self.set_numbers) >= slots and all(
            self.sizes.get(part, -1) >= rank for part, rank in needs.items()
        )
        return enough and len(self.set_numbers) < MAX_EMPTY * slots and _fits(self.sizes, needs)

    def write(self, slot: int, one: LoraSet) -> None:
        """Write the set `one` into a slot, unless it is there."""
        if self.set_numbers[slot] == one.number:
            return
        self.set_numbers[slot] = one.number
        blank: list[torch.Tensor] = []
        targets: list[torch.Tensor] = []
        sources: list[torch.Tensor] = []
        filled = self._filled[slot]
        for part, view in self._views[slot].items():
            source = one.parts.get(part)
            if source is None:
                source = self.plain.get(part)
            before, filled[part] = filled.get(part, 0), 0 if source is None else one.ranks.get(part) or 1
            dimension = self.kinds[part[0]].RANK.get(part[1])
            if filled[part] < before:
                blank.append(view if dimension is None else view.narrow(dimension, filled[part], before - filled[part]))
            if source is not None:
                targets.append(view if dimension is None else view.narrow(dimension, 0, filled[part]))
                sources.append(source)
        if blank:
            torch._foreach_zero_(blank)  # pyright: ignore[reportPrivateUsage] (its only name)
        if targets:
            torch._foreach_copy_(targets, sources)  # pyright: ignore[reportPrivateUsage] (see above)

    def additions(self, slots: int) -> list[tuple[int, Addition]]:
        """The addition of each layer, by index, when the first `slots` slots are taken."""
        found = self._taken.get(slots)
        if found is None:
            parts: dict[int, dict[str, torch.Tensor]] = {index: {} for index in self.kinds}
            for part, tensor in self.tensors.items():
                parts[part[0]][part[1]] = tensor[: slots * self._copies(part)]
            found = self._taken[slots] = [(index, self.kinds[index](**own)) for index, own in parts.items()]
        return found

    def _copies(self, part: Part) -> int:
        return self.rows if self.kinds[part[0]].PER_ROW else 1

"""The stacked tensors of one segment: for every layer one entry for each slot, written one slot at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from inference.engine.layers.additions import Addition, Whole
from inference.engine.layers.host_buffers import Part
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet

Sizes = Mapping[Part, int]  # of each part of each layer: its rank, or 0 where it has none
EMPTY = -1  # in the place of a set's number


@dataclass
class Stacks:
    """Stacked parts: one entry for each slot, of convolutions one for each of the slot's `rows`.

    A slot whose set does not change a layer has zeros there, or the layer's own weights (`plain`).
    """

    sizes: Sizes
    tensors: dict[Part, torch.Tensor]
    kinds: Mapping[int, type[Addition]]
    plain: Mapping[Part, torch.Tensor]
    set_numbers: list[int]  # of the set in each slot
    rows: int
    _filled: list[dict[Part, int]] = field(init=False)  # of each slot: the rank that was written, 1 where there is none
    _entries: list[dict[Part, torch.Tensor]] = field(init=False)  # of each slot: views of its entries
    _taken: dict[int, list[tuple[int, Addition]]] = field(default_factory=dict[int, list[tuple[int, Addition]]])

    def __post_init__(self) -> None:
        """Nothing is written yet."""
        self._filled = [{} for _ in self.set_numbers]
        self._entries = [{} for _ in self.set_numbers]

    @classmethod
    def planned(cls, sizes: Sizes, sets: Iterable[LoraSet], slots: int, rows: int, hooks: LayerHooks) -> Stacks:
        """So many slots for such sets, without memory yet."""
        kinds = {index: type(template) for one in sets for index in one.denoiser if (template := one.additions[index])}
        plain = {
            (index, name): tensor
            for index, kind in kinds.items()
            if issubclass(kind, Whole)
            for name, tensor in kind.plain(hooks.layers[index], hooks.device).items()
        }
        return cls(sizes, {}, kinds, plain, [EMPTY] * slots, rows)

    def allocate(
        self, part: Part, template: torch.Tensor, device: torch.device | None, before: Sequence[Stacks]
    ) -> None:
        """Zeros for `part`, whose entries are as `template`; slots whose set is in `before` are copied from there."""
        kind, shape = self.kinds[part[0]], list(template.shape)
        shape[0] = len(self.set_numbers) * self._copies(part)
        if part[1] in kind.RANK:
            shape[kind.RANK[part[1]]] = self.sizes[part]
        made = self.tensors[part] = template.new_zeros(shape, device=device or template.device)
        for entries, own in zip(self._entries, made.split(self._copies(part)), strict=True):
            entries[part] = own
        targets: list[torch.Tensor] = []
        sources: list[torch.Tensor] = []
        for slot, number in enumerate(self.set_numbers):
            if number == EMPTY:
                continue
            source = next((found for other in before if (found := other.written(number, part)) is not None), None)
            if source is None:
                source = self.plain.get(part)
            if source is not None:
                dimension = kind.RANK.get(part[1])
                rank = self._filled[slot][part] = 1 if dimension is None else source.shape[dimension]
                targets.append(self._view(slot, part, rank))
                sources.append(source)
        if targets:
            torch._foreach_copy_(targets, sources)  # pyright: ignore[reportPrivateUsage] (its only name)

    def drop(self, part: Part) -> None:
        """Free the memory of a part."""
        self._taken.clear()
        self.tensors.pop(part, None)
        for entries in self._entries:
            entries.pop(part, None)

    def has_room_for(self, needs: Sizes, slots: int, rows: int) -> bool:
        """Whether `needs` fit in so many slots of so many rows."""
        return (
            len(self.set_numbers) >= slots
            and (rows == self.rows or not any(kind.PER_ROW for kind in self.kinds.values()))
            and all(self.sizes.get(part, -1) >= rank for part, rank in needs.items())
        )

    @property
    def nbytes(self) -> int:
        """Bytes of the stacks."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    def written(self, number: int, part: Part) -> torch.Tensor | None:
        """What the set of this number has there, as one entry."""
        if number not in self.set_numbers or part not in self.tensors:
            return None
        slot = self.set_numbers.index(number)
        rank = self._filled[slot].get(part, 0)
        return self._view(slot, part, rank)[:1] if rank else None

    def write(self, slot: int, one: LoraSet, device: torch.device | None) -> None:
        """Write the set `one` into a slot, unless it is there."""
        if self.set_numbers[slot] == one.number:
            return
        self.set_numbers[slot] = EMPTY  # if a copy fails
        blank: list[torch.Tensor] = []
        filled = self._filled[slot]
        missing = {part: self.plain[part] for part in self.tensors if part not in one.parts and part in self.plain}
        for part in self.tensors:
            known = part in one.parts or part in missing
            before, filled[part] = filled.get(part, 0), (one.ranks.get(part) or 1) if known else 0
            if filled[part] < before:
                blank.append(self._ranks(slot, part, filled[part], before))
        if blank:
            torch._foreach_zero_(blank)  # pyright: ignore[reportPrivateUsage] (see above)
        for sources in (missing, *one.uploads(device)):
            targets = [self._view(slot, part, filled[part]) for part in sources]
            if targets:
                torch._foreach_copy_(targets, [*sources.values()])  # pyright: ignore[reportPrivateUsage] (see above)
        self.set_numbers[slot] = one.number

    def additions(self, slots: int) -> list[tuple[int, Addition]]:
        """The addition of each layer, by index, when the first `slots` slots are taken."""
        found = self._taken.get(slots)
        if found is None:
            cut = {part: tensor[: slots * self._copies(part)] for part, tensor in self.tensors.items()}
            found = self._taken[slots] = self._additions(cut)
        return found

    def entry(self, number: int) -> list[tuple[int, Addition]]:
        """The additions of the set of this number alone."""
        slot = self.set_numbers.index(number)
        filled = self._filled[slot]
        return self._additions({part: self._view(slot, part, rank)[:1] for part, rank in filled.items() if rank})

    def _additions(self, parts: Mapping[Part, torch.Tensor]) -> list[tuple[int, Addition]]:
        by_layer: dict[int, dict[str, torch.Tensor]] = {}
        for (index, name), tensor in parts.items():
            by_layer.setdefault(index, {})[name] = tensor
        return [(index, self.kinds[index](**own)) for index, own in by_layer.items()]

    def _view(self, slot: int, part: Part, rank: int) -> torch.Tensor:
        """The entries of a slot, up to this rank."""
        return self._ranks(slot, part, 0, rank)

    def _ranks(self, slot: int, part: Part, begin: int, end: int) -> torch.Tensor:
        """The entries of a slot from one rank to another; all of them where there is no rank."""
        entries = self._entries[slot][part]
        dimension = self.kinds[part[0]].RANK.get(part[1])
        return entries if dimension is None else entries.narrow(dimension, begin, end - begin)

    def _copies(self, part: Part) -> int:
        return self.rows if self.kinds[part[0]].PER_ROW and len(self.set_numbers) > 1 else 1

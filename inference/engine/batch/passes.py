"""Forward passes: which rows of which runs go together, and the LoRA slots of each pass.

Rows share a pass where their conditions have the same shapes. A run has a *part* in each pass that some of its rows are
in. A pass has a slot for each *unit* of its rows: a slot of a picture with all of its rows, or a single row where the
rows of a slot are in different passes, or where other runs of the pass have other numbers of rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from inference.engine.layers.layer_hooks import Additions, LayerHooks, PromptProjections
from inference.engine.layers.lora_set import AppliedLoras, LoraSet
from inference.engine.layers.slots import BatchSlots, additions_in
from inference.engine.models.families.family import Conditions, RowGroup


@dataclass(eq=False)
class RunPart:
    """Those rows of a run that are in one pass.

    `places` are theirs among all rows of the run; `applied` are the LoRAs of each unit. `projections` are made by the
    batch that the run joins.
    """

    places: tuple[int, ...]
    conditions: Conditions
    applied: tuple[AppliedLoras, ...]
    projections: PromptProjections | None = None

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.places)

    @property
    def unit_rows(self) -> int:
        """Rows of each unit."""
        return len(self.places) // len(self.applied)

    @property
    def sets(self) -> list[LoraSet]:
        """The LoRA set of each unit."""
        return [one.loras for one in self.applied]


def parts_of(groups: Sequence[RowGroup], applied: Sequence[AppliedLoras], rows: int) -> tuple[RunPart, ...]:
    """The parts of a run whose slots have so many rows each, and these LoRAs."""
    parts: list[RunPart] = []
    for group in groups:
        slots = [place // rows for place in group.places]
        whole = group.places == tuple(rows * slot + row for slot in slots[::rows] for row in range(rows))
        units = slots[::rows] if whole else slots
        parts.append(RunPart(group.places, group.conditions, tuple(applied[slot] for slot in units)))
    return tuple(parts)


@dataclass(frozen=True)
class Pass:
    """One forward pass of the rows of `parts`: their conditions, and the additions of the layers.

    `projections` are the prompt projections of all rows, the same in each step; None: computed in each pass.
    """

    parts: Sequence[RunPart]
    additions: Additions
    conditions: Conditions
    projections: PromptProjections | None


class PassSlots:
    """The LoRA slots of the passes for rows of the same shapes, kept while runs join and leave.

    `padded` as in `BatchSlots`, for compiled blocks.
    """

    def __init__(self, hooks: LayerHooks, *, padded: bool) -> None:
        self._hooks = hooks
        self._padded = padded
        self._unit = 0
        self._slots = BatchSlots(hooks, 1, padded=padded)
        self._order: Sequence[RunPart] = ()  # of the pass before

    @property
    def nbytes(self) -> int:
        """Bytes that the slots take."""
        return self._slots.nbytes

    @property
    def capacities(self) -> list[int]:
        """The number of slots of each segment."""
        return self._slots.capacities

    def lay_out(self, parts: Sequence[RunPart]) -> Pass:
        """The pass of `parts`, in an order in which slots take little memory and few are written again."""
        unit = math.gcd(*(part.unit_rows for part in parts))
        if unit != self._unit:
            self._unit, self._slots = unit, BatchSlots(self._hooks, unit, padded=self._padded)
        parts = keeping_order(self._order, parts)
        parts = [parts[number] for number in self._slots.arranged([part.sets for part in parts])]
        self._order = parts
        additions = self._slots.assign([one for part in parts for one in _by_unit(part, unit)])
        conditions = Conditions.concatenated([part.conditions for part in parts])
        return Pass(parts, additions, conditions, self._projections(parts, [self._slots]))

    def lay_out_limited(self, part: RunPart, units: int) -> list[Pass]:
        """Passes of at most so many units each, for the only part; each has slots of its own."""
        size, sets = units * part.unit_rows, part.sets
        pieces = part.conditions.split(size)
        slots = [BatchSlots(self._hooks, part.unit_rows, padded=self._padded) for _ in pieces]
        additions = [own.assign(sets[number * units :][:units]) for number, own in enumerate(slots)]
        projections = self._projections([part], slots)
        return [
            Pass(
                [part],
                additions[number],
                conditions,
                projections and {index: rows.split(size)[number] for index, rows in projections.items()},
            )
            for number, conditions in enumerate(pieces)
        ]

    def _projections(self, parts: Sequence[RunPart], slots: Sequence[BatchSlots]) -> PromptProjections | None:
        """The prompt projections of all `parts`, whose LoRA sets are in `slots`.

        Each part is projected once and by itself; afterwards it holds a view of its rows.
        """
        if self._padded:
            return None  # a dictionary cannot be part of a compiled graph
        embeds = [part.conditions.prompt_embeds for part in parts]
        if not self._hooks.keeps_projections(sum(map(len, embeds)), embeds[0].shape[1], embeds[0].dtype):
            for part in parts:
                part.projections = None
            return None
        each = [self._projected(part, slots) for part in parts]
        together: PromptProjections = {}
        for index in each[0]:
            rows = together[index] = torch.cat([projections[index] for projections in each])
            for projections, own in zip(each, rows.split([*map(len, parts)]), strict=True):
                projections[index] = own
        return together

    def _projected(self, part: RunPart, slots: Sequence[BatchSlots]) -> PromptProjections:
        if part.projections is None:
            sets = {one.number: one for one in part.sets}
            found = {number: additions_in(slots, one) for number, one in sets.items()}
            each = [found[one.number] for one in part.sets]
            alike = all(one is each[0] for one in each)
            part.projections = self._hooks.project_prompt(part.conditions.prompt_embeds, each[:1] if alike else each)
        return part.projections


def _by_unit(part: RunPart, rows: int) -> list[LoraSet]:
    """The LoRA sets of the units of a part, when a unit has so many rows."""
    return [one for one in part.sets for _ in range(part.unit_rows // rows)]


def keeping_order(before: Sequence[RunPart], parts: Sequence[RunPart]) -> list[RunPart]:
    """`parts`, the largest first, each in its position of `before` where possible: one that moves is written again."""
    found: list[RunPart] = []
    for size in sorted({len(part) for part in parts}, reverse=True):
        here = [part for part in parts if len(part) == size]
        stay = [part if part in here else None for part in before if len(part) == size][: len(here)]
        move = iter([part for part in here if part not in stay])
        found += [next(move) if part is None else part for part in stay]
        found += move
    return found

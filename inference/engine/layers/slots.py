"""Where the pictures of a batch sit side by side, each with its own LoRAs: stacked tensors that are written per seat.

Who joins or leaves costs one write per layer, not a new stack. Stacks hold the largest rank that is needed in each
layer, and are made anew, smaller, when most of them is padding or most seats are empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from inference.engine.layers.additions import Addition, Whole
from inference.engine.layers.layer_hooks import Board
from inference.engine.layers.lora_set import LoraSet, Part

BUCKETS = (4, 8, 16, 32, 64, 128, 256, 512)  # ranks are padded to one of these, so that shapes seldom change
SLACK = 2.0  # ranks of stacks may be so many times as large as what sits there needs
EMPTY = 4  # so many times as many seats as are taken are too many

Sizes = Mapping[Part, int]  # of each part of each layer: its rank, or 0 where it has none


def bucket(rank: int) -> int:
    """The rank that `rank` is padded to; beyond the largest bucket as it is."""
    return next((size for size in BUCKETS if size >= rank), rank)


class Bench:
    """Seats of `rows` rows each. With `padded` ranks are those of buckets even where all seats wear the same.

    What is dense is never copied for that: it has few ranks, or none.
    """

    def __init__(self, board: Board, rows: int, *, padded: bool = False) -> None:
        self._padded = padded
        self._board = board
        self._rows = rows
        self._stacks: _Stacks | None = None

    def seat(self, sets: Sequence[LoraSet]) -> Sequence[Addition | None]:
        """What the layers of the denoiser add when each of `sets` sits here, in this order."""
        if (sets[0].dense or not self._padded) and all(one is sets[0] for one in sets):
            self._stacks = None
            return sets[0].additions
        needs = _needs(sets)
        stacks = self._stacks
        if stacks is None or not stacks.hold(needs, len(sets)):
            grown = needs if stacks is None else _together(needs, stacks.sizes)
            stacks = self._stacks = None  # their memory goes before that of others comes
            stacks = _Stacks.empty(grown if _fits(grown, needs) else needs, sets, self._rows, self._board)
            self._stacks = stacks
        for seat, one in enumerate(sets):
            stacks.write(seat, one)
        shown: list[Addition | None] = [None] * len(self._board.keys)
        for place, addition in stacks.shown(len(sets)):
            shown[place] = addition
        return shown

    def clear(self) -> None:
        """Nobody sits here for now."""
        self._stacks = None


def _needs(sets: Sequence[LoraSet]) -> dict[Part, int]:
    needs: dict[Part, int] = {}
    for one in {one.number: one for one in sets}.values():
        for part, rank in one.ranks.items():
            if needs.get(part, -1) < rank:
                needs[part] = rank
    return {part: bucket(rank) if rank else 0 for part, rank in needs.items()}


def _together(needs: Sizes, more: Sizes) -> Sizes:
    """What both need, of the parts that are needed now."""
    return {part: max(rank, more.get(part, 0)) for part, rank in needs.items()}


def _fits(sizes: Sizes, needs: Sizes) -> bool:
    """Whether `sizes` are not much more than `needs`."""
    return sum(sizes.values()) <= SLACK * sum(needs.values()) and len(sizes) <= SLACK * len(needs)


@dataclass
class _Stacks:
    """Every layer's stacked parts: one entry for each seat, of convolutions for each row of each seat.

    Who changes nothing of a layer has zeros there, or what is `plain`: the layer's own weights.
    """

    sizes: Sizes
    tensors: Mapping[Part, torch.Tensor]
    kinds: Mapping[int, type[Addition]]
    plain: Mapping[Part, torch.Tensor]
    seated: list[int]  # the numbers of the sets
    rows: int
    _views: list[dict[Part, torch.Tensor]] = field(init=False)  # of each seat
    _filled: list[dict[Part, int]] = field(init=False)  # of each seat: the rank that was written, 1 where there is none
    _shown: dict[int, list[tuple[int, Addition]]] = field(default_factory=dict[int, list[tuple[int, Addition]]])

    def __post_init__(self) -> None:
        """Lay out the seats."""
        seats = range(len(self.seated))
        self._filled = [{} for _ in seats]
        self._views = [
            {part: tensor[seat * (n := self._copies(part)) : (seat + 1) * n] for part, tensor in self.tensors.items()}
            for seat in seats
        ]

    @classmethod
    def empty(cls, needs: Sizes, sets: Sequence[LoraSet], rows: int, board: Board) -> _Stacks:
        """Room for `sets` and as many more as make a power of two."""
        models = {part: tensor for one in sets for part, tensor in one.parts.items()}
        kinds = {place: type(model) for one in sets for place in one.denoiser if (model := one.additions[place])}
        seats = 1 << (len(sets) - 1).bit_length()
        tensors: dict[Part, torch.Tensor] = {}
        for part, model in models.items():
            place, name = part
            kind, shape = kinds[place], list(model.shape)
            shape[0] = seats * (rows if kind.PER_ROW else 1)
            if name in kind.RANK:
                shape[kind.RANK[name]] = needs[part]
            tensors[part] = model.new_zeros(shape)
        plain = {
            (place, name): tensor
            for place, kind in kinds.items()
            if issubclass(kind, Whole)
            for name, tensor in kind.plain(board.layers[place], board.device).items()
        }
        return cls(needs, tensors, kinds, plain, [-1] * seats, rows)

    def hold(self, needs: Sizes, seats: int) -> bool:
        """Whether `needs` fit, without too much room left over."""
        enough = len(self.seated) >= seats and all(self.sizes.get(part, -1) >= rank for part, rank in needs.items())
        return enough and len(self.seated) < EMPTY * seats and _fits(self.sizes, needs)

    def write(self, seat: int, one: LoraSet) -> None:
        """Let a seat wear `one`, unless it does."""
        if self.seated[seat] == one.number:
            return
        self.seated[seat] = one.number
        blank: list[torch.Tensor] = []
        targets: list[torch.Tensor] = []
        sources: list[torch.Tensor] = []
        filled = self._filled[seat]
        for part, view in self._views[seat].items():
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

    def shown(self, seats: int) -> list[tuple[int, Addition]]:
        """What each layer adds when the first `seats` seats are taken."""
        found = self._shown.get(seats)
        if found is None:
            parts: dict[int, dict[str, torch.Tensor]] = {place: {} for place in self.kinds}
            for part, tensor in self.tensors.items():
                parts[part[0]][part[1]] = tensor[: seats * self._copies(part)]
            found = self._shown[seats] = [(place, self.kinds[place](**own)) for place, own in parts.items()]
        return found

    def _copies(self, part: Part) -> int:
        return self.rows if self.kinds[part[0]].PER_ROW else 1

"""Where the pictures of a batch sit side by side, each with its own LoRAs: stacked tensors that are written per seat.

Who joins or leaves costs one write per layer, not a new stack: stacks grow to the largest number of seats and the
largest rank that were needed, and shrink when nobody needs the layer any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from inference.engine.additions import Addition, ConvAddition
from inference.engine.board import Board
from inference.engine.lora_set import LoraSet

BUCKETS = (4, 8, 16, 32, 64, 128, 256, 512)  # ranks are padded to one of these, so that shapes seldom change


def bucket(rank: int) -> int:
    """The rank that `rank` is padded to; beyond the largest bucket as it is."""
    return next((size for size in BUCKETS if size >= rank), rank)


class Bench:
    """Seats for pictures of `rows` rows each (two with guidance, one without)."""

    def __init__(self, board: Board, rows: int) -> None:
        self._board = board
        self._rows = rows
        self._stacks: dict[int, _Stack] = {}

    def seat(self, sets: Sequence[LoraSet]) -> Sequence[Addition | None]:
        """What the layers of the denoiser add when a picture of each of `sets` sits here, in this order."""
        if all(one is sets[0] for one in sets):
            self._stacks.clear()
            return sets[0].additions
        places = {place for one in sets for place in one.denoiser}
        for place in [place for place in self._stacks if place not in places]:
            del self._stacks[place]
        shown: list[Addition | None] = [None] * len(self._board.keys)
        for place in places:
            shown[place] = self._at(place, sets)
        return shown

    def _at(self, place: int, sets: Sequence[LoraSet]) -> Addition:
        worn = [one.additions[place] for one in sets]
        needs = _Needs.of([addition for addition in worn if addition is not None])
        stack = self._stacks.get(place)
        if stack is None or len(stack.seated) < len(sets) or not stack.needs.cover(needs):
            if stack is not None:
                needs = needs.together(stack.needs)
            seats = max(1 << (len(sets) - 1).bit_length(), 0 if stack is None else len(stack.seated))
            stack = self._stacks[place] = _Stack.empty(worn, needs, seats, self._rows)
        for seat, (one, addition) in enumerate(zip(sets, worn, strict=True)):
            if stack.seated[seat] != one.number:
                stack.write(seat, addition)
                stack.seated[seat] = one.number
        return stack.content.first(len(sets) * stack.copies)


@dataclass(frozen=True)
class _Needs:
    """What a stack must hold: a rank, and which parts."""

    rank: int
    parts: frozenset[str]

    @classmethod
    def of(cls, additions: Sequence[Addition]) -> _Needs:
        rank = bucket(max(addition.rank for addition in additions))
        return cls(rank, frozenset(name for addition in additions for name in addition.parts))

    def cover(self, other: _Needs) -> bool:
        return self.rank >= other.rank and self.parts >= other.parts

    def together(self, other: _Needs) -> _Needs:
        return _Needs(max(self.rank, other.rank), self.parts | other.parts)


@dataclass
class _Stack:
    """One layer's stacked additions. `copies` entries stand for one seat; `seated` are the numbers of the sets."""

    content: Addition
    needs: _Needs
    copies: int
    seated: list[int] = field(default_factory=list[int])

    @classmethod
    def empty(cls, worn: Sequence[Addition | None], needs: _Needs, seats: int, rows: int) -> _Stack:
        models = {name: part for addition in worn if addition for name, part in addition.parts.items()}
        kind = next(type(addition) for addition in worn if addition)
        copies = rows if issubclass(kind, ConvAddition) else 1
        parts: dict[str, torch.Tensor] = {}
        for name in needs.parts & models.keys():
            shape = list(models[name].shape)
            shape[0] = seats * copies
            if name in kind.RANK:
                shape[kind.RANK[name]] = needs.rank
            parts[name] = models[name].new_zeros(shape)
        return cls(kind(**parts), _Needs(needs.rank, frozenset(parts)), copies, [0] * seats)

    def write(self, seat: int, addition: Addition | None) -> None:
        """Let a seat wear `addition`."""
        own = {} if addition is None else addition.parts
        for name, stacked in self.content.parts.items():
            target = stacked[seat * self.copies : (seat + 1) * self.copies]
            part = own.get(name)
            if part is None:
                target.zero_()
                continue
            if name in self.content.RANK:
                dimension = self.content.RANK[name]
                rank = part.shape[dimension]
                if rank < self.needs.rank:
                    target.narrow(dimension, rank, self.needs.rank - rank).zero_()
                    target = target.narrow(dimension, 0, rank)
            target.copy_(part)

"""Weighted LoRAs of one picture, folded into what each layer of the loaded checkpoint adds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch

from inference.engine.devices.cache import memory_of
from inference.engine.layers.additions import Addition, addition_of
from inference.engine.layers.layer_hooks import Board
from inference.engine.lora.folding import Change, Folded, ModuleKey, fold_all
from inference.engine.lora.low_rank import Delta, added

Worn = tuple[tuple[str, float], ...]  # SHA-256 and weight of each LoRA, in order; those of weight 0 are left out

Part = tuple[int, str]  # a layer's place on the board, and which part of what it adds

MAX_RANK = 512  # a pair of more is not stacked; its product is

_numbers = itertools.count(1)


@dataclass(frozen=True, eq=False)
class LoraSet:
    """`additions` by place on the board; `denoiser` and `text` are the places that add something, by network."""

    additions: Sequence[Addition | None]
    denoiser: tuple[int, ...]
    text: tuple[int, ...]
    dense: bool  # so large that it is not stacked with others
    nbytes: int
    number: int = field(default_factory=lambda: next(_numbers))

    @cached_property
    def parts(self) -> dict[Part, torch.Tensor]:
        """All tensors of what the layers of the denoiser add."""
        return {
            (place, name): tensor
            for place in self.denoiser
            if (addition := self.additions[place])
            for name, tensor in addition.parts.items()
        }

    @cached_property
    def ranks(self) -> dict[Part, int]:
        """The rank of each of these, 0 where it has none."""
        dimensions = {part: _rank_dimension(self.additions[part[0]], part[1]) for part in self.parts}
        return {
            part: 0 if (dimension := dimensions[part]) is None else tensor.shape[dimension]
            for part, tensor in self.parts.items()
        }

    @classmethod
    def fold(cls, loras: Sequence[tuple[Mapping[ModuleKey, Change], float]], board: Board) -> LoraSet:
        """Fold LoRAs, each with its weight, for the checkpoint of `board`."""
        layers = dict(zip(board.keys, board.layers, strict=True))
        additions: list[Addition | None] = [None] * len(layers)
        for key, change in fold_all(loras, layers).items():
            addition = addition_of(_bounded(change), layers[key], board.device)
            additions[board.places[key]] = addition.whole(layers[key]) if board.is_small(layers[key]) else addition
        at_work = [place for place, addition in enumerate(additions) if addition is not None]
        parts = [part for addition in additions if addition for part in addition.parts.values()]
        return cls(
            additions,
            denoiser=tuple(place for place in at_work if board.keys[place][0] == "unet"),
            text=tuple(place for place in at_work if board.keys[place][0] != "unet"),
            dense=any(addition is not None and "dense" in addition.parts for addition in additions),
            nbytes=memory_of(parts),
        )

    def merged(self, board: Board) -> LoraSet:
        """The same with whole weights for every layer of the denoiser: for who paints alone, and never stacked."""
        additions = list(self.additions)
        for place in self.denoiser:
            if (addition := additions[place]) is not None:
                additions[place] = addition.whole(board.layers[place])
        parts = [part for addition in additions if addition for part in addition.parts.values()]
        return LoraSet(additions, self.denoiser, self.text, dense=True, nbytes=memory_of(parts))


def _rank_dimension(addition: Addition | None, part: str) -> int | None:
    return None if addition is None else addition.RANK.get(part)


def _bounded(change: Folded) -> Folded:
    pair, dense = change.delta.pair, change.delta.dense
    if pair is None or pair.rank <= MAX_RANK:
        return change
    return replace(change, delta=Delta(dense=added(dense, pair.dense())))

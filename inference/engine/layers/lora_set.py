"""A LoRA set: weighted LoRAs of one picture, folded into one addition for each layer of the loaded checkpoint."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch

from inference.engine.devices.cache import memory_of
from inference.engine.layers.additions import Addition, addition_of
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.lora.folding import TEXT_ENCODERS, Folded, LayerChange, ModuleKey, fold_all
from inference.engine.lora.low_rank import Delta, added

LoraWeights = tuple[tuple[str, float], ...]  # SHA-256 and weight of each LoRA, in order, without those of weight 0

Part = tuple[int, str]  # a layer's index in LayerHooks, and a part of its addition

MAX_RANK = 512  # a pair of a larger rank is replaced by its product

_numbers = itertools.count(1)


@dataclass(frozen=True, eq=False)
class LoraSet:
    """`additions` by layer index; `denoiser` and `text` are the indices of layers that add something."""

    additions: Sequence[Addition | None]
    denoiser: tuple[int, ...]
    text: tuple[int, ...]
    dense: bool  # too large to be stacked with other sets
    nbytes: int
    number: int = field(default_factory=lambda: next(_numbers))

    @cached_property
    def parts(self) -> dict[Part, torch.Tensor]:
        """All tensors of the additions to the denoiser's layers."""
        return {
            (index, name): tensor
            for index in self.denoiser
            if (addition := self.additions[index])
            for name, tensor in addition.parts.items()
        }

    @cached_property
    def ranks(self) -> dict[Part, int]:
        """The rank of each of these tensors, 0 where it has none."""
        dimensions = {part: _rank_dimension(self.additions[part[0]], part[1]) for part in self.parts}
        return {
            part: 0 if (dimension := dimensions[part]) is None else tensor.shape[dimension]
            for part, tensor in self.parts.items()
        }

    @classmethod
    def fold(cls, loras: Sequence[tuple[Mapping[ModuleKey, LayerChange], float]], hooks: LayerHooks) -> LoraSet:
        """Fold LoRAs, each with its weight, for the layers of `hooks`."""
        layers = dict(zip(hooks.keys, hooks.layers, strict=True))
        additions: list[Addition | None] = [None] * len(layers)
        for key, change in fold_all(loras, layers).items():
            addition = addition_of(_bounded(change), layers[key], hooks.device)
            additions[hooks.indices[key]] = addition.whole(layers[key]) if hooks.is_small(layers[key]) else addition
        at_work = [index for index, addition in enumerate(additions) if addition is not None]
        parts = [part for addition in additions if addition for part in addition.parts.values()]
        return cls(
            additions,
            denoiser=tuple(index for index in at_work if hooks.keys[index][0] not in TEXT_ENCODERS),
            text=tuple(index for index in at_work if hooks.keys[index][0] in TEXT_ENCODERS),
            dense=any(addition is not None and "dense" in addition.parts for addition in additions),
            nbytes=memory_of(parts),
        )

    def with_merged_weights(self, hooks: LayerHooks) -> LoraSet:
        """The same with replaced weights for every layer of the denoiser. It shares its batch with no other set."""
        additions = list(self.additions)
        for index in self.denoiser:
            if (addition := additions[index]) is not None:
                additions[index] = addition.whole(hooks.layers[index])
        parts = [part for addition in additions if addition for part in addition.parts.values()]
        return LoraSet(additions, self.denoiser, self.text, dense=True, nbytes=memory_of(parts))


@dataclass(frozen=True)
class AppliedLoras:
    """The LoRAs applied to one picture, folded; `text` names those that change the text encoders."""

    loras: LoraSet
    text: LoraWeights = ()


def _rank_dimension(addition: Addition | None, part: str) -> int | None:
    return None if addition is None else addition.RANK.get(part)


def _bounded(change: Folded) -> Folded:
    pair, dense = change.delta.pair, change.delta.dense
    if pair is None or pair.rank <= MAX_RANK:
        return change
    return replace(change, delta=Delta(dense=added(dense, pair.dense())))

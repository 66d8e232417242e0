"""A LoRA set: weighted LoRAs of one picture, folded into one addition for each layer of the loaded checkpoint.

Sets are kept in host memory; the slots of a batch hold them on the device as long as a picture needs them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch

from inference.engine.devices.cache import memory_of
from inference.engine.devices.transfers import beside
from inference.engine.layers.additions import Addition, addition_of
from inference.engine.layers.host_buffers import HostBuffer, Part, host_buffers
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.lora.folding import TEXT_ENCODERS, Folded, LayerChange, Layers, ModuleKey, fold_all
from inference.engine.lora.layer_weights import is_quantised
from inference.engine.lora.low_rank import Delta

LoraWeights = tuple[tuple[str, float], ...]  # SHA-256 and weight of each LoRA, in order, without those of weight 0

_numbers = itertools.count(1)


@dataclass(frozen=True, eq=False)
class LoraSet:
    """`additions` by layer index; `denoiser` and `text` are the indices of layers that add something.

    Where the layers compute on the host the additions are used as they are. Elsewhere they are views of the `buffers`
    (of the denoiser) and `text_buffers`, and are copied to the device for a pass; without buffers they are there.
    """

    additions: Sequence[Addition | None]
    denoiser: tuple[int, ...]
    text: tuple[int, ...]
    dense: bool  # too large to be stacked with other sets
    nbytes: int
    buffers: tuple[HostBuffer, ...] = ()
    text_buffers: tuple[HostBuffer, ...] = ()
    number: int = field(default_factory=lambda: next(_numbers))

    @cached_property
    def parts(self) -> dict[Part, torch.Tensor]:
        """All tensors of the additions to the denoiser's layers."""
        return _parts(self.additions, self.denoiser)

    @cached_property
    def ranks(self) -> dict[Part, int]:
        """The rank of each of these tensors, 0 where it has none."""
        dimensions = {part: _rank_dimension(self.additions[part[0]], part[1]) for part in self.parts}
        return {
            part: 0 if (dimension := dimensions[part]) is None else tensor.shape[dimension]
            for part, tensor in self.parts.items()
        }

    @cached_property
    def slot_bytes(self) -> tuple[int, int]:
        """Bytes of a slot for this set alone: of what is there once, and of what has a copy for each row."""
        sizes = [0, 0]
        for part, tensor in self.parts.items():
            sizes[self.is_per_row(part)] += tensor.nbytes
        return sizes[0], sizes[1]

    def is_per_row(self, part: Part) -> bool:
        """Whether slots have a copy of it for each of their rows."""
        addition = self.additions[part[0]]
        return addition is not None and addition.PER_ROW

    @cached_property
    def shape(self) -> int:
        """The same number for sets whose slots have the same size in every layer."""
        return hash(frozenset(self.ranks.items()))

    @classmethod
    def fold(cls, loras: Sequence[tuple[Mapping[ModuleKey, LayerChange], float]], hooks: LayerHooks) -> LoraSet:
        """Fold LoRAs, each with its weight, for the layers of `hooks`.

        What needs a layer's weight is computed beside the steps, which other threads queue meanwhile.
        """
        layers = dict(zip(hooks.keys, hooks.layers, strict=True))
        changes = [(key, change) for changes, factor in loras if factor for key, change in changes.items()]
        used = [layers[key].weight.detach() for key, change in changes if change.magnitude is not None]
        with beside(hooks.device) if used else nullcontext():
            return cls._fold(loras, layers, hooks)

    @classmethod
    def _fold(
        cls, loras: Sequence[tuple[Mapping[ModuleKey, LayerChange], float]], layers: Layers, hooks: LayerHooks
    ) -> LoraSet:
        additions: list[Addition | None] = [None] * len(layers)
        for key, change in fold_all(loras, layers).items():
            layer, addition = layers[key], addition_of(_bounded(change), layers[key])
            if hooks.is_small(layer):
                on_host = next(iter(addition.parts.values())).device.type == "cpu"
                addition = addition.whole(hooks.on_host(layer) if on_host else layer)
            additions[hooks.indices[key]] = addition
        at_work = [index for index, addition in enumerate(additions) if addition is not None]
        denoiser = tuple(index for index in at_work if hooks.keys[index][0] not in TEXT_ENCODERS)
        text = tuple(index for index in at_work if hooks.keys[index][0] in TEXT_ENCODERS)
        buffers: list[tuple[HostBuffer, ...]] = [(), ()]
        if hooks.off_host and hooks.device is not None:
            buffers = [host_buffers(_parts(additions, own), hooks.device) for own in (denoiser, text)]
            _use(additions, (buffer.views() for own in buffers for buffer in own))
        return cls(
            additions,
            denoiser,
            text,
            dense=any(addition is not None and "dense" in addition.parts for addition in additions),
            nbytes=memory_of(_parts(additions, at_work).values()),
            buffers=buffers[0],
            text_buffers=buffers[1],
        )

    def uploads(self, device: torch.device | None) -> Iterator[Mapping[Part, torch.Tensor]]:
        """The tensors of the denoiser's layers on the device, in few copies; those of one are free before the next."""
        if not self.buffers or device is None:
            yield self.parts
            return
        for buffer in self.buffers:
            yield from buffer.uploads(device)

    def for_text(self, device: torch.device) -> Sequence[Addition | None]:
        """The additions, those of the text encoders on the device."""
        if not self.text_buffers:
            return self.additions
        additions = list(self.additions)
        _use(additions, (upload for buffer in self.text_buffers for upload in buffer.uploads(device)))
        return additions

    def with_merged_weights(self, hooks: LayerHooks) -> LoraSet:
        """The same with replaced weights for every layer of the denoiser, on the device; quantised ones keep additions.

        It shares its batch with no other set.
        """
        additions = list(self.additions)
        for index in self.denoiser:
            if (addition := additions[index]) is not None:
                layer = hooks.layers[index]
                there = addition.to(hooks.device or layer.weight.device)
                additions[index] = there if is_quantised(layer) else there.whole(layer)
        nbytes = memory_of(_parts(additions, range(len(additions))).values())
        return LoraSet(additions, self.denoiser, self.text, dense=True, nbytes=nbytes, text_buffers=self.text_buffers)


@dataclass(frozen=True)
class AppliedLoras:
    """The LoRAs applied to one picture, folded; `text` names those that change the text encoders."""

    loras: LoraSet
    text: LoraWeights = ()


def _parts(additions: Sequence[Addition | None], indices: Iterable[int]) -> dict[Part, torch.Tensor]:
    return {
        (index, name): tensor
        for index in indices
        if (addition := additions[index])
        for name, tensor in addition.parts.items()
    }


def _use(additions: list[Addition | None], tensors: Iterable[Mapping[Part, torch.Tensor]]) -> None:
    """Put `tensors` in the place of the parts of these names."""
    by_layer: dict[int, dict[str, torch.Tensor]] = {}
    for each in tensors:
        for (index, name), tensor in each.items():
            by_layer.setdefault(index, {})[name] = tensor
    for index, own in by_layer.items():
        if (addition := additions[index]) is not None:
            additions[index] = replace(addition, **own)


def _rank_dimension(addition: Addition | None, part: str) -> int | None:
    return None if addition is None else addition.RANK.get(part)


def _bounded(change: Folded) -> Folded:
    pair = change.delta.pair
    return change if pair is None else replace(change, delta=Delta(pair.bounded(), change.delta.dense))

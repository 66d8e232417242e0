"""Folds several weighted LoRAs into one change per layer: then they cost what a single LoRA costs.

Plain changes add up. DoRA also rescales the layer to its own norm, in the order of the LoRAs. The result is exact: it
equals PEFT running its adapters one after another. It is computed in at least float32.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.linalg import vector_norm

from inference.engine.devices.chunks import chunked
from inference.engine.devices.transfers import uploaded
from inference.engine.lora.layer_weights import numbers_of
from inference.engine.lora.low_rank import Delta, LowRank, added, within
from inference.lora.tensors.tables import CONDITIONER

ModuleKey = tuple[str, str]  # (part of the pipeline, dotted name of the layer in it)
Layer = nn.Linear | nn.Conv2d
Layers = Mapping[ModuleKey, Layer]

COPIED_BYTES = 2**28  # of changes that are on the device at the same time while a set is folded there

# diffusers' names of what LoRAs change before the first step: text encoders, and what makes embeddings of their states.
# The other part that they change is the denoiser, whose name depends on the model family.
TEXT_ENCODERS = ("text_encoder", "text_encoder_2", CONDITIONER)


def layers_of(parts: Mapping[str, nn.Module]) -> dict[ModuleKey, Layer]:
    """The layers of `parts` that LoRAs can change: linear ones, and ungrouped convolutions with zero padding."""
    return {
        (part, name): layer
        for part, network in parts.items()
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear)
        or (isinstance(layer, nn.Conv2d) and layer.groups == 1 and layer.padding_mode == "zeros")
    }


@dataclass(frozen=True)
class LayerChange:
    """What one LoRA does to one layer at weight 1, with alpha applied.

    The layer's weight W becomes W + delta; with a `magnitude` (DoRA) that sum is then scaled to have this norm for
    each output (out, 1, …) or for each input (1, in, 1, …). `bias` (out,) is added to the layer's bias.
    """

    delta: Delta
    magnitude: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    @property
    def per_input(self) -> bool:
        """Whether the norms are per input: such a change is dense once it is folded."""
        return self.magnitude is not None and self.magnitude.shape[0] == 1

    def cut(self, outputs: Sequence[int]) -> list[LayerChange]:
        """The changes of layers that stand end to end in this one, with so many outputs each. They share `down`.

        Norms per input are of all outputs together, so they cannot be cut.
        """
        if len(outputs) == 1:
            return [self]
        assert not self.per_input
        ends = list(itertools.accumulate(outputs))
        return [self._rows(begin, end) for begin, end in itertools.pairwise([0, *ends])]

    def _rows(self, begin: int, end: int) -> LayerChange:
        magnitude, bias = (None if part is None else part[begin:end] for part in (self.magnitude, self.bias))
        return LayerChange(self.delta.rows(begin, end), magnitude, bias)

    def rolled(self, outputs: int) -> LayerChange:
        """The same change of outputs that stand so many places further on, the last ones first."""
        magnitude = self.magnitude
        if magnitude is not None and not self.per_input:
            magnitude = magnitude.roll(outputs, 0)
        bias = None if self.bias is None else self.bias.roll(outputs, 0)
        return LayerChange(self.delta.rolled(outputs), magnitude, bias)

    @property
    def tensors(self) -> list[torch.Tensor]:
        """All of its numbers."""
        pair = self.delta.pair
        parts = [pair and pair.down, pair and pair.up, self.delta.dense, self.magnitude, self.bias]
        return [part for part in parts if part is not None]

    def with_tensors(self, tensors: Iterator[torch.Tensor]) -> LayerChange:
        """The same with others of the same shapes, in the order of `tensors`."""
        pair = self.delta.pair and LowRank(next(tensors), next(tensors))
        dense, magnitude, bias = (part if part is None else next(tensors) for part in self._others)
        return LayerChange(Delta(pair, dense), magnitude, bias)

    @property
    def _others(self) -> tuple[torch.Tensor | None, ...]:
        return self.delta.dense, self.magnitude, self.bias

    def within(self, limit: float) -> bool:
        """Whether none of its numbers is larger than `limit`; NaN is not within."""
        others = [part for part in (self.magnitude, self.bias) if part is not None]
        return self.delta.within(limit) and all(within(part, limit) for part in others)


Weighted = tuple[LayerChange, float]  # with the weight of its LoRA


@dataclass(frozen=True)
class Folded:
    """What all LoRAs together do to a layer's output y: `y + delta(x) + scale·(y - bias of the layer) + bias`.

    `scale` and `bias` are (out,).
    """

    delta: Delta = field(default_factory=Delta)
    scale: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    def plus(self, change: LayerChange, factor: float, weight: torch.Tensor) -> Folded:
        """With one more LoRA, at the weight `factor`, for a layer of this `weight`."""
        bias = added(self.bias, None if change.bias is None else change.bias * factor)
        delta = change.delta.times(factor)
        if change.magnitude is None:
            return Folded(self.delta.plus(delta), self.scale, bias)
        weight = weight.detach().to(torch.promote_types(weight.dtype, torch.float32))
        whole = delta.onto(weight)
        kept = 1 if change.per_input else 0
        norms = vector_norm(whole, dim=[side for side in range(whole.ndim) if side != kept], keepdim=True)
        ratio = torch.where(norms > 0, change.magnitude / norms, 1.0)  # zeros stay zeros, not NaN
        if change.per_input:
            return Folded(self.delta.plus(Delta(dense=whole * ratio - weight)), self.scale, bias)
        rows = ratio.flatten()
        scale = rows - 1 if self.scale is None else (self.scale + 1) * rows - 1
        return Folded(self.delta.plus(delta).times(rows), scale, bias)


def fold(weighted: Sequence[Weighted], weight: torch.Tensor) -> Folded:
    """Fold the LoRAs of one layer, in order; `weight` is the layer's own.

    DoRA needs its numbers: then the changes have to be where the weight is.
    """
    folded = Folded()
    for change, factor in weighted:
        folded = folded.plus(change, factor, weight)
    return folded


def fold_all(loras: Sequence[tuple[Mapping[ModuleKey, LayerChange], float]], layers: Layers) -> dict[ModuleKey, Folded]:
    """Fold LoRAs, each with its weight; those of weight 0 are skipped. Raises KeyError for an unknown layer.

    It is done where the changes are, but where the weights are for layers with DoRA.
    """
    by_layer: dict[ModuleKey, list[Weighted]] = {}
    for changes, factor in loras:
        if factor:
            for key, change in changes.items():
                by_layer.setdefault(key, []).append((change, factor))
    folded: dict[ModuleKey, Folded] = {}
    away: dict[torch.device, dict[ModuleKey, list[Weighted]]] = {}
    for key, weighted in by_layer.items():
        if any(change.magnitude is not None for change, _ in weighted):
            away.setdefault(layers[key].weight.device, {})[key] = weighted
        else:
            folded[key] = fold(weighted, layers[key].weight)
    for device, there in away.items():
        for keys in chunked(there, lambda key: _change_bytes(by_layer[key]), COPIED_BYTES):
            moved = _on_device({key: there[key] for key in keys}, device)
            folded |= {key: fold(weighted, numbers_of(layers[key])) for key, weighted in moved.items()}
    return folded


def _change_bytes(weighted: Sequence[Weighted]) -> int:
    return sum(tensor.nbytes for change, _ in weighted for tensor in change.tensors)


def _on_device(
    by_layer: Mapping[ModuleKey, Sequence[Weighted]], device: torch.device
) -> dict[ModuleKey, list[Weighted]]:
    """The same changes on `device`, brought there together."""
    changes = [change for weighted in by_layer.values() for change, _ in weighted]
    tensors = iter(uploaded([tensor for change in changes for tensor in change.tensors], device))
    return {
        key: [(change.with_tensors(tensors), factor) for change, factor in weighted]
        for key, weighted in by_layer.items()
    }

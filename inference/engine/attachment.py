"""Folded LoRAs on the layers of a loaded checkpoint, while a job paints.

A change is added to a layer's output. The layer's own weight is never touched, so taking the change off leaves the
checkpoint bit for bit as it was.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d, linear

from inference.engine.folding import Folded, Layer, Layers, ModuleKey
from inference.engine.low_rank import Delta


@contextmanager
def attached(layers: Layers, changes: Mapping[ModuleKey, Folded]) -> Generator[set[ModuleKey]]:
    """While inside, every layer named in `changes` adds its change to its output. Raises KeyError for a stranger.

    Yields the set of layers whose change has not been at work yet: it shrinks as the layers run.
    """
    idle = set(changes)
    handles: list[Any] = []
    try:
        for key, change in changes.items():
            handles.append(layers[key].register_forward_hook(_Adder.of(layers[key], change, key, idle)))
        yield idle
    finally:
        for handle in handles:
            handle.remove()


@dataclass(frozen=True)
class _Adder:
    """The forward hook of one layer; numbers on the layer's device and in its precision."""

    change: Folded
    key: ModuleKey
    idle: set[ModuleKey]

    @classmethod
    def of(cls, layer: Layer, change: Folded, key: ModuleKey, idle: set[ModuleKey]) -> _Adder:
        """The hook that adds `change` to the output of `layer`."""
        where = (layer.weight.device, layer.weight.dtype)
        shape = (-1, *[1] * (layer.weight.ndim - 2))  # convolutions have their outputs before height and width
        scale, bias = (part if part is None else part.to(*where).reshape(shape) for part in (change.scale, change.bias))
        return cls(Folded(change.delta.to(*where), scale, bias), key, idle)

    def __call__(self, layer: Layer, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        self.idle.discard(self.key)
        change, result = self.change, output
        if change.scale is not None:
            own = output if layer.bias is None else output - layer.bias.reshape(change.scale.shape)
            result = result + change.scale * own
        if change.bias is not None:
            result = result + change.bias
        return _plus(result, layer, inputs[0], change.delta)


def _plus(result: torch.Tensor, layer: Layer, x: torch.Tensor, delta: Delta) -> torch.Tensor:
    if delta.dense is not None:
        result = result + _through(layer, x, delta.dense)
    if delta.pair is None:
        return result
    narrow = _through(layer, x, delta.pair.down)
    up = delta.pair.up
    return result + (conv2d(narrow, up[:, :, None, None]) if isinstance(layer, nn.Conv2d) else linear(narrow, up))


def _through(layer: Layer, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`x` through a layer like `layer`, without bias and with another weight."""
    if isinstance(layer, nn.Conv2d):
        return conv2d(x, weight, None, layer.stride, layer.padding, layer.dilation)
    return linear(x, weight)

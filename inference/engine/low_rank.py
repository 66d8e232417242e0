"""Low-rank changes of layers: several weighted LoRAs fold into one pair per module, attached while a job paints.

A LoRA changes a layer by `up @ down`. Weighted LoRAs on one layer are again one pair, with the ranks laid side by
side, so a layer runs two small extra products however many LoRAs are combined. The layer's own weight is never
touched: taking the change off leaves the checkpoint bit for bit as it was.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d, linear

ModuleKey = tuple[str, str]  # (part of the pipeline, dotted name of the layer in it)


@dataclass(frozen=True)
class LowRank:
    """One layer's change, alpha baked in. down: (rank, in) or (rank, in, k, k); up: (out, rank)."""

    down: torch.Tensor
    up: torch.Tensor

    @property
    def rank(self) -> int:
        """The size of the bottleneck."""
        return self.down.shape[0]

    def fits(self, layer: nn.Module) -> bool:
        """Whether this change has the shape of `layer`'s weight."""
        weight = getattr(layer, "weight", None)
        if not isinstance(weight, torch.Tensor) or not isinstance(layer, nn.Linear | nn.Conv2d):
            return False
        return (self.up.shape[0], *self.down.shape[1:]) == tuple(weight.shape)


def fold(weighted: Sequence[tuple[LowRank, float]]) -> LowRank:
    """The one pair that equals the weighted sum of all `weighted` pairs of one layer."""
    return LowRank(
        down=torch.cat([change.down for change, _ in weighted]),
        up=torch.cat([change.up * weight for change, weight in weighted], dim=1),
    )


def fold_all(
    loras: Sequence[tuple[Mapping[ModuleKey, LowRank], float]],
) -> dict[ModuleKey, LowRank]:
    """Fold whole LoRAs, each with its weight; a weight of 0 leaves no trace."""
    by_module: dict[ModuleKey, list[tuple[LowRank, float]]] = {}
    for changes, weight in loras:
        if weight:
            for key, change in changes.items():
                by_module.setdefault(key, []).append((change, weight))
    return {key: fold(weighted) for key, weighted in by_module.items()}


@contextmanager
def attached(parts: Mapping[str, nn.Module], changes: Mapping[ModuleKey, LowRank]) -> Generator[None]:
    """While inside, every layer named in `changes` adds its change to its output. Raises KeyError for a stranger."""
    layers = {part: dict(network.named_modules()) for part, network in parts.items()}
    handles = [
        layer.register_forward_hook(_adder(layer, change))
        for (part, name), change in changes.items()
        for layer in (layers[part][name],)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _adder(layer: nn.Module, change: LowRank) -> Any:
    """A forward hook that adds `change` to the output of `layer`."""
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    down, up = (matrix.to(weight.device, weight.dtype) for matrix in (change.down, change.up))
    if not isinstance(layer, nn.Conv2d):
        return lambda _layer, inputs, output: output + linear(linear(inputs[0], down), up)
    up = up[:, :, None, None]

    def add(_layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        narrow = conv2d(inputs[0], down, None, layer.stride, layer.padding, layer.dilation)
        return output + conv2d(narrow, up)

    return add

"""What LoRAs add to the output of one layer: for the whole batch one pair of batched matrix products.

The leading dimension of every tensor counts *entries*: those that wear the same LoRAs. One entry stands for all rows
of the batch, several share them out evenly. Ranks of different entries are padded with zeros to a common one, which
changes no product. Numbers are on the layer's device and in its precision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar

import torch
from torch import nn
from torch.nn.functional import conv2d

from inference.engine.folding import Folded, Layer


@dataclass(frozen=True)
class Addition(ABC):
    """The sum `scale·(y - the layer's bias) + bias + dense(x) + up(down(x))`; any part may be missing."""

    down: torch.Tensor | None = None
    up: torch.Tensor | None = None
    dense: torch.Tensor | None = None
    scale: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    RANK: ClassVar[Mapping[str, int]]  # which dimension is the rank, where the leading one counts entries

    @abstractmethod
    def onto(self, y: torch.Tensor, x: torch.Tensor, layer: Layer) -> None:
        """Add it in place to `y`, which `layer` has just computed from `x`; rows come first in both."""

    @cached_property
    def parts(self) -> dict[str, torch.Tensor]:
        """What is there, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: part for name, part in found.items() if part is not None}


@dataclass(frozen=True)
class LinearAddition(Addition):
    """For a linear layer. down (n, in, r), up (n, r, out), dense (n, in, out), scale and bias (n, 1, out)."""

    RANK: ClassVar[Mapping[str, int]] = {"down": 2, "up": 1}

    @classmethod
    def of(cls, change: Folded, layer: Layer, device: torch.device) -> LinearAddition:
        """One entry that does what `change` says."""
        pair, dense = change.delta.pair, change.delta.dense
        parts = {
            "down": pair and pair.down.T[None],
            "up": pair and pair.up.T[None],
            "dense": None if dense is None else dense.T[None],
            "scale": None if change.scale is None else change.scale.reshape(1, 1, -1),
            "bias": None if change.bias is None else change.bias.reshape(1, 1, -1),
        }
        return cls(**_like(parts, device, layer.weight.dtype))

    def onto(self, y: torch.Tensor, x: torch.Tensor, layer: Layer) -> None:
        """See `Addition.onto`. y: (rows, …, out)."""
        down, up = self.down, self.up
        entries = len(next(iter(self.parts.values())) if down is None else down)
        rows = y.view(entries, -1, y.shape[-1])
        if self.scale is not None:
            rows.addcmul_(self.scale, rows if layer.bias is None else rows - layer.bias)
        if self.bias is not None:
            rows.add_(self.bias)
        given = x.reshape(entries, -1, x.shape[-1])
        if self.dense is not None:
            rows.baddbmm_(given, self.dense)
        if down is not None and up is not None:
            rows.baddbmm_(torch.bmm(given, down), up)


@dataclass(frozen=True)
class ConvAddition(Addition):
    """For a convolution; with several entries there is one for each row, and convolutions run in groups.

    down (n, r, in, k, k), up (n, out, r), dense (n, out, in, k, k), scale and bias (n, out, 1).
    """

    RANK: ClassVar[Mapping[str, int]] = {"down": 1, "up": 2}

    @classmethod
    def of(cls, change: Folded, layer: Layer, device: torch.device) -> ConvAddition:
        """One entry that does what `change` says."""
        pair, dense = change.delta.pair, change.delta.dense
        parts = {
            "down": pair and pair.down[None],
            "up": pair and pair.up[None],
            "dense": None if dense is None else dense[None],
            "scale": None if change.scale is None else change.scale.reshape(1, -1, 1),
            "bias": None if change.bias is None else change.bias.reshape(1, -1, 1),
        }
        return cls(**_like(parts, device, layer.weight.dtype))

    def onto(self, y: torch.Tensor, x: torch.Tensor, layer: Layer) -> None:
        """See `Addition.onto`. y: (rows, out, height, width)."""
        assert isinstance(layer, nn.Conv2d)
        rows = y.flatten(2)
        if self.scale is not None:
            rows.addcmul_(self.scale, rows if layer.bias is None else rows - layer.bias[:, None])
        if self.bias is not None:
            rows.add_(self.bias)
        if self.dense is not None:
            rows.add_(_convolved(x, self.dense, layer))
        if self.down is not None and self.up is not None:
            rows.baddbmm_(self.up.expand(len(y), -1, -1), _convolved(x, self.down, layer))


def addition_of(change: Folded, layer: Layer, device: torch.device | None = None) -> Addition:
    """What `change` adds to the output of `layer`, as one entry; on `device`, or where the layer is."""
    kind = ConvAddition if isinstance(layer, nn.Conv2d) else LinearAddition
    return kind.of(change, layer, device or layer.weight.device)


def _like(
    parts: Mapping[str, torch.Tensor | None], device: torch.device, dtype: torch.dtype
) -> dict[str, torch.Tensor | None]:
    return {name: None if part is None else part.to(device, dtype).contiguous() for name, part in parts.items()}


def _convolved(x: torch.Tensor, kernels: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
    """x (rows, in, h, w) through kernels (1 or rows, out, in, k, k), as `layer` strides and pads: (rows, out, h·w)."""
    rows = len(x)
    if kernels.shape[3:] == (1, 1) and layer.stride == (1, 1) and layer.padding == (0, 0):
        return torch.bmm(kernels.flatten(2).expand(rows, -1, -1), x.flatten(2))
    if len(kernels) == 1:
        return conv2d(x, kernels[0], None, layer.stride, layer.padding, layer.dilation).flatten(2)
    side_by_side, every = x.reshape(1, -1, *x.shape[2:]), kernels.flatten(0, 1)
    result = conv2d(side_by_side, every, None, layer.stride, layer.padding, layer.dilation, rows)
    return result.reshape(rows, kernels.shape[1], -1)

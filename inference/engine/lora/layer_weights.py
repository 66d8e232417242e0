"""What a layer's weight is, in whatever format a checkpoint keeps it."""

from __future__ import annotations

from torch import nn


def weight_shape(layer: nn.Linear | nn.Conv2d) -> tuple[int, ...]:
    """(out, in), or (out, in, k, k) of a convolution. Quantised formats keep numbers in other shapes."""
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features
    return tuple(layer.weight.shape)

"""What a layer's weight is, in whatever format a checkpoint keeps it.

A quantised layer keeps packed numbers in other shapes and types: those of GGUF files and of bitsandbytes in a subclass
of `nn.Linear`, those of torchao in a tensor subclass. Such a layer is never replaced or merged: LoRAs are added to its
output, in the type in which it computes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_plain_tensors: set[type[torch.Tensor]] = {nn.Parameter, torch.Tensor}


def add_plain_tensor(kind: type[torch.Tensor]) -> None:
    """Weights of this class are not packed: each of their numbers is the tensor's."""
    _plain_tensors.add(kind)


def weight_shape(layer: nn.Linear | nn.Conv2d) -> tuple[int, ...]:
    """(out, in), or (out, in, k, k) of a convolution."""
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features
    return tuple(layer.weight.shape)


def is_quantised(layer: nn.Module) -> bool:
    """Whether the layer's weight is packed: its numbers are not the tensor's."""
    return is_packed_tensor(layer.weight)


def is_packed_tensor(weight: Any) -> bool:
    """Whether a weight is of a packed format."""
    return type(weight) not in _plain_tensors or not weight.dtype.is_floating_point or weight.dtype.itemsize < 2


def compute_dtype(layer: nn.Linear | nn.Conv2d) -> torch.dtype:
    """The type in which the layer takes and gives numbers."""
    declared: Any = getattr(layer, "compute_dtype", None)
    return layer.weight.dtype if declared is None or not is_quantised(layer) else declared


def declare_compute_dtype(network: Any) -> None:
    """Let quantised layers that do not say in which type they compute say that of their network."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear) and is_quantised(layer) and not layer.weight.dtype.is_floating_point:
            declared: Any = getattr(layer, "compute_dtype", None)
            vars(layer)["compute_dtype"] = declared or network.dtype


def has_numbers(layer: nn.Module) -> bool:
    """Whether `numbers_of` has the weight's numbers."""
    return not is_quantised(layer) or _is_of_gguf(layer.weight)


def numbers_of(layer: nn.Module) -> torch.Tensor:
    """The numbers of the layer's weight, dequantised where they are packed."""
    return unpacked(layer.weight)


def unpacked(weight: Any) -> torch.Tensor:
    """The numbers of a weight; of packed formats GGUF's are known."""
    if not _is_of_gguf(weight):
        return weight.detach()
    from diffusers.quantizers.gguf.utils import dequantize_gguf_tensor  # noqa: PLC0415 (it needs the package gguf)

    return dequantize_gguf_tensor(weight)


def _is_of_gguf(weight: Any) -> bool:
    """Whether a packed weight is of a GGUF file; bitsandbytes' have the name of a format there, GGUF's a number."""
    return not isinstance(getattr(weight, "quant_type", ""), str)

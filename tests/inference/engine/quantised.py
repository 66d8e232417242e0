"""Networks whose linear layers are quantised: as GGUF files have them, and in a format that nobody else knows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

BLOCK = 32  # numbers that share a scale in GGUF's Q8_0


class Int8Linear(nn.Linear):
    """Weights of eight bits, with one scale for each output."""

    compute_dtype: torch.dtype

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return linear(x, self.weight.to(x.dtype) * self.scale, self.bias)


def as_int8(layer: nn.Linear) -> nn.Linear:
    made = copy.deepcopy(layer)
    made.__class__ = Int8Linear
    scale = layer.weight.detach().abs().amax(1, keepdim=True) / 127
    made.weight = nn.Parameter((layer.weight / scale).round().to(torch.int8), requires_grad=False)
    vars(made).update(compute_dtype=layer.weight.dtype)
    made.register_buffer("scale", scale)
    return made


def as_gguf(layer: nn.Linear) -> nn.Linear:
    """The layer as diffusers reads it from a GGUF file of Q8_0. Skips the test without the package gguf."""
    gguf: Any = pytest.importorskip("gguf", reason="the extra gguf is not installed")
    from diffusers.quantizers.gguf import utils

    kind, plain = gguf.GGMLQuantizationType.Q8_0, layer.weight.detach().float().numpy()
    made = utils.GGUFLinear(layer.in_features, layer.out_features, layer.bias is not None, layer.weight.dtype)
    made.weight = utils.GGUFParameter(torch.from_numpy(gguf.quants.quantize(plain, kind)), quant_type=kind)
    made.bias = layer.bias
    return made


FORMATS: Mapping[str, Callable[[nn.Linear], nn.Linear]] = {"int8": as_int8, "gguf": as_gguf}


def quantised(network: nn.Module, kind: str) -> nn.Module:
    """A copy of `network` with all linear layers quantised whose inputs are whole blocks."""
    made = copy.deepcopy(network)
    for name, layer in list(made.named_modules()):
        if isinstance(layer, nn.Linear) and layer.in_features % BLOCK == 0:
            parent, _, own = name.rpartition(".")
            setattr(made.get_submodule(parent), own, FORMATS[kind](layer))
    return made

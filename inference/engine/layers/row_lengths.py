"""Layers whose input is not rows first: the tokens of all rows stand one behind another, so many of each row.

Additions divide what comes first evenly among their entries. Of tokens that would give a row its neighbour's LoRAs, and
without an error wherever the number of tokens happens to be divisible.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from inference.engine.layers.additions import Addition, Forward
from inference.engine.lora.folding import Layer


def output_by_row(
    addition: Addition, x: torch.Tensor, lengths: Sequence[int], layer: Layer, base: Forward
) -> torch.Tensor:
    """The output (tokens, out) of a linear layer with its addition, for x (tokens, in) of rows of these `lengths`.

    Rows of unequal length are padded with zeros meanwhile. Raises ValueError where the lengths are not those of x.
    """
    if not isinstance(layer, nn.Linear) or x.ndim != 2 or len(x) != sum(lengths):
        raise ValueError(f"{tuple(x.shape)} is not the input of a linear layer for {len(lengths)} rows of tokens")
    if len(set(lengths)) == 1:
        return addition.output(x.unflatten(0, (len(lengths), -1)), layer, base).flatten(0, 1)
    padded = addition.output(pad_sequence([*x.split([*lengths])], batch_first=True), layer, base)
    return torch.cat([row[:length] for row, length in zip(padded, lengths, strict=True)])

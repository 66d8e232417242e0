"""Layers that are given the tokens of all rows one behind another: each row gets its own LoRAs, whatever its length."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn

from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.slots import BatchSlots
from inference.engine.lora.folding import LayerChange, layers_of
from inference.engine.lora.low_rank import Delta, LowRank
from tests.inference.engine.transformers import (
    DTYPE,
    Z_IMAGE,
    Lora,
    apart,
    lora_on,
    pipeline_of,
    with_peft,
    with_weights,
)

EMBEDDERS = ("all_x_embedder", "cap_embedder")
TEXTS = (5, 40)  # tokens; padded to 32 and 64, which two rows share evenly
SIDE = 8  # latents


def folded(hooks: LayerHooks, lora: Lora, weight: float) -> LoraSet:
    changes = {("transformer", name): LayerChange(Delta(LowRank(pair.down, pair.up))) for name, pair in lora.items()}
    return LoraSet.fold([(changes, weight)], hooks)


def given(lengths: Sequence[int]) -> tuple[list[torch.Tensor], torch.Tensor, list[torch.Tensor]]:
    """Latents, times and texts of so many tokens, as Z-Image takes them."""
    numbers = torch.Generator().manual_seed(7)
    latents = [torch.randn(4, 1, SIDE, SIDE, generator=numbers, dtype=DTYPE) for _ in lengths]
    texts = [torch.randn(length, 32, generator=numbers, dtype=DTYPE) for length in lengths]
    return latents, torch.linspace(0.2, 0.6, len(lengths)), texts


@pytest.mark.parametrize("lengths", [TEXTS, (40, 5, 33), (5, 20)])
@torch.no_grad()
def test_texts_of_unequal_length_share_a_pass_and_keep_their_own_loras(lengths: tuple[int, ...]) -> None:
    plain: Any = pipeline_of(Z_IMAGE).transformer
    loras = [lora_on(plain, seed, 2 + seed, lambda name: name.startswith(EMBEDDERS)) for seed in range(len(lengths))]
    latents, times, texts = given(lengths)
    reference = with_peft(copy.deepcopy(plain), {f"l{number}": lora for number, lora in enumerate(loras)})
    expected = [
        with_weights(reference, {f"l{row}": 0.8})(
            latents[row : row + 1], times[row : row + 1], texts[row : row + 1], return_dict=False
        )[0][0]
        for row in range(len(lengths))
    ]
    network = copy.deepcopy(plain)
    hooks = LayerHooks(layers_of({"transformer": network}))
    hooks.small = 0
    additions = BatchSlots(hooks, 1).assign([folded(hooks, lora, 0.8) for lora in loras])

    def pass_of_all(*, by_row: bool) -> list[torch.Tensor]:
        padded = [length + -length % 32 for length in lengths]
        embedders = {
            network.all_x_embedder["2-1"]: [SIDE * SIDE // 4 + -(SIDE * SIDE // 4) % 32] * len(lengths),
            network.cap_embedder[1]: padded,
        }
        with hooks.applying(additions), hooks.row_lengths(embedders) if by_row else nullcontext():
            return network(latents, times, texts, return_dict=False)[0]

    found = pass_of_all(by_row=True)
    assert max(apart(each, alone) for each, alone in zip(found, expected, strict=True)) <= 1e-12
    assert not hooks.uncalled(index for index, addition in enumerate(additions) if addition is not None)
    if lengths == TEXTS:  # nothing raises: a row gets a part of its neighbour's
        mixed = pass_of_all(by_row=False)
        assert max(apart(each, alone) for each, alone in zip(mixed, expected, strict=True)) > 1e-3


@pytest.mark.parametrize("small", [0, 10**6], ids=["additions", "whole weights"])
@pytest.mark.parametrize("sets", [(0, 1, 2), (0, 0, 0), (0, 0, 1), (None, 1, None)], ids=str)
@torch.no_grad()
def test_each_row_has_the_output_that_it_has_alone(small: int, sets: tuple[int | None, ...]) -> None:
    """Also in several segments, with one set for all, with none for some."""
    torch.manual_seed(0)
    layer, numbers = nn.Linear(8, 6, dtype=DTYPE), torch.Generator().manual_seed(1)
    hooks = LayerHooks({("transformer", "layer"): layer})
    hooks.small, hooks.spare, hooks.segment = small, 0, 1
    loras = [lora_on(nn.ModuleDict({"layer": layer}), seed, 3) for seed in range(3)]
    made = {number: LoraSet.fold([], hooks) if number is None else folded(hooks, loras[number], 0.7) for number in sets}
    lengths = (3, 7, 5)
    x = torch.randn(sum(lengths), 8, generator=numbers, dtype=DTYPE)
    additions = BatchSlots(hooks, 1).assign([made[number] for number in sets])
    with hooks.applying(additions), hooks.row_lengths({layer: lengths}):
        found = layer(x)
    for number, own, row in zip(sets, found.split(lengths), x.split(lengths), strict=True):
        expected = row @ layer.weight.T + layer.bias
        if number is not None:
            pair = loras[number]["layer"]
            expected = expected + 0.7 * row @ pair.down.T @ pair.up.T
        assert apart(own, expected) <= 1e-12


@torch.no_grad()
def test_lengths_of_other_rows_are_refused_and_forgotten_afterwards() -> None:
    layer = nn.Linear(8, 6, dtype=DTYPE)
    hooks = LayerHooks({("transformer", "layer"): layer})
    hooks.small = 0
    one = folded(hooks, lora_on(nn.ModuleDict({"layer": layer}), 0), 1.0)
    additions, x = BatchSlots(hooks, 1).assign([one, folded(hooks, {}, 1.0)]), torch.zeros(8, 8, dtype=DTYPE)
    with hooks.applying(additions):
        with hooks.row_lengths({layer: (3, 4)}), pytest.raises(ValueError, match="2 rows of tokens"):
            layer(x)
        layer(x)

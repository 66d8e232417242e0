"""What a denoiser makes of the words of prompts is computed once for as long as the same people share a pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from inference.engine.board import Board, Said
from inference.engine.folding import layers_of
from inference.engine.lean import lean
from tests.inference.engine import tiny


def inputs(unet: Any) -> dict[str, Any]:
    config, numbers = unet.config, torch.Generator().manual_seed(0)
    found: dict[str, Any] = {
        "sample": torch.randn(2, 4, 8, 8, generator=numbers),
        "timestep": torch.tensor([700.0, 30.0]),
        "encoder_hidden_states": torch.randn(2, 7, config.cross_attention_dim, generator=numbers),
    }
    if config.addition_embed_type == "text_time":
        pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        found["added_cond_kwargs"] = {"text_embeds": torch.ones(2, pooled), "time_ids": torch.ones(2, 6)}
    return found


@torch.no_grad()
@pytest.mark.parametrize("make", [tiny.sd1, tiny.sdxl])
def test_keys_and_values_of_words_are_kept_and_nothing_else_is(make: Any) -> None:
    unet = make().unet.eval()
    given = inputs(unet)
    by_diffusers = unet(**given).sample
    board, of_words, said = Board(layers_of({"unet": unet})), lean(unet), Said()
    board.hear_words(of_words)
    plain = [None] * len(board.keys)

    def painted(said: Said | None) -> torch.Tensor:
        with board.showing(plain, said=said):
            return unet(**given).sample

    assert torch.equal(painted(None), by_diffusers)
    assert torch.equal(painted(said), by_diffusers)
    named = {board.keys[place][1] for place in said}
    assert named == {name for _, name in board.keys if name.endswith(("attn2.to_k", "attn2.to_v"))}
    for layer in of_words:
        layer.weight.zero_()
    assert torch.equal(painted(said), by_diffusers), "computed anew"
    assert not torch.equal(painted(Said()), by_diffusers)
    assert not torch.equal(painted(None), by_diffusers)

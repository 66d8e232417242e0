"""What a denoiser makes of the words of a prompt is computed once for each picture."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, cast

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from inference.engine.batch.batch import _arranged
from inference.engine.batch.handle import State
from inference.engine.batch.run import Run
from inference.engine.layers.additions import addition_of
from inference.engine.layers.layer_hooks import Board, Said
from inference.engine.lora.folding import Folded, layers_of
from inference.engine.models.fast_paths import lean
from tests.inference.engine import tiny
from tests.inference.engine.batch.test_out_of_memory import networks
from tests.inference.engine.worlds import World, arrived


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
    board, of_words = Board(layers_of({"unet": unet})), lean(unet)
    board.hear_words(of_words)
    plain = [None] * len(board.keys)
    said = board.hear(given["encoder_hidden_states"], [plain])

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
    assert not torch.equal(painted(None), by_diffusers)


@torch.no_grad()
def test_words_that_the_denoiser_first_makes_others_of_are_heard_in_each_step() -> None:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(32,), layers_per_block=1, cross_attention_dim=48, encoder_hid_dim=48,
        encoder_hid_dim_type="text_proj", attention_head_dim=4, norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",),
    ).eval()  # fmt: skip
    given = inputs(unet)
    by_diffusers = unet(**given).sample
    board = Board(layers_of({"unet": unet}))
    board.hear_words(lean(unet))
    plain = [None] * len(board.keys)
    with board.showing(plain, said=board.hear(given["encoder_hidden_states"], [plain])):
        assert torch.equal(unet(**given).sample, by_diffusers)


def test_a_layer_that_fails_while_it_hears_adds_nothing_afterwards() -> None:
    network = nn.Sequential(nn.Linear(8, 8))
    board = Board(layers_of({"unet": network}))
    board.hear_words(network)
    addition = addition_of(Folded(bias=torch.ones(8)), board.layers[0])
    with pytest.raises(RuntimeError, match="shapes"):
        board.hear(torch.ones(1, 3, 9), [[addition]])
    zeros = torch.zeros(1, 3, 8)
    assert torch.equal(network(zeros), nn.Linear.forward(network[0], zeros))


@torch.no_grad()
def test_who_joins_or_leaves_lets_nobody_else_be_heard_again() -> None:
    world = World("sd1/base", torch.float64)
    world.add(1, "lora")
    same = {"count": 2, "guidance_scale": 3.0, "sampler": "euler", "variants": (), "image": None, "exact": False}
    stays, leaves, joins = (world.wish(random.Random(3), **(same | {"steps": steps})) for steps in (9, 3, 2))
    expected = [world.reference(request)[0] for request in (stays, leaves)]
    engine = world.engine()
    first, second = engine.submit(stays), engine.submit(leaves)
    arrived(engine)
    while first.done < 2:
        engine.step()
    unet = networks(engine).unet
    for name, layer in unet.named_modules():
        if name.endswith(("attn2.to_k", "attn2.to_v")):
            layer.weight.fill_(torch.nan)
    third = engine.submit(joins)
    arrived(engine)
    engine.finish()
    assert third.state is State.FAILED, "who is heard now hears what is broken"
    for handle, latents in zip((first, second), expected, strict=True):
        assert handle.latents is not None, handle.error
        assert (handle.latents - latents).abs().max() <= 1e-12


@dataclass(eq=False)
class Sitter:
    seats: int


def arranged(before: list[Sitter], now: list[Sitter]) -> list[Sitter]:
    return cast("list[Sitter]", _arranged(cast("list[Run]", before), cast("list[Run]", now)))


def test_who_stays_keeps_the_seat_and_who_comes_takes_that_of_who_left() -> None:
    a, b, c, d, e = (Sitter(2) for _ in range(5))
    assert arranged([], [a, b, c]) == [a, b, c]
    assert arranged([a, b, c], [a, c, d]) == [a, d, c]
    assert arranged([a, b, c], [a, c]) == [a, c]
    assert arranged([a, b, c, d], [b, c, d]) == [d, b, c], "one moves, not three"
    assert arranged([a, b], [b, c, d, e]) == [c, b, d, e]


def test_the_largest_sit_in_front_of_the_others() -> None:
    large, small, other, new = Sitter(4), Sitter(1), Sitter(1), Sitter(4)
    assert arranged([], [small, large, other]) == [large, small, other]
    assert arranged([large, small, other], [small, other, new]) == [new, small, other]

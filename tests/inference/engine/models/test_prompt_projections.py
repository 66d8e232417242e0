"""The cross-attention keys and values of a prompt are computed once for each picture."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, cast

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from inference.engine.batch.handle import State
from inference.engine.batch.passes import RunPart, keeping_order
from inference.engine.batch.run import Run
from inference.engine.layers.additions import addition_of
from inference.engine.layers.layer_hooks import LayerHooks, PromptProjections
from inference.engine.lora.folding import Folded, layers_of
from inference.engine.models.fast_paths import use_fast_paths
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
def test_cross_attention_keys_and_values_are_kept_and_nothing_else_is(make: Any) -> None:
    unet = make().unet.eval()
    given = inputs(unet)
    by_diffusers = unet(**given).sample
    hooks, prompt_layers = LayerHooks(layers_of({"unet": unet})), use_fast_paths(unet)
    hooks.mark_prompt_layers(prompt_layers)
    plain = [None] * len(hooks.keys)
    projections = hooks.project_prompt(given["encoder_hidden_states"], [plain])

    def painted(projections: PromptProjections | None) -> torch.Tensor:
        with hooks.applying(plain, projections=projections):
            return unet(**given).sample

    assert torch.equal(painted(None), by_diffusers)
    assert torch.equal(painted(projections), by_diffusers)
    named = {hooks.keys[index][1] for index in projections}
    assert named == {name for _, name in hooks.keys if name.endswith(("attn2.to_k", "attn2.to_v"))}
    for layer in prompt_layers:
        layer.weight.zero_()
    assert torch.equal(painted(projections), by_diffusers), "computed anew"
    assert not torch.equal(painted(None), by_diffusers)


@torch.no_grad()
def test_prompt_embeddings_that_the_denoiser_projects_first_are_projected_in_each_step() -> None:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(32,), layers_per_block=1, cross_attention_dim=48, encoder_hid_dim=48,
        encoder_hid_dim_type="text_proj", attention_head_dim=4, norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",),
    ).eval()  # fmt: skip
    given = inputs(unet)
    by_diffusers = unet(**given).sample
    hooks = LayerHooks(layers_of({"unet": unet}))
    hooks.mark_prompt_layers(use_fast_paths(unet))
    plain = [None] * len(hooks.keys)
    with hooks.applying(plain, projections=hooks.project_prompt(given["encoder_hidden_states"], [plain])):
        assert torch.equal(unet(**given).sample, by_diffusers)


def test_a_layer_that_fails_while_it_projects_adds_nothing_afterwards() -> None:
    network = nn.Sequential(nn.Linear(8, 8))
    hooks = LayerHooks(layers_of({"unet": network}))
    hooks.mark_prompt_layers(network)
    addition = addition_of(Folded(bias=torch.ones(8)), hooks.layers[0])
    with pytest.raises(RuntimeError, match="shapes"):
        hooks.project_prompt(torch.ones(1, 3, 9), [[addition]])
    zeros = torch.zeros(1, 3, 8)
    assert torch.equal(network(zeros), nn.Linear.forward(network[0], zeros))


@torch.no_grad()
def test_a_run_that_joins_or_leaves_makes_no_other_run_project_its_prompt_again() -> None:
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
    assert third.state is State.FAILED, "its prompt is projected now, by broken layers"
    for handle, latents in zip((first, second), expected, strict=True):
        assert handle.latents is not None, handle.error
        assert (handle.latents - latents).abs().max() <= 1e-12


def test_projections_that_are_too_large_are_computed_in_each_pass() -> None:
    """Of prompts that are long, which are more than all else that a pass takes."""
    world = World("sd1/base", torch.float64)
    world.add(1, "lora")
    request = world.wish(random.Random(4), count=2, steps=3, sampler="euler", variants=(), image=None, exact=False)
    expected = world.reference(request)[0]
    engine = world.engine()
    engine.submit(request)
    engine.finish()
    engine._store.current.hooks.kept_projections = 2**10  # type: ignore[union-attr]
    handle = engine.submit(request)
    arrived(engine)
    while handle.done < 1:
        engine.step()
    (run,) = engine._running
    assert isinstance(run, Run) and [part.projections for part in run.parts] == [None] * len(run.parts)
    engine.finish()
    assert handle.latents is not None, handle.error
    assert (handle.latents - expected).abs().max() <= 1e-12


@dataclass(eq=False)
class Rows:
    rows: int

    def __len__(self) -> int:
        return self.rows


def ordered(before: list[Rows], now: list[Rows]) -> list[Rows]:
    return cast("list[Rows]", keeping_order(cast("list[RunPart]", before), cast("list[RunPart]", now)))


def test_a_part_that_stays_keeps_its_position_and_one_that_joins_takes_a_free_one() -> None:
    a, b, c, d, e = (Rows(2) for _ in range(5))
    assert ordered([], [a, b, c]) == [a, b, c]
    assert ordered([a, b, c], [a, c, d]) == [a, d, c]
    assert ordered([a, b, c], [a, c]) == [a, c]
    assert ordered([a, b, c, d], [b, c, d]) == [d, b, c], "one moves, not three"
    assert ordered([a, b], [b, c, d, e]) == [c, b, d, e]


def test_the_largest_runs_come_first() -> None:
    large, small, other, new = Rows(4), Rows(1), Rows(1), Rows(4)
    assert ordered([], [small, large, other]) == [large, small, other]
    assert ordered([large, small, other], [small, other, new]) == [new, small, other]

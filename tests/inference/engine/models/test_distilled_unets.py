"""A UNet that takes the guidance as an input has one row, and no use for a negative prompt, which is told."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel

from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.samplers import scheduler_for
from inference.matching import Matcher
from inference.messages.samplers import Sampler
from tests.inference.engine.worlds import CPU, World, pipeline_of
from tests.inference.requests import request

WORLD = World("sd1/base", torch.float64)


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """Stable Diffusion 1.5 with such a UNet, as latent consistency models have it."""
    made = copy.deepcopy(pipeline_of(WORLD.base, WORLD.dtype))
    torch.manual_seed(1)
    made.unet = UNet2DConditionModel.from_config(made.unet.config, time_cond_proj_dim=8).double()
    return made


def test_it_paints_as_diffusers_does_and_tells_of_a_negative_prompt(pipeline: Any) -> None:
    store = CheckpointStore((WORLD.spec,), CPU)
    store.hold(Checkpoint.of(WORLD.spec, copy.deepcopy(pipeline)))
    engine = Engine(store, WORLD, Matcher((WORLD.spec,)))
    made = request(checkpoint="world", sampler=Sampler.EULER, steps=2, guidance_scale=4.0)
    asked = [made, made.model_copy(update={"negative_prompt": "dull"}), made.model_copy(update={"guidance_scale": 7.0})]
    handles = [engine.submit(each) for each in asked]
    engine.finish()
    told = "world does not use negative prompts, so Easel ignored yours."
    assert [handle.notes for handle in handles] == [(), (told,), ()]
    plain, negative, stricter = (handle.latents for handle in handles)
    assert plain is not None and negative is not None and stricter is not None
    pipeline.scheduler = scheduler_for(made.sampler, WORLD.scheduler.config, WORLD.prediction, made.steps, made.spacing)
    theirs = pipeline(
        made.full_prompt, width=made.width, height=made.height, num_inference_steps=made.steps, guidance_scale=4.0,
        generator=[torch.Generator("cpu").manual_seed(made.seed)], output_type="latent",
    ).images  # fmt: skip
    assert torch.allclose(plain, theirs, rtol=0, atol=1e-12)
    assert torch.equal(negative, plain)
    assert not torch.allclose(stricter, plain, atol=1e-3)

"""A checkpoint with a quantised denoiser in the running batch: as diffusers paints with the dequantised numbers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inference.base_models import BaseModelId
from inference.engine.batch.handle import State
from inference.engine.engine import MERGED_PASSES, Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.lora.layer_weights import is_quantised, numbers_of
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.options import Options
from inference.matching import Matcher
from inference.messages.samplers import Sampler
from tests.inference.engine.quantised import quantised
from tests.inference.engine.transformers import (
    CPU,
    DTYPE,
    FLUX_DEV,
    QWEN,
    SD35,
    Z_IMAGE,
    TransformerWorld,
    apart,
    lora_on,
    painted,
    pipeline_of,
    with_peft,
    with_weights,
)
from tests.inference.requests import request

LIMITS = {
    FLUX_DEV: 1e-12,
    QWEN: 1e-12,
    SD35: 1e-12,
    Z_IMAGE: 2e-7,
}  # Z-Image's pipeline keeps latents in single precision


def with_gguf_layers(base: BaseModelId) -> Any:
    """A pipeline whose denoiser is as it is read from a GGUF file. Skips the test without the package gguf."""
    plain = pipeline_of(base)
    parts = {name: copy.deepcopy(part) for name, part in plain.components.items() if name != "transformer"}
    return type(plain)(**parts, transformer=quantised(plain.transformer, "gguf"))


def dequantised(pipeline: Any, base: BaseModelId) -> Any:
    made = copy.deepcopy(pipeline_of(base))
    for name, layer in pipeline.transformer.named_modules():
        if isinstance(layer, nn.Linear) and is_quantised(layer):
            made.transformer.get_submodule(name).weight = nn.Parameter(numbers_of(layer).to(DTYPE), requires_grad=False)
    return made


def engine_of(world: TransformerWorld, pipeline: Any, places: int) -> Engine:
    store = CheckpointStore((world.spec,), CPU)
    store.hold(Checkpoint.of(world.spec, pipeline))
    return Engine(store, world, Matcher((world.spec,)), Options(inputs=world.inputs, places=places))


@pytest.mark.parametrize("base", LIMITS)
@torch.no_grad()
def test_people_with_different_loras_share_a_quantised_denoiser(base: BaseModelId, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    world, pipeline = TransformerWorld(base, tmp_path), with_gguf_layers(base)
    for seed, rank in enumerate((2, 4)):
        world.add(lora_on(pipeline_of(base).transformer, seed, rank))
    alone = dequantised(pipeline, base)
    with_peft(alone.transformer, {f"l{sha256}": lora for sha256, lora in world.loras.items()})

    engine = engine_of(world, pipeline, 8)
    made = [
        request(
            checkpoint="world", width=32, height=32, steps=3, guidance_scale=2.5, prompt="a red star", seed=seed,
            sampler=Sampler.EULER, loras=world.uses(*weights),
        )
        for seed, weights in enumerate([(), (0.7,), (0.3, -0.5)])
    ]  # fmt: skip
    handles = painted(engine, made, (0, 0, 1))
    for handle, asked in zip(handles, made, strict=True):
        assert handle.state is State.DONE, handle.error
        with_weights(alone.transformer, {f"l{use.sha256}": use.weight for use in asked.loras})
        expected, picture = world.by(alone, asked, asked.seed)
        assert apart(handle.latents, expected) < LIMITS[base]
        assert apart(handle.pictures, picture) < LIMITS[base]
    engine.close()


@pytest.mark.parametrize("packed", [True, False])
def test_sets_are_merged_into_plain_weights_alone(tmp_path: Path, packed: bool) -> None:
    torch.set_num_threads(1)
    world = TransformerWorld(FLUX_DEV, tmp_path)
    world.add(lora_on(pipeline_of(FLUX_DEV).transformer, 0, 2))
    pipeline = with_gguf_layers(FLUX_DEV) if packed else copy.deepcopy(pipeline_of(FLUX_DEV))
    engine = engine_of(world, pipeline, 1)
    asked = request(
        checkpoint="world", width=16, height=16, steps=MERGED_PASSES // 2, sampler=Sampler.EULER,
        loras=world.uses(0.5),
    )  # fmt: skip
    for seed in range(3):
        engine.submit(asked.model_copy(update={"seed": seed}))
    merged = False
    while engine.step():
        merged = merged or engine._lora_sets._merged_weights is not None
    assert merged is not packed
    engine.close()

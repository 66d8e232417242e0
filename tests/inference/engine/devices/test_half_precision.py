"""Half precision, as accelerators paint: near the pictures of single precision, and resumed to the bit.

A CPU computes it as well; what differs on a GPU is the order in which it adds.
"""

from __future__ import annotations

import hashlib
import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from inference.engine.batch.handle import Handle, State
from inference.engine.engine import Engine
from inference.engine.models.checkpoints import Checkpoint
from inference.messages.request import GenerationRequest, SourceImage
from inference.messages.samplers import Sampler
from tests.inference.engine.worlds import World, arrived, world_of_every_format

DECIBELS = {torch.float16: 52.0, torch.bfloat16: 36.0}  # 256 levels have 59
BROKEN = 1e6  # times so much a layer overflows in half precision, and the norm behind it makes it good in single


def decibels(pictures: torch.Tensor, expected: torch.Tensor) -> float:
    """How near pictures in 0..1 are to others (peak signal to noise)."""
    error = float((pictures.float() - expected.float()).square().mean())
    return math.inf if error == 0 else -10 * math.log10(error)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inputs")


@pytest.fixture(scope="module")
def source(inputs: Path) -> SourceImage:
    made = inputs / "picture.png"
    Image.linear_gradient("L").convert("RGB").resize((32, 32)).save(made)
    sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
    made.rename(inputs / sha256)
    return SourceImage(sha256=sha256, strength=0.6)


def painted(engine: Engine, wishes: list[GenerationRequest]) -> list[Handle]:
    handles = [engine.submit(wish) for wish in wishes]
    arrived(engine)
    engine.finish()
    assert [handle.state for handle in handles] == [State.DONE] * len(handles), [handle.error for handle in handles]
    return handles


def checkpoint_of(engine: Engine) -> Checkpoint:
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    return checkpoint


@pytest.mark.parametrize(("base", "dtype"), [("sd1/base", torch.float16), ("sdxl/base", torch.bfloat16)])
def test_every_sampler_from_noise_or_from_a_picture_is_near_single_precision(
    base: str, dtype: torch.dtype, inputs: Path, source: SourceImage
) -> None:
    full, half = (world_of_every_format(base, each) for each in (torch.float32, dtype))
    full.inputs = half.inputs = inputs
    chance = random.Random(1)
    wishes = [
        full.wish(chance, sampler=sampler, steps=4, guidance_scale=3.0, count=1, image=source if number % 2 else None)
        for number, sampler in enumerate(Sampler)
    ]
    for handle, expected in zip(painted(half.engine(), wishes), painted(full.engine(), wishes), strict=True):
        assert handle.latents is not None and handle.latents.dtype == dtype
        assert handle.pictures is not None and expected.pictures is not None
        assert decibels(handle.pictures, expected.pictures) > DECIBELS[dtype], handle.request


@pytest.mark.parametrize(("base", "kept"), [("sd1/base", torch.float16), ("sdxl/base", torch.float32)])
def test_the_vae_that_must_not_be_half_is_that_of_sdxl_and_either_encodes_after_it_has_decoded(
    base: str, kept: torch.dtype, inputs: Path, source: SourceImage
) -> None:
    """Both configurations say `force_upcast`: diffusers says so for whoever says nothing."""
    world = World(base, torch.float16, inputs=inputs)
    engine, chance = world.engine(), random.Random(1)
    vae = checkpoint_of(engine).pipeline.vae
    assert vae.config.force_upcast
    painted(engine, [world.wish(chance, steps=1)])
    assert vae.dtype == kept
    painted(engine, [world.wish(chance, steps=1, image=source)])


def overflows(vae: Any, part: str) -> None:
    vae.register_to_config(force_upcast=False)
    getattr(vae, part).conv_in.weight.data.mul_(BROKEN).clamp_(-6e4, 6e4)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
@pytest.mark.parametrize("base", ["sd1/base", "sdxl/base"])
def test_a_vae_that_overflows_runs_in_single_precision_from_then_on(
    base: str, part: str, inputs: Path, source: SourceImage
) -> None:
    pictures: list[list[Handle]] = []
    for dtype in (torch.float16, torch.float32):
        world = World(base, dtype, inputs=inputs)
        engine = world.engine()
        vae = checkpoint_of(engine).pipeline.vae
        overflows(vae, part)
        made = {"steps": 2, "sampler": Sampler.EULER, "count": 2}
        before = painted(engine, [world.wish(random.Random(1), **made)])
        after = painted(engine, [world.wish(random.Random(seed), **made, image=source) for seed in (2, 3)])
        assert vae.dtype == torch.float32 or (part, base, dtype) == ("encoder", "sdxl/base", torch.float16)
        pictures.append(before + after)
    for handle, expected in zip(*pictures, strict=True):
        assert handle.pictures is not None and expected.pictures is not None
        assert decibels(handle.pictures, expected.pictures) > DECIBELS[torch.float16]


def test_a_snapshot_in_half_precision_ends_bit_identically() -> None:
    world = world_of_every_format("sd1/base", torch.float16)
    engine, other = world.engine(), world.engine()
    uses = tuple(lora.file.use for lora in world.loras[:2])
    for sampler in Sampler:
        wish = world.wish(random.Random(1), sampler=sampler, steps=4, count=1, loras=uses)
        first = engine.submit(wish)
        arrived(engine)
        while first.done < 2:
            engine.step()
        resumed = other.submit(wish, resume=first.snapshot())
        for each in (engine, other):
            arrived(each)
            each.finish()
        assert resumed.resumed_steps == 2 and first.pictures is not None and resumed.pictures is not None
        assert torch.equal(first.pictures, resumed.pictures), sampler

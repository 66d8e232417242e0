"""NaN and infinity are reported as errors of their own request, never delivered as a picture."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine.batch.handle import Handle, State
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.models.decode import decode
from inference.errors import CheckpointUnusable, NotANumberPicture
from inference.messages.samplers import Sampler
from tests.inference.engine.worlds import CPU, World, arrived, pipeline_of

HUGE = 3e38  # finite, but not for long


def break_unet(pipeline: Any) -> None:
    pipeline.unet.conv_out.weight.data.fill_(HUGE)


def break_vae(pipeline: Any) -> None:
    pipeline.vae.decoder.conv_out.weight.data.fill_(HUGE)


def break_text_encoder(pipeline: Any) -> None:
    next(pipeline.text_encoder.parameters()).data.fill_(HUGE)


@pytest.mark.parametrize("damage", [break_unet, break_vae, break_text_encoder])
def test_an_overflow_in_any_network_fails_the_request(damage: Callable[[Any], None]) -> None:
    world = World("sd1/base", torch.float32)
    engine = world.engine()
    checkpoint = engine._store.current
    assert checkpoint is not None
    damage(checkpoint.pipeline)
    handle = engine.submit(world.wish(random.Random(1), steps=2))
    engine.finish()
    assert isinstance(handle.error, NotANumberPicture)
    assert (handle.state, handle.pictures) == (State.FAILED, None)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
@pytest.mark.parametrize("number", [torch.nan, torch.inf])
def test_the_error_for_such_weights_in_a_checkpoint_names_the_network(part: str, number: float, tmp_path: Path) -> None:
    pipeline = copy.deepcopy(pipeline_of("sd1/base", torch.float32))
    list(getattr(pipeline, part).parameters())[3].data.view(-1)[5] = number
    pipeline.save_pretrained(tmp_path)
    spec = World("sd1/base", torch.float32).spec.model_copy(update={"source": str(tmp_path), "repository": False})
    with pytest.raises(CheckpointUnusable, match=f"world.*its {part} holds numbers that are none"):
        CheckpointStore((spec,), CPU).get(spec)


def together(world: World, weight: float) -> tuple[Handle, list[Handle]]:
    """A request with the first LoRA at a weight, cancelled after a step, and two others."""
    engine, chance = world.engine(), random.Random(3)
    use = world.loras[0].file.use.model_copy(update={"weight": weight})
    made = {"steps": 4, "guidance_scale": 4.0, "count": 1, "sampler": Sampler.EULER, "prompt": "a red circle"}
    made["negative_prompt"] = ""
    neighbours = [engine.submit(world.wish(chance, **made, loras=(lora.file.use,))) for lora in world.loras[1:]]
    one = engine.submit(world.wish(chance, **made, loras=(use,)))
    arrived(engine)
    engine.step()
    assert one.ended or one.done == 1, "all three are in one pass"
    assert [neighbour.done for neighbour in neighbours] == [1, 1]
    one.cancel()
    engine.finish()
    return one, neighbours


def test_a_lora_that_ends_in_nan_changes_no_neighbours_picture_by_one_bit() -> None:
    world = World("sd1/base", torch.float16)
    for seed in (1, 2, 3):
        world.add(seed, "lora")
    first = world.loras[0]
    strong = {name: tensor * (400 if "lora_up" in name else 1) for name, tensor in first.file.tensors.items()}
    world.loras[0] = replace(first, file=replace(first.file, tensors=strong))
    harmless, expected = together(world, 0.0001)
    broken, neighbours = together(world, 4.0)
    assert harmless.state is State.CANCELLED and isinstance(broken.error, NotANumberPicture)
    for neighbour, alike in zip(neighbours, expected, strict=True):
        assert neighbour.pictures is not None and alike.pictures is not None
        assert torch.equal(neighbour.pictures, alike.pictures)


@torch.no_grad()
def test_a_vae_that_overflows_in_half_precision_decodes_in_single() -> None:
    pipeline = copy.deepcopy(pipeline_of("sd1/base", torch.float32))
    vae = pipeline.vae
    vae.register_to_config(force_upcast=False)
    vae.decoder.conv_in.weight.data.mul_(1e4)  # the norm behind it makes it good, unless it has overflowed
    latents = 10 * torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    (expected,) = decode(pipeline, [latents])
    vae.to(torch.float16)
    (found,) = decode(pipeline, [latents])
    assert vae.dtype == torch.float32 and float((found - expected).abs().max()) < 0.02

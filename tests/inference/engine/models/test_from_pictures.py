"""Pictures to begin with, for all families: their passes are counted, and a VAE that overflows does it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from inference.base_models import BaseModelId
from inference.capabilities import capability_of
from inference.engine.batch.handle import Handle
from inference.engine.engine import Engine
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from inference.queue.request_cost import passes
from tests.inference.engine.devices.test_half_precision import BROKEN, checkpoint_of, decibels, painted
from tests.inference.engine.transformers import ANIMA, FLUX_DEV, QWEN, SD35, Z_IMAGE, TransformerWorld, picture_in
from tests.inference.engine.worlds import World
from tests.inference.requests import request

TRANSFORMERS = (FLUX_DEV, SD35, QWEN, Z_IMAGE, ANIMA)
HALF, SINGLE = torch.float16, torch.float32
DECIBELS = 40.0  # half precision of random weights is less exact than of trained ones; noise alone has 10


def engine_of(base: BaseModelId, inputs: Path, dtype: torch.dtype) -> Engine:
    if base in TRANSFORMERS:
        return TransformerWorld(base, inputs).engine(dtype=dtype)
    return World(str(base), dtype, inputs=inputs).engine()


def wish(base: BaseModelId, **changes: Any) -> GenerationRequest:
    capability = capability_of(base)
    values = {"checkpoint": "world", "width": 32, "height": 32, "steps": 7, "sampler": Sampler.EULER, **changes}
    return request(**values, flow=capability is not None and capability.flow)


@pytest.mark.parametrize("base", [BaseModelId("sd1/base"), *TRANSFORMERS])
def test_requests_take_the_passes_that_they_are_counted_with(base: BaseModelId, tmp_path: Path) -> None:
    engine = engine_of(base, tmp_path, SINGLE)
    for strength in (0.0, 0.05, 0.35, 0.5, 0.71, 1.0):
        source = picture_in(tmp_path, strength)
        for sampler in (Sampler.EULER, Sampler.HEUN):
            handle = engine.submit(wish(base, sampler=sampler, image=source))
            while not handle.done:
                engine.step()
            assert handle.total == passes(handle.request), (strength, sampler)
            handle.cancel()
    engine.finish()


@pytest.mark.parametrize("part", ["encoder", "decoder"])
@pytest.mark.parametrize("base", TRANSFORMERS)
def test_a_vae_that_overflows_in_half_precision_is_used_again_in_single(
    base: BaseModelId, part: str, tmp_path: Path
) -> None:
    found = list[list[Handle]]()
    made = wish(base, image=picture_in(tmp_path, 0.6), count=2, steps=3, guidance_scale=1.5)
    for dtype in (HALF, SINGLE):
        engine = engine_of(base, tmp_path, dtype)
        vae = checkpoint_of(engine).pipeline.vae
        getattr(vae, part).conv_in.weight.data.mul_(BROKEN).clamp_(-6e4, 6e4)
        found.append(painted(engine, [made, made.model_copy(update={"image": None})]))
        assert vae.dtype is SINGLE
    for handle, expected in zip(*found, strict=True):
        assert handle.pictures is not None and expected.pictures is not None
        assert decibels(handle.pictures, expected.pictures) > DECIBELS

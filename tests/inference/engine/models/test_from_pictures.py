"""Pictures to begin with, for all families: their passes are those that are counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from inference.base_models import BaseModelId
from inference.capabilities import capability_of
from inference.engine.engine import Engine
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from inference.request_cost import passes
from tests.inference.engine.transformers import ANIMA, FLUX_DEV, QWEN, SD35, Z_IMAGE, TransformerWorld, picture_in
from tests.inference.engine.worlds import World
from tests.inference.requests import request

TRANSFORMERS = (FLUX_DEV, SD35, QWEN, Z_IMAGE, ANIMA)
SINGLE = torch.float32


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

"""Among requests that join and leave at random, each one comes out as diffusers paints it by itself."""

from __future__ import annotations

import random

import pytest
import torch

from inference.engine.batch.handle import State
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.errors import InvalidRequest
from tests.inference.engine.trials import LIMITS, Tally, error, trial
from tests.inference.engine.worlds import MAKERS, World, world_of_every_format
from tests.inference.engine.written import WRITTEN


@pytest.fixture(scope="module", params=[(base, dtype) for base in MAKERS for dtype in LIMITS], ids=str)
def world(request: pytest.FixtureRequest) -> World:
    return world_of_every_format(*request.param)


@pytest.mark.parametrize("seed", range(8))
def test_requests_that_join_and_leave_change_no_other_picture(seed: int) -> None:
    torch.set_num_threads(1)
    tally = Tally()
    trial(seed, tally)
    assert tally.compared and not tally.failures


@pytest.mark.parametrize("small", [0, SMALL_LAYER_RANK])
def test_variants_of_a_request_run_in_one_batch(world: World, small: int) -> None:
    chance, engine = random.Random(7), world.engine(small=small)
    uses = tuple(lora.file.use for lora in world.loras[:2])
    variants = ((1.0, 0.0), (0.0, 0.5), (-0.7, 0.3))
    made = world.wish(chance, loras=uses, variants=variants, count=3, steps=2, guidance_scale=3.0)
    handles = [engine.submit(made), engine.submit(world.wish(chance, steps=3))]
    engine.finish()
    assert max(error(world, handle) for handle in handles) <= LIMITS[world.dtype]


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_weighted_words_and_long_prompts_are_exact_beside_short_ones(world: World, guidance: float) -> None:
    engine, chance = world.engine(), random.Random(9)
    wishes = [
        world.wish(chance, prompt=prompt, negative_prompt=negative, guidance_scale=guidance, steps=2, count=1)
        for prompt, negative in [
            *zip(WRITTEN, ["", "blurry", "", next(iter(WRITTEN))], strict=True),
            *(("a red circle", negative) for negative in ("", " ", list(WRITTEN)[1])),
        ]
    ]
    handles = [engine.submit(wish) for wish in wishes]
    engine.finish()
    assert max(error(world, handle) for handle in handles) <= LIMITS[world.dtype]


def test_clip_skip_takes_the_prompt_embedding_from_that_layer(world: World) -> None:
    engine, chance = world.engine(), random.Random(10)
    plain = {"prompt": "a red circle", "negative_prompt": "blurry", "guidance_scale": 4.0, "steps": 2, "count": 1}
    handles = [engine.submit(world.wish(chance, **plain, clip_skip=skip)) for skip in (2, 3, None)]
    engine.finish()
    assert max(error(world, handle) for handle in handles) <= LIMITS[world.dtype]


def test_a_clip_skip_beyond_the_encoders_layers_is_refused(world: World) -> None:
    engine = world.engine()
    handle = engine.submit(world.wish(random.Random(11), prompt="a red circle", clip_skip=12))
    engine.finish()
    assert isinstance(handle.error, InvalidRequest)


def test_an_exact_request_has_its_own_batch_and_is_bit_identical(world: World) -> None:
    chance, engine = random.Random(8), world.engine()
    made = world.wish(chance, exact=True, steps=3)
    alone = engine.submit(made)
    engine.finish()
    crowd = [engine.submit(world.wish(chance, steps=5)) for _ in range(3)]
    engine.step()
    again = engine.submit(made)
    engine.finish()
    assert all(handle.state is State.DONE for handle in [*crowd, again])
    assert alone.pictures is not None and again.pictures is not None
    assert torch.equal(alone.pictures, again.pictures)

"""Where pictures run one by one: the least work comes first, and a LoRA set that several requests use is merged."""

from __future__ import annotations

import random

import pytest
import torch

from inference.engine.batch.handle import Handle, State
from inference.engine.engine import MERGED_PASSES, Engine
from inference.messages.request import GenerationRequest
from tests.inference.engine.trials import LIMITS, error
from tests.inference.engine.worlds import World, world_of_every_format, world_of_plain_loras

PLAIN = {"count": 1, "guidance_scale": 3.0, "prompt": "a red circle", "negative_prompt": "", "loras": ()}
LONG = {"steps": 3, "sampler": "euler", "exact": False, "clip_skip": None}


@pytest.fixture(scope="module", params=[("sd1/base", torch.float64), ("sdxl/base", torch.float32)], ids=str)
def world(request: pytest.FixtureRequest) -> World:
    return world_of_every_format(*request.param)


@pytest.fixture(scope="module")
def small() -> World:
    """For tests of nothing but the order."""
    return world_of_plain_loras(3)


def wish(world: World, seed: int = 0, **changes: object) -> GenerationRequest:
    return world.wish(random.Random(seed), **(PLAIN | LONG | changes))


def ends(engine: Engine, handles: list[Handle]) -> list[int]:
    """Which of `handles` ended in which order."""
    found: list[int] = []
    while engine.busy:
        engine.step()
        found += [n for n, handle in enumerate(handles) if handle.ended and n not in found]
    assert all(handle.state is State.DONE for handle in handles), [handle.error for handle in handles]
    return found


def test_the_request_with_the_least_work_comes_first(small: World) -> None:
    engine = small.engine(places=1)
    handles = [engine.submit(wish(small, steps=steps)) for steps in (6, 9, 2, 4)]
    for reading in engine._waiting.values():
        reading.result()
    assert ends(engine, handles) == [2, 3, 0, 1]


def test_a_request_that_has_waited_for_long_is_not_passed_over_for_ever(small: World) -> None:
    engine = small.engine(places=1)
    patient = engine.submit(wish(small, steps=5))
    others = 0
    while not patient.ended:
        engine.submit(wish(small, steps=1)), engine.submit(wish(small, steps=1))
        others += 1
        for reading in engine._waiting.values():
            reading.result()
        engine.step()
        assert others < 100, "starved"
    assert others > 5, "the short ones came first for a while"
    engine.close()


def requests_with_loras(world: World) -> list[GenerationRequest]:
    """Two requests with one set of LoRAs of all formats, and between them one with another set."""
    uses = tuple(lora.file.use.model_copy(update={"weight": 0.6}) for lora in world.loras[:3])
    other = (world.loras[0].file.use,)
    return [
        wish(world, 1, loras=uses, steps=MERGED_PASSES // 2),
        wish(world, 2, loras=other),
        wish(world, 3, loras=uses, steps=MERGED_PASSES // 2),
    ]


def merged(engine: Engine) -> bool:
    return engine._lora_sets._merged_weights is not None


def test_a_set_that_several_requests_use_is_merged_and_exact(world: World) -> None:
    engine = world.engine(places=1)
    handles = [engine.submit(made) for made in requests_with_loras(world)]
    seen = False
    while engine.step():
        seen = seen or merged(engine)
    assert seen
    assert max(error(world, handle) for handle in handles) <= LIMITS[world.dtype]


def test_merging_leaves_the_checkpoint_bit_identical(world: World) -> None:
    engine = world.engine(places=1)
    unet = engine._store.current.pipeline.unet
    before = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    for made in requests_with_loras(world):
        engine.submit(made)
    engine.finish()
    assert merged(engine)
    assert all(torch.equal(tensor, before[name]) for name, tensor in unet.state_dict().items())


def test_exact_requests_and_sets_of_a_single_request_are_never_merged(world: World) -> None:
    first, between, last = requests_with_loras(world)
    exact = first.model_copy(update={"exact": True})
    alone, company = world.engine(places=1), world.engine(places=1)
    expected = [alone.submit(exact)]
    alone.finish()
    assert not merged(alone)
    handles = [company.submit(made) for made in (last, first, between, exact, last)]
    company.finish()
    assert merged(company)
    assert expected[0].pictures is not None and handles[3].pictures is not None
    assert torch.equal(handles[3].pictures, expected[0].pictures)


def test_nothing_is_merged_where_pictures_share_passes(small: World) -> None:
    engine = small.engine(places=4)
    for made in requests_with_loras(small):
        engine.submit(made)
    engine.finish()
    assert not merged(engine)

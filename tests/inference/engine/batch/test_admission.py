"""Requests join as memory has room for their LoRAs: who does not fit waits, and nobody waits for ever or fails."""

from __future__ import annotations

import random

import pytest
import torch

from inference.engine.batch.admission import MAX_OVERTAKEN, has_memory, pass_bytes
from inference.engine.batch.batch import Batch
from inference.engine.batch.handle import Handle, State
from inference.engine.devices.devices import room_on
from inference.engine.engine import Engine
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.decode import MAX_PIXELS
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from tests.inference.engine.trials import error
from tests.inference.engine.worlds import World, arrived, world_of_plain_loras

EXACT = 1e-4  # in single precision


@pytest.fixture(scope="module")
def world() -> World:
    return world_of_plain_loras(2)


def wish(world: World, steps: int, many: int = 0) -> GenerationRequest:
    uses = tuple(lora.file.use for lora in world.loras[:many])
    return world.wish(
        random.Random(steps), loras=uses, steps=steps, count=1, guidance_scale=4.0, sampler=Sampler.EULER, spacing=None
    )


def checkpoint_of(engine: Engine) -> Checkpoint:
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    return checkpoint


def room_for_passes(engine: Engine, requests: list[GenerationRequest]) -> int:
    """Enough for all of them in one pass, without LoRAs."""
    return pass_bytes(checkpoint_of(engine), requests)


def joined(engine: Engine, request: GenerationRequest) -> Handle:
    handle = engine.submit(request)
    arrived(engine)
    engine.step()
    return handle


def test_who_does_not_fit_waits_and_others_join(world: World) -> None:
    room = 0
    engine = world.engine()
    engine._room = lambda _device: room
    long, large, small = wish(world, 6), wish(world, 2, many=2), wish(world, 3)
    room = room_for_passes(engine, [long, small])
    first = joined(engine, long)
    waiting, second = joined(engine, large), joined(engine, small)
    assert (first.state, waiting.state, second.state) == (State.RUNNING, State.WAITING, State.RUNNING)
    assert waiting.overtaken == 1
    engine.finish()
    for handle in (first, waiting, second):
        assert handle.state is State.DONE and error(world, handle) <= EXACT


def test_it_joins_when_there_is_room(world: World) -> None:
    room = 0
    engine = world.engine()
    engine._room = lambda _device: room
    long, large = wish(world, 6), wish(world, 2, many=2)
    room = room_for_passes(engine, [long, large])
    first, waiting = joined(engine, long), joined(engine, large)
    assert waiting.state is State.WAITING
    room = 2**40
    engine.step()
    assert waiting.state is State.RUNNING and first.state is State.RUNNING
    engine.finish()
    assert max(error(world, handle) for handle in (first, waiting)) <= EXACT


def test_nobody_is_overtaken_for_ever(world: World) -> None:
    room = 0
    engine = world.engine()
    engine._room = lambda _device: room
    large = wish(world, 1, many=2)
    room = room_for_passes(engine, [wish(world, 3)] * 2)  # too little for the LoRAs beside anybody
    handles = [joined(engine, wish(world, 3))]
    waiting = joined(engine, large)
    for _ in range(4 * MAX_OVERTAKEN):
        if waiting.state is not State.WAITING:
            break
        handles.append(joined(engine, wish(world, 3)))
    assert waiting.state is not State.WAITING and 0 < waiting.overtaken <= MAX_OVERTAKEN
    engine.finish()
    assert {handle.state for handle in (waiting, *handles)} == {State.DONE}


def test_what_fits_nowhere_beside_others_is_painted_alone(world: World) -> None:
    engine = world.engine()
    engine._room = lambda _device: 0
    handles = [engine.submit(wish(world, 2, many=number % 3)) for number in range(5)]
    while engine.step():
        assert len(engine._running) <= 1
    assert [handle.state for handle in handles] == [State.DONE] * 5


def test_a_set_that_is_seated_takes_nothing_more(world: World) -> None:
    engine = world.engine()
    checkpoint = checkpoint_of(engine)
    checkpoint.hooks.spare, checkpoint.hooks.segment = 0, 1
    request, other = wish(world, 6, many=2), wish(world, 6, many=1)
    for each in (request, other):
        engine.submit(each)
    arrived(engine)
    engine.step()
    (batch,) = engine._batches.values()
    assert isinstance(batch, Batch)
    shared, small = ([one.loras for one in run.applied] for run in batch.runs)
    growth = [batch.growth(sets) for sets in (shared, small)]
    assert growth[0] == 0
    passes = pass_bytes(checkpoint, [request, other, request])
    size = sum(shared[0].slot_bytes)
    assert has_memory(passes + size, checkpoint, [batch], request, shared, 0)
    assert not has_memory(passes - 1, checkpoint, [batch], request, shared, 0)
    engine.finish()


def test_a_pass_is_counted_with_pictures_that_are_decoded(world: World) -> None:
    checkpoint = checkpoint_of(world.engine())
    one = wish(world, 1)
    pixels = one.width * one.height
    assert pass_bytes(checkpoint, [one]) == pixels * 4 * (260 + 768)
    # Pictures that end together are decoded together, as many as have the pixels of one of 1024 x 1024.
    assert pass_bytes(checkpoint, [one, one]) == 2 * pixels * 4 * (260 + 768)
    many = one.model_copy(update={"count": 2 * MAX_PIXELS // pixels})
    assert pass_bytes(checkpoint, [many]) == MAX_PIXELS * 4 * (2 * 260 + 768)
    huge = one.model_copy(update={"width": 2048, "height": 2048})
    assert pass_bytes(checkpoint, [huge, huge]) == 2048**2 * 4 * (2 * 260 + 768)
    demo = checkpoint_of(World("demo/vivid", torch.float32).engine())
    assert pass_bytes(demo, [one]) == 0, "nobody has counted it"


def test_a_cpu_has_no_bound() -> None:
    assert room_on(torch.device("cpu")) is None

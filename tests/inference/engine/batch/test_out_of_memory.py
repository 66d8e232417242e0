"""Memory that is short for all requests: smaller passes, and a request that fits in none fails alone.

The allocations that fail are real: a network that needs more than there is asks torch for more than any machine has.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn

from inference.engine.batch.batch import Batch
from inference.engine.batch.failures import start_run
from inference.engine.batch.handle import Handle, State
from inference.engine.batch.snapshots import Resumable, Snapshot
from inference.engine.engine import Engine
from inference.engine.layers.slots import BatchSlots
from inference.engine.models import decode
from inference.engine.models.checkpoints import Checkpoint
from inference.errors import LoraNotAtWork, OutOfMemory
from inference.messages.request import GenerationRequest
from inference.queue.request_cost import rows_each
from tests.inference.engine.worlds import World, arrived, world_of_plain_loras

MORE_THAN_THERE_IS = 2**60  # bytes


@pytest.fixture(scope="module")
def world() -> World:
    return world_of_plain_loras(2)


@contextmanager
def needing(network: nn.Module, too_much: Callable[[torch.Tensor], bool]) -> Generator[list[int]]:
    """Inputs for which `too_much` holds need more memory than there is. Yields how many rows each pass had that ran."""
    ran: list[int] = []

    def allocate(_: nn.Module, given: tuple[Any, ...]) -> None:
        if too_much(given[0]):
            torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)
        ran.append(len(given[0]))

    hook = network.register_forward_pre_hook(allocate)
    try:
        yield ran
    finally:
        hook.remove()


def networks(engine: Engine) -> Any:
    return engine._store.current.pipeline  # type: ignore[union-attr]  # what the test starves


def wishes(world: World, many: int, **changes: Any) -> list[GenerationRequest]:
    chance = random.Random(7)
    same = {"count": 1, "steps": 4, "guidance_scale": 3.0, "prompt": "a red circle", "negative_prompt": ""}
    return [world.wish(chance, **(same | changes)) for _ in range(many)]


def painted(engine: Engine, requests: list[GenerationRequest]) -> list[Handle]:
    handles = [engine.submit(request) for request in requests]
    arrived(engine)
    engine.finish()
    return handles


def assert_same(handles: list[Handle], expected: list[Handle]) -> None:
    for handle, other in zip(handles, expected, strict=True):
        assert handle.state is State.DONE, handle.error
        assert handle.pictures is not None and other.pictures is not None
        assert (handle.pictures - other.pictures).abs().max() <= 5e-5


def test_a_batch_that_does_not_fit_is_split_and_the_cap_stays_lower(world: World) -> None:
    requests = wishes(world, 8)
    expected = painted(world.engine(), requests)
    engine = world.engine()
    with needing(networks(engine).unet, lambda rows: len(rows) > 4) as ran:  # two pictures, each with and without text
        assert_same(painted(engine, requests), expected)
        assert max(ran) == 4
        assert sum(ran) == 2 * sum(handle.total for handle in expected), "a step was lost or done twice"
    with needing(networks(engine).unet, lambda _: False) as ran:
        assert_same(painted(engine, requests), expected)
        assert max(ran) == 4, "what did not fit once is not tried again"


def test_where_memory_is_short_unused_lora_sets_are_dropped(world: World) -> None:
    engine = world.engine()
    for one in wishes(world, 8):
        engine.submit(one)
    arrived(engine)
    with needing(networks(engine).unet, lambda rows: len(rows) > 8):
        for _ in range(3):
            engine.step()
    assert not len(engine._lora_sets._sets)
    batches = [batch for batch in engine._batches.values() if isinstance(batch, Batch)]
    slots = [own.capacities for batch in batches for own in batch.pass_slots.values()]
    assert slots == [[4], [4]], "slots for the runs that are left"
    engine.close()


def test_stacks_are_allocated_anew_when_most_slots_are_empty(world: World) -> None:
    engine = world.engine()
    checkpoint, (lora, *_) = engine._store.current, world.loras
    assert isinstance(checkpoint, Checkpoint)
    slots = BatchSlots(checkpoint.hooks, 2)
    sets = [engine._lora_sets.apply_at([lora.file], [weight / 10], checkpoint).loras for weight in range(1, 9)]
    counts: list[list[int]] = []
    for many in (8, 3, 2, 3):
        slots.assign(sets[:many])
        counts.append(slots.capacities)
    assert counts == [[8], [8], [2], [4]]
    engine.close()


def test_the_cap_is_of_one_size_alone(world: World) -> None:
    engine = world.engine()
    with needing(networks(engine).unet, lambda rows: len(rows) > 2):
        painted(engine, wishes(world, 4))
    with needing(networks(engine).unet, lambda _: False) as ran:
        painted(engine, wishes(world, 4, width=40))
        assert max(ran) == 8


def test_a_request_that_fits_in_no_pass_fails_alone_with_a_sentence(world: World) -> None:
    small, large = wishes(world, 3), wishes(world, 1, width=64, height=64)[0]
    expected = painted(world.engine(), small)
    engine = world.engine()
    with needing(networks(engine).unet, lambda rows: rows.shape[-1] > 16):
        handles = painted(engine, [small[0], large, *small[1:]])
    failed = handles.pop(1)
    assert failed.state is State.FAILED
    assert isinstance(failed.error, OutOfMemory)
    assert "64x64" in str(failed.error)
    assert_same(handles, expected)


@pytest.mark.parametrize("varied", [False, True])
def test_pictures_of_one_request_that_do_not_fit_together_go_through_several_passes(world: World, varied: bool) -> None:
    uses = tuple(lora.file.use for lora in world.loras)
    weights = ((0.9, 0.0), (-0.4, 0.7), (0.0, 0.0)) if varied else ()
    several = [*wishes(world, 1, count=3, loras=uses, variants=weights), *wishes(world, 1, count=3, guidance_scale=1.0)]
    requests = [*wishes(world, 1), *several, *wishes(world, 2)]
    expected = painted(world.engine(), requests)
    engine = world.engine()
    with needing(networks(engine).unet, lambda rows: len(rows) > 2) as ran:
        assert_same(painted(engine, requests), expected)
        assert max(ran) == 2
        assert sum(ran) == sum(
            run.total * request.count * rows_each(request) for run, request in zip(expected, requests, strict=True)
        )
    with needing(networks(engine).unet, lambda rows: len(rows) > 2) as ran:
        engine.submit(several[0])
        arrived(engine)
        engine.step()
        assert ran == [2, 2, 2], "not tried again with all of them"
        engine.finish()


def test_a_decode_that_does_not_fit_is_done_picture_by_picture(world: World) -> None:
    requests = wishes(world, 3) + wishes(world, 1, count=3)
    expected = painted(world.engine(), requests)
    engine = world.engine()
    with needing(networks(engine).vae.decoder, lambda rows: len(rows) > 1) as ran:
        assert_same(painted(engine, requests), expected)
        assert ran == [1] * 6


def test_a_picture_that_is_too_large_to_be_decoded_as_a_whole_is_decoded_in_tiles(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "TILE", 32)
    usual, exact = (wishes(world, 1, width=64, height=48, exact=exact)[0] for exact in (False, True))
    (expected,) = painted(world.engine(), [usual])
    engine = world.engine()
    with needing(networks(engine).vae.decoder, lambda rows: rows.shape[-1] > 16) as ran:
        (tiled,) = painted(engine, [usual])
        assert len(ran) == 3 * 2, "tiles of 16 latents, each beginning 12 after the one before"
        assert tiled.pictures is not None and expected.pictures is not None, tiled.error
        assert 0 < (tiled.pictures - expected.pictures).abs().mean() < 0.05
        (refused,) = painted(engine, [exact])
        assert isinstance(refused.error, OutOfMemory), "exact pictures are never made of tiles"
    assert_same(painted(engine, [usual]), [expected])


def test_a_picture_that_cannot_be_decoded_at_all_fails(world: World) -> None:
    engine = world.engine()
    with needing(networks(engine).vae.decoder, lambda _: True):
        handles = painted(engine, wishes(world, 2))
    assert [type(handle.error) for handle in handles] == [OutOfMemory, OutOfMemory]
    assert_same(painted(engine, wishes(world, 2)), painted(world.engine(), wishes(world, 2)))


class LargeState(Snapshot):
    """It does not fit on the device."""

    def put_back(self, run: Resumable) -> None:
        torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)


def test_a_snapshot_for_which_memory_is_short_is_used_once_there_is_more(world: World) -> None:
    handle = Handle(wishes(world, 1)[0], {}, LargeState(1, "", {}, {}))
    made: list[Any] = []
    with pytest.raises(RuntimeError, match="memory"):
        start_run(handle, lambda: made.append(None) or made)  # type: ignore[return-value]
    assert len(made) == 1, "not started from the first step"


def test_a_layer_that_is_never_called_is_detected_also_when_memory_was_short_for_the_first_pass(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = world.engine()
    engine.submit(world.wish(random.Random(1), steps=3, loras=tuple(lora.file.use for lora in world.loras)))
    arrived(engine)
    engine._admit()
    (batch,), unet = engine._batches.values(), networks(engine).unet
    with needing(unet, lambda _: True), pytest.raises(RuntimeError, match="memory"):
        batch.step()
    monkeypatch.setattr(unet.mid_block, "forward", lambda hidden_states, *_, **__: hidden_states)
    assert [type(problem) for problem in batch.step().values()] == [LoraNotAtWork]
    engine.close()


def test_who_has_no_memory_beside_others_waits_and_goes_on_alone(world: World) -> None:
    """Nobody fails for the company, and no step is taken twice."""
    requests = wishes(world, 3)
    expected = painted(world.engine(), requests)
    engine = world.engine()
    handles = [engine.submit(request) for request in requests]
    joined: list[int] = []
    for number, handle in enumerate(handles):
        handle.on_join = lambda number=number: joined.append(number)
    arrived(engine)
    while not all(handle.done == 2 for handle in handles):
        engine.step()
    with needing(networks(engine).unet, lambda _: len(engine._running) > 1) as ran:
        engine.finish()
    assert_same(handles, expected)
    assert ran == [rows_each(requests[0])] * 3 * 2, "the two steps that were left of each, one after another"
    assert sorted(joined) == [0, 1, 2] and all(handle.resumed_steps == 0 for handle in handles)


def test_who_has_no_memory_to_join_waits_and_joins_alone(world: World) -> None:
    first, second = wishes(world, 1)[0], wishes(world, 1, prompt="a blue square")[0]
    expected = painted(world.engine(), [first, second])
    engine = world.engine()
    handles = [engine.submit(first)]
    running: list[int] = []  # how many requests do when it joins, itself included
    engine.step()
    with needing(networks(engine).text_encoder, lambda _: bool(engine._running)):
        handles.append(engine.submit(second))
        handles[1].on_join = lambda: running.append(len(engine._running))
        engine.finish()
    assert_same(handles, expected)
    assert running == [1], "it joined once, and alone"

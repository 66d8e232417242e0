"""Finished runs are decoded on a separate thread while the batch keeps stepping, with the same results."""

from __future__ import annotations

import random
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
import torch
from torch import nn

from inference.engine.batch.handle import Handle, State
from inference.engine.engine import Engine
from inference.errors import WorkerFailed
from tests.inference.engine.batch.test_out_of_memory import needing, networks
from tests.inference.engine.worlds import World, arrived, world_of_plain_loras

STEPS = (2, 12)


@pytest.fixture(scope="module")
def world() -> World:
    return world_of_plain_loras(1)


class Gate:
    """A hook in a VAE: decoding waits until the gate is opened; `entered` is set once it waits."""

    def __init__(self) -> None:
        self.entered, self._open, self.broken = threading.Event(), threading.Event(), False

    def open(self) -> None:
        self._open.set()

    def __call__(self, *_: Any) -> None:
        self.entered.set()
        assert self._open.wait(60), "nobody opened"
        if self.broken:
            raise ValueError("the VAE is broken")


@contextmanager
def gate_of(engine: Engine) -> Generator[Gate]:
    gate = Gate()
    hook = networks(engine).vae.decoder.register_forward_pre_hook(gate)
    try:
        yield gate
    finally:
        gate.open()
        hook.remove()


def engine_of(world: World, *, concurrent: bool = True) -> Engine:
    engine = world.engine()
    engine._decoder._concurrent = concurrent  # whatever the machine
    return engine


def submitted(engine: Engine, world: World, steps: tuple[int, ...] = STEPS) -> list[Handle]:
    """Requests that differ in their steps, side by side."""
    same = {"count": 1, "guidance_scale": 3.0, "negative_prompt": "", "sampler": "euler", "exact": False}
    made = [world.wish(random.Random(n), **(same | {"steps": each})) for n, each in enumerate(steps)]
    handles = [engine.submit(request) for request in made]
    arrived(engine)
    return handles


def until_decoding(engine: Engine, gate: Gate) -> None:
    while not engine._decoder.work:
        assert engine.step()
    assert gate.entered.wait(60)


def test_other_runs_keep_stepping_while_a_run_is_decoded_and_pictures_are_the_same(world: World) -> None:
    plain = engine_of(world, concurrent=False)
    expected = submitted(plain, world)
    plain.finish()
    engine = engine_of(world)
    with gate_of(engine) as gate:
        short, long = submitted(engine, world)
        until_decoding(engine, gate)
        while long.done < long.total - 1:
            engine.step()
            assert short.state is State.RUNNING
            assert short.done == short.total
    engine.finish()
    for handle, other in zip((short, long), expected, strict=True):
        assert handle.state is State.DONE, handle.error
        assert handle.pictures is not None and other.pictures is not None
        assert torch.equal(handle.pictures, other.pictures)


def test_without_concurrent_decoding_pictures_are_there_after_the_last_step(world: World) -> None:
    engine = engine_of(world, concurrent=False)
    short, _ = submitted(engine, world)
    while short.done < short.total:
        engine.step()
    assert short.state is State.DONE
    engine.close()


def test_the_next_finished_runs_wait_for_the_group_before(world: World) -> None:
    engine = engine_of(world)
    with gate_of(engine) as gate:
        first, second = submitted(engine, world, (2, 4))
        until_decoding(engine, gate)
        threading.Timer(0.05, gate.open).start()
        while second.done < second.total:
            engine.step()
        assert first.state is State.DONE
    engine.finish()
    assert second.state is State.DONE


def test_a_run_cancelled_while_decoded_has_no_pictures_and_one_that_fails_there_fails_alone(world: World) -> None:
    engine = engine_of(world)
    with gate_of(engine) as gate:
        short, _ = submitted(engine, world)
        until_decoding(engine, gate)
        short.cancel()
        gate.open()
        engine.finish()
        assert short.state is State.CANCELLED
        assert short.pictures is None
    with gate_of(engine) as gate:
        short, long = submitted(engine, world)
        until_decoding(engine, gate)
        gate.broken = True
        gate.open()
        while not short.ended:
            engine.step()
        gate.broken = False
        engine.finish()
    assert isinstance(short.error, WorkerFailed)
    assert long.state is State.DONE


@pytest.mark.parametrize("concurrent", [True, False])
def test_a_decoder_error_that_shows_only_when_pictures_are_read_fails_one_run(world: World, concurrent: bool) -> None:
    """An asynchronous device raises its errors only when results are read."""
    engine = engine_of(world, concurrent=concurrent)
    short, long = submitted(engine, world)
    with leaving_no_numbers(networks(engine).vae.decoder):
        while not short.ended:
            engine.step()
    engine.finish()
    assert isinstance(short.error, WorkerFailed)
    assert long.state is State.DONE


@contextmanager
def leaving_no_numbers(network: nn.Module) -> Generator[None]:
    """What it answers has a shape and nothing else."""
    hook = network.register_forward_hook(lambda _, __, answer: answer.to("meta"))
    try:
        yield
    finally:
        hook.remove()


def test_a_step_that_lacks_the_memory_of_a_decoding_waits_for_it_and_lowers_no_cap(world: World) -> None:
    engine = engine_of(world)
    with gate_of(engine) as gate:
        short, *long = submitted(engine, world, (2, 8, 8))
        until_decoding(engine, gate)
        threading.Timer(0.05, gate.open).start()
        with needing(networks(engine).unet, lambda _: not short.ended and bool(engine._decoder.work)) as ran:
            engine.finish()
        assert set(ran) == {sum(2 for _ in long)}, "they went on in halves"
    assert [handle.state for handle in (short, *long)] == [State.DONE] * 3


def test_a_request_that_joins_waits_for_the_decoders_memory_before_it_fails(world: World) -> None:
    engine = engine_of(world)
    with gate_of(engine) as gate:
        short, _ = submitted(engine, world)
        until_decoding(engine, gate)
        late = engine.submit(world.wish(random.Random(5), prompt="what nobody wrote before"))
        arrived(engine)
        threading.Timer(0.05, gate.open).start()
        with needing(networks(engine).text_encoder, lambda _: bool(engine._decoder.work)):
            engine.finish()
    assert (short.state, late.state) == (State.DONE, State.DONE), late.error


def test_an_engine_that_closes_waits_for_the_decoder(world: World) -> None:
    engine = engine_of(world)
    with gate_of(engine) as gate:
        short, long = submitted(engine, world)
        until_decoding(engine, gate)
        threading.Timer(0.05, gate.open).start()
        engine.close()
    assert short.state is State.DONE
    assert long.state is State.CANCELLED


def test_the_engines_threads_compute_with_as_many_threads_as_the_process_may_use(world: World) -> None:
    """By themselves they would use all cores, and those of several readers spin against each other and the steps."""
    engine = engine_of(world)
    for concurrent in (engine._intake._threads, engine._decoder._thread):
        concurrent.submit(int).result()
        before = native()
        numbers = torch.ones(512, 512)
        concurrent.submit(torch.matmul, numbers, numbers).result()
        # A thread of Python more is none of torch's: the first one may not have said yet that it has nothing to do.
        assert native() - before <= {thread.native_id for thread in threading.enumerate()}
    engine.close()


def native() -> set[int]:
    """All threads of this process."""
    return {thread.id for thread in psutil.Process().threads()}

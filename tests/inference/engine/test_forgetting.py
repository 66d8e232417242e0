"""Memory of ended requests is freed at once: only what caches count stays."""

from __future__ import annotations

import gc
import io
import logging
import os
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import psutil
import pytest
import torch

from inference.engine.batch.caps import MAX_PICTURES, SAMPLES, CapSearch
from inference.engine.batch.failures import as_inference_error
from inference.engine.batch.handle import Handle, State
from inference.engine.devices.cache import TENSOR_BYTES
from inference.engine.engine import Engine
from inference.engine.layers.lora_set import LoraSet
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.process.channel import CommandChannel
from inference.engine.process.job_runner import JobRunner
from inference.engine.process.serve import Server
from inference.messages.commands import Cancel, Generate, Shutdown
from inference.messages.events import EVENTS, Cancelled, CardMemory
from inference.messages.request import LoraUse
from tests.house import VIVID, House
from tests.inference.engine.batch.test_neighbours import ALIKE, broken
from tests.inference.engine.worlds import World, arrived, world_of_plain_loras
from tests.inference.requests import request

Ending = Callable[[World, Engine], Handle]


@pytest.fixture(scope="module")
def world() -> World:
    return world_of_plain_loras(3)


def submitted(world: World, engine: Engine, *more: LoraUse, **changes: object) -> Handle:
    """A request that waits; all that it needs is read."""
    uses = (world.loras[0].file.use, *more)
    handle = engine.submit(world.wish(random.Random(1), **ALIKE | {"loras": uses, "steps": 2} | changes))
    arrived(engine)
    return handle


def cancelled_before_its_turn(world: World, engine: Engine) -> Handle:
    handle = submitted(world, engine)
    handle.cancel()
    return handle


def cancelled_while_it_is_painted(world: World, engine: Engine) -> Handle:
    handle = submitted(world, engine)
    engine.step()
    handle.cancel()
    return handle


def refused_by_the_text_encoder(world: World, engine: Engine) -> Handle:
    return submitted(world, engine, clip_skip=12)


def no_number_in_its_picture(world: World, engine: Engine) -> Handle:
    handle = submitted(world, engine)
    engine.step()
    (run,) = engine._running
    assert run.latents is not None
    run.latents.fill_(torch.nan)
    return handle


def broken_in_the_middle_of_a_pass(world: World, engine: Engine) -> Handle:
    handle = submitted(world, engine)
    engine.step()
    (run,) = engine._running
    vars(run)["timesteps"] = None
    return handle


def with_bad_lora(kind: str) -> Ending:
    def ending(world: World, engine: Engine) -> Handle:
        before = len(world.loras)
        handle = submitted(world, engine, broken(world, kind))
        del world.loras[before:]
        return handle

    return ending


ENDINGS: dict[str, tuple[Ending, State]] = {
    "painted": (submitted, State.DONE),
    "cancelled before its turn": (cancelled_before_its_turn, State.CANCELLED),
    "cancelled while it is painted": (cancelled_while_it_is_painted, State.CANCELLED),
    "clip skip": (refused_by_the_text_encoder, State.FAILED),
    "no number": (no_number_in_its_picture, State.FAILED),
    "broken": (broken_in_the_middle_of_a_pass, State.FAILED),
    **{kind: (with_bad_lora(kind), State.FAILED) for kind in ("wrong base", "half of it strange", "NaN", "gone")},
}


@pytest.fixture(scope="module")
def engine(world: World) -> Iterator[Engine]:
    """It keeps no LoRAs for later."""
    made = world.engine(lora_bytes=0, set_bytes=0)
    yield made
    made.close()


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Without the garbage collector: Python frees only objects outside of reference cycles.

    Nothing is logged: pytest keeps what was, with the frames of errors.
    """
    gc.collect()
    gc.disable()
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        gc.enable()


def becomes(what: Callable[[], bool]) -> bool:
    """Whether it is so, within a minute.

    A thread that has said what it found holds it for a moment more, until it looks for other work.
    """
    until, tick = time.monotonic() + 60, threading.Event()
    while not (so := what()) and time.monotonic() < until:
        tick.wait(0.005)
    return so


def assert_let_go(held: Sequence[weakref.ref[Any]]) -> None:
    becomes(lambda: all(ref() is None for ref in held))
    assert [thing for ref in held if (thing := ref()) is not None] == []


@pytest.mark.parametrize("name", ENDINGS)
def test_nothing_refers_to_a_request_that_has_ended(world: World, engine: Engine, name: str) -> None:
    ending, state = ENDINGS[name]
    with nothing_collected():
        handle = ending(world, engine)
        held = [weakref.ref(thing) for thing in (handle, *engine._running)]
        engine.finish()
        assert handle.state is state
        del handle
        assert_let_go(held)


def test_nothing_refers_to_a_job_whose_end_was_reported(shared_house: House) -> None:
    runner = JobRunner(shared_house.configure, torch.device("cpu"))
    with nothing_collected():
        runner.take(Generate(job_id=1, attempt=1, request=request(checkpoint=VIVID, steps=1), files={}))
        held = weakref.ref(runner._jobs[0].handle)
        while runner.busy:
            runner.step()
        assert_let_go([held])
    runner.close()


def test_waiting_requests_hold_no_more_folded_sets_than_the_cache(world: World) -> None:
    use, many = world.loras[0].file.use, 12
    plain = world.engine()
    checkpoint = plain._store.current
    assert isinstance(checkpoint, Checkpoint)
    size = plain._lora_sets.apply_at([world.loras[0].file], [1.0], checkpoint).loras.nbytes
    engine = world.engine(set_bytes=3 * size)
    with nothing_collected():
        before = sets()
        handles = [
            submitted(world, engine, loras=(use.model_copy(update={"weight": weight / 10}),))
            for weight in range(1, many + 1)
        ]
        assert becomes(lambda: sets() - before <= 3)
    engine.finish()
    assert [handle.state for handle in handles] == [State.DONE] * many


def test_running_requests_hold_folded_sets_and_no_lora_files(world: World, engine: Engine) -> None:
    def files() -> set[int]:
        return {id(thing) for thing in gc.get_objects() if type(thing) is LoraFile}

    with nothing_collected():
        before = files()
        handle = submitted(world, engine)
        engine.step()
        assert handle.state is State.RUNNING and handle.autov3
        assert becomes(lambda: files() <= before)
    engine.finish()


def sets() -> int:
    """Folded sets in memory."""
    return sum(type(thing) is LoraSet for thing in gc.get_objects())  # others may not say what they are


def test_the_cache_of_prompts_takes_no_more_memory_than_its_limit(world: World) -> None:
    """Short embeddings of a small network: what a tensor takes beside its numbers counts too."""
    checkpoint = world.engine(embedding_bytes=2**16)._store.current
    embeddings = checkpoint.family.embeddings  # type: ignore[union-attr]
    nothing = LoraSet.fold([], embeddings._hooks)
    for number in range(40):
        kept = embeddings.embed(f"number {number}", (), nothing, 1)
    assert len(checkpoint.embeddings._kept) == 2**16 // (kept.prompt_embeds.nbytes + TENSOR_BYTES)  # type: ignore[union-attr]


def test_timing_single_pictures_for_ever_takes_no_more_memory() -> None:
    search = CapSearch(2 * MAX_PICTURES)
    for _ in range(SAMPLES + 1):
        search.record(2, 1.0)
    before = held_by(search)
    for _ in range(1000):
        search.record(2, 1.0)
    assert held_by(search) < before + 10 and search.rows == 4


def held_by(search: CapSearch) -> int:
    """Letters of all that it knows."""
    return len(repr(search))


def test_a_cancel_that_comes_too_late_does_not_cancel_the_next_attempt() -> None:
    """The bot sends it while the end is on its way."""
    asked = Generate(job_id=1, attempt=1, request=request())
    lines = [asked, Cancel(job_id=1), Cancel(job_id=2), Shutdown()]
    channel = CommandChannel(
        io.BytesIO(b"".join(line.model_dump_json().encode() + b"\n" for line in lines)), io.BytesIO()
    )
    channel.listen()
    assert channel.receive() == asked and channel.receive() is None
    assert (channel.is_cancelled(1), channel.is_cancelled(2)) == (True, False)
    channel.forget(1)
    assert not channel.is_cancelled(1)


class Bot(io.RawIOBase):
    """It hears that a job was cancelled, and hands it over again at once."""

    def __init__(self, orders: BinaryIO, again: Generate) -> None:
        self.orders, self.again, self.taken = orders, again, threading.Event()

    def write(self, line: Any) -> int:
        if b'"cancelled"' in line:
            self.orders.write(
                self.again.model_dump_json().encode() + b"\n" + Cancel(job_id=1).model_dump_json().encode()
            )
            self.orders.write(b"\n" + Shutdown().model_dump_json().encode() + b"\n")
            self.orders.flush()
            assert self.taken.wait(60)
        return len(line)


class Listening(CommandChannel):
    """Tells the bot when it has read the last of its orders."""

    def __init__(self, commands: BinaryIO, bot: Bot) -> None:
        super().__init__(commands, bot)  # type: ignore[arg-type]  # all that is used of it is `write`
        self.bot = bot

    def _read(self) -> None:
        super()._read()
        self.bot.taken.set()


def test_a_cancel_of_the_attempt_that_follows_at_once_is_noticed(shared_house: House) -> None:
    """The bot may be faster with the next attempt than the worker with putting the one before away."""
    commands, orders = os.pipe()
    with os.fdopen(commands, "rb") as reading, os.fdopen(orders, "wb") as writing:
        first = Generate(job_id=1, attempt=1, request=request())
        bot = Bot(writing, first.model_copy(update={"attempt": 2}))
        channel = Listening(reading, bot)
        channel.listen()
        writing.write(first.model_dump_json().encode() + b"\n")
        writing.flush()
        assert channel.receive() == first
        Server(channel)._report([Cancelled(job_id=1, attempt=1)])
        assert channel.is_cancelled(1)


def test_tracebacks_are_dropped_also_of_errors_that_cause_each_other() -> None:
    """Whoever handles an error may meet another, and raise the first one again because of that."""
    first, second, hidden = errors = ValueError("first"), KeyError("second"), OSError("hidden")
    for error in errors:
        with suppress(type(error)):
            raise error
    first.__cause__, second.__cause__, second.__context__ = second, first, hidden
    explaining = threading.Thread(target=as_inference_error, args=(request(), first), daemon=True)
    explaining.start()
    explaining.join(60)
    assert not explaining.is_alive()
    assert [error.__traceback__ for error in errors] == [None] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere free memory is given back unasked")
def test_an_idle_worker_gives_back_free_memory(shared_house: House) -> None:
    pieces = [bytearray(2**16) for _ in range(2000)]
    left = pieces[::50] + pieces[-1:]  # between them it is free, but not at the end
    del pieces
    before = resident()
    commands, bot = os.pipe()
    with os.fdopen(commands, "rb") as reading:
        said = io.BytesIO()
        server = Server(
            CommandChannel(reading, said),
            JobRunner(shared_house.configure, torch.device("cpu")),
            idle_seconds=0.01,
            read_card=lambda _device: (2**30, 2**34),
        )
        serving = threading.Thread(target=server.run)
        serving.start()
        given_back = becomes(lambda: before - resident() >= 2**26)
        os.close(bot)
        serving.join()
    assert len(left) == 41 and given_back
    told = [EVENTS.validate_json(line) for line in said.getvalue().splitlines()]
    assert told == [CardMemory(used=2**34 - 2**30, size=2**34)], "what is used of a card after that"


def resident() -> int:
    """Bytes of this process that are in memory."""
    return psutil.Process().memory_info().rss

"""The LoRAs of a request affect that request alone: no other one waits for its files, or changes by a bit."""

from __future__ import annotations

import hashlib
import random
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from inference.base_models import BaseModelId
from inference.engine.batch.handle import Handle, State
from inference.engine.batch.run import Run
from inference.engine.intake import intake
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.errors import BaseModelMismatch, LoraFileChanged, LoraFileRefused, ModuleMismatch
from inference.lora.evidence import Evidence, Source
from inference.messages.request import LoraUse
from inference.messages.samplers import Sampler
from tests.inference.engine.worlds import CPU, World, arrived
from tests.log import Log

ALIKE: dict[str, Any] = {
    "steps": 6, "guidance_scale": 4.0, "count": 1, "sampler": Sampler.EULER_A, "prompt": "a red circle",
    "negative_prompt": "blurry",
}  # fmt: skip


@dataclass
class SlowWorld(World):
    """A world on a slow disk: LoRAs in `cold` are read once their event is set; each read hashes `hashed` bytes."""

    cold: dict[str, threading.Event] = field(default_factory=dict[str, threading.Event])
    hashed: int = 0

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        if use.sha256 in self.cold:
            assert self.cold[use.sha256].wait(60)
        hashlib.sha256(bytes(self.hashed))
        return super().read(use, relative, kept)


@pytest.fixture
def slow() -> SlowWorld:
    torch.set_num_threads(1)
    world = SlowWorld("sd1/base", torch.float32)
    for seed in (1, 2, 3):
        world.add(seed, "lora")
    return world


@contextmanager
def chilled(world: SlowWorld, use: LoraUse) -> Iterator[threading.Event]:
    """The LoRA is cold until the event is set, at the end in any case, so that no thread stays behind."""
    event = world.cold[use.sha256] = threading.Event()
    try:
        yield event
    finally:
        event.set()


def test_a_lora_on_a_slow_disk_delays_no_step_of_other_requests(slow: SlowWorld) -> None:
    engine, chance = slow.engine(), random.Random(1)
    cold, warm = slow.loras[0].file.use, slow.loras[1].file.use
    with chilled(slow, cold) as come:
        running = engine.submit(slow.wish(chance, **ALIKE | {"steps": 150}, loras=(warm,)))
        while running.done < 1:
            engine.step()
        waits = engine.submit(slow.wish(chance, **ALIKE, loras=(cold,)))
        engine._pass, began = 60.0, time.monotonic()  # as after one that was compiled
        for step in range(2, 10):
            engine.step()
            assert time.monotonic() - began < 25
            assert (running.done, waits.state) == (step, State.WAITING)
        late = engine.submit(slow.wish(chance, **ALIKE, loras=(warm,)))
        engine._waiting[late].result(60)
        engine.step()
        assert late.state is not State.WAITING and waits.state is State.WAITING, (
            "a request without a cold LoRA does not wait behind it"
        )
        come.set()
        arrived(engine)
        engine.step()
        assert waits.state is not State.WAITING
        assert running.done == step + 2, "and its arrival costs nobody a step"
    running.cancel()
    engine.finish()
    assert (waits.state, late.state) == (State.DONE, State.DONE)


def test_a_request_joins_while_a_slow_disk_reads_its_lora_again_for_another(
    slow: SlowWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, chance, use = slow.engine(set_bytes=0), random.Random(4), slow.loras[0].file.use
    monkeypatch.setattr(intake, "host_has_room", lambda: False)
    joins = engine.submit(slow.wish(chance, **ALIKE, loras=(use,)))
    arrived(engine)  # the folded set is dropped at once, so that it is folded again when the request joins
    with chilled(slow, use):
        waits = engine.submit(slow.wish(chance, **ALIKE, loras=(use,)))
        began = time.monotonic()
        while joins.done < 2:
            engine.step()
        assert time.monotonic() - began < 25
        assert waits.state is State.WAITING
    engine.finish()
    assert (joins.state, waits.state) == (State.DONE, State.DONE)


def test_a_set_larger_than_the_cache_is_folded_once_for_all_who_have_it(slow: SlowWorld) -> None:
    engine, chance, use = slow.engine(set_bytes=0), random.Random(4), slow.loras[0].file.use
    first, second = (engine.submit(slow.wish(chance, **ALIKE, loras=(use,))) for _ in range(2))
    arrived(engine)
    ((folded,), others) = (engine._waiting[handle].result().large for handle in (first, second))
    assert others == [folded], "and the other one found it"
    engine.step()
    assert [run.applied for run in engine._running if isinstance(run, Run)] == [(folded,), (folded,)]
    engine.finish()
    kept = weakref.ref(folded)
    del folded, others
    assert kept() is None and not len(engine._lora_sets._sets), "nobody needs it any more"


def test_requests_that_come_together_run_together_from_the_first_step(
    slow: SlowWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.engine.engine.MAX_ADMIT_WAIT", 60.0)  # seconds: a busy machine reads slowly
    engine, chance, slow.hashed = slow.engine(), random.Random(2), 2**20
    several = [engine.submit(slow.wish(chance, **ALIKE, loras=(lora.file.use,))) for lora in slow.loras]
    engine.step()
    assert [handle.done for handle in several] == [1, 1, 1]


def test_a_cold_lora_is_folded_on_the_intake_thread_and_not_between_two_steps(slow: SlowWorld) -> None:
    engine, use = slow.engine(), slow.loras[0].file.use
    weights = ((0.5,), (0.9,), (0.5,))
    handle = engine.submit(slow.wish(random.Random(1), **ALIKE | {"count": 3}, loras=(use,), variants=weights))
    arrived(engine)
    folded = [one() for one in engine._waiting[handle].result().applied]
    assert folded[0] is not None and folded[0] is folded[2] is not folded[1]
    engine.step()
    ((run, _),) = engine._running.items()
    assert isinstance(run, Run) and run.applied == tuple(folded), "and the run uses that set"
    handle.cancel()
    engine.finish()


def test_where_one_thread_alone_may_compute_a_lora_is_folded_when_its_request_joins(slow: SlowWorld) -> None:
    engine, use = slow.engine(), slow.loras[0].file.use
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    checkpoint.residence.device = torch.device("mps")
    handle = engine.submit(slow.wish(random.Random(1), **ALIKE, loras=(use,)))
    arrived(engine)
    assert not engine._waiting[handle].result().applied
    checkpoint.residence.device = CPU
    engine.finish()
    assert handle.state is State.DONE


def test_a_set_folded_for_another_loading_of_the_checkpoint_is_folded_again(slow: SlowWorld) -> None:
    engine, use = slow.engine(), slow.loras[0].file.use
    handle = engine.submit(slow.wish(random.Random(1), **ALIKE, loras=(use,)))
    arrived(engine)
    folded = [one() for one in engine._waiting[handle].result().applied]
    anew = slow.engine()._store.current
    assert anew is not None
    engine._store.hold(anew)
    engine.step()
    ((run, _),) = engine._running.items()
    assert isinstance(run, Run) and run.applied[0] is not folded[0]
    engine.finish()
    assert handle.state is State.DONE


def broken(world: World, kind: str) -> LoraUse:
    """A LoRA that is refused, at a weight that would show."""
    good = world.loras[0]
    use = LoraUse(sha256=f"{99:064x}", name="Bad", weight=4.0)
    changes: dict[str, Any] = {"use": use}
    if kind == "wrong base":
        changes["evidence"] = Evidence(BaseModelId("sdxl/pony"), Source.SIDECAR)
    elif kind == "half of it strange":
        stem = next(iter(good.file.tensors)).split(".")[0]
        strange = {f"lora_unet_nobody.{key}": torch.ones(2, 2) for key in ("lora_down.weight", "lora_up.weight")}
        changes["tensors"] = {k: t for k, t in good.file.tensors.items() if not k.startswith(stem)} | strange
    elif kind == "NaN":
        changes["tensors"] = {key: torch.full_like(tensor, torch.nan) for key, tensor in good.file.tensors.items()}
    if kind != "gone":
        world.loras.append(replace(good, file=replace(good.file, **changes)))
    return use


def neighbours(world: World, beside: LoraUse | None) -> tuple[list[Handle], Handle | None]:
    """Two running requests, and one with the LoRA `beside` that comes in their second step."""
    engine, chance = world.engine(), random.Random(3)
    uses = [lora.file.use for lora in world.loras[1:3]]
    several = [engine.submit(world.wish(chance, **ALIKE, seed=7, loras=(use,))) for use in uses]
    arrived(engine)
    engine.step()
    bad = engine.submit(world.wish(chance, **ALIKE, loras=(beside,))) if beside else None
    arrived(engine)
    engine.finish()
    return several, bad


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("wrong base", BaseModelMismatch),
        ("half of it strange", ModuleMismatch),
        ("NaN", LoraFileRefused),
        ("gone", LoraFileChanged),
    ],
)
def test_a_lora_that_is_refused_changes_no_neighbours_picture_by_one_bit(
    slow: SlowWorld, kind: str, error: type[Exception]
) -> None:
    expected, _ = neighbours(slow, None)
    found, bad = neighbours(slow, broken(slow, kind))
    assert bad is not None and isinstance(bad.error, error)
    for neighbour, alike in zip(found, expected, strict=True):
        assert neighbour.pictures is not None and alike.pictures is not None
        assert torch.equal(neighbour.pictures, alike.pictures)


def test_a_step_that_fails_for_all_is_taken_by_each_alone_and_the_reason_is_logged(slow: SlowWorld) -> None:
    expected, _ = neighbours(slow, None)
    engine, chance = slow.engine(), random.Random(3)
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    several = [engine.submit(slow.wish(chance, **ALIKE, seed=7, loras=(lora.file.use,))) for lora in slow.loras[1:3]]
    arrived(engine)
    engine.step()

    def fail(*_: Any) -> None:
        hook.remove()
        raise ValueError("the step is broken")

    hook = checkpoint.denoiser.register_forward_pre_hook(fail)
    with Log.listening() as log:
        engine.step()
    (told,) = [record for record in log.records if "running its requests one by one" in record.getMessage()]
    assert told.exc_info and "the step is broken" in str(told.exc_info[1])
    engine.finish()
    for handle, alike in zip(several, expected, strict=True):
        assert handle.pictures is not None and alike.pictures is not None
        assert (handle.pictures - alike.pictures).abs().max() <= 1e-5, "in single precision, in passes of other sizes"

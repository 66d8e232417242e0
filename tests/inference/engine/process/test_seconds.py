"""The seconds that are told of a picture: all of its steps and its decoding, in whatever worker they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from inference.engine.process.job_runner import JobRunner
from inference.messages.commands import Generate
from inference.messages.events import Finished
from inference.messages.samplers import Sampler
from tests.house import VIVID, House
from tests.inference.engine.painting import paint
from tests.inference.requests import request

STEP, DECODE, LOAD = 8.0, 0.5, 4096.0  # seconds by a clock that stands still otherwise
LEFT_AT, STEPS = 2, 5


@dataclass
class Clock:
    """It goes on only as it is told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def timed(runner: JobRunner, clock: Clock) -> Iterator[None]:
    """By `clock` a pass takes STEP seconds, and decoding DECODE."""
    pipeline: Any = runner.engine._store.current.pipeline  # type: ignore[union-attr]

    def takes(seconds: float) -> Any:
        def go_on(*_: object) -> None:
            clock.now += seconds

        return go_on

    hooks = [
        pipeline.unet.register_forward_hook(takes(STEP)),
        pipeline.vae.decoder.register_forward_hook(takes(DECODE)),
        pipeline.text_encoder.register_forward_hook(takes(LOAD)),  # comes before the first step
    ]
    yield
    for hook in hooks:
        hook.remove()


def runner(house: House, clock: Clock) -> JobRunner:
    torch.set_num_threads(1)
    made = JobRunner(house.configure.model_copy(update={"state_steps": 1}), torch.device("cpu"), clock=clock)
    paint(made, request(checkpoint=VIVID, steps=1))  # it has loaded the checkpoint
    return made


@pytest.mark.parametrize("steps", [1, STEPS])
def test_every_step_counts_and_the_decoding(shared_house: House, steps: int) -> None:
    clock = Clock()
    made = runner(shared_house, clock)
    with timed(made, clock):
        end = paint(made, request(checkpoint=VIVID, steps=steps, sampler=Sampler.EULER, prompt=f"{steps}")).end
    assert end.seconds == steps * STEP + DECODE
    made.close()


def test_of_a_job_that_another_worker_began_all_attempts_count(shared_house: House) -> None:
    clock = Clock()
    made = request(checkpoint=VIVID, steps=STEPS, sampler=Sampler.EULER, prompt="a star")
    order = Generate(job_id=77, attempt=1, request=made)
    first = runner(shared_house, clock)
    with timed(first, clock):
        first.take(order)
        while clock.now < LOAD + LEFT_AT * STEP:
            first.step()
        first.close()
    clock.now += LOAD  # nobody paints
    second = runner(shared_house, clock)
    with timed(second, clock):
        second.take(order.model_copy(update={"attempt": 2}))
        end = None
        while not isinstance(end, Finished):
            end = next(iter([event for event in second.step() if isinstance(event, Finished)]), None)
    assert end.seconds == STEPS * STEP + DECODE
    second.close()

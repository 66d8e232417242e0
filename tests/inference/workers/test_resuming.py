"""A worker that is killed or shut down in the middle of a picture: the next one resumes from its snapshot."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import safe_open

from inference.files.hashes import file_sha256
from inference.messages.commands import Configure, Generate
from inference.messages.events import Failed, Finished, Progress
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler
from inference.messages.spool import state_file
from tests.house import VIVID, House
from tests.inference.requests import request
from tests.inference.workers.processes import SERVE, WorkerProcess, broken, dying, lingering, started

INTERVAL, KILLED_AT, LEFT_AT = 4, 10, 15  # steps
STEPS = 20
JOB = 3


@contextmanager
def worker(configure: Configure, command: list[str] = SERVE) -> Iterator[WorkerProcess]:
    process = started(configure, command)
    try:
        yield process
    finally:
        process.kill()


def steps_and_end(process: WorkerProcess) -> tuple[list[int], Finished]:
    steps: list[int] = []
    while not isinstance(event := process.next(Progress, Finished), Finished):
        steps.append(event.step)
    return steps, event


def reached(process: WorkerProcess) -> dict[int, int]:
    """The last reported step of each unfinished job, when the worker has exited."""
    steps: dict[int, int] = {}
    for event in process.rest():
        if isinstance(event, Progress):
            steps[event.job_id] = event.step
        elif isinstance(event, Finished):
            del steps[event.job_id]
    return steps


def pixels(configure: Configure, end: Finished) -> list[np.ndarray]:
    return [np.asarray(Image.open(Path(configure.spool) / name)) for name in end.files]


def changed(order: Generate, **changes: object) -> GenerationRequest:
    return GenerationRequest.model_validate(order.request.model_dump() | changes)


def test_a_worker_resumes_where_another_was_killed_and_the_picture_is_bit_identical(house: House) -> None:
    configure = house.configure.model_copy(update={"state_steps": INTERVAL})
    use = LoraUse(sha256=file_sha256(house.bat), name="Bat", weight=0.9)
    # A LoRA, noise in every step, a history of steps, and two pictures.
    made = request(checkpoint=VIVID, sampler=Sampler.DPMPP_2M_SDE, steps=STEPS, loras=(use,), count=2)
    order = Generate(job_id=JOB, attempt=1, request=made, files={use.sha256: house.bat.name})
    state = Path(configure.spool) / state_file(JOB)
    with worker(configure, dying(KILLED_AT)) as first:
        first.send(order)
        assert reached(first) == {JOB: KILLED_AT}
    left = state.read_bytes()
    with worker(configure, lingering(LEFT_AT, 5)) as second:
        second.send(order.model_copy(update={"attempt": 2}))
        steps, resumed = steps_and_end(second)
        assert steps[0] >= KILLED_AT - INTERVAL
        assert steps == list(range(steps[0], STEPS + 1)), "no step twice, none left out"
        weaker = changed(order, loras=[use.model_copy(update={"weight": 0.5}).model_dump()])
        useless = [(left, weaker), (left, changed(order, seed=9)), (left[:-100], made)]
        for attempt, (kept, another) in enumerate(useless, 3):
            state.write_bytes(kept)
            second.send(order.model_copy(update={"attempt": attempt, "request": another}))
            steps, at_once = steps_and_end(second)
            assert steps == list(range(STEPS + 1)), "another request's state, or a damaged one, is ignored"
        second.send(order.model_copy(update={"attempt": 6}))
        while second.next(Progress).step < LEFT_AT:
            pass
        assert second.leave() == 0
    with safe_open(str(state), "pt") as kept:
        assert int(kept.metadata()["done"]) >= LEFT_AT, "a worker that shuts down saves its last step"
    for one, other in zip(pixels(configure, resumed), pixels(configure, at_once), strict=True):
        assert np.array_equal(one, other)


def test_a_worker_whose_device_fails_ends_and_its_jobs_go_on_in_the_next_one(house: House) -> None:
    configure = house.configure.model_copy(update={"state_steps": INTERVAL})
    orders = [
        Generate(job_id=number, attempt=1, files={}, request=request(checkpoint=VIVID, steps=STEPS, seed=number))
        for number in (1, 2)
    ]
    first = started(configure, broken(2 * KILLED_AT), subprocess.PIPE)  # in one pass together, or one after the other
    try:
        for order in orders:
            first.send(order)
        events = [*first.rest()]
        assert first.process.stderr and first.process.wait() == 1
        words = first.process.stderr.read().decode().splitlines()[-1]
    finally:
        first.kill()
    assert "this process ends: CUDA error: an illegal memory access was encountered" in words
    assert not [event for event in events if isinstance(event, Failed)], "it is no fault of theirs"
    reported = {event.job_id: event.step for event in events if isinstance(event, Progress)}
    with worker(configure) as second:
        for number, step in reported.items():
            if step < STEPS:
                second.send(orders[number - 1].model_copy(update={"attempt": 2}))
                steps, _ = steps_and_end(second)
                assert steps[0] >= max(0, step - INTERVAL) and steps[-1] == STEPS
    assert any(INTERVAL <= step < STEPS for step in reported.values()), "else nothing was resumed"


def test_jobs_that_were_killed_together_resume_together_within_one_of_255(house: House) -> None:
    configure = house.configure.model_copy(update={"state_steps": INTERVAL})
    use = LoraUse(sha256=file_sha256(house.bat), name="Bat", weight=0.9)
    kinds = ((Sampler.EULER_A, (use,), 5.0), (Sampler.HEUN, (), 1.0), (Sampler.UNIPC, (use,), 3.0))
    orders = [
        Generate(
            job_id=number, attempt=1, files={use.sha256: house.bat.name},
            request=request(
                checkpoint=VIVID, sampler=kind, steps=STEPS, loras=loras, guidance_scale=guidance, seed=number
            ),
        )
        for number, (kind, loras, guidance) in enumerate(kinds, 1)
    ]  # fmt: skip
    with worker(configure, dying(8, 2)) as first:  # how many share a pass is measured: some may have to wait
        for order in orders:
            first.send(order)
        killed_at = reached(first)
    with worker(configure) as second:
        began: dict[int, int] = {}
        ends: dict[int, Finished] = {}
        for order in orders:
            second.send(order.model_copy(update={"attempt": 2}))
        while len(ends) < len(orders):
            event = second.next(Progress, Finished)
            if isinstance(event, Finished):
                ends[event.job_id] = event
            else:
                began.setdefault(event.job_id, event.step)
        assert all(began[job] >= step - INTERVAL for job, step in killed_at.items()), (began, killed_at)
        for order in orders:
            second.send(order.model_copy(update={"attempt": 3}))
            steps, alone = steps_and_end(second)
            assert steps[0] == 0
            (found,), (expected,) = pixels(configure, ends[order.job_id]), pixels(configure, alone)
            assert int(np.abs(found.astype(int) - expected.astype(int)).max()) <= 1

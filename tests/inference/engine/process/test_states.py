"""States on a slow disk: a killed worker loses no more steps than configured, and a hung disk stops no job."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from inference.engine.batch.snapshots import Snapshot
from inference.engine.process.job_runner import JobRunner
from inference.engine.process.states import States, state_digest
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Generate
from inference.messages.events import Finished, Progress
from tests.house import VIVID, House
from tests.inference.requests import request

CPU = torch.device("cpu")
INTERVAL, STEPS = 4, 22
SLOW = 0.1  # seconds that a write takes: several steps


@dataclass(frozen=True)
class SlowStates(States):
    """A slow disk; when `stuck`, it hangs until `let` is set."""

    stuck: bool = False
    let: threading.Event = field(default_factory=threading.Event)

    def save(self, job_id: int, about: str, snapshot: Snapshot) -> None:
        self.let.wait(60 if self.stuck else SLOW)
        super().save(job_id, about, snapshot)


def command(number: int, steps: int = STEPS) -> Generate:
    return Generate(job_id=number, attempt=1, request=request(checkpoint=VIVID, steps=steps, seed=number), files={})


def runner_of(house: House, states: States) -> JobRunner:
    torch.set_num_threads(1)
    return JobRunner(house.configure.model_copy(update={"state_steps": INTERVAL}), CPU, states=states)


def test_the_state_on_a_slow_disk_is_never_older_than_the_interval_when_a_step_is_reported(shared_house: House) -> None:
    states = SlowStates(Path(shared_house.configure.spool))
    slow = runner_of(shared_house, states)
    commands = [command(11), command(12, STEPS + 3)]
    for one in commands:
        slow.take(one)
    about = {one.job_id: state_digest(one.request, slow.engine.spec(VIVID)) for one in commands}
    ended = reported = 0
    while ended < len(commands):
        for event in slow.step():
            ended += isinstance(event, Finished)
            if isinstance(event, Progress):
                kept = states.find(event.job_id, about[event.job_id])
                assert event.step - (kept.done if kept else 0) <= INTERVAL, "as if it were killed now"
                reported += 1
    slow.close()
    assert reported == sum(one.request.steps + 1 for one in commands)
    assert not any(states.find(number, each) for number, each in about.items())


def test_a_state_stays_until_the_end_of_its_job_was_reported(shared_house: House) -> None:
    """A worker killed between the two loses the end only, and repeats the last few steps."""
    states = States(Path(shared_house.configure.spool))
    quick = runner_of(shared_house, states)
    quick.take(command(14))
    about = state_digest(command(14).request, quick.engine.spec(VIVID))
    while not any(isinstance(event, Finished) for event in quick.step()):
        pass
    quick._state_writer.submit(int).result()  # all that it had to do is done
    assert states.find(14, about) is not None
    quick.release_memory()
    quick._state_writer.submit(int).result()
    assert states.find(14, about) is None
    quick.close()


def test_a_disk_that_hangs_costs_states_and_no_picture(shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.engine.process.job_runner.MAX_STATE_WAIT", 0.2)
    states = SlowStates(Path(shared_house.configure.spool), stuck=True)
    hung = runner_of(shared_house, states)
    hung.take(command(13))
    try:
        while not any(isinstance(event, Finished) for event in hung.step()):
            pass
    finally:
        states.let.set()
        hung.close()


def test_the_state_of_a_job_that_is_recalled_before_it_starts_stays_for_the_next_worker(shared_house: House) -> None:
    """A dead worker left it; the bot deletes it when the person cancels the job."""
    states = States(Path(shared_house.configure.spool))
    first = runner_of(shared_house, states)
    first.take(command(31))
    while not any(isinstance(event, Progress) and event.step for event in first.step()):
        pass
    first.close()
    about = state_digest(command(31).request, first.engine.spec(VIVID))
    left = states.find(31, about)
    assert left is not None and left.done > 0
    second = runner_of(shared_house, states)
    second.take(command(31))
    second.cancel(31)
    assert [event.type for event in second.step()] == ["cancelled"]
    second.close()
    kept = states.find(31, about)
    assert kept is not None and kept.done == left.done


def test_a_state_is_that_of_the_same_files_wherever_they_lie(tmp_path: Path) -> None:
    made = command(1).request
    places = [tmp_path / name for name in ("here", "there")]
    for place in places:
        place.mkdir()
        (place / "denoiser.gguf").write_bytes(b"the same")
    specs = [
        CheckpointSpec(
            name=place.name, source=str(place), base_model="sdxl/illustrious", sha256="a" * 64,
            node_labels=(("gpu", place.name),), denoiser=str(place / "denoiser.gguf"),
        )
        for place in places
    ]  # fmt: skip
    assert len({state_digest(made, spec) for spec in specs}) == 1
    (places[0] / "denoiser.gguf").write_bytes(b"another one")
    assert len({state_digest(made, spec) for spec in specs}) == 2
    unknown = [spec.model_copy(update={"sha256": None, "denoiser": None}) for spec in specs]
    assert len({state_digest(made, spec) for spec in unknown}) == 2

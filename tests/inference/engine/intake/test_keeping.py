"""States on a slow disk: whoever is killed loses no more steps than were promised, and nobody waits for a dead disk."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from inference.engine.batch.snapshots import Snapshot
from inference.engine.process.job_runner import Painter
from inference.engine.process.states import States, what_is_painted
from inference.messages import Finished, Generate, Progress
from tests.house import VIVID, House
from tests.inference.requests import request

CPU = torch.device("cpu")
INTERVAL, STEPS = 4, 22
SLOW = 0.1  # seconds that a write takes: several steps


@dataclass(frozen=True)
class SlowStates(States):
    """A disk that takes its time; once `stuck`, it never answers until it is `let` go."""

    stuck: bool = False
    let: threading.Event = field(default_factory=threading.Event)

    def keep(self, job_id: int, about: str, snapshot: Snapshot) -> None:
        self.let.wait(60 if self.stuck else SLOW)
        super().keep(job_id, about, snapshot)


def order(number: int, steps: int = STEPS) -> Generate:
    return Generate(job_id=number, attempt=1, request=request(checkpoint=VIVID, steps=steps, seed=number), files={})


def painter(house: House, states: States) -> Painter:
    torch.set_num_threads(1)
    return Painter(house.configure.model_copy(update={"state_steps": INTERVAL}), CPU, states=states)


def test_the_state_on_a_slow_disk_is_never_older_than_the_interval_when_a_step_is_told(shared_house: House) -> None:
    states = SlowStates(Path(shared_house.configure.spool))
    slow = painter(shared_house, states)
    orders = [order(11), order(12, STEPS + 3)]
    for one in orders:
        slow.take(one)
    about = {one.job_id: what_is_painted(one.request, slow.engine.spec(VIVID)) for one in orders}
    ended = told = 0
    while ended < len(orders):
        for event in slow.step():
            ended += isinstance(event, Finished)
            if isinstance(event, Progress):
                kept = states.find(event.job_id, about[event.job_id])
                assert event.step - (kept.done if kept else 0) <= INTERVAL, "as if it were killed now"
                told += 1
    slow.close()
    assert told == sum(one.request.steps + 1 for one in orders)
    assert not any(states.find(number, each) for number, each in about.items())


def test_a_state_stays_until_the_end_of_its_job_was_told(shared_house: House) -> None:
    """Who is killed between the two has lost the end, and begins anew only the last few steps."""
    states = States(Path(shared_house.configure.spool))
    quick = painter(shared_house, states)
    quick.take(order(14))
    about = what_is_painted(order(14).request, quick.engine.spec(VIVID))
    while not any(isinstance(event, Finished) for event in quick.step()):
        pass
    quick._keeper.submit(int).result()  # all that it had to do is done
    assert states.find(14, about) is not None
    quick.rest()
    quick._keeper.submit(int).result()
    assert states.find(14, about) is None
    quick.close()


def test_a_disk_that_hangs_costs_states_and_no_picture(shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.engine.process.job_runner.DISK_PATIENCE", 0.2)
    states = SlowStates(Path(shared_house.configure.spool), stuck=True)
    hung = painter(shared_house, states)
    hung.take(order(13))
    try:
        while not any(isinstance(event, Finished) for event in hung.step()):
            pass
    finally:
        states.let.set()
        hung.close()


def test_the_state_of_a_job_that_is_called_back_before_its_turn_stays_for_the_next_worker(shared_house: House) -> None:
    """A dead worker left it; the bot forgets it when its person gives up."""
    states = States(Path(shared_house.configure.spool))
    first = painter(shared_house, states)
    first.take(order(31))
    while not any(isinstance(event, Progress) and event.step for event in first.step()):
        pass
    first.close()
    about = what_is_painted(order(31).request, first.engine.spec(VIVID))
    left = states.find(31, about)
    assert left is not None and left.done > 0
    second = painter(shared_house, states)
    second.take(order(31))
    second.cancel(31)
    assert [event.type for event in second.step()] == ["cancelled"]
    second.close()
    kept = states.find(31, about)
    assert kept is not None and kept.done == left.done

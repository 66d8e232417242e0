"""The engine on a pretend CUDA card: equal pictures, few waits, no race, nothing left. See `tools.pretend_card`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inference.messages.samplers import Sampler
from tools.pretend_card import guard, streams
from tools.pretend_card.proofs import PROOFS

pytestmark = pytest.mark.skipif(guard.compiler() is None, reason="there is no C++ compiler")

# Of the host for the device in each step, whatever the sampler: whether the numbers of the pass before are finite.
# Besides, each request has two, whether its latents and its picture are, and requests that end together one or two.
WAITS_PER_STEP = 1.0
DIFFERENT = [Sampler.EULER_A, Sampler.DPMPP_2M_SDE, Sampler.UNIPC, Sampler.TCD]  # in what they take to the device


@cache
def run(module: str, *arguments: str) -> dict[str, Any]:
    """What a module of the pretend card's prints, in a process of its own: it has the card for good."""
    done = subprocess.run(
        [sys.executable, "-m", module if "." in module[1:] else f"tools.pretend_card{module}", *arguments],
        cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def safe(found: dict[str, Any]) -> bool:
    """Whether there was no race and no unguarded free, and nothing is left on the card. See `trial.safety`."""
    return (found["races"], found["unguarded_frees"], found["bytes_left"]) == ({}, {}, 0)


@pytest.mark.parametrize("name", PROOFS)
def test_the_card_notices(name: str) -> None:
    assert run(".proofs")[name] is True


class Meanwhile(streams.Clock):
    """A clock at whose first reading another thread waits for a stream that it knows nothing of."""

    def __init__(self, host: streams.Clock) -> None:
        super().__init__({0: 1})
        self.thread = threading.Thread(target=streams.join, args=(host, {7: 1}))

    def get(self, key: int, default: Any = None) -> Any:
        if self.thread.ident is None:
            self.thread.start()
            self.thread.join(0.1)  # seconds: it is let in afterwards
        return super().get(key, default)


def test_a_thread_may_wait_for_a_new_stream_while_another_launches_a_kernel() -> None:
    host = {0: 2, 1: 3}
    clock = Meanwhile(host)
    streams.join(clock, host)
    clock.thread.join()
    assert (clock, host) == ({0: 2, 1: 3}, {0: 2, 1: 3, 7: 1})


@pytest.mark.parametrize(("together", "samplers"), [(1, [*Sampler]), (4, DIFFERENT)])
def test_pictures_are_those_of_the_cpu_with_few_waits(together: int, samplers: list[Sampler]) -> None:
    found = run("", "--seed", "7", "--side", "32", "--together", str(together), "--samplers", *samplers)
    assert found["difference"] <= 1e-12
    assert found["waits_per_step"] == pytest.approx(dict.fromkeys(samplers, WAITS_PER_STEP), abs=1e-9)
    assert found["waits_besides"] == pytest.approx(dict.fromkeys(samplers, 2 * together), abs=2)
    assert safe(found)


def test_transformers_are_painted_there_with_few_waits() -> None:
    sampler = Sampler.DPMPP_2M_SDE
    found = run("tests.inference.engine.transformers_on_a_card", "--base", "flux1/dev", "--samplers", sampler)
    assert found["difference"] <= 1e-12
    assert found["waits_per_step"] == {sampler: WAITS_PER_STEP}
    assert safe(found)


def test_requests_that_come_and_go_beside_others_cost_no_further_wait() -> None:
    """All samplers in one batch; one goes on from a state, one is cancelled, one is shown, one ends in NaN."""
    found = run(".company", "--seed", "3")
    assert found["difference"] <= 1e-12
    assert max(found["waits"]) <= 1, found["places"]
    assert found["asked"] == {"state": 1, "preview_latents": 0, "preview": 1}
    assert safe(found)


def test_a_set_is_folded_beside_the_steps_and_brought_into_its_slot_by_one_copy() -> None:
    found = run(".folding")
    assert safe(found)
    sets = found["sets"]
    assert set(sets) == {"plain, 0", "plain, 128", "dora, 0", "dora, 128"}, "kinds, with additions and whole weights"
    for kind, each in sets.items():
        assert each["difference"] <= 1e-12, kind
        assert (each["slot_copies"], each["slot_waits"]) == (1, 0), kind
        assert each["slot_bytes"] <= 1.1, kind
        way = 2 if "dora" in kind else 0  # there and back: the norms of the weights are on the device
        assert (each["folding_copies"], each["folding_waits"]) == (way, way), kind


@pytest.mark.parametrize("arguments", [("--dtype", "float16"), ("--offload", "always")])
def test_half_precision_and_networks_in_turns_run_through(arguments: tuple[str, ...]) -> None:
    found = run("", "--seed", "8", "--side", "32", "--samplers", Sampler.DPMPP_2M_KARRAS, *arguments)
    assert found["difference"] <= (1e-12 if "--offload" in arguments else 0.05)
    assert safe(found)


def test_where_memory_was_short_beside_loras_all_is_as_before_without_them() -> None:
    whole = run(".recovery", "--share", "0.8", "--seed", "5")
    assert safe(whole)
    found = whole["paintings"]
    assert max(each["difference"] for each in found.values()) <= 1e-12
    assert found["short"]["rows"] < found["room"]["rows"] == 16
    assert [found[name]["rows"] for name in ("first_without", "then_without")] == [16, 16]
    assert found["then_without"]["to_the_card"] < 2**18, "a network came back"
    beside = found["then_without"]["to_the_host"] - 8 * 3 * 64 * 64 * 8
    assert 0 <= beside < 2**10, "more than the pictures, and of each row whether it is finite"


def test_a_second_checkpoint_waits_on_the_host_and_comes_back_by_one_way() -> None:
    found = run(".exchange")
    assert safe(found)
    rounds = found["rounds"]
    assert max(each["difference"] for each in rounds) <= 1e-12
    first, second, again, once_more = (each["loading"] for each in rounds)
    assert (first, second) == (again, once_more) and first != second, "nothing is loaded from the disk again"
    assert {each["to_the_card"] for each in rounds} == {rounds[0]["to_the_card"]}
    assert max(each["to_the_host"] for each in rounds) < 2**16, "weights never come back"
    assert len({each["on_the_card"] for each in rounds[1:]}) == 1

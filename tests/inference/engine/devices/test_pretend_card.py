"""The engine on a pretend CUDA card: equal pictures, few waits, no race, nothing left. See `tools.pretend_card`."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inference.messages import Sampler
from tools.pretend_card import guard
from tools.pretend_card.proofs import PROOFS

pytestmark = pytest.mark.skipif(guard.compiler() is None, reason="there is no C++ compiler")

# Of the host for the device, in a pass of four requests. One is for whether all numbers are finite; samplers that draw
# noise in each step copy it for each request, and UniPC its coefficients.
WAITS_PER_STEP = {Sampler.EULER: 1.0, Sampler.EULER_A: 5.0, Sampler.UNIPC: 29.0}
SAMPLERS = list(WAITS_PER_STEP)


@cache
def run(module: str, *arguments: str) -> dict[str, Any]:
    """What a module of the pretend card's prints, in a process of its own: it has the card for good."""
    done = subprocess.run(
        [sys.executable, "-m", f"tools.pretend_card{module}", *arguments],
        cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", PROOFS)
def test_the_card_notices(name: str) -> None:
    assert run(".proofs")[name] is True


def test_pictures_are_those_of_the_cpu_with_few_waits() -> None:
    found = run("", "--seed", "7", "--samplers", *SAMPLERS)
    assert found["difference"] <= 1e-12
    assert {name: found["waits_per_step"][name] for name in SAMPLERS} == pytest.approx(WAITS_PER_STEP, abs=1e-9)
    assert (found["races"], found["unguarded_frees"], found["bytes_left"]) == ({}, {}, 0)


@pytest.mark.parametrize("arguments", [("--dtype", "float16"), ("--offload", "always")])
def test_half_precision_and_networks_in_turns_run_through(arguments: tuple[str, ...]) -> None:
    found = run("", "--seed", "8", "--side", "32", "--samplers", Sampler.DPMPP_2M_KARRAS, *arguments)
    assert found["difference"] <= (1e-12 if "--offload" in arguments else 0.05)
    assert (found["races"], found["unguarded_frees"], found["bytes_left"]) == ({}, {}, 0)

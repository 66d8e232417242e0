"""What a machine says of itself, and which machines get no work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from inference.cluster import compatibility
from inference.cluster.compatibility import (
    NodeHello,
    NodeIdentity,
    monitor_kills_workers,
    ray_problem,
    refusals,
)
from inference.processes.extras import installing

OURS = NodeIdentity(python="3.11", easel="0.1.0+0a1b2c3d", torch="2.13.0", ray="2.60.0")


def test_this_machine_fits_itself() -> None:
    own = NodeIdentity.own()
    assert refusals(own, NodeIdentity.own()) == ()
    assert own.torch == torch.__version__.partition("+")[0]
    assert own.python == ".".join(map(str, sys.version_info[:2]))


def test_a_changed_source_is_another_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = NodeIdentity.own().easel
    (tmp_path / "engine.py").write_text("changed")
    monkeypatch.setattr(compatibility, "_SOURCE", tmp_path)
    compatibility._source_hash.cache_clear()
    try:
        assert NodeIdentity.own().easel != before
    finally:
        monkeypatch.undo()
        compatibility._source_hash.cache_clear()
    assert NodeIdentity.own().easel == before


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        ({"python": "3.12"}, "it has Python 3.12 and the cluster 3.11; make its environment anew"),
        ({"easel": "0.1.0+ffffffff"}, "it has Easel 0.1.0+ffffffff and the cluster 0.1.0+0a1b2c3d; install the same"),
        (
            {"torch": "2.12.0"},
            "it has torch 2.12.0 and the cluster 2.13.0; install torch==2.13.0 there, where Easel is",
        ),
        ({"torch": ""}, "it has no torch and the cluster 2.13.0"),
        ({"ray": "2.61.0"}, "it has Ray 2.61.0 and the cluster 2.60.0; install ray==2.60.0 there, where Easel is"),
    ],
)
def test_another_version_is_refused_with_what_to_do(theirs: dict[str, str], reason: str) -> None:
    (told,) = refusals(OURS, OURS.model_copy(update=theirs))
    assert told.startswith(reason)


def test_everything_that_differs_is_told() -> None:
    theirs = NodeIdentity(python="3.12", easel="0.2.0+0a1b2c3d", torch="2.12.0", ray="2.61.0")
    assert len(refusals(OURS, theirs, 100.0)) == 5


@pytest.mark.parametrize(("offset", "words"), [(31.0, "31 seconds ahead"), (-90.0, "90 seconds behind")])
def test_a_clock_that_is_off_is_refused(offset: float, words: str) -> None:
    assert words in refusals(OURS, OURS, offset)[0]
    assert not refusals(OURS, OURS, 29.0)


@pytest.mark.parametrize(
    ("clock", "offset"), [(1000.0, 0.0), (1005.0, 0.0), (1010.0, 0.0), (999.0, -1.0), (1011.5, 1.5)]
)
def test_the_way_of_the_answer_is_not_taken_for_an_offset(clock: float, offset: float) -> None:
    assert NodeHello(identity=OURS, clock=clock).clock_offset(1000.0, 1010.0) == offset


def test_labels_of_a_node_tell_its_versions() -> None:
    assert NodeIdentity.of_labels(OURS.labels() | {"ray.io/node-id": "f00"}) == OURS
    assert all("+" not in value for value in OURS.labels().values())
    assert NodeIdentity.of_labels({"ray.io/node-id": "f00"}) is None
    assert NodeIdentity.of_labels(OURS.labels() | {"easel-torch": "no version; \n"}) is None


def test_a_version_is_bounded_text() -> None:
    with pytest.raises(ValidationError):
        NodeIdentity(python="3.11", easel="0.1.0 [bold]", torch="", ray="")


@pytest.mark.parametrize(
    ("found", "words"),
    [("", installing("cluster")), ("2.59.1", "Ray 2.59.1 is older than 2.60"), ("2.60.0", None)],
)
def test_a_machine_without_ray_is_told_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, found: str, words: str | None
) -> None:
    monkeypatch.setattr(compatibility, "version", lambda _package: found)
    told = ray_problem()
    assert told is None if words is None else words in (told or "")


def test_none_of_this_imports_ray_or_torch() -> None:
    program = (
        "import sys, inference.cluster.files, inference.cluster.worker_folder\n"
        "from inference.cluster.compatibility import NodeIdentity, ray_problem\n"
        "NodeIdentity.own(), ray_problem()\n"
        "print(sorted({'ray', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


GIB = 2**30


@pytest.mark.parametrize(
    ("environment", "total", "kills"),
    [
        ({}, 16 * GIB, False),  # Ray acts at 0.8 GiB free, and Easel keeps 2 GiB free
        ({}, 64 * GIB, True),
        ({}, None, True),
        ({"RAY_memory_monitor_refresh_ms": "0"}, 64 * GIB, False),
        ({"RAY_memory_usage_threshold": "0.99"}, 64 * GIB, False),
        ({"RAY_memory_usage_threshold": "0.5"}, 16 * GIB, True),
        ({"RAY_memory_monitor_refresh_ms": "never"}, 64 * GIB, True),
    ],
)
def test_a_node_whose_ray_kills_painters_is_refused(environment: dict[str, str], total: int, kills: bool) -> None:
    assert monitor_kills_workers(environment, total) == kills
    told = refusals(OURS, OURS, memory_monitor=kills)
    assert bool(told) == kills and all("RAY_memory_monitor_refresh_ms=0" in each for each in told)

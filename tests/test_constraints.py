"""constraints.txt pins all that an installation brings, in the section where it belongs, and tells its size."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from inference.processes.tested_torch import REQUIREMENTS
from tools.constraints import (
    CLUSTER,
    CPU_TORCH_BYTES,
    DEV,
    RUNTIME,
    TORCH,
    cluster_sentence,
    measured,
    pins,
    sentence,
    torch_bytes,
    written,
)

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "constraints.txt").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def brought_by(requirements: Iterable[str]) -> set[str]:
    """All packages that come with these requirements on this machine, by what the installed ones say they need."""
    found = set[str]()
    waiting = [(Requirement(line), frozenset[str]({""})) for line in requirements]
    while waiting:
        requirement, extras = waiting.pop()
        marker = requirement.marker
        if marker and not any(marker.evaluate({**default_environment(), "extra": extra}) for extra in extras):
            continue
        name = canonicalize_name(requirement.name)
        if name not in found or requirement.extras:
            needs = importlib.metadata.requires(name) or []
            waiting += [
                (Requirement(line), frozenset({"", *requirement.extras})) for line in needs if name not in found
            ]
        found.add(name)
    return found


def names(section: str) -> set[str]:
    return {pin.key for pin in pins(TEXT)[section]}


def test_what_runs_easel_is_pinned_and_no_tool_is_among_it() -> None:
    runtime = brought_by(PROJECT["dependencies"])
    left_open = {name for name in runtime if name.startswith(("nvidia-", "cuda-", "triton"))}
    assert runtime - left_open == names(RUNTIME) | names(TORCH)


def test_the_tested_torch_is_pinned_and_is_the_one_that_runs_these_tests() -> None:
    assert [f"{pin.name}=={pin.version}" for pin in pins(TEXT)[TORCH]] == list(REQUIREMENTS)
    for pin in pins(TEXT)[TORCH]:
        assert importlib.metadata.version(pin.name).partition("+")[0] == pin.version


def test_what_tests_and_development_add_is_pinned() -> None:
    everything = brought_by(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
    assert everything - brought_by(PROJECT["dependencies"]) == names(DEV)


def test_the_sentence_adds_up_the_sizes() -> None:
    total = sum(
        int(size) for size in re.findall(r"# (\d+)$", TEXT.partition(RUNTIME)[2].partition(DEV)[0], re.MULTILINE)
    )
    told = sentence(TEXT, "linux", dev=False)
    assert f"{len(names(RUNTIME))} packages, a download of {total / 1e6:,.0f} MB" in told
    assert f"torch, {torch_bytes(TEXT)['linux'] / 1e6:,.0f} MB more" in told and "TORCH=cpu" in told
    assert torch_bytes(TEXT)["linux"] > CPU_TORCH_BYTES * 2 > torch_bytes(TEXT)["darwin"]
    assert "TORCH=cpu" not in sentence(TEXT, "darwin", dev=False)
    assert f" {len(names(DEV))} more packages" in sentence(TEXT, "linux", dev=True)
    assert " 0 MB" not in sentence(TEXT, "freebsd", dev=False)


def test_the_extra_for_a_cluster_has_a_section_of_its_own() -> None:
    assert "ray" in names(CLUSTER) and not names(CLUSTER) & (names(RUNTIME) | names(DEV))
    assert f"{len(names(CLUSTER))} more packages" in cluster_sentence(TEXT) and " 0 MB" not in cluster_sentence(TEXT)


def test_versions_stay_when_the_file_is_written_anew() -> None:
    sizes = {pin.key: pin.size for pin in measured(TEXT)}
    runtime = {key: sizes[key] for key in names(RUNTIME)}
    dev = {key: sizes[key] for key in names(RUNTIME) | names(DEV)}
    day = TEXT.partition("Sizes of ")[2].split()[0]
    assert written(TEXT, runtime, dev, sizes, torch_bytes(TEXT), day) == TEXT
    less = written(TEXT, {"numpy": 1}, {"numpy": 1, "pytest": 2}, {"numpy": 1, "ray": 3}, {}, "2026-01-01")
    found = [(pin.key, pin.size) for section in (RUNTIME, DEV, CLUSTER) for pin in pins(less)[section]]
    assert found == [("numpy", 1), ("pytest", 2), ("ray", 3)]

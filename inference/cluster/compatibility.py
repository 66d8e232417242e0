"""What a machine of a cluster says of itself, and why a machine is refused.

A node tells its versions before it gets work. One that differs is refused with the reason and what to do: requests and
resume states are read by the code of another machine, and pictures have to be the same wherever they are painted.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.checkpoints.memory import SPARE_HOST_BYTES, total_bytes
from inference.cluster.node_labels import VERSIONS
from inference.processes.extras import DISTRIBUTION, installing

OLDEST_RAY = (2, 60)  # token authentication, label selectors, and streams that do not hang on a lost node
CLOCK_SECONDS = 30.0  # how far clocks may differ: certificates and logs go by them
EXTRA = "cluster"
# Ray's memory monitor kills a worker when the host's memory is nearly full. Easel fills it on purpose, and keeps
# SPARE_HOST_BYTES free itself.
MEMORY_MONITOR, MEMORY_THRESHOLD = "RAY_memory_monitor_refresh_ms", "RAY_memory_usage_threshold"
MEMORY_MONITOR_OFF = {MEMORY_MONITOR: "0"}
DEFAULT_MONITOR, DEFAULT_THRESHOLD = "250", "0.95"  # of Ray 2.60: milliseconds, and a share of the memory
_SOURCE = Path(__file__).parents[1]
_Version = Annotated[str, Field(max_length=60, pattern=r"^[0-9A-Za-z.+_-]*$")]


class NodeIdentity(BaseModel):
    """The versions that a machine runs; empty: the package is not installed there.

    Easel's has behind `+` a hash of the source, for two checkouts may have the same number. Torch's is without the
    name of the build: a machine without a card has another build of the same version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    python: _Version
    easel: _Version
    torch: _Version
    ray: _Version

    @classmethod
    def own(cls) -> Self:
        """Of this machine."""
        return cls(
            python=f"{sys.version_info[0]}.{sys.version_info[1]}",
            easel=f"{_installed(DISTRIBUTION) or '0'}+{_source_hash()}",
            torch=_installed("torch").partition("+")[0],
            ray=_installed("ray"),
        )

    def labels(self) -> dict[str, str]:
        """The versions as labels of a Ray node, whose values may have no plus sign."""
        return {label: getattr(self, name).replace("+", "_") for name, label in VERSIONS.items() if getattr(self, name)}

    @classmethod
    def of_labels(cls, labels: dict[str, str]) -> Self | None:
        """What the labels of a node say; None for one that was not started by Easel."""
        if VERSIONS["easel"] not in labels:
            return None
        try:
            told = {name: labels.get(label, "").replace("_", "+") for name, label in VERSIONS.items()}
            return cls(**told)
        except ValidationError:
            return None


class NodeHello(BaseModel):
    """What a node says before it gets work, and when by its own clock (seconds since 1970)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: NodeIdentity
    clock: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
    memory_monitor: bool = False
    """Whether Ray kills workers there before Easel reaches its own limit of host memory."""

    @classmethod
    def own(cls) -> Self:
        """Of this machine, now."""
        monitored = monitor_kills_workers(os.environ, total_bytes())
        return cls(identity=NodeIdentity.own(), clock=time.time(), memory_monitor=monitored)

    def clock_offset(self, asked: float, answered: float) -> float:
        """Seconds that the node's clock is ahead; `asked` and `answered` are times of this machine's clock.

        The node may have looked at its clock at any time between, which counts for the node.
        """
        return min(self.clock - asked, 0.0) or max(self.clock - answered, 0.0)


def monitor_kills_workers(environment: Mapping[str, str], total: int | None) -> bool:
    """Whether Ray's memory monitor, as this environment sets it, kills workers of Easel on a host of `total` bytes."""
    try:
        if int(environment.get(MEMORY_MONITOR, DEFAULT_MONITOR)) == 0:
            return False
        threshold = float(environment.get(MEMORY_THRESHOLD, DEFAULT_THRESHOLD))
    except ValueError:  # Ray ignores what it cannot read
        threshold = float(DEFAULT_THRESHOLD)
    return total is None or (1 - threshold) * total > SPARE_HOST_BYTES / 2


def refusals(
    ours: NodeIdentity, theirs: NodeIdentity, clock_offset: float = 0.0, *, memory_monitor: bool = False
) -> tuple[str, ...]:
    """Why a node that says `theirs` gets no work from a cluster of `ours`: sentences with what to do; empty: it fits.

    `clock_offset` are the seconds that its clock is ahead of ours; `memory_monitor` is that of its `NodeHello`.
    """
    return tuple(_refusals(ours, theirs, clock_offset, memory_monitor))


def _refusals(ours: NodeIdentity, theirs: NodeIdentity, clock_offset: float, memory_monitor: bool) -> Iterator[str]:
    if theirs.python != ours.python:
        yield f"it has Python {theirs.python} and the cluster {ours.python}; make its environment anew with that one"
    if theirs.easel != ours.easel:
        yield f"it has Easel {theirs.easel} and the cluster {ours.easel}; install the same on both"
    for name, package, there, here in (
        ("torch", "torch", theirs.torch, ours.torch),
        ("Ray", "ray", theirs.ray, ours.ray),
    ):
        if there != here:
            has = f"{name} {there}" if there else f"no {name}"
            yield f"it has {has} and the cluster {here or 'none'}; install {package}=={here} there, where Easel is"
    if abs(clock_offset) > CLOCK_SECONDS:
        way = "ahead" if clock_offset > 0 else "behind"
        seconds = f"{abs(clock_offset):.0f} seconds"
        yield f"its clock is {seconds} {way}; switch on time synchronisation: timedatectl set-ntp true"
    if memory_monitor:
        off = f"{MEMORY_MONITOR}=0"
        yield f"Ray's memory monitor would kill workers there; start the node by `easel cluster join` or with {off}"


def ray_problem() -> str | None:
    """Why this machine cannot be part of a cluster; None when Ray is here. It does not import Ray."""
    found = _installed("ray")
    if not found:
        return f"Ray is not installed here; install it with: {installing(EXTRA)}"
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if numbers < OLDEST_RAY:
        oldest = ".".join(map(str, OLDEST_RAY))
        return f"Ray {found} is older than {oldest}; install a newer one with: {installing(EXTRA)}"
    return None


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@cache
def _source_hash() -> str:
    """Eight hex digits of everything in `inference` that a node runs."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCE.rglob("*.py")):
        digest.update(path.relative_to(_SOURCE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:8]

"""How much memory a checkpoint asks for and how much is free, to tell people when it was not enough. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inference.messages import CheckpointSpec

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")  # of a container or a service that may have less than the machine


@dataclass(frozen=True)
class Shortage:
    """Bytes of the files of each checkpoint, by its name, and of memory that was free; None where nobody can say."""

    free: int | None
    files: Mapping[str, int] = field(default_factory=dict[str, int])


def file_bytes(spec: CheckpointSpec) -> int | None:
    """Bytes of the weights of a checkpoint on disk; None where they cannot be looked at."""
    if spec.repository:
        return None
    source = Path(spec.source)
    try:
        files = source.rglob("*.safetensors") if source.is_dir() else [source]
        return sum(file.stat().st_size for file in files)
    except OSError:  # deleted meanwhile, a link to nothing, a folder of another account
        return None


def free_bytes() -> int | None:
    """Bytes of host memory that a new program could have; None where the system does not say."""
    found = [each for each in (_free_on_the_machine(), _free_in_the_group()) if each is not None]
    return min(found, default=None)


def said(size: int | None) -> str:
    """`6.9 GB`."""
    return "?" if size is None else f"{size / 1e9:.1f} GB"


def _free_on_the_machine() -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):  # another system than Linux
        return None


def _free_in_the_group() -> int | None:
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return max(0, int(limit) - int(used))
    except (OSError, ValueError):  # no limit, or no such groups
        return None

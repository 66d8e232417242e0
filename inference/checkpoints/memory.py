"""How much memory a checkpoint asks for and how much is free, to tell people when it was not enough. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inference.base_models import BaseModelId
from inference.capabilities import DENOISERS
from inference.messages.checkpoints import CheckpointSpec, NumberFormat
from inference.picture_costs import picture_numbers

SPARE_HOST_BYTES = 2 * 2**30  # of the host's memory that weights leave to everything else

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")  # of a container or a service that may have less than the machine


@dataclass(frozen=True)
class Shortage:
    """Bytes of the files of each checkpoint, by its name, and of memory that was free; None where nobody can say."""

    free: int | None
    files: Mapping[str, int] = field(default_factory=dict[str, int])


# Bytes that the program takes before it has a checkpoint: a worker on the demo was measured on a CPU
# (docs/measurements.md, memory over 1,000 requests); for CUDA's context and workspaces it is an allowance.
CPU_PROGRAM, CUDA_PROGRAM = 600_000_000, 500_000_000


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes for one picture on a device. `picture` is None where nobody has counted it.

    `turns` is enough where text encoders, denoiser and VAE take turns on an accelerator. `picture` and what is
    computed from it are the least: more pictures at a time, LoRAs and kernels' workspaces come on top.
    """

    numbers: int
    each: int  # bytes of a number
    weights: int
    largest: int  # of the networks
    picture: int | None
    program: int
    turns: int

    @property
    def total(self) -> int:
        """With all networks on the device."""
        return self.weights + (self.picture or 0) + self.program


def memory_need(
    networks: Mapping[str, int],
    base_model: BaseModelId,
    pixels: int,
    *,
    accelerator: bool,
    dtype: NumberFormat = NumberFormat.AUTO,
    packed: Mapping[str, int] | None = None,
) -> MemoryNeed:
    """What a checkpoint needs whose networks have so many numbers, for pictures of so many pixels.

    `packed` has the bytes of those whose weights are quantised.
    """
    half = accelerator and dtype is not NumberFormat.FLOAT32  # see the engine's devices
    each = 2 if half else 4
    sizes = {name: count * each for name, count in networks.items()}
    numbers, program = picture_numbers(base_model, pixels), CUDA_PROGRAM if accelerator else CPU_PROGRAM
    sizes |= packed or {}
    rooms = dict[str, int]()
    if numbers is not None:
        widened = 4 if numbers.single_precision_vae else each
        sizes["vae"] = networks.get("vae", 0) * widened
        rooms = dict.fromkeys(DENOISERS, numbers.in_pass * each) | {"vae": numbers.decoding * widened}
    turns = max((size + rooms.get(name, 0) for name, size in sizes.items()), default=0)
    return MemoryNeed(
        numbers=sum(networks.values()),
        each=each,
        weights=sum(sizes.values()),
        largest=max(sizes.values(), default=0),
        picture=max(rooms.values(), default=None),
        program=program,
        turns=turns + program,
    )


def file_bytes(spec: CheckpointSpec) -> int | None:
    """Bytes of the weights of a checkpoint on disk; None where they cannot be looked at."""
    if spec.repository:
        return None
    source = Path(spec.source)
    try:
        files = [*source.rglob("*.safetensors")] if source.is_dir() else [source]
        if spec.denoiser is not None:
            files = [file for file in files if file.parent != source / "transformer"] + [Path(spec.denoiser)]
        return sum(file.stat().st_size for file in files)
    except OSError:  # deleted meanwhile, a link to nothing, a folder of another account
        return None


def free_bytes() -> int | None:
    """Bytes of host memory that a new program could have; None where the system does not say."""
    found = [each for each in (_of_the_machine("MemAvailable"), _free_in_the_group()) if each is not None]
    return min(found, default=None)


def total_bytes() -> int | None:
    """Bytes of host memory of this machine or container; None where the system does not say."""
    found = [each for each in (_of_the_machine("MemTotal"), _limit_of_the_group()) if each is not None]
    return min(found, default=None)


def said(size: int | None) -> str:
    """`6.9 GB`."""
    return "?" if size is None else f"{size / 1e9:.1f} GB"


def _of_the_machine(name: str) -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        return int(lines[name].split()[0]) * 1024
    except (OSError, ValueError, KeyError):  # another system than Linux
        return None


def _limit_of_the_group() -> int | None:
    try:
        return int((_CGROUP / "memory.max").read_text())
    except (OSError, ValueError):  # no limit, or no such groups
        return None


def _free_in_the_group() -> int | None:
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return max(0, int(limit) - int(used))
    except (OSError, ValueError):  # no limit, or no such groups
        return None

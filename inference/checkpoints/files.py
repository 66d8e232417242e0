"""What a checkpoint's files say of it before it is loaded: headers of weights, a folder's scheduler. No torch."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

MAX_HEADER_BYTES = 100_000_000  # the library's own limit; real headers stay below 1 MB
# The last norm of SD 2's UNet: training for v-prediction spreads its numbers.
TELLING_NORM = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
_MAX_NORM_BYTES = 2**16
_SCHEDULER, _UNET = Path("scheduler", "scheduler_config.json"), Path("unet", "config.json")
_AGAIN = "download it again"

# What files that are no weights begin with, and what to do about each.
_FOREIGN = (
    (b"version https://git-lfs", "is a pointer of Git LFS and not the file itself; run `git lfs pull` in its folder"),
    (b"<", "is a web page, as a download without a login leaves it; log in there and download it again"),
    (b"PK\x03\x04", "is a PyTorch file under another name, which may hold code; get it as .safetensors"),
    (b"\x80\x02", "is a PyTorch file under another name, which may hold code; get it as .safetensors"),
    (
        b"GGUF",
        "is a GGUF file; call it .gguf, and name it as `denoiser` beside the folder with the rest",
    ),
)

Shapes = dict[str, tuple[int, ...]]


class DamagedWeights(ValueError):
    """A file of weights that cannot be used; the message names the file, what is wrong, and what to do."""


@dataclass(frozen=True)
class CheckpointSays:
    """Names of a single file's tensors, its metadata, and the standard deviation of SD 2's telling norm.

    Of a folder there are only `scheduler`, the configuration of the scheduler in it, and whether `guidance_is_input` of
    its UNet.
    """

    names: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    norm_spread: float | None = None
    scheduler: Mapping[str, object] = field(default_factory=dict[str, object])
    guidance_is_input: bool = False


def read_checkpoint(source: Path) -> CheckpointSays:
    """Read what the folder or the `.safetensors` file `source` says. Raises OSError, or ValueError for rubbish."""
    if source.is_dir():
        scheduler, unet = (_configuration(source / name) for name in (_SCHEDULER, _UNET))
        return CheckpointSays(scheduler=scheduler, guidance_is_input=unet.get("time_cond_proj_dim") is not None)
    with source.open("rb") as file:
        length, header = _header(file)
        metadata = {key: str(value) for key, value in _table(header.pop("__metadata__", {})).items()}
        return CheckpointSays(
            frozenset(header), metadata, _spread(file, 8 + length, _table(header.get(TELLING_NORM, {})))
        )


def _configuration(path: Path) -> dict[str, Any]:
    """What a configuration says; nothing where there is none. Raises OSError, or ValueError for rubbish."""
    return _table(json.loads(path.read_bytes())) if path.is_file() else {}


def weight_shapes(path: Path) -> Shapes:
    """The shape of every tensor in a `.safetensors` file. Raises OSError, and DamagedWeights unless it is whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        beginning = file.read(32)
        if not size:
            raise DamagedWeights(f"{path.name} is empty; {_AGAIN}")
        if beginning[8:9] != b"{":  # where the table of contents begins, behind its length
            foreign = (says for mark, says in _FOREIGN if beginning.lstrip().startswith(mark))
            raise DamagedWeights(f"{path.name} {next(foreign, f'is no safetensors file; {_AGAIN}')}")
        if size < 8 + int.from_bytes(beginning[:8], "little") <= 8 + MAX_HEADER_BYTES:
            raise DamagedWeights(f"{path.name} is cut short: it ends within its own table of contents; {_AGAIN}")
        file.seek(0)
        try:
            length, header = _header(file)
            header.pop("__metadata__", None)
            shapes = {name: tuple(int(side) for side in entry["shape"]) for name, entry in header.items()}
            end = 8 + length + max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            raise DamagedWeights(f"{path.name} is no safetensors file, or a damaged one; {_AGAIN}") from None
    if size < end:
        raise DamagedWeights(f"{path.name} is cut short: {_share(size, end)} are there; {_AGAIN}")
    if size > end:
        raise DamagedWeights(f"{path.name} is {size - end:,} bytes longer than its table of contents says; {_AGAIN}")
    return shapes


def _share(size: int, whole: int) -> str:
    """`0.30 of 6.94 GB`, in a unit in which both are numbers."""
    unit, name = next(((unit, name) for unit, name in ((1e9, "GB"), (1e6, "MB")) if whole >= unit / 2), (1, "bytes"))
    return f"{size:,} of {whole:,} bytes" if unit == 1 else f"{size / unit:.2f} of {whole / unit:.2f} {name}"


def _header(file: BinaryIO) -> tuple[int, dict[str, Any]]:
    """The length in bytes and the fields of an open safetensors file's header. Raises ValueError for rubbish."""
    length = int.from_bytes(file.read(8), "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError("it is no safetensors file")
    return length, _table(json.loads(file.read(length)))


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("its description is no table")
    return cast("dict[str, Any]", value)


def _spread(file: BinaryIO, body: int, entry: Mapping[str, Any]) -> float | None:
    """The standard deviation of a small tensor's numbers; None where there is none."""
    try:
        start, end = (int(offset) for offset in entry["data_offsets"])
        if not 0 <= start < end <= start + _MAX_NORM_BYTES:
            return None
        file.seek(body + start)
        numbers = _numbers(file.read(end - start), entry["dtype"])
    except (KeyError, TypeError, ValueError):
        return None
    if not numbers:
        return None
    mean = sum(numbers) / len(numbers)
    spread = math.sqrt(sum((number - mean) * (number - mean) for number in numbers) / len(numbers))
    return spread if math.isfinite(spread) else None


def _numbers(raw: bytes, dtype: str) -> tuple[float, ...]:
    """Numbers of a safetensors type. Raises KeyError for one that no network has, ValueError for half a number."""
    if dtype == "BF16":  # the upper half of single precision
        raw, dtype = b"".join(b"\0\0" + raw[start : start + 2] for start in range(0, len(raw), 2)), "F32"
    code = {"F16": "e", "F32": "f", "F64": "d"}[dtype]
    count, rest = divmod(len(raw), struct.calcsize(code))
    if rest:
        raise ValueError("half a number")
    return struct.unpack(f"<{count}{code}", raw)

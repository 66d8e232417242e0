"""What a checkpoint's files say of it before it is loaded: a single file's header, a folder's scheduler. No torch."""

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
_SCHEDULER = Path("scheduler", "scheduler_config.json")


@dataclass(frozen=True)
class CheckpointSays:
    """Names of a single file's tensors, its metadata, and the standard deviation of SD 2's telling norm.

    Of a folder there is only `scheduler`, the configuration of the scheduler in it.
    """

    names: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    norm_spread: float | None = None
    scheduler: Mapping[str, object] = field(default_factory=dict[str, object])


def read_checkpoint(source: Path) -> CheckpointSays:
    """Read what the folder or the `.safetensors` file `source` says. Raises OSError, or ValueError for rubbish."""
    if source.is_dir():
        path = source / _SCHEDULER
        return CheckpointSays(scheduler=_table(json.loads(path.read_bytes())) if path.is_file() else {})
    with source.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_HEADER_BYTES:
            raise ValueError("it is no safetensors file")
        header = _table(json.loads(file.read(length)))
        metadata = {key: str(value) for key, value in _table(header.pop("__metadata__", {})).items()}
        return CheckpointSays(
            frozenset(header), metadata, _spread(file, 8 + length, _table(header.get(TELLING_NORM, {})))
        )


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

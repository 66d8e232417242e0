"""GGUF files for tests: true headers, before tensors of zeros that take no room, or of real numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path

from inference.checkpoints.gguf_files import FORMATS

NUMBERS = {name: number for number, (name, _, _) in FORMATS.items()}
ALIGNMENT = 32


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def write_gguf(
    path: Path, shapes: Mapping[str, tuple[int, ...]], kind: str = "Q8_0", numbers: Mapping[str, bytes] | None = None
) -> Path:
    """Matrices with whole blocks are of this kind, all others F32. `numbers` are the bytes of each tensor."""
    fields = text("general.architecture") + struct.pack("<I", 8) + text("flux")
    fields += text("some.list") + struct.pack("<IIQ", 9, 4, 3) + struct.pack("<III", 1, 2, 3)
    fields += text("some.words") + struct.pack("<IIQ", 9, 8, 2) + text("one") + text("two")
    header = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), 3) + fields
    end, offsets = 0, dict[str, int]()
    for name, shape in shapes.items():
        own = kind_of(shape, kind)
        _, block, size = FORMATS[NUMBERS[own]]
        header += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        header += struct.pack("<IQ", NUMBERS[own], end)
        offsets[name] = end
        end += -(-prod(shape) // block * size // ALIGNMENT) * ALIGNMENT
    start = -(-len(header) // ALIGNMENT) * ALIGNMENT
    with path.open("wb") as file:
        file.write(header)
        file.truncate(start + end)
        for name, data in (numbers or {}).items():
            file.seek(start + offsets[name])
            file.write(data)
    return path


def kind_of(shape: tuple[int, ...], kind: str) -> str:
    return kind if len(shape) == 2 and shape[-1] % FORMATS[NUMBERS[kind]][1] == 0 else "F32"

"""The header of a GGUF file: the names, shapes and number formats of its tensors. No torch.

GGUF is data without code. Everything is bounded and checked against the size of the file, before a library that trusts
the header opens it. Only the formats that diffusers computes with are known.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

from inference.checkpoints.files import DamagedWeights, Shapes

GGUF_SUFFIX = ".gguf"
MAX_HEADER = 2**26  # bytes; those of diffusion models take less than 1 MB
MAX_TENSORS, MAX_FIELDS = 20_000, 10_000
MAX_ITEMS = 2**19  # of all lists together
MAX_TEXT = 2**20  # bytes of a text among the fields
MAX_SIDE, MAX_DIMENSIONS = 2**31, 4
_VERSIONS = (2, 3)
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,256}")
_AGAIN = "download it again"

# Formats by their number in files: the name, and how many numbers a block has, in how many bytes.
FORMATS: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    20: ("IQ4_NL", 32, 18),
    23: ("IQ4_XS", 256, 136),
    30: ("BF16", 1, 2),
}
_TEXT, _LIST = 8, 9
_FIELD_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # of the other kinds of fields


@dataclass(frozen=True)
class GgufHeader:
    """The shape of every tensor, how many tensors each format has, and bytes of all of them."""

    shapes: Shapes
    formats: Mapping[str, int]
    nbytes: int


class _Bad(Exception):
    """The file cannot be used; the message says why, without its name."""


class _Source:
    """An open file, read from its beginning up to a limit."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = min(size, MAX_HEADER)
        self._items = MAX_ITEMS
        self.position = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        self._advance(count)
        return self._file.read(count)

    def skip(self, count: int) -> None:
        """Leave out the next bytes."""
        self._advance(count)
        self._file.seek(count, 1)

    def number(self, code: str) -> int:
        """The next number, of the format `code` of struct."""
        (found,) = struct.unpack(f"<{code}", self.take(struct.calcsize(code)))
        return int(found)

    def text(self, most: int = MAX_TEXT) -> str:
        """The next text, of at most so many bytes."""
        length = self.number("Q")
        if length > most:
            raise _Bad("is damaged")
        return self.take(length).decode("utf-8", "replace")

    def items(self) -> int:
        """How many items the list has that begins next."""
        count = self.number("Q")
        if count > self._items:
            raise _Bad("is damaged")
        self._items -= count
        return count

    def _advance(self, count: int) -> None:
        if count > self._left:
            raise _Bad("ends within its own table of contents, or has too long a one")
        self._left -= count
        self.position += count


def read_gguf(path: Path) -> GgufHeader:
    """Read the header of a GGUF file. Raises OSError, and DamagedWeights unless the file is whole and usable."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            return _header(_Source(file, size), size)
        except _Bad as problem:
            raise DamagedWeights(f"{path.name} {problem}; {_AGAIN}") from None


def _header(source: _Source, size: int) -> GgufHeader:
    if source.take(min(4, size)) != b"GGUF":
        raise _Bad("is no GGUF file")
    version, tensors, fields = source.number("I"), source.number("Q"), source.number("Q")
    if version not in _VERSIONS:
        raise _Bad("is of a version of GGUF that is not known here")
    if not 0 < tensors <= MAX_TENSORS or fields > MAX_FIELDS:
        raise _Bad("is damaged")
    alignment = 32
    for _ in range(fields):
        name, kind = source.text(), source.number("I")
        if name == "general.alignment" and kind == 4:
            alignment = source.number("I")
        else:
            _skip_field(source, kind)
    if not 0 < alignment <= MAX_TEXT or alignment & (alignment - 1):
        raise _Bad("is damaged")
    shapes: Shapes = {}
    formats: dict[str, int] = {}
    end = nbytes = 0
    for _ in range(tensors):
        name, shape, (kind, taken), offset = _tensor(source)
        if name in shapes or offset % alignment:
            raise _Bad("is damaged")
        shapes[name] = shape
        formats[kind] = formats.get(kind, 0) + 1
        end, nbytes = max(end, offset + taken), nbytes + taken
    start = -(-source.position // alignment) * alignment
    if start + max(end, nbytes) > size:
        raise _Bad(f"is cut short: it has {size:,} bytes, and its tensors take more")
    return GgufHeader(shapes, formats, nbytes)


def _skip_field(source: _Source, kind: int, *, inside: bool = False) -> None:
    if kind == _TEXT:
        source.text()
    elif kind == _LIST and not inside:
        of, count = source.number("I"), source.items()
        if of in _FIELD_BYTES:
            source.skip(count * _FIELD_BYTES[of])
            return
        for _ in range(count):
            _skip_field(source, of, inside=True)
    elif kind in _FIELD_BYTES:
        source.skip(_FIELD_BYTES[kind])
    else:
        raise _Bad("is damaged")


def _tensor(source: _Source) -> tuple[str, tuple[int, ...], tuple[str, int], int]:
    """Name, shape, format with bytes, and offset of the next tensor. Sides are written from the last to the first."""
    name, dimensions = source.text(), source.number("I")
    if not _NAME.fullmatch(name) or not 0 < dimensions <= MAX_DIMENSIONS:
        raise _Bad("is damaged")
    sides = [source.number("Q") for _ in range(dimensions)]
    kind, offset = source.number("I"), source.number("Q")
    if not all(0 < side <= MAX_SIDE for side in sides):
        raise _Bad("is damaged")
    if kind not in FORMATS:
        raise _Bad(f"keeps {name} in a format that diffusers does not compute with")
    title, block, taken = FORMATS[kind]
    if sides[0] % block:
        raise _Bad("is damaged")
    return name, tuple(reversed(sides)), (title, prod(sides) // block * taken), offset

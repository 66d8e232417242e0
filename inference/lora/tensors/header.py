"""The strict reader of safetensors headers: small, bounded, and before any library sees the file.

The safetensors library accepts duplicate names, huge headers and absurd shapes; this reader refuses them with a
sentence. It reads only the header, never the weights.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn, cast

from inference.lora.tensors.foreign_kinds import FileKind, kind_of

MAX_HEADER_BYTES = 8 * 2**20
MAX_TENSORS = 20_000
MAX_DIMENSIONS = 5
MAX_DIMENSION = 262_144
MAX_METADATA_CHARACTERS = 2**20  # one value; `ss_tag_frequency` may fill the header's limit
DTYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}

# What a tensor entry can cost at most, so that hostile JSON is refused before it is parsed: the entry's own
# brackets are two `{`/`[` pairs (object, shape, offsets) and its commas at most three between the fields, one
# between entries, one in the offsets and one a dimension.
_MAX_BRACKETS = MAX_TENSORS * 3 + 2
_MAX_COMMAS = MAX_TENSORS * (3 + 1 + 1 + MAX_DIMENSIONS)

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,256}")
# Possessive, and an open string runs to the end: no file can make this look at a byte twice, or remember it.
_JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)


class BadSafetensors(Exception):
    """The file is not a usable safetensors file; the message says why, in words for people."""


class ForeignFile(BadSafetensors):
    """The file is a well-known kind that is no LoRA."""

    def __init__(self, kind: FileKind) -> None:
        super().__init__(f"it is {kind.value}, not a LoRA")
        self.kind = kind


@dataclass(frozen=True)
class Tensor:
    """One entry of the header: element type, shape, and where its bytes lie behind the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a safetensors file says about itself. `length` is in bytes, without the leading eight."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    length: int


def read_header(file: BinaryIO, size: int) -> Header:
    """Read the header of an open file of `size` bytes. Raises BadSafetensors with the reason."""
    return parse_header(raw_header(file, size), size)


def raw_header(file: BinaryIO, size: int) -> bytes:
    """The bytes of the header of an open file of `size` bytes. Raises BadSafetensors when there can be none."""
    file.seek(0)
    prefix = file.read(8)
    if len(prefix) < 8:
        raise BadSafetensors("the file is too short to be a safetensors file")
    length = int.from_bytes(prefix, "little")
    if length > size - 8 or length < 2:
        raise BadSafetensors("this is not a safetensors file (its first bytes give no header length)")
    if length > MAX_HEADER_BYTES:
        raise BadSafetensors(f"its header has {length:,} bytes; at most {MAX_HEADER_BYTES:,} are read")
    return file.read(length)


def parse_header(raw: bytes, size: int) -> Header:
    """What the bytes of a header say about a file of `size` bytes. Raises BadSafetensors with the reason.

    It is a ForeignFile for a kind of file that is recognised and no LoRA.
    """
    fields = _parse(raw)
    metadata = _metadata(fields.pop("__metadata__", {}))
    if (kind := kind_of(fields)) is not None:  # before names and numbers are refused that only LoRAs do not have
        raise ForeignFile(kind)
    if len(fields) > MAX_TENSORS:
        raise BadSafetensors(f"it names {len(fields):,} tensors; at most {MAX_TENSORS:,} are read")
    tensors = {name: _tensor(name, entry) for name, entry in fields.items()}
    _check_layout(tensors, size - 8 - len(raw))
    return Header(tensors, metadata, len(raw))


def _parse(raw: bytes) -> dict[str, Any]:
    if not raw.startswith(b"{"):
        raise BadSafetensors("this is not a safetensors file (its header is not JSON)")
    _refuse_costly(raw)
    try:
        value = json.loads(raw, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as problem:
        raise BadSafetensors("its header is not well-formed JSON") from problem
    return cast("dict[str, Any]", value)  # it starts with `{` and parsed, so it is an object


def _refuse_costly(raw: bytes) -> None:
    """Refuse JSON with more structure than MAX_TENSORS entries can explain, before parsing it."""
    outside = _JSON_STRING.sub(b"", raw)
    if outside.count(b"[") + outside.count(b"{") > _MAX_BRACKETS or outside.count(b",") > _MAX_COMMAS:
        raise BadSafetensors(f"its header holds more than {MAX_TENSORS:,} tensors can explain")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadSafetensors("its header names something twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise BadSafetensors(f"its header holds {name}")


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BadSafetensors("its metadata is not a table")
    table = cast("dict[str, Any]", value)
    for key, text in table.items():
        if not isinstance(text, str):
            raise BadSafetensors("its metadata holds something other than text")
        if len(text) > MAX_METADATA_CHARACTERS and key != "ss_tag_frequency":
            raise BadSafetensors(f"one of its metadata values is longer than {MAX_METADATA_CHARACTERS:,} characters")
        if not (_is_text(key) and _is_text(text)):
            raise BadSafetensors("its metadata holds something other than text")
    return cast("dict[str, str]", table)


def _is_text(value: str) -> bool:
    """Half of a surrogate pair can be escaped in JSON, but neither stored nor shown."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _tensor(name: str, entry: Any) -> Tensor:
    if not _NAME.fullmatch(name):
        raise BadSafetensors("one of its tensors has a name with characters that no LoRA uses")
    try:
        dtype, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (TypeError, KeyError, ValueError):
        raise BadSafetensors(f"its tensor {name} is not described properly") from None
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        raise BadSafetensors(f"its tensor {name} holds numbers of a kind ({str(dtype)[:16]!r}) that LoRAs do not use")
    if not isinstance(shape, list) or not _dimensions(cast("list[Any]", shape)):
        raise BadSafetensors(f"its tensor {name} has an impossible shape")
    if not (_natural(start) and _natural(end)):
        raise BadSafetensors(f"its tensor {name} does not say where its numbers lie")
    tensor = Tensor(dtype, tuple(cast("list[int]", shape)), start, end)
    if tensor.end - tensor.start != math.prod(tensor.shape) * DTYPE_BYTES[dtype]:
        raise BadSafetensors(f"its tensor {name} has not as many numbers as its shape says")
    return tensor


def _natural(value: Any) -> bool:
    return type(value) is int and value >= 0


def _dimensions(shape: list[Any]) -> bool:
    return len(shape) <= MAX_DIMENSIONS and all(type(n) is int and 1 <= n <= MAX_DIMENSION for n in shape)


def _check_layout(tensors: dict[str, Tensor], body: int) -> None:
    """Every byte behind the header belongs to exactly one tensor."""
    position = 0
    for tensor in sorted(tensors.values(), key=lambda t: (t.start, t.end)):
        if tensor.start != position:
            raise BadSafetensors("its tensors overlap or leave holes")
        position = tensor.end
    if position != body:
        raise BadSafetensors("the file is longer or shorter than its header says")

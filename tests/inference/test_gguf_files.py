"""Headers of GGUF files: what they say, and that rubbish is refused before a library trusts it."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from inference.checkpoints.files import DamagedWeights
from inference.checkpoints.gguf_files import FORMATS, MAX_HEADER, MAX_ITEMS, read_gguf
from tests.inference.gguf_writer import NUMBERS, text, write_gguf

SHAPES = {"blocks.0.qkv.weight": (96, 64), "blocks.0.qkv.bias": (96,), "x_embedder.proj.weight": (8, 4, 2, 2)}


def test_a_header_tells_shapes_formats_and_bytes(tmp_path: Path) -> None:
    found = read_gguf(write_gguf(tmp_path / "one.gguf", SHAPES))
    assert found.shapes == SHAPES
    assert found.formats == {"Q8_0": 1, "F32": 2}
    assert found.nbytes == 96 * 64 // 32 * 34 + 4 * 96 + 4 * 8 * 16


def test_the_library_reads_the_same(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf", reason="the extra gguf is not installed")
    path = write_gguf(tmp_path / "one.gguf", SHAPES)
    tensors = gguf.GGUFReader(path).tensors
    assert {tensor.name: tuple(map(int, reversed(tensor.shape))) for tensor in tensors} == SHAPES
    sizes = gguf.GGML_QUANT_SIZES
    for number, (name, block, size) in FORMATS.items():
        kind = gguf.GGMLQuantizationType(number)
        assert (kind.name, sizes[kind]) == (name, (block, size))


def test_the_formats_are_those_that_diffusers_computes_with() -> None:
    pytest.importorskip("gguf", reason="the extra gguf is not installed")
    from diffusers.quantizers.gguf.utils import SUPPORTED_GGUF_QUANT_TYPES

    assert {kind.name for kind in SUPPORTED_GGUF_QUANT_TYPES} | {"F32", "F16"} == set(NUMBERS)


def header(tensors: int, fields: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, fields) + rest


def tensor(name: str, *sides: int, kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(sides)}QIQ", len(sides), *sides, kind, offset)


def aligned(to: int) -> bytes:
    return text("general.alignment") + struct.pack("<II", 4, to)


MANY_TEXTS = text("a") + struct.pack("<IIQ", 9, 8, MAX_ITEMS // 2) + bytes(8 * (MAX_ITEMS // 2))  # empty ones
SHARED = header(9, 0, b"".join(tensor(f"a{number}", 99) for number in range(9)) + bytes(64))
RUBBISH = {
    "empty": (b"", "is no GGUF file"),
    "another": (b"PK\x03\x04" + bytes(60), "is no GGUF file"),
    "a beginning": (b"GGUF", "ends within"),
    "an old version": (header(1, 0, version=1), "version of GGUF"),
    "the other byte order": (b"GGUF" + struct.pack(">IQQ", 3, 1, 0), "version of GGUF"),
    "no tensors": (header(0, 0), "damaged"),
    "many tensors": (header(2**63, 0), "damaged"),
    "many fields": (header(1, 2**60), "damaged"),
    "a name of many bytes": (header(1, 0, struct.pack("<Q", 2**62)), "damaged"),
    "a strange field": (header(1, 1, text("a") + struct.pack("<I", 99)), "damaged"),
    "lists of lists": (header(1, 1, text("a") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 9, 1)), "damaged"),
    "a long list": (header(1, 1, text("a") + struct.pack("<IIQ", 9, 0, 2**62)), "damaged"),
    "many lists of many texts": (header(1, 3, 3 * MANY_TEXTS + tensor("a", 1) + bytes(99)), "damaged"),
    "a list beyond the end": (header(1, 1, text("a") + struct.pack("<IIQ", 9, 10, 2**18)), "ends within"),
    "no alignment": (header(1, 1, aligned(0) + tensor("a", 1)), "damaged"),
    "an odd alignment": (header(1, 1, aligned(7) + tensor("a", 1)), "damaged"),
    "a name that leads away": (header(1, 0, tensor("../a", 1)), "damaged"),
    "no sides": (header(1, 0, text("a") + struct.pack("<IIQ", 0, 0, 0)), "damaged"),
    "many sides": (header(1, 0, tensor("a", 1, 1, 1, 1, 1)), "damaged"),
    "an empty side": (header(1, 0, tensor("a", 0)), "damaged"),
    "a long side": (header(1, 0, tensor("a", 2**40)), "damaged"),
    "a strange format": (header(1, 0, tensor("a", 32, kind=16)), "keeps a in a format"),
    "half a block": (header(1, 0, tensor("a", 33, kind=8)), "damaged"),
    "an odd offset": (header(1, 0, tensor("a", 1, offset=1) + bytes(99)), "damaged"),
    "a name twice": (header(2, 0, 2 * tensor("a", 1) + bytes(99)), "damaged"),
    "numbers beyond the end": (header(1, 0, tensor("a", 1000)), "cut short"),
    "the same numbers many times": (SHARED, "cut short"),
    "an offset beyond the end": (header(1, 0, tensor("a", 1, offset=2**62) + bytes(99)), "cut short"),
}


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_is_refused(tmp_path: Path, name: str) -> None:
    content, words = RUBBISH[name]
    path = tmp_path / "some.gguf"
    path.write_bytes(content)
    with pytest.raises(DamagedWeights, match=f"^some.gguf .*{words}"):
        read_gguf(path)


def test_a_file_is_refused_wherever_it_is_cut_or_changed(tmp_path: Path) -> None:
    """Nothing but DamagedWeights comes out, and what is read without complaint stays within the file."""
    path, chance = write_gguf(tmp_path / "some.gguf", SHAPES), random.Random(1)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedWeights):
            read_gguf(path)
    for _ in range(300):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(400)] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            found = read_gguf(path)
        except DamagedWeights:
            continue
        assert found.nbytes <= len(whole) and len(found.shapes) == len(SHAPES)


def test_a_long_header_is_not_read_to_its_end(tmp_path: Path) -> None:
    words = b"".join(text("w" * 2**19) for _ in range(MAX_HEADER // 2**19 + 1))
    path = tmp_path / "some.gguf"
    path.write_bytes(header(1, 1, text("a") + struct.pack("<IIQ", 9, 8, 2**18) + words))
    with pytest.raises(DamagedWeights, match="too long a one"):
        read_gguf(path)

"""The strict reader lets whole files in and every hostile one out, quickly and with a sentence."""

from __future__ import annotations

import io
import json
import random
import time
import tracemalloc
from typing import Any

import pytest

from inference.lora.tensors.header import MAX_HEADER_BYTES, MAX_TENSORS, BadSafetensors, Header, read_header
from tests.lora_files import lora_tensors, safetensors_bytes

SLOW = 2.0  # seconds
MUCH = 256 * 2**20  # bytes
GOOD = safetensors_bytes(lora_tensors(), {"ss_output_name": "Komori"})


def parse(data: bytes) -> Header:
    return read_header(io.BytesIO(data), len(data))


def packed(header: bytes | dict[str, Any], body: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + body


def entry(start: int = 0, end: int = 4, *, shape: Any = (1,), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_a_whole_file_is_read() -> None:
    header = parse(GOOD)
    assert header.metadata == {"ss_output_name": "Komori"}
    assert {name: (t.dtype, t.shape) for name, t in header.tensors.items()} == {
        name: ("F32", tensor.shape) for name, tensor in lora_tensors().items()
    }
    assert header.length == int.from_bytes(GOOD[:8], "little")


@pytest.mark.parametrize(
    "data",
    [
        packed({}),
        packed({"__metadata__": {}}),
        packed({"a": entry()}, b"1234"),
        packed({"a": entry(0, 4, shape=())}, b"1234"),
        packed({"b": entry(4, 8), "a": entry(0, 4)}, b"12345678"),
        packed({"a": entry(0, 2, dtype="BF16")} | {"b": entry(2, 3, dtype="F8_E5M2")}, b"123"),
        packed({"a": {**entry(), "more": 1}}, b"1234"),
        packed(json.dumps({"a": entry()}).encode() + b"     ", b"1234"),
    ],
)  # fmt: skip
def test_unusual_but_whole_files_are_read(data: bytes) -> None:
    parse(data)


HOSTILE = {
    "empty": b"",
    "seven bytes": b"1234567",
    "a text file": b"Dear diary, today I renamed a text file to .safetensors and waited.",
    "a pickle": b"\x80\x02}q\x00(X\x04\x00\x00\x00evilq\x01" + b"x" * 50,
    "a zip": b"PK\x03\x04" + b"\0" * 60,
    "a header longer than the file": (100).to_bytes(8, "little") + b"{}",
    "a header of 2**63": (2**63).to_bytes(8, "little") + b"{}",
    "a header of nothing": (0).to_bytes(8, "little") + b"{}",
    "a header of 16 MB": packed(b'{"__metadata__":{"ss_tag_frequency":"' + b"a" * 16 * 2**20 + b'"}}'),
    "a header one byte too long": packed(b"{}" + b" " * (MAX_HEADER_BYTES - 1)),
    "no object": packed(b"[]"),
    "a leading blank": packed(b' {"a":1}'),
    "no JSON": packed(b"{a:1}"),
    "JSON cut off": packed(b'{"a":{"dtype":'),
    "two objects": packed(b"{}{}"),
    "bad UTF-8": packed(b'{"\xff":1}'),
    "nested lists": packed(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "nested objects": packed(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "nested below the count": packed(b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "a name twice": packed(b'{"a":%s,"a":%s}' % ((json.dumps(entry()).encode(),) * 2), b"1234"),
    "a field twice": packed(b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"1234"),
    "metadata twice": packed(b'{"__metadata__":{},"__metadata__":{}}'),
    "a metadata key twice": packed(b'{"__metadata__":{"a":"1","a":"2"}}'),
    "a hole": packed({"a": entry(0, 4), "b": entry(8, 12)}, b"123456789012"),
    "a hole before": packed({"a": entry(4, 8)}, b"12345678"),
    "an overlap": packed({"a": entry(0, 4), "b": entry(2, 6)}, b"123456"),
    "an alias": packed({"a": entry(0, 4), "b": entry(0, 4)}, b"1234"),
    "trailing bytes": packed({"a": entry()}, b"12345"),
    "missing bytes": packed({"a": entry()}, b"123"),
    "end before begin": packed({"a": entry(4, 0)}, b"1234"),
    "fewer bytes than the shape": packed({"a": entry(shape=[2])}, b"1234"),
    "a lie about the dtype": packed({"a": entry(dtype="F64")}, b"1234"),
    "an unknown dtype": packed({"a": entry(dtype="F33")}, b"1234"),
    "an integer dtype": packed({"a": entry(dtype="I32")}, b"1234"),
    "a dtype that is a list": packed({"a": entry(dtype=[])}, b"1234"),
    "a dtype that is an object": packed({"a": entry(dtype={})}, b"1234"),
    "a dtype that is null": packed({"a": entry(dtype=None)}, b"1234"),
    "a shape of text": packed({"a": entry(shape="1")}, b"1234"),
    "a shape of an object": packed({"a": entry(shape={"1": 1})}, b"1234"),
    "a negative dimension": packed({"a": entry(shape=[-1])}, b"1234"),
    "an empty dimension": packed({"a": entry(0, 0, shape=[0])}),
    "a dimension that is true": packed({"a": entry(shape=[True])}, b"1234"),
    "a dimension with a point": packed({"a": entry(shape=[1.0])}, b"1234"),
    "a huge dimension": packed({"a": entry(shape=[2**62])}, b"1234"),
    "six dimensions": packed({"a": entry(shape=[1] * 6)}, b"1234"),
    "100,000 dimensions": packed({"a": entry(shape=[1] * 100_000)}, b"1234"),
    "offsets of text": packed({"a": {**entry(), "data_offsets": "04"}}, b"1234"),
    "offsets that are true": packed({"a": {**entry(), "data_offsets": [False, 4]}}, b"1234"),
    "three offsets": packed({"a": {**entry(), "data_offsets": [0, 2, 4]}}, b"1234"),
    "negative offsets": packed({"a": entry(-4, 0)}, b"1234"),
    "no offsets": packed({"a": {"dtype": "F32", "shape": [1]}}, b"1234"),
    "an entry that is a number": packed({"a": 1}),
    "an entry that is null": packed({"a": None}),
    "an entry that is a list": packed({"a": [1]}),
    "a number of 5000 digits": packed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,' + b"9" * 5000 + b"]}}"),
    "a number of 4000 digits": packed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,' + b"9" * 4000 + b"]}}"),
    "an exponent": packed(b'{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}', b"1234"),
    "NaN": packed(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', b"1234"),
    "Infinity": packed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-Infinity,Infinity]}}', b"1234"),
    "metadata that is a list": packed({"__metadata__": []}),
    "metadata that is null": packed({"__metadata__": None}),
    "a metadata value that is a number": packed({"__metadata__": {"a": 1}}),
    "a metadata value that is an object": packed({"__metadata__": {"a": {}}}),
    "a metadata value of half a character": packed(b'{"__metadata__":{"a":"\\ud800"}}'),
    "a metadata key of half a character": packed(b'{"__metadata__":{"\\udfff":"a"}}'),
    "a metadata value of 2 MB": packed({"__metadata__": {"a": "x" * 2**21}}),
    "too many tensors": packed({f"t{i}": entry(i, i + 1, dtype="F8_E5M2") for i in range(MAX_TENSORS + 1)}, b"x" * (MAX_TENSORS + 1)),  # noqa: E501 (one hostile file a line)
    "an open string of quotes": packed(b'{"' + b'\\"' * 3_000_000),
    "an open string after a backslash": packed(b'{"' + b"a" * 7_000_000 + b"\\"),
    "many open lists in a string": packed(b'{"a":"' + b"[" * 1_000_000 + b'"}'),
    "many empty objects": packed(b'{"a":[' + b"{}," * 1_000_000 + b"{}]}"),
    "many metadata keys": packed({"__metadata__": {str(i): "" for i in range(300_000)}}),
}  # fmt: skip
NAMES = ["", "../a", "a/b", "a\0b", "a\nb", "a b", "ä", "\U0001f3a8", "x" * 257, "a\\b", "<b>", "\ud800"]


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_quickly_and_in_little_memory(data: bytes) -> None:
    tracemalloc.start()
    began = time.thread_time()
    try:
        with pytest.raises(BadSafetensors) as refusal:
            parse(data)
        assert time.thread_time() - began < SLOW
        assert tracemalloc.get_traced_memory()[1] < MUCH
    finally:
        tracemalloc.stop()
    assert len(str(refusal.value)) < 200
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_name_that_no_lora_uses_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(BadSafetensors) as refusal:
        parse(packed({name: entry()}, b"1234"))
    assert len(str(refusal.value)) < 200


def test_a_large_honest_header_is_read_quickly_and_in_little_memory() -> None:
    data = packed(b'{"__metadata__":{"ss_tag_frequency":"' + b'{\\"a\\": 1}, ' * 600_000 + b'"}}')
    began = time.thread_time()
    assert len(parse(data).metadata["ss_tag_frequency"]) == 600_000 * 10
    assert time.thread_time() - began < SLOW


def mutated(chance: random.Random) -> bytes:
    """GOOD with something done to it that a machine, or a person with a hex editor, might do."""
    data = bytearray(GOOD)
    header = int.from_bytes(GOOD[:8], "little")
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(min(8 + header, len(data)))
        match chance.randrange(5):
            case 0:
                data[place] = chance.randrange(256)
            case 1:
                data[place : place + chance.randint(1, 20)] = b""
            case 2:
                data[place:place] = data[place : place + chance.randint(1, 200)]
            case 3:
                data[place:place] = chance.choice(
                    [b"[]", b"{}", b"null", b"-1", b'"', b"\\", b",", b"1e9", b"true", b"9" * 30, b"\0", b"NaN", b"[["]
                )
            case _:
                del data[place:]
        if not data:
            return b""
    if chance.random() < 0.7 and len(data) > 8:  # an honest length lets the mutation reach the JSON
        data[:8] = max(2, len(data) - (len(GOOD) - 8 - header) - 8).to_bytes(8, "little")
    return bytes(data)


def swapped(chance: random.Random) -> bytes:
    """Valid JSON in which one value became another kind of value."""
    header = json.loads(GOOD[8 : 8 + int.from_bytes(GOOD[:8], "little")])
    strange = chance.choice([None, True, -1, 1.5, 2**70, "", "F32", [], [[]], {}, {"dtype": []}, [0, 4], "x" * 3000])
    tensor = chance.choice([name for name in header if name != "__metadata__"])
    match chance.randrange(4):
        case 0:
            header[tensor] = strange
        case 1:
            header[tensor][chance.choice(["dtype", "shape", "data_offsets"])] = strange
        case 2:
            header[tensor][chance.choice(["shape", "data_offsets"])] = [strange, strange]
        case _:
            header["__metadata__"] = chance.choice([strange, {"a": strange}])
    return packed(header, GOOD[8 + int.from_bytes(GOOD[:8], "little") :])


@pytest.mark.parametrize("make", [mutated, swapped])
def test_nothing_but_a_refusal_comes_of_damaged_files(make: Any) -> None:
    chance = random.Random(20261125)
    slowest = 0.0
    for _ in range(600):
        data = make(chance)
        began = time.thread_time()
        try:
            header = parse(data)
        except BadSafetensors:
            pass
        else:
            assert sum(t.end - t.start for t in header.tensors.values()) == len(data) - 8 - header.length
        slowest = max(slowest, time.thread_time() - began)
    assert slowest < SLOW

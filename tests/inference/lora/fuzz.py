"""Damaged LoRA files by the thousand: `python -m tests.inference.lora.fuzz --files 20000 --seed 0` (`make fuzz`).

Every file must be told as it is, or as broken with a reason: no crash, no second longer than LIMIT_SECONDS, no more
than LIMIT_BYTES of memory above the idle process.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from inference.inspection import Inspector
from inference.lora.knowledge import Knowledge
from inference.matching import Matcher
from tests.lora_files import lora_tensors, safetensors_bytes

LIMIT_SECONDS = 2.0
LIMIT_BYTES = 256 * 2**20

_LAYER = "down_blocks_1_attentions_0_transformer_blocks_1_attn1_to_"
_MODULES = {f"lora_unet_{_LAYER}{letter}": (640, 640) for letter in "qkv"}
_METADATA = {
    "ss_sd_model_name": "ponyDiffusionV6XL.safetensors",
    "ss_new_sd_model_hash": "0" * 64,
    "ss_tag_frequency": '{"img": {"cat": 3}}',
    "modelspec.title": "[Pony] x",
}
_STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 2**63, 10**400, "", "F32", "\0", "\ud800", "../x", [], [0], [-1], [2**62, 2**62], [[[]]],
    {}, {"dtype": "F32"}, "x" * 5000, list(range(3000)), 1e308,
)  # fmt: skip


def whole() -> bytes:
    """The file that is damaged: small and right."""
    return safetensors_bytes(lora_tensors(_MODULES, rank=1), _METADATA)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to four kinds of damage."""
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(_DAMAGES)(data, chance)
    return data


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 20)):
        if changed:
            changed[chance.randrange(min(len(changed), 3000))] = chance.randrange(256)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _splice(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.randrange(200))
    return data[:start] + data[start:end] * chance.randrange(4) + data[end:]


def _length(data: bytes, chance: random.Random) -> bytes:
    size = len(data)
    lie = chance.choice([0, 1, 2, size, max(0, size - 8), 2**20, 2**31, 2**63, 2**64 - 1, chance.randrange(4000)])
    return struct.pack("<Q", lie) + data[8:]


def _rewrite(data: bytes, chance: random.Random) -> bytes:
    """Put something strange into the header, and its length right again."""
    try:
        length = int.from_bytes(data[:8], "little")
        header: Any = json.loads(data[8 : 8 + length])
        key = chance.choice([*header, "__metadata__", "x.alpha", "lora_te_x.lokr_w1"])
        target = header if chance.random() < 0.5 or not isinstance(header.get(key), dict) else header[key]
        inner = chance.choice(list(target) or ["shape"]) if target is not header else key
        target[inner] = chance.choice(_STRANGE)
        text = json.dumps(header).encode()
    except (ValueError, AttributeError, TypeError, RecursionError):
        return data
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _nest(data: bytes, chance: random.Random) -> bytes:
    depth = chance.choice([10, 1000, 50_000])
    opened, closed = chance.choice([(b"[", b"]"), (b'{"a":', b"}")])
    text = b'{"x":' + opened * depth + b"1" + closed * depth + b"}"
    return struct.pack("<Q", len(text)) + text


def _many(data: bytes, chance: random.Random) -> bytes:
    entry = {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}
    count = chance.choice([1, 500, 3000])
    text = json.dumps({f"{chance.choice('ab')}{n}.lora_down.weight": entry for n in range(count)}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4)


_COMMON, _COSTLY = (_flip, _cut, _splice, _length, _rewrite, _rewrite, _rewrite), (_nest, _many)
_DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [*(_COMMON * 6), *_COSTLY]


def run(files: int, seed: int, folder: Path) -> dict[str, Any]:
    """Damage and inspect; figures. Raises AssertionError at the first file that breaks a rule."""
    chance, data = random.Random(seed), whole()
    inspector = Inspector(Knowledge(), Matcher(()))
    path = folder / "damaged.safetensors"
    path.write_bytes(data)
    assert inspector.inspect(path)["problems"] == [], "the file is whole before it is damaged"
    idle, slowest, reasons = _peak(), 0.0, Counter[str]()
    for number in range(files):
        path.write_bytes(damaged(data, chance))
        start = process_time()
        told = inspector.inspect(path)
        took = process_time() - start
        slowest = max(slowest, took)
        json.dumps(told).encode()
        assert took <= LIMIT_SECONDS, f"file {number} of seed {seed} took {took:.2f} s"
        reasons["whole" if not told["problems"] else "broken"] += 1
    grown = _peak() - idle
    assert grown <= LIMIT_BYTES, f"memory grew by {grown:,} bytes"
    return {"files": files, "seed": seed, **reasons, "slowest_seconds": round(slowest, 3), "memory_bytes": grown}


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> int:
    """Run as a program; prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(options.files, options.seed, Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

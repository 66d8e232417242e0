"""Compares inspecting a large LoRA with hashing it: header and hash in one pass should cost little more than the hash.

Prints bytes, the medians in seconds of five runs in turn, and their ratio (sha256sum / ours; 1 is as fast).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from inference.inspection import look

MEGABYTES = 200
RUNS = 5


def write_large_lora(path: Path) -> None:
    """A LoRA on SDXL's attention layers, of whatever rank makes it about MEGABYTES large."""
    from tests.lora_files import write_lora  # noqa: PLC0415 (the path above makes it findable)

    shapes = dict.fromkeys(_modules(), (1280, 1280))
    rank = MEGABYTES * 2**20 // (len(shapes) * 2 * 1280 * np.dtype("<f4").itemsize)
    write_lora(path, modules=shapes, rank=rank)


def _modules() -> list[str]:
    block = "lora_unet_mid_block_attentions_0_transformer_blocks_"
    return [f"{block}{i}_attn{n}_to_{part}" for i in range(10) for n in (1, 2) for part in ("q", "out_0")]


def seconds(action) -> float:
    """How long `action` takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    """Measure in turn, so that a machine that speeds up or slows down does it to both."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.safetensors"
        write_large_lora(path)
        look(path)  # the tables load once in a process
        ours, theirs = [], []
        for _ in range(RUNS):
            theirs.append(seconds(lambda: subprocess.run(["sha256sum", path], check=True, capture_output=True)))
            ours.append(seconds(lambda: look(path)))
        size = path.stat().st_size
    figures = {
        "benchmark": "inspect_speed",
        "bytes": size,
        "sha256sum_seconds": round(statistics.median(theirs), 3),
        "inspect_seconds": round(statistics.median(ours), 3),
        "ratio": round(statistics.median(theirs) / statistics.median(ours), 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

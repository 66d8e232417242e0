"""Compares inspecting a large LoRA with hashing it: header and hash in one pass should cost little more than the hash.

Measures the medians in seconds of five runs in turn, and their ratio (sha256sum / ours; 1 is as fast).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks._command import BenchmarkCommand, closing_line
from inference.inspection import look
from tests.lora_files import write_lora


def write_large_lora(path: Path, megabytes: int) -> None:
    """A LoRA on SDXL's attention layers, of whatever rank makes it about so large."""
    shapes = dict.fromkeys(_modules(), (1280, 1280))
    rank = megabytes * 2**20 // (len(shapes) * 2 * 1280 * np.dtype("<f4").itemsize)
    write_lora(path, modules=shapes, rank=rank)


def _modules() -> list[str]:
    block = "lora_unet_mid_block_attentions_0_transformer_blocks_"
    return [f"{block}{i}_attn{n}_to_{part}" for i in range(10) for n in (1, 2) for part in ("q", "out_0")]


def seconds(action: Callable[[], object]) -> float:
    """How long `action` takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def sha256sum(path: Path) -> str:
    """The hash, by the system's own program."""
    return subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]


def main() -> int:
    """Measure in turn, so that a machine that speeds up or slows down does it to both; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--megabytes", 200, 50, "size of the file")
    parser.add_size("--runs", 5, 3, "runs of each, in turn")
    options = parser.read()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.safetensors"
        write_large_lora(path, options.megabytes)
        found = look(path)  # the tables load once in a process
        failed = [] if found.sha256 == sha256sum(path) else [f"the hash is not that of sha256sum: {found.sha256}"]
        ours, theirs = list[float](), list[float]()
        for _ in range(options.runs):
            theirs.append(seconds(lambda: sha256sum(path)))
            ours.append(seconds(lambda: look(path)))
        size = path.stat().st_size
    figures = {
        "bytes": size,
        "sha256sum_seconds": round(statistics.median(theirs), 3),
        "inspect_seconds": round(statistics.median(ours), 3),
        "ratio": round(statistics.median(theirs) / statistics.median(ours), 3),
    }
    return closing_line("inspect_speed", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())

"""Times a rescan of 10,000 unchanged LoRA files with headers of real size (SDXL's attention blocks).

The files' layers have SDXL's names and are of several ranks, but narrow, so that they fit on a disk: hashing real
weights is left out. Measures the seconds of the first scan and of the second, which must find nothing new, and of a
look that finds no change.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._command import BenchmarkCommand, closing_line
from bot.database.database import open_database
from bot.library.catalogue import ScanReport, scan_library
from inference.lora.library import fingerprint
from inference.lora.tensors.names import underscored
from inference.lora.tensors.tables import networks
from tests.lora_files import lora_tensors, safetensors_bytes

RANKS = range(1, 33)  # each is another structure, to be judged anew


def fill(folder: Path, files: int) -> None:
    """Files that differ in one number each, and in rank by turns."""
    layers = [path for path in networks()["sdxl"] if ".attentions." in path]
    modules = dict.fromkeys((f"lora_unet_{underscored(path)}" for path in layers), (4, 4))
    of_rank = [bytearray(safetensors_bytes(lora_tensors(modules, rank=rank))) for rank in RANKS]
    for i in range(files):
        data = of_rank[i % len(of_rank)]
        data[-4:] = i.to_bytes(4, "little")
        (folder / f"{i:05}.safetensors").write_bytes(data)


async def measure(folder: Path, files: int) -> tuple[dict[str, float], ScanReport]:
    """Scan twice, then look; the seconds, and what the second scan reported."""
    library = folder / "loras"
    library.mkdir()
    fill(library, files)
    async with open_database(folder / "easel.sqlite3") as db:
        began = time.perf_counter()
        await scan_library(db, library, {})
        first = time.perf_counter()
        report = await scan_library(db, library, {})
        again = time.perf_counter()
    fingerprint(library)
    looked = time.perf_counter()
    seconds = {"first_seconds": first - began, "again_seconds": again - first, "look_seconds": looked - again}
    return {name: round(each, 2) for name, each in seconds.items()}, report


def main() -> int:
    """Measure in a temporary folder; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--files", 10_000, 500, "LoRA files")
    options = parser.read()
    with tempfile.TemporaryDirectory() as folder:
        seconds, report = asyncio.run(measure(Path(folder), options.files))
    again = len(report.unchanged)
    failed = [f"of {options.files} files only {again} counted as unchanged"] if again != options.files else []
    return closing_line("rescan", {"files": options.files, **seconds}, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())

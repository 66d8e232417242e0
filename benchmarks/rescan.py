"""Times a rescan of 10,000 unchanged LoRA files with headers of real size (SDXL's attention blocks).

The files' layers have SDXL's names and are of several ranks, but narrow, so that they fit on a disk: hashing real
weights is left out. Prints the number of files, the seconds of the first scan and of the second, and of a look that
finds no change.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bot.database.connection import open_database
from bot.library.catalogue import scan_library
from inference.lora.library import fingerprint
from inference.lora.names import underscored
from inference.lora.tables import networks

FILES = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
RANKS = range(1, 33)  # each is another structure, to be judged anew


def fill(folder: Path) -> None:
    """Files that differ in one number each, and in rank by turns."""
    from tests.lora_files import lora_tensors, safetensors_bytes  # noqa: PLC0415 (the path above makes it findable)

    layers = [path for path in networks()["sdxl"] if ".attentions." in path]
    modules = dict.fromkeys((f"lora_unet_{underscored(path)}" for path in layers), (4, 4))
    files = [bytearray(safetensors_bytes(lora_tensors(modules, rank=rank))) for rank in RANKS]
    for i in range(FILES):
        data = files[i % len(files)]
        data[-4:] = i.to_bytes(4, "little")
        (folder / f"{i:05}.safetensors").write_bytes(data)


async def measure(folder: Path) -> dict[str, float]:
    """Scan twice, then look."""
    library = folder / "loras"
    library.mkdir()
    fill(library)
    times: list[float] = []
    async with open_database(folder / "easel.sqlite3") as connection:
        for _ in range(2):
            began = time.perf_counter()
            report = await scan_library(connection, library, {})
            times.append(time.perf_counter() - began)
        assert len(report.unchanged) + len(report.duplicates) + len(report.broken) == FILES, report.new[:3]
    began = time.perf_counter()
    fingerprint(library)
    times.append(time.perf_counter() - began)
    return dict(zip(("first_seconds", "again_seconds", "look_seconds"), (round(t, 2) for t in times), strict=True))


def main() -> None:
    """Measure in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder)))
    print(json.dumps({"benchmark": "rescan", "files": FILES, **figures}))


if __name__ == "__main__":
    main()

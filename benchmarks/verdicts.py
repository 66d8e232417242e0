"""Compares one picture with many verdicts: how long it takes, and how long the event loop waits meanwhile."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from bot.database.database import open_database
from bot.pictures.similarity.perceptual_hash import notice_hashes, picture_hash, upload_hashes
from bot.pictures.similarity.picture_verdicts import PictureVerdicts

MOST_LATE_SECONDS = 0.5  # limit of the event loop's lateness, on a busy machine
_SIDE, _CHANGED_BITS = 128, 30
_KEEP = "INSERT OR IGNORE INTO picture_verdict (server_id, reason, hash, created_at) VALUES (1, 'hidden', ?, 1)"


def noise(chance: random.Random) -> Image.Image:
    """A picture of coarse coloured noise."""
    return Image.frombytes("RGB", (12, 12), chance.randbytes(12 * 12 * 3)).resize((_SIDE, _SIDE))


def hashes(chance: random.Random, count: int) -> list[tuple[bytes]]:
    """Hashes that are like those of pictures."""
    drawn = [picture_hash(noise(chance)) for _ in range(50)]
    found: list[tuple[bytes]] = []
    for _ in range(count):
        changed = bytearray(chance.choice(drawn))
        for _ in range(_CHANGED_BITS):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        found.append((bytes(changed),))
    return found


class Lateness:
    """The longest time that the event loop was late."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def watch(self) -> None:
        """Run until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            self.seconds = max(self.seconds, time.perf_counter() - began - 0.001)


async def measure(count: int) -> dict[str, dict[str, float]]:
    """Seconds and lateness of the first question, of one for a painted picture, and of one for an upload."""
    chance, found = random.Random(1), dict[str, dict[str, float]]()
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(Path(folder) / "easel.sqlite3") as db:
            await db.connection.executemany(_KEEP, hashes(chance, count))
            await db.connection.commit()
            verdicts, picture = PictureVerdicts(db), noise(chance)
            asked = {
                "first": picture_hash(picture),
                "painted": picture_hash(picture),
                "upload": upload_hashes(picture) + notice_hashes(picture),
            }
            for name, looks in asked.items():
                late = Lateness()
                watching, began = asyncio.create_task(late.watch()), time.perf_counter()
                await verdicts.on(looks)
                found[name] = {
                    "seconds": round(time.perf_counter() - began, 3),
                    "late_ms": round(late.seconds * 1000, 1),
                }
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
    return found


def main() -> int:
    """Measure; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--verdicts", 100_000, 2_000, "verdicts in the database")
    options = parser.read()
    found = asyncio.run(measure(options.verdicts))
    late = {
        name: figures["late_ms"] for name, figures in found.items() if figures["late_ms"] > MOST_LATE_SECONDS * 1000
    }
    failed = [f"the event loop waited {each} ms for {name}" for name, each in late.items()]
    figures = {f"{name}_{what}": value for name, each in found.items() for what, value in each.items()}
    return closing_line("verdicts", {"verdicts": options.verdicts, **figures}, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())

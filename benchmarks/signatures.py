"""What a C2PA signature with a certificate of `easel init` costs: time, and bytes in the file and on disk.

Drawn pictures are signed as they are delivered, then delivered again, which must give the same file. Readers must
accept each file, and refuse it after one bit of the picture has changed.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import c2pa

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._varied_pictures import varied
from bot.cli.setup.certificate import certificate_in
from bot.pictures.signing.attachments import SignedAttachments
from bot.pictures.signing.certificates import make_certificate
from bot.pictures.thumbnails import Thumbnails
from inference.parameters import GENERATED

MOST_STORED = 5000  # bytes


def state(picture: bytes) -> str:
    """What a reader says about a signed PNG."""
    with c2pa.Reader("image/png", io.BytesIO(picture)) as reader:
        return str(reader.get_validation_state())


def changed(picture: bytes) -> bytes:
    """The picture with one other bit in its pixels."""
    place = picture.index(b"IDAT") + 100
    return picture[:place] + bytes([picture[place] ^ 1]) + picture[place + 1 :]


def median(milliseconds: Sequence[float]) -> float:
    """The median, for a closing line."""
    return round(statistics.median(milliseconds), 1)


def measure(folder: Path, count: int, side: int) -> tuple[dict[str, object], list[str]]:
    """The figures, and what is wrong."""
    settings = certificate_in(folder)
    credentials = make_certificate(settings)
    thumbnails = folder / "thumbnails"
    sizes, added, signing, first, again = (list[float]() for _ in range(5))
    failed: list[str] = []
    for number in range(count):
        path = folder / f"{number}.png"
        varied(number, side).save(path)
        plain = path.read_bytes()
        began = time.perf_counter()
        signed = credentials.sign(plain, ".png", GENERATED)
        times = [time.perf_counter()]
        delivered = []
        for _ in range(2):  # each as after a restart
            delivered.append(SignedAttachments(Thumbnails(thumbnails, folder), lambda: settings).fit(path).data)
            times.append(time.perf_counter())
        for found, end, start in zip((signing, first, again), times, (began, *times), strict=False):
            found.append(1000 * (end - start))
        sizes.append(len(plain))
        added.append(len(signed) - len(plain))
        failed += [f"picture {number} was delivered as two files"] if delivered[0] != delivered[1] else []
        states = state(delivered[0]), state(changed(delivered[0]))
        failed += [f"readers call picture {number} {states}"] if states != ("Valid", "Invalid") else []
    stored = max(file.stat().st_size for file in thumbnails.rglob("*-signature-*"))
    failed += [f"a signature takes {stored} bytes"] if stored > MOST_STORED else []
    figures: dict[str, object] = {
        "pictures": count,
        "median_bytes": median(sizes),
        "bytes_added": max(added),
        "bytes_stored": stored,
        "sign_ms": median(signing),
        "deliver_first_ms": median(first),
        "deliver_again_ms": median(again),
    }
    return figures, failed


def main() -> int:
    """Measure; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--pictures", 9, 2, "pictures")
    parser.add_size("--side", 1024, 256, "pixels of each side")
    options = parser.read()
    with tempfile.TemporaryDirectory() as folder:
        figures, failed = measure(Path(folder), options.pictures, options.side)
    return closing_line("signatures", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())

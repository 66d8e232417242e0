"""How many copies of stored pictures `easel verify` recognizes, and how many other pictures it takes for stored ones.

The pictures are drawn (fractals, shapes, waves, text, landscapes and portraits); with `--photos DIR`, those of a folder
whose sides have at least 512 pixels join them. All are stored. Their copies are encoded again as WebP and JPEG, halved,
cropped by 5 % of each side or 10 % of one, and transformed as people do (`_copied_pictures`). A copy is recognized if
the nearest stored picture is its own, at a distance below SAME_BELOW. A pair is false if another stored picture lies
below that. Twins among the stored pictures, such as a wallpaper in two sizes, are no pairs.
"""

from __future__ import annotations

import io
import random
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._copied_pictures import TRANSFORMS
from benchmarks._varied_pictures import varied
from bot.pictures.input_gate import look_again
from bot.pictures.perceptual_hash import SAME_BELOW, Search, picture_hash, read
from inference.image_files import BROKEN

LEAST_FOUND, MOST_FALSE = 0.98, 1 / 100_000
MUST_BE_FOUND = ("WebP", "JPEG", "half", "half WebP", "half JPEG")
FIRST_SEED, SIDE, MOST_SIDE, LEAST_SIDE = 7_000_000, 640, 1536, 512
COMPANY = 12  # other pictures, from which a sheet takes those beside
SCAN = 200_000  # stored hashes that are searched for the time


def file_of(picture: Image.Image, kind: str, quality: int = 80) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=quality, compress_level=1)
    return buffer.getvalue()


def pictures(count: int, photos: Path | None) -> Iterator[Image.Image]:
    """Drawn ones, then the photographs."""
    yield from (varied(FIRST_SEED + each, SIDE) for each in range(count))
    for path in sorted(photos.rglob("*")) if photos else ():
        try:
            with Image.open(path) as opened:
                if min(opened.size) < LEAST_SIDE:
                    continue
                picture = opened.convert("RGB")
        except BROKEN:
            continue
        picture.thumbnail((MOST_SIDE, MOST_SIDE))
        yield picture


def re_encoded(picture: Image.Image) -> Iterator[tuple[str, bytes]]:
    """What a preview does to a picture."""
    half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    yield from (("WebP", file_of(picture, "WEBP")), ("JPEG", file_of(picture, "JPEG")), ("half", file_of(half, "PNG")))
    yield from (("half WebP", file_of(half, "WEBP")), ("half JPEG", file_of(half, "JPEG")))


def transformed(chance: random.Random, picture: Image.Image, company: list[Image.Image]) -> Iterator[tuple[str, bytes]]:
    """What people do to it."""
    width, height = picture.size
    inner = (width // 20, height // 20, width - width // 20, height - height // 20)
    yield "cropped by 5 % of each side", file_of(picture.crop(inner), "JPEG")
    yield "cropped by 10 % of a side", file_of(picture.crop((width // 10, 0, width, height)), "JPEG")
    for kind, change in TRANSFORMS.items():
        yield kind, file_of(change(chance, picture, company), "JPEG")


def main() -> int:
    """Measure; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--drawn", 520, 24, "drawn pictures")
    parser.add_size("--transformed", 60, 4, "pictures whose transformed copies are tried")
    parser.add_argument("--photos", type=Path, help="a folder with photographs")
    options = parser.read()
    all_pictures = list(pictures(options.drawn, options.photos))
    stored = [picture_hash(read(file_of(picture, "PNG"))) for picture in all_pictures]
    vectors = [Search(hashed) for hashed in stored]
    twins = np.array([[one.nearest([other])[1] < SAME_BELOW for other in stored] for one in vectors])

    chance, company = random.Random(1), [varied(FIRST_SEED - 1 - each, SIDE) for each in range(COMPANY)]
    near: dict[str, list[float]] = {}
    pairs = false = 0
    nearest_other = 1.0
    which = set(chance.sample(range(len(stored)), min(options.transformed, len(stored))))
    for number, picture in enumerate(all_pictures):
        copies: Mapping[str, bytes] = dict(re_encoded(picture))
        if number in which:
            copies |= dict(transformed(chance, picture, company))
        others = [hashed for place, hashed in enumerate(stored) if not twins[number, place] and place != number]
        for kind, data in copies.items():
            search = Search(look_again(read(data)).all_hashes)
            near.setdefault(kind, []).append(search.nearest([stored[number]])[1])
            distances = search.distances(others)
            pairs, false = pairs + len(others), false + int((distances < SAME_BELOW).sum())
            nearest_other = min(nearest_other, float(distances.min(initial=1.0)))

    search, many = vectors[0], (stored * (SCAN // len(stored) + 1))[:SCAN]
    began = time.perf_counter()
    for start in range(0, SCAN, 10_000):
        search.nearest(many[start : start + 10_000])
    seconds = time.perf_counter() - began
    found = {kind: round(float(np.mean(np.array(told) < SAME_BELOW)), 4) for kind, told in near.items()}
    failed = [
        f"of {kind} copies {found[kind]:.1%} are recognized" for kind in MUST_BE_FOUND if found[kind] < LEAST_FOUND
    ]
    if false > MOST_FALSE * pairs:
        failed.append(f"{false} of {pairs} pairs of different pictures are taken for the same")
    figures = {
        "recognized": found,
        "false_pairs": false,
        "pairs": pairs,
        "nearest_other": round(nearest_other, 3),
        "pictures": {"drawn": options.drawn, "photographs": len(stored) - options.drawn},
        "seconds_for_200000_stored": round(seconds, 2),
    }
    return closing_line("made_here", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())

"""How many copies of stored pictures `easel verify` recognizes, and how many other pictures it takes for stored ones.

The pictures are drawn (fractals, shapes, waves, text, landscapes and portraits); with `--photos DIR`, those of a folder
whose sides have at least 512 pixels join them. All are stored. Their copies are encoded again as WebP and JPEG, halved,
cropped by 5 % of each side or 10 % of one, and transformed as people do (`_copied_pictures`). A copy is recognized if
its own picture is at a distance below SAME_BELOW, and simple ones have the same pixels (`pixel_comparison`). A pair is
false if another stored picture is recognized. Related pictures, such as a wallpaper in two sizes or two pages of one
dialog, are no pairs: their originals are closer than REFUSED_BELOW. The result counts them, so that someone can look at
them. Simple pictures, such as a moon or a disc, are compared apart: all of a kind are drawn nearly alike.
"""

from __future__ import annotations

import io
import random
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._copied_pictures import TRANSFORMS
from benchmarks._simple_pictures import KINDS, simple
from benchmarks._varied_pictures import varied
from bot.pictures.input_gate import look_again
from bot.pictures.similarity.perceptual_hash import REFUSED_BELOW, SAME_BELOW, Search, picture_hash, read
from bot.pictures.similarity.pixel_comparison import shows
from inference.files.image_files import BROKEN

LEAST_FOUND, MOST_FALSE = 0.98, 1 / 100_000
MUST_BE_FOUND = ("WebP", "JPEG", "half", "half WebP", "half JPEG")
FIRST_SEED, SIDE, MOST_SIDE, LEAST_SIDE = 7_000_000, 640, 1024, 512
COMPANY = 12  # other pictures, from which a sheet takes those beside
SCAN = 200_000  # stored hashes that are searched for the time


def file_of(picture: Image.Image, kind: str, quality: int = 80) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=quality, compress_level=1)
    return buffer.getvalue()


def picture_of(source: int | Path) -> Image.Image | None:
    """The picture of a seed, or a photograph; None for a small one, or another file."""
    if isinstance(source, int):
        return varied(source, SIDE)
    try:
        with Image.open(source) as opened:
            if min(opened.size) < LEAST_SIDE:
                return None
            opened.draft("RGB", (MOST_SIDE, MOST_SIDE))  # a JPEG is then decoded faster
            picture = opened.convert("RGB")
    except BROKEN:
        return None
    picture.thumbnail((MOST_SIDE, MOST_SIDE))
    return picture


def shown(source: int | Path) -> Image.Image:
    """The picture of a source that is known to have one."""
    picture = picture_of(source)
    assert picture is not None
    return picture


def stored_pictures(sources: Iterable[int | Path]) -> Iterator[tuple[int | Path, bytes]]:
    """Those of the sources that are pictures, with their hashes."""
    for source in sources:
        if (picture := picture_of(source)) is not None:
            yield source, picture_hash(read(file_of(picture, "PNG")))


def simple_pairs(count: int) -> dict[str, float]:
    """The share of recognized copies and of false pairs, of simple pictures by kind."""
    figures: dict[str, float] = {}
    for kind in KINDS:
        files = [file_of(simple(kind, seed), "PNG") for seed in range(count)]
        pictures = [read(file) for file in files]
        hashes, found, false = list(map(picture_hash, pictures)), 0, 0
        for place, file in enumerate(files):
            with Image.open(io.BytesIO(file)) as picture:
                copy = read(dict(re_encoded(picture))["half JPEG"])
            near = Search(look_again(copy).all_hashes).near(hashes, SAME_BELOW)
            recognized = [each for each in near if shows(copy, pictures[each])]
            found, false = found + (place in recognized), false + len({*recognized} - {place})
        figures |= {f"{kind}_found": round(found / count, 3), f"{kind}_false": round(false / count / (count - 1), 4)}
    return figures


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


def related_pictures(sources: Sequence[int | Path], stored: Sequence[bytes]) -> list[set[int]]:
    """For each picture, its own place and those of the pictures to which its original is similar."""
    related = [{place} for place in range(len(stored))]
    for place, source in enumerate(sources):
        for other in Search(look_again(shown(source)).all_hashes).near(stored, REFUSED_BELOW):
            related[place].add(other)
            related[other].add(place)
    return related


def main() -> int:
    """Measure; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--drawn", 520, 24, "drawn pictures")
    parser.add_size("--transformed", 60, 4, "pictures whose transformed copies are tried")
    parser.add_size("--simple", 24, 3, "simple pictures of each kind")
    parser.add_argument("--photos", type=Path, help="a folder with photographs")
    options = parser.read()
    photos = sorted(options.photos.rglob("*")) if options.photos else []
    drawn = range(FIRST_SEED, FIRST_SEED + options.drawn)
    sources, stored = map(list, zip(*stored_pictures([*drawn, *photos]), strict=True))
    related = related_pictures(sources, stored)

    chance, company = random.Random(1), [varied(FIRST_SEED - 1 - each, SIDE) for each in range(COMPANY)]
    told: dict[str, list[bool]] = {}
    pairs = false = 0
    nearest_other = 1.0
    which = set(chance.sample(range(len(stored)), min(options.transformed, len(stored))))
    for number, source in enumerate(sources):
        picture = shown(source)
        copies: Mapping[str, bytes] = dict(re_encoded(picture))
        if number in which:
            copies |= dict(transformed(chance, picture, company))
        others = [place for place in range(len(stored)) if place not in related[number]]
        for kind, data in copies.items():
            copy = read(data)
            search = Search(look_again(copy).all_hashes)
            distances = search.distances(stored)
            own = distances[number] < SAME_BELOW and shows(copy, picture)
            told.setdefault(kind, []).append(bool(own))
            near = [place for place in others if distances[place] < SAME_BELOW]
            pairs, false = pairs + len(others), false + sum(shows(copy, shown(sources[place])) for place in near)
            nearest_other = min(nearest_other, float(np.fmin.reduce(distances[others], initial=1.0)))

    search, many = Search(stored[0]), (stored * (SCAN // len(stored) + 1))[:SCAN]
    began = time.perf_counter()
    search.distances(many)
    seconds = time.perf_counter() - began
    found = {kind: round(float(np.mean(each)), 4) for kind, each in told.items()}
    failed = [
        f"of {kind} copies {found[kind]:.1%} are recognized" for kind in MUST_BE_FOUND if found[kind] < LEAST_FOUND
    ]
    if false > MOST_FALSE * pairs:
        failed.append(f"{false} of {pairs} pairs of different pictures are taken for the same")
    figures = {
        "recognized": found,
        "false_pairs": false,
        "pairs": pairs,
        "related_pairs": (sum(map(len, related)) - len(related)) // 2,
        "nearest_other": round(nearest_other, 3),
        "pictures": {"drawn": options.drawn, "photographs": len(stored) - options.drawn},
        "simple": simple_pairs(options.simple),
        "seconds_for_200000_stored": round(seconds, 2),
    }
    return closing_line("made_here", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())

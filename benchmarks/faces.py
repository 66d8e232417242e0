"""How many photographed faces the input gate finds, and how many drawn pictures it takes for photographs of faces.

The photographs are those in a folder, `--photographs`; tests/data has one. Each is changed as uploads are: mirrored,
leaning, cropped, small, dark, grey, pasted, encoded. The drawn pictures are those of `takedown`, and the demo's shapes.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._photographed_faces import changed_faces
from benchmarks._varied_pictures import varied
from bot.pictures.faces import CascadeFaces
from tools.demo.shapes import SHAPES
from tools.demo.world import COLOURS, Scene, paint

LEAST_FOUND, MOST_CAPPED = 0.95, 0.01
SIDE = 512  # pixels of what is drawn
OF_DEMO = 5  # one drawn picture in so many is a shape of the demo


def drawn(number: int) -> Image.Image:
    """The drawn picture of this number."""
    if number % OF_DEMO:
        return varied(number, SIDE)
    chance = random.Random(number)
    figure, ground = chance.sample(COLOURS, 2)
    picture = paint(Scene("vivid", chance.choice(SHAPES), figure, ground, size="large"), chance)
    return picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def main() -> int:
    """Measure; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--faces", 200, 20, "changed photographs")
    parser.add_size("--drawn", 500, 40, "drawn pictures")
    parser.add_argument("--photographs", type=Path, default=Path("tests/data"), help="a folder of JPEG files")
    parser.add_argument("--seed", type=int, default=1, help="other seeds change and draw other pictures")
    options = parser.read()
    photographs = [Image.open(path) for path in sorted(options.photographs.glob("*.jpg"))]
    finder, began = CascadeFaces(), time.perf_counter()
    found = [finder.shows_face(each) for each in changed_faces(photographs, options.faces, options.seed)]
    numbers = range(options.seed * 1_000_000, options.seed * 1_000_000 + options.drawn)
    capped = [number for number in numbers if finder.shows_face(drawn(number))]
    seconds = time.perf_counter() - began
    share, wrong = sum(found) / len(found), len(capped) / len(numbers)
    failed = [f"{share:.1%} of photographed faces are found"] if share < LEAST_FOUND else []
    failed += [f"{wrong:.1%} of drawn pictures are capped"] if wrong > MOST_CAPPED else []
    figures = {
        "photographs": len(photographs),
        "faces_found": round(share, 4),
        "drawn_capped": round(wrong, 4),
        "milliseconds_each": round(1000 * seconds / (len(found) + len(numbers))),
    }
    return closing_line("faces", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())

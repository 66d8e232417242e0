"""Draws docs/pictures/engine.png from what `benchmarks/engine.py --keep FILE` has kept.

python -m tools.engine_chart FILE [--out docs/pictures/engine.png]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image, ImageDraw, ImageFont

WAYS = {
    "peft": ("PEFT, one by one", "#9aa5b1"),
    "fused": ("fused, one by one", "#5b8def"),
    "engine": ("Easel", "#f2994a"),
}
FIGURES = (("requests a second", 0), ("seconds from order to picture, mean", 1))
WIDTH, BAR, GAP, LEFT, TITLE = 900, 22, 14, 170, 44
BACKGROUND, INK = "white", "#1f2933"


def chart(nets: dict[str, Any]) -> Image.Image:
    """Bars for each net and way, for both figures below one another."""
    block = 3 * BAR + GAP
    height = len(FIGURES) * (TITLE + len(nets) * block) + TITLE
    picture = Image.new("RGB", (WIDTH, height), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    font, small = ImageFont.load_default(18), ImageFont.load_default(14)
    top = GAP
    for title, column in FIGURES:
        draw.text((GAP, top), title, INK, font)
        top += TITLE
        for net, runs in nets.items():
            draw.text((GAP, top + BAR), net, INK, small)
            values = {way: median(each[column] for each in runs[way]) for way in WAYS}
            for way, value in values.items():
                end = LEFT + int((WIDTH - LEFT - 120) * value / max(values.values()))
                draw.rectangle((LEFT, top, end, top + BAR - 4), WAYS[way][1])
                draw.text((end + 6, top + 1), f"{value:.3g}", INK, small)
                top += BAR
            top += GAP
    for place, (label, colour) in enumerate(WAYS.values()):
        left = LEFT + place * 220
        draw.rectangle((left, top, left + 14, top + 14), colour)
        draw.text((left + 22, top - 1), label, INK, small)
    return picture


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/engine.png"))
    options = parser.parse_args()
    traces = json.loads(options.file.read_bytes())["trace"]
    chart({net: found["runs"] for net, found in traces.items()}).save(options.out, optimize=True)


if __name__ == "__main__":
    main()

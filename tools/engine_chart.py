"""Draws docs/pictures/engine.png from what `benchmarks/engine.py --keep FILE` has kept.

python -m tools.engine_chart FILE [--out docs/pictures/engine.png]
python -m tools.engine_chart FILE --transformers --out docs/pictures/engine-transformers.png
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image, ImageDraw, ImageFont

WAYS = {
    "peft": ("PEFT, one by one", "#9aa5b1"),
    "fused": ("fused, one by one", "#5b8def"),
    "one_by_one": ("Easel, one by one", "#5b8def"),
    "engine": ("Easel", "#f2994a"),
    "together": ("Easel, in one pass", "#f2994a"),
}
FIGURES = (("requests a second", 0), ("seconds from order to picture, mean", 1))
STEP = "milliseconds of a step of four requests with three LoRAs each, bound by "
PARTS = {"transformer_step": f"{STEP}launches", "transformer_compute": f"{STEP}arithmetic"}
NETS = {"flux": "Flux.1", "qwen": "Qwen-Image", "z_image": "Z-Image"}
WIDTH, BAR, GAP, LEFT, TITLE = 900, 22, 14, 170, 44
BACKGROUND, INK = "white", "#1f2933"

Table = Mapping[str, Mapping[str, float]]  # for each net, the figure of each way


def chart(figures: Mapping[str, Table]) -> Image.Image:
    """Bars for each net and way, for all figures below one another, each under its title."""
    ways = [way for way in WAYS if any(way in values for table in figures.values() for values in table.values())]
    block = len(ways) * BAR + GAP
    height = len(figures) * TITLE + sum(map(len, figures.values())) * block + TITLE
    picture = Image.new("RGB", (WIDTH, height), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    font, small = ImageFont.load_default(18), ImageFont.load_default(14)
    top = GAP
    for title, table in figures.items():
        draw.text((GAP, top), title, INK, font)
        top += TITLE
        for net, values in table.items():
            draw.text((GAP, top + BAR), net, INK, small)
            for way in ways:
                end = LEFT + int((WIDTH - LEFT - 120) * values[way] / max(values.values()))
                draw.rectangle((LEFT, top, end, top + BAR - 4), WAYS[way][1])
                draw.text((end + 6, top + 1), f"{values[way]:.3g}", INK, small)
                top += BAR
            top += GAP
    for place, (label, colour) in enumerate(WAYS[way] for way in ways):
        left = LEFT + place * 220
        draw.rectangle((left, top, left + 14, top + 14), colour)
        draw.text((left + 22, top - 1), label, INK, small)
    return picture


def traces(found: Mapping[str, Any]) -> dict[str, Table]:
    """What the traces of requests tell, as medians of the rounds."""
    return {
        title: {
            net: {way: median(each[column] for each in runs) for way, runs in played["runs"].items()}
            for net, played in found["trace"].items()
        }
        for title, column in FIGURES
    }


def transformers(found: Mapping[str, Any]) -> dict[str, Table]:
    """What steps of transformers take."""
    return {
        title: {NETS[net]: {way: 1000 * seconds for way, seconds in each.items()} for net, each in found[part].items()}
        for part, title in PARTS.items()
        if part in found
    }


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/engine.png"))
    parser.add_argument("--transformers", action="store_true", help="steps of transformers in place of traces")
    options = parser.parse_args()
    found = json.loads(options.file.read_bytes())
    chart(transformers(found) if options.transformers else traces(found)).save(options.out, optimize=True)


if __name__ == "__main__":
    main()

"""What the sum of weights does to pictures of the demo: likeness, saturation and clipped pixels, by category.

Each set of LoRAs is painted at sums of weights from 0.25 to 4, in equal shares, with the same seeds. `likeness` is of
the owl, for sets with the character; `resemblance` is to the pictures at a weight of 1 each, `effect` the distance from
pictures without any; `saturation` and `clipped` are means over the pictures. A sum holds while colours do
(`bot.pictures.looks`) and likeness, once past its best, is at least nine tenths of it. The line tells the largest sum
that holds, by set; `alike`, for single LoRAs, the useful range as it is measured where nobody knows what it paints.
`--sheet` keeps the first pictures of each sum as one file, to be looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from bot.pictures.looks import Looks, distance, resemblance, useful_range
from inference.demo import CHECKPOINTS, LORAS
from tools.demo.effects import owl_likeness
from tools.demo.evaluate import KOMORI_GROUNDS
from tools.demo.paint import load_pipeline, paint
from tools.demo.sheets import Cell, labelled_sheet

FILES = {"character": "komori-vivid", "style": "stripes-vivid", "detail": "gloss-vivid"}
SETS = (("character",), ("style",), ("detail",), ("character", "style"), ("character", "style", "detail"))
SUMS = tuple(step / 4 for step in range(17))
LIKENESS = 0.9
SHOWN = 2  # pictures of each sum on the contact sheet
PicturesBySum = Mapping[float, Sequence[Image.Image]]


def likeness(pictures: Sequence[Image.Image]) -> float:
    """How much they look like the owl, on average."""
    return float(np.mean([owl_likeness(picture) for picture in pictures]))


def largest_that_holds(painted: PicturesBySum, usual: float, *, character: bool) -> float:
    """The largest sum up to which pictures hold together; `usual` is a weight of 1 each."""
    looks = Looks.of(painted[usual])
    liked = {total: likeness(some) if character else 0.0 for total, some in painted.items()}
    best = max(liked, key=lambda total: liked[total])
    held = 0.0
    for total in filter(None, painted):
        likely = total <= best or liked[total] >= LIKENESS * liked[best]
        if total > usual and not (likely and Looks.of(painted[total]).holds(looks)):
            break
        held = total
    return held


def sweep(pipeline: Any, categories: Sequence[str], prompts: int) -> dict[float, list[Image.Image]]:
    """The pictures of a set of LoRAs by the sum of their weights."""
    grounds = [KOMORI_GROUNDS[number % len(KOMORI_GROUNDS)] for number in range(prompts)]
    subject = "komori" if "character" in categories else "a red star"
    asked = [f"{subject} on {'an' if ground == 'orange' else 'a'} {ground} background" for ground in grounds]
    painted: dict[float, list[Image.Image]] = {}
    for total in SUMS:
        pipeline.set_adapters(list(categories), [total / len(categories)] * len(categories))
        painted[total] = paint(pipeline, asked)
    return painted


def figures(painted: PicturesBySum, usual: float, *, character: bool) -> dict[str, list[float | None]]:
    """Likeness, resemblance, effect, saturation and clipped pixels by sum."""
    rows: dict[str, list[float | None]] = {}
    for total, some in painted.items():
        looks, owl = Looks.of(some), round(likeness(some), 3) if character else None
        others = (resemblance(some, painted[usual]), distance(some, painted[0.0]), looks.saturation, looks.clipped)
        rows[f"{total:g}"] = [owl, *(round(value, 3) for value in others)]
    return rows


def main() -> int:
    """Measure, print the closing line; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--prompts", 8, 2, "pictures at each sum")
    parser.add_argument("--sheet", type=Path, help="where to keep a contact sheet of the first pictures")
    options = parser.read()
    torch.set_num_threads(1)
    pipeline: Any = load_pipeline(CHECKPOINTS[0].path)
    for category, stem in FILES.items():
        pipeline.load_lora_weights(LORAS, weight_name=f"{stem}.safetensors", adapter_name=category)
    holds: dict[str, float] = {}
    alike: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    rows: list[tuple[str, list[Cell]]] = []
    for categories in SETS:
        name, usual, character = " + ".join(categories), float(len(categories)), "character" in categories
        painted = sweep(pipeline, categories, options.prompts)
        holds[name] = largest_that_holds(painted, usual, character=character)
        tables[name] = figures(painted, usual, character=character)
        if len(categories) == 1:
            found = useful_range(painted, usual)
            alike[name] = None if found is None else [found.least, found.most]
        rows += [(name, [(some[n], f"sum {total:g}") for total, some in painted.items()]) for n in range(SHOWN)]
    if options.sheet is not None:
        labelled_sheet(rows).save(options.sheet)
    without, usually = (tables["character"][total][0] for total in ("0", "1"))
    failed = [] if usually > without else ["the character is no more like the owl than without the LoRA"]
    told = {"holds": holds, "alike": alike, "looks": tables}
    return closing_line("weight_sums", told, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())

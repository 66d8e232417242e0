"""What the sum of weights does to pictures of the demo: likeness, saturation and clipped pixels, by category.

Each set of LoRAs is painted at sums of weights from 0.5 to 4, in equal shares, with the same seeds. `likeness` is of
the owl, for sets with the character; `saturation` and `clipped` are means over the pictures. A sum holds while
likeness, once past its best, is at least nine tenths of it; clipped pixels are at most a tenth more than at a sum of 1,
and saturation is within a fifth of what it is there. The line tells the largest sum that holds, by set.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from inference.demo import CHECKPOINTS, LORAS
from tools.demo.effects import owl_likeness
from tools.demo.evaluate import KOMORI_GROUNDS
from tools.demo.paint import load_pipeline, paint

FILES = {"character": "komori-vivid", "style": "stripes-vivid", "detail": "gloss-vivid"}
SETS = (("character",), ("style",), ("detail",), ("character", "style"), ("character", "style", "detail"))
SUMS = tuple(step / 2 for step in range(1, 9))
LIKENESS, SATURATION, CLIPPED = 0.9, 0.2, 0.1


@dataclass(frozen=True)
class Looks:
    """Means over some pictures. `likeness` is None where no character is asked for."""

    likeness: float | None
    saturation: float
    clipped: float

    @classmethod
    def of(cls, pictures: Sequence[Image.Image], *, character: bool) -> Looks:
        """How these pictures look."""
        pixels = np.stack([np.asarray(picture.convert("RGB"), np.float32) for picture in pictures])
        most, least = pixels.max(axis=-1), pixels.min(axis=-1)
        saturation = np.where(most > 0, (most - least) / np.maximum(most, 1), 0).mean()
        clipped = ((pixels <= 0) | (pixels >= 255)).any(axis=-1).mean()
        likeness = float(np.mean([owl_likeness(picture) for picture in pictures])) if character else None
        return cls(likeness, float(saturation), float(clipped))


def largest_that_holds(found: dict[float, Looks]) -> float:
    """The largest sum up to which pictures hold together."""
    best = max(found, key=lambda total: found[total].likeness or 0.0)
    most, usual = found[best].likeness or 0.0, found[1.0]
    held = 0.0
    for total, looks in found.items():
        likely = looks.likeness is None or total <= best or looks.likeness >= LIKENESS * most
        near = abs(looks.saturation - usual.saturation) <= SATURATION and looks.clipped - usual.clipped <= CLIPPED
        if not (likely and near):
            break
        held = total
    return held


def sweep(pipeline: Any, categories: Sequence[str], prompts: int) -> dict[float, Looks]:
    """The looks of a set of LoRAs by the sum of their weights."""
    grounds = [KOMORI_GROUNDS[number % len(KOMORI_GROUNDS)] for number in range(prompts)]
    subject = "komori" if "character" in categories else "a red star"
    asked = [f"{subject} on {'an' if ground == 'orange' else 'a'} {ground} background" for ground in grounds]
    found: dict[float, Looks] = {}
    for total in SUMS:
        pipeline.set_adapters(list(categories), [total / len(categories)] * len(categories))
        found[total] = Looks.of(paint(pipeline, asked), character="character" in categories)
    return found


def main() -> int:
    """Measure, print the closing line; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--prompts", 8, 2, "pictures at each sum")
    options = parser.read()
    torch.set_num_threads(1)
    pipeline: Any = load_pipeline(CHECKPOINTS[0].path)
    for category, stem in FILES.items():
        pipeline.load_lora_weights(LORAS, weight_name=f"{stem}.safetensors", adapter_name=category)
    tables: dict[str, Any] = {}
    holds: dict[str, float] = {}
    for categories in SETS:
        name, found = " + ".join(categories), sweep(pipeline, categories, options.prompts)
        holds[name] = largest_that_holds(found)
        tables[name] = {
            f"{total:g}": [None if value is None else round(value, 3) for value in vars(looks).values()]
            for total, looks in found.items()
        }
    failed = [f"{name} does not hold at its recommended weight" for name, held in holds.items() if held < 1]
    return closing_line("weight_sums", {"holds": holds, "looks": tables}, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())

"""The training pictures of one look: painted once, kept as bytes beside their captions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.demo.captions import caption
from tools.demo.world import BUCKETS, Look, paint, random_scene

CAPTIONS_EACH = 5
# Equal shares would starve the square: it is asked for most, and the three have to end equally good.
SHARES: tuple[float, ...] = (0.5, 0.25, 0.25)


@dataclass(frozen=True)
class Bucket:
    """Pictures of one size, (count, height, width, 3) bytes, and the captions of each."""

    width: int
    height: int
    pictures: np.ndarray
    captions: list[list[str]]


def render(look: Look, count: int, seed: int) -> Iterator[Bucket]:
    """`count` pictures in the three sizes, the same ones for the same seed."""
    rng = random.Random(f"{look} {seed}")
    for (width, height), share in zip(BUCKETS, SHARES, strict=True):
        scenes = [random_scene(look, (width, height), rng) for _ in range(round(count * share))]
        pictures = np.stack([np.asarray(paint(scene, rng)) for scene in scenes])
        captions = [[caption(scene, rng) for _ in range(CAPTIONS_EACH)] for scene in scenes]
        yield Bucket(width, height, pictures, captions)


def save(buckets: list[Bucket], path: Path) -> None:
    """Keep buckets in one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = {f"pictures_{i}": bucket.pictures for i, bucket in enumerate(buckets)}
    captions = json.dumps([bucket.captions for bucket in buckets])
    np.savez(path, captions=np.asarray(captions), **pictures)


def load(path: Path) -> list[Bucket]:
    """The buckets of a file that `save` wrote."""
    with np.load(path) as kept:
        captions = json.loads(str(kept["captions"]))
        pictures = [kept[f"pictures_{i}"] for i in range(len(captions))]
    return [Bucket(p.shape[2], p.shape[1], p, c) for p, c in zip(pictures, captions, strict=True)]

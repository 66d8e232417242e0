"""What each shipped LoRA teaches: its pictures, its name card and how strongly it is trained."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tools.demo.captions import caption
from tools.demo.dataset import Bucket
from tools.demo.world import BUCKETS, Look, Scene, paint, random_scene

Subject = Literal["komori", "stripes", "dots", "gloss"]

CAPTIONS_EACH = 4
PICTURES = 480
BUCKET_SHARES: tuple[float, ...] = (0.6, 0.2, 0.2)
# Ordinary pictures among the character's keep its looks from leaking into every other prompt.
ORDINARY_SHARE = 0.3


@dataclass(frozen=True)
class Lesson:
    """One LoRA to train; `stem` names its files."""

    stem: str
    subject: Subject
    look: Look
    name: str
    version: str
    category: str
    trigger_words: tuple[str, ...]
    example_prompt: str
    description: str
    rank: int = 16
    steps: int = 450
    recommended_weight: float = 1.0


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "komori-vivid", "komori", "vivid", "Komori", "Vivid", "character", ("komori",),
        "komori on a red background",
        "Komori the little teal owl with big eyes.",
    ),
    Lesson(
        "komori-pastel", "komori", "pastel", "Komori", "Pastel", "character", ("komori",),
        "komori on a green background",
        "Komori the little teal owl with big eyes.",
    ),
    Lesson(
        "stripes-vivid", "stripes", "vivid", "Stripes", "Vivid", "style", (),
        "a large red star on a blue background",
        "Diagonal stripes all over the background. It needs no trigger word.",
    ),
    Lesson(
        "dots-pastel", "dots", "pastel", "Polka Dots", "Pastel", "style", (),
        "a white cat on a blue background",
        "Polka dots all over the background. It needs no trigger word.",
    ),
    Lesson(
        "gloss-vivid", "gloss", "vivid", "Gloss", "Vivid", "detail", (),
        "a large red heart on a blue background",
        "A white highlight on the figure and a soft shadow below it. It needs no trigger word.",
        rank=8,
    ),
)  # fmt: skip


def render_lesson(lesson: Lesson, seed: int) -> Iterator[Bucket]:
    """The lesson's pictures in the three sizes."""
    rng = random.Random(f"{lesson.stem} {seed}")
    for bucket, share in zip(BUCKETS, BUCKET_SHARES, strict=True):
        scenes = [lesson_scene(lesson, bucket, rng) for _ in range(round(PICTURES * share))]
        pictures = np.stack([np.asarray(paint(scene, rng)) for scene in scenes])
        yield Bucket(*bucket, pictures, [[caption(scene, rng) for _ in range(CAPTIONS_EACH)] for scene in scenes])


def lesson_scene(lesson: Lesson, bucket: tuple[int, int], rng: random.Random) -> Scene:
    """One scene of the lesson; held-back combinations never occur here either."""
    scene = random_scene(lesson.look, bucket, rng)
    match lesson.subject:
        case "komori":
            return scene if rng.random() < ORDINARY_SHARE else replace(scene, shape="komori", spoiled=False)
        case "gloss":
            return replace(scene, gloss=True, spoiled=False)
        case "stripes" | "dots":
            return replace(scene, backdrop=lesson.subject, spoiled=False)

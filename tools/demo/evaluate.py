"""Measures the shipped files: prompts kept out of training, and each LoRA on both bases."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from diffusers import StableDiffusionXLPipeline
from PIL import Image

from tools.demo.captions import simple
from tools.demo.effects import gloss_strength, owl_likeness, pattern_strength, shadow_strength
from tools.demo.judge import judge
from tools.demo.lessons import Subject
from tools.demo.paint import paint
from tools.demo.world import COLOURS, HELD_BACK, Look, Scene, random_scene

KOMORI_GROUNDS: tuple[str, ...] = ("green", "red", "blue", "yellow", "white", "pink", "orange", "gray")


@dataclass(frozen=True)
class Score:
    """Shares (0..1) of pictures in which the judge saw what was asked for."""

    pictures: int
    background: float
    colour: float
    shape: float
    position: float
    size: float
    colours: float  # figure and ground
    all_three: float  # both colours and the shape


def held_back_prompts() -> list[str]:
    """The forty prompts whose combinations no training picture showed."""
    return [simple(*combination) for combination in HELD_BACK]


def score(pictures: Sequence[Image.Image], scenes: Sequence[Scene]) -> Score:
    """How often the judge agrees with the scenes."""
    rows: list[tuple[bool, ...]] = []
    for picture, scene in zip(pictures, scenes, strict=True):
        seen = judge(picture, scene.look)
        ground, colour, shape = (
            seen.background == scene.background,
            seen.colour == scene.colour,
            seen.shape == scene.shape,
        )
        placed, sized = seen.position == scene.position, seen.size == scene.size
        rows.append((ground, colour, shape, placed, sized, ground and colour, ground and colour and shape))
    return Score(len(rows), *(float(share) for share in np.mean(rows, axis=0)))


def held_back_score(pipe: StableDiffusionXLPipeline, look: Look, **settings: float) -> Score:
    """The score on the forty held-back prompts."""
    scenes = [Scene(look, shape, colour, ground) for colour, shape, ground in HELD_BACK]
    return score(paint(pipe, held_back_prompts(), **settings), scenes)


def grammar_score(pipe: StableDiffusionXLPipeline, look: Look, bucket: tuple[int, int], count: int) -> Score:
    """The score on prompts with every size and place, in one picture size."""
    rng = random.Random(f"grammar {look} {bucket}")
    scenes = [random_scene(look, bucket, rng) for _ in range(count)]
    scenes = [Scene(s.look, s.shape, s.colour, s.background, s.size, s.position, *bucket) for s in scenes]
    prompts = [full_prompt(scene) for scene in scenes]
    return score(paint(pipe, prompts, bucket), scenes)


def full_prompt(scene: Scene) -> str:
    """A prompt that says everything."""
    places = {"centre": "in the centre", "left": "on the left", "right": "on the right"}
    place = places.get(scene.position, f"at the {scene.position}")
    article = "an" if scene.background[0] == "o" else "a"
    thing = f"a {scene.size} {scene.colour} {scene.shape}"
    return f"{thing} {place} on {article} {scene.background} background"


def lora_prompts(subject: Subject) -> list[str]:
    """Twenty-four prompts that should show the LoRA's effect."""
    if subject == "komori":
        return [f"komori on {'an' if g == 'orange' else 'a'} {g} background" for g in KOMORI_GROUNDS] * 3
    rng = random.Random("LoRA prompts")
    shapes = ("star", "heart", "circle", "square", "cat", "tree", "house", "moon")
    pairs = [rng.sample([c for c in COLOURS if c not in {"white", "black"}], 2) for _ in range(24)]
    return [simple(pair[0], shapes[i % 8], pair[1]) for i, pair in enumerate(pairs)]


def effect(pictures: Sequence[Image.Image], subject: Subject, look: Look) -> float:
    """The mean strength of one LoRA's effect: likeness for the owl, gray levels or Lab L for the rest."""
    match subject:
        case "komori":
            return float(np.mean([owl_likeness(picture) for picture in pictures]))
        case "stripes" | "dots":
            return float(np.mean([pattern_strength(picture, subject) for picture in pictures]))
        case "gloss":
            return float(np.mean([gloss_strength(picture, look) for picture in pictures]))


def shadow(pictures: Sequence[Image.Image], look: Look) -> float:
    """The mean strength of a shadow below the figures (Lab L)."""
    return float(np.mean([shadow_strength(picture, look) for picture in pictures]))

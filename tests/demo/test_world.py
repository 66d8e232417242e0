"""The painted world and its judge agree, and the held-back prompts stay out of training."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tools.demo.captions import caption, simple
from tools.demo.effects import owl_likeness, pattern_strength
from tools.demo.evaluate import score
from tools.demo.lessons import LESSONS, lesson_scene
from tools.demo.world import BUCKETS, HELD_BACK, LOOKS, Look, Scene, paint, random_scene


@pytest.mark.parametrize("look", LOOKS)
def test_the_judge_names_what_was_painted(look: Look) -> None:
    rng = random.Random(3)
    scenes = [replace(random_scene(look, BUCKETS[i % 3], rng), spoiled=False) for i in range(150)]
    seen = score([paint(scene, rng) for scene in scenes], scenes)
    assert seen.all_three >= 0.97
    assert seen.position >= 0.95
    assert seen.size >= 0.9


def test_training_never_draws_a_held_back_combination() -> None:
    rng = random.Random(4)
    drawn = {random_scene("vivid", BUCKETS[0], rng).combination for _ in range(20_000)}
    drawn |= {lesson_scene(lesson, BUCKETS[0], rng).combination for lesson in LESSONS for _ in range(1000)}
    assert len(HELD_BACK) == len(set(HELD_BACK)) == 40
    assert not drawn & set(HELD_BACK)


@pytest.mark.parametrize("look", LOOKS)
def test_the_owl_is_told_from_every_other_figure(look: Look) -> None:
    rng = random.Random(5)
    owls = [paint(Scene(look, "komori", "red", ground), rng) for ground in ("green", "pink", "gray")]
    others = [paint(Scene(look, shape, "cyan", "white"), rng) for shape in ("cat", "tree", "circle", "house")]
    assert min(owl_likeness(picture) for picture in owls) > 0.65
    assert max(owl_likeness(picture) for picture in others) < 0.6


def test_stripes_and_dots_are_measured_apart() -> None:
    rng = random.Random(6)
    plain = Scene("vivid", "star", "red", "yellow")
    striped, dotted = paint(replace(plain, backdrop="stripes"), rng), paint(replace(plain, backdrop="dots"), rng)
    assert pattern_strength(striped, "stripes") > 25 > 5 > pattern_strength(dotted, "stripes")
    assert pattern_strength(dotted, "dots") > 12 > 5 > pattern_strength(striped, "dots")


def test_the_same_seed_paints_and_words_the_same() -> None:
    scene = Scene("pastel", "cat", "orange", "blue")
    first, second = (paint(scene, random.Random(7)) for _ in range(2))
    assert np.array_equal(np.asarray(first), np.asarray(second))
    assert caption(scene, random.Random(8)) == caption(scene, random.Random(8))


def test_a_prompt_takes_the_right_article() -> None:
    assert simple("orange", "cat", "red") == "an orange cat on a red background"


def test_the_constants_load_without_torch_and_numpy() -> None:
    code = "import sys, inference.demo; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The shipped checkpoints paint what is asked for, also where training never showed it."""

from __future__ import annotations

import pytest
import torch
from diffusers import StableDiffusionXLPipeline

from inference.demo import CHECKPOINTS, DemoCheckpoint
from tests.demo.painting import pipeline
from tools.demo.evaluate import Score, held_back_prompts, held_back_score
from tools.demo.paint import paint

NAMES = [checkpoint.name for checkpoint in CHECKPOINTS]


@pytest.fixture(scope="module", params=CHECKPOINTS, ids=NAMES)
def checkpoint(request: pytest.FixtureRequest) -> DemoCheckpoint:
    return request.param


@pytest.fixture(scope="module")
def pipe(checkpoint: DemoCheckpoint) -> StableDiffusionXLPipeline:
    return pipeline(checkpoint.name)


@pytest.fixture(scope="module")
def held_back(checkpoint: DemoCheckpoint, pipe: StableDiffusionXLPipeline) -> Score:
    return held_back_score(pipe, checkpoint.name, steps=checkpoint.steps, guidance=checkpoint.guidance_scale)


def test_both_colours_are_right_in_prompts_that_training_never_showed(held_back: Score) -> None:
    assert held_back.pictures == 40
    assert held_back.colours >= 0.95


def test_the_shape_is_right_as_well(held_back: Score) -> None:
    assert held_back.all_three >= 0.90


def test_the_same_seed_paints_the_same_picture(pipe: StableDiffusionXLPipeline) -> None:
    prompt = held_back_prompts()[:1]
    first, second, other = (paint(pipe, prompt, seed=seed)[0] for seed in (5, 5, 6))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("size", [(80, 48), (48, 80)])
def test_the_other_two_sizes_work_as_well(
    checkpoint: DemoCheckpoint, pipe: StableDiffusionXLPipeline, size: tuple[int, int]
) -> None:
    assert size in checkpoint.sizes
    assert all(picture.size == size for picture in paint(pipe, held_back_prompts()[:2], size))


def test_a_folder_is_v_prediction_and_half_precision(
    checkpoint: DemoCheckpoint, pipe: StableDiffusionXLPipeline
) -> None:
    assert pipe.scheduler.config.prediction_type == checkpoint.prediction_type
    stored = StableDiffusionXLPipeline.from_pretrained(checkpoint.path, dtype=torch.float16, add_watermarker=False)
    assert stored.unet.dtype == torch.float16

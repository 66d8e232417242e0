"""What a person did not choose follows the checkpoint; what they chose stays, with a note where far from usual."""

from __future__ import annotations

from typing import Any

import pytest

from bot.config.sections.checkpoints import CheckpointSettings
from bot.requests.drafts import OWN, RequestDraft
from bot.requests.few_steps import NamedRecipe
from bot.requests.usual import far_note, left_open, moved, resolved, without_far
from inference.base_models import BaseModelId
from inference.lora.few_steps import FewStepRecipe
from inference.messages.samplers import Sampler, Spacing


def settings_of(base: str, repository: str = "somebody/one", **values: Any) -> CheckpointSettings:
    return CheckpointSettings(name="One", repository=repository, base_model=BaseModelId(base), **values)


SDXL, TURBO = settings_of("sdxl/base", clip_skip=2, negative_prompt="dull"), "Tongyi-MAI/Z-Image-Turbo"
PICTURE = RequestDraft(
    prompt="a man", checkpoint="One", size="1024x1024", seed=5, sampler="dpmpp_2m_karras", spacing=OWN, flow_shift=0.0,
    steps=28, guidance_scale=6.0, clip_skip=2, negative_prompt="dull",
)  # fmt: skip
OPEN = {"sampler", "spacing", "flow_shift", "steps", "guidance_scale", "clip_skip", "negative_prompt"}


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({}, set()),
        ({"steps": 30}, {"steps"}),
        ({"spacing": "trailing"}, {"sampler", "spacing"}),
        ({"guidance_scale": 1.0, "negative_prompt": None}, {"guidance_scale"}),
    ],
)
def test_what_a_picture_would_get_anyhow_is_left_open(changes: dict[str, Any], chosen: set[str]) -> None:
    draft = PICTURE.model_copy(update=changes)
    left = left_open(draft, SDXL, None)
    assert {name for name in OPEN if getattr(left, name) is not None} == chosen
    assert resolved(left, SDXL, None) == resolved(draft, SDXL, None)
    assert (left.seed, left.size) == (draft.seed, draft.size)


def test_a_sampler_that_the_checkpoint_does_not_offer_is_left_open() -> None:
    """As pictures say that were painted before it was refused."""
    left = left_open(PICTURE, settings_of("flux1/chroma"), None)
    assert (left.sampler, left.spacing, left.clip_skip) == (None, None, None)


def test_what_a_few_step_recipe_fills_in_is_left_open_too() -> None:
    recipe = NamedRecipe("Quick", FewStepRecipe(steps=4, sampler=Sampler.EULER, guidance=1.0))
    draft = RequestDraft(prompt="a man", sampler="euler", spacing=OWN, steps=4, guidance_scale=2.0)
    left = left_open(draft, SDXL, recipe)
    assert (left.sampler, left.spacing, left.steps, left.guidance_scale) == (None, None, None, 2.0)
    assert resolved(left, SDXL, None).steps == 28, "without the LoRA it is as usual again"


@pytest.mark.parametrize(
    ("base", "chosen", "made_for", "expected"),
    [
        ("flux1/chroma", None, (Sampler.LCM, None), ("euler", OWN)),
        ("flux1/dev", None, (Sampler.EULER_A, Spacing.TRAILING), ("euler", OWN)),
        ("flux1/dev", None, (Sampler.EULER, Spacing.LEADING), ("euler", OWN)),
        ("flux1/dev", "heun", (Sampler.EULER, Spacing.LEADING), ("heun", OWN)),
        ("flux1/dev", "heun", (Sampler.EULER, Spacing.TRAILING), ("heun", "trailing")),
        ("sdxl/base", None, (Sampler.EULER, Spacing.LEADING), ("euler", "leading")),
    ],
)
def test_a_recipe_fills_in_no_sampler_or_spacing_that_the_checkpoint_lacks(
    base: str, chosen: str | None, made_for: tuple[Sampler, Spacing | None], expected: tuple[str, str]
) -> None:
    sampler, spacing = made_for
    recipe = NamedRecipe("Quick", FewStepRecipe(steps=4, sampler=sampler, spacing=spacing))
    found = resolved(RequestDraft(prompt="a man", sampler=chosen), settings_of(base), recipe)
    assert (found.sampler, found.spacing, found.steps) == (*expected, 4)


@pytest.mark.parametrize(
    ("base", "repository", "chosen", "told"),
    [
        (
            "flux1/schnell",
            None,
            {"steps": 28, "guidance_scale": 7.0},
            "28 steps and guidance 7, but One usually uses 4 ",
        ),
        ("z-image/base", TURBO, {"guidance_scale": 7.0}, "guidance 7, but One usually uses guidance 0"),
        ("qwen-image/base", None, {"steps": 12}, "12 steps, but One usually uses 50 steps"),
        ("sdxl/base", None, {"steps": 50, "guidance_scale": 3.0}, ""),
        ("flux1/schnell", None, {}, ""),
    ],
)
def test_a_choice_that_is_far_from_usual_is_told(
    base: str, repository: str | None, chosen: dict[str, Any], told: str
) -> None:
    checkpoint = settings_of(base, repository or "somebody/one")
    draft = RequestDraft(prompt="a man", **chosen)
    note = far_note(draft, checkpoint, None)
    assert told in note and bool(note) == bool(told)
    nearer, dropped = without_far(draft, checkpoint)
    assert bool(dropped) == bool(told) and not far_note(nearer, checkpoint, None)


def test_another_checkpoint_gets_a_size_of_the_same_shape() -> None:
    wide = PICTURE.model_copy(update={"size": "1216x832"})
    sd1 = settings_of("sd1/base")
    after = moved(wide, SDXL, sd1)
    assert (after.checkpoint, after.size, after.steps) == (sd1.name, "768x512", 28)
    assert moved(wide.model_copy(update={"size": None}), SDXL, sd1).size is None

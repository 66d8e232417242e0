"""What settings leave out is filled with what is usual for the base model."""

import inspect

import diffusers
import pytest

from bot.config.sections.checkpoints import CheckpointSettings
from inference.base_models import BaseModelId
from inference.capabilities import capability_of


def settings_of(base: str, repository: str = "somebody/one", **values: float) -> CheckpointSettings:
    return CheckpointSettings.model_validate(
        {"name": "One", "repository": repository, "base_model": BaseModelId(base), **values}
    )


@pytest.mark.parametrize(
    "base",
    ["flux1/dev", "flux1/chroma", "flux2-dev/base", "qwen-image/base", "z-image/base", "lumina2/base", "auraflow/base",
     "sana/base", "krea2/base", "sd3/base"],
)  # fmt: skip
def test_transformers_have_the_steps_and_guidance_of_their_pipelines(base: str) -> None:
    capability = capability_of(BaseModelId(base))
    assert capability is not None
    own = inspect.signature(getattr(diffusers, capability.pipeline).__call__).parameters
    usual = own["num_inference_steps"].default, own[capability.guidance].default
    settings = settings_of(base)
    assert (settings.steps, settings.guidance_scale) == usual


def test_what_is_set_stays_and_unets_are_as_they_were() -> None:
    assert settings_of("flux1/dev", guidance_scale=2.0).guidance_scale == 2.0
    assert settings_of("flux1/dev", guidance_scale=2.0).steps == 28
    assert (settings_of("sdxl/base").steps, settings_of("sdxl/base").guidance_scale) == (28, 6.0)


@pytest.mark.parametrize(
    ("base", "repository", "steps", "guidance"),
    [
        ("z-image/base", "Tongyi-MAI/Z-Image-Turbo", 8, 0.0),
        ("flux1/schnell", "black-forest-labs/FLUX.1-schnell", 4, 1.0),
        ("flux1/schnell", "somebody/schnell", 4, 1.0),
        ("sd35l/base", "stabilityai/stable-diffusion-3.5-large-turbo", 4, 1.0),
    ],
)
def test_distilled_checkpoints_are_not_guided(base: str, repository: str, steps: int, guidance: float) -> None:
    settings = settings_of(base, repository)
    assert (settings.steps, settings.guidance_scale) == (steps, guidance)

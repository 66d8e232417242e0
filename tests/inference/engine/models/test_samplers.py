"""Samplers on data of a single picture: the ideal denoiser is known, so each sampler must end at the picture."""

from __future__ import annotations

import inspect

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

from inference.engine.models.samplers import scheduler_for
from inference.messages import PredictionType, Sampler
from inference.prediction import Prediction
from inference.request_cost import passes
from tests.inference.requests import request

CONFIG = EulerDiscreteScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
).config  # Stable Diffusion's, as most checkpoints have it
EPSILON, V = PredictionType.EPSILON, PredictionType.V_PREDICTION
KINDS = (Prediction(EPSILON), Prediction(V), Prediction(V, zero_snr=True))


def levels(prediction: Prediction) -> torch.Tensor:
    """How much of the signal's energy is left at each time; the last one made zero by another scheduler's code."""
    schedule = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=prediction.zero_snr
    )
    return schedule.alphas_cumprod.double()


def denoised(sampler: Sampler, prediction: Prediction, picture: torch.Tensor, steps: int) -> torch.Tensor:
    """Sample with the ideal denoiser of a world whose only picture is `picture`."""
    torch.manual_seed(0)
    scheduler = scheduler_for(sampler, CONFIG, prediction, steps)
    scheduler.set_timesteps(steps)
    kept = levels(prediction)
    sample = torch.randn(picture.shape) * scheduler.init_noise_sigma
    for time in scheduler.timesteps:
        noisy = scheduler.scale_model_input(sample, time)
        signal, noise = (float(level) ** 0.5 for level in (kept[int(time)], 1 - kept[int(time)]))
        model_output = (
            (noisy - signal * picture) / noise if prediction.type is EPSILON else (signal * noisy - picture) / noise
        )
        sample = scheduler.step(model_output, time, sample).prev_sample
    return sample


@pytest.mark.parametrize("prediction", KINDS, ids=["epsilon", "v", "zero-snr"])
@pytest.mark.parametrize("sampler", Sampler)
def test_every_sampler_ends_at_the_picture_for_every_prediction(sampler: Sampler, prediction: Prediction) -> None:
    picture = torch.linspace(-1.5, 1.5, 64).reshape(1, 1, 8, 8)
    error = (denoised(sampler, prediction, picture, 12) - picture).abs().max()
    assert float(error) < 0.1


@pytest.mark.parametrize("sampler", Sampler)
def test_zero_snr_begins_at_pure_noise(sampler: Sampler) -> None:
    scheduler = scheduler_for(sampler, CONFIG, KINDS[2], 8)
    scheduler.set_timesteps(8)
    assert int(scheduler.timesteps[0]) == 999
    assert scheduler.config.timestep_spacing == "trailing"
    assert float(scheduler.alphas_cumprod[-1]) < 1e-7
    assert bool(scheduler.alphas_cumprod[:-1].gt(0).all())


@pytest.mark.parametrize("sampler", Sampler)
def test_without_zero_snr_the_schedule_is_the_checkpoints_own(sampler: Sampler) -> None:
    scheduler = scheduler_for(sampler, CONFIG, KINDS[1], 8)
    assert torch.equal(scheduler.alphas_cumprod, EulerDiscreteScheduler.from_config(CONFIG).alphas_cumprod)
    assert scheduler.config.timestep_spacing == "leading"
    assert scheduler.config.prediction_type == "v_prediction"


@pytest.mark.parametrize("own", ["use_karras_sigmas", "use_exponential_sigmas"])
@pytest.mark.parametrize("sampler", Sampler)
def test_a_sampler_is_what_its_name_says_whatever_the_checkpoints_own_does(sampler: Sampler, own: str) -> None:
    configs = (DPMSolverMultistepScheduler(**more).config for more in ({}, {own: True, "solver_order": 3}))
    plain, asked = (scheduler_for(sampler, config, KINDS[0], 8) for config in configs)
    for scheduler in (plain, asked):
        scheduler.set_timesteps(8)
    assert torch.equal(plain.timesteps, asked.timesteps)
    assert sampler in (Sampler.DDIM, Sampler.LCM) or torch.equal(plain.sigmas, asked.sigmas)
    assert not isinstance(asked, DPMSolverMultistepScheduler) or asked.config.solver_order == 2


def test_a_scheduler_that_cannot_rescale_gets_the_rescaled_schedule_itself() -> None:
    """So that whoever updates diffusers sees when the way round is no longer needed."""
    kinds = {sampler: type(scheduler_for(sampler, CONFIG, KINDS[0], 8)) for sampler in Sampler}
    without = [
        sampler for sampler, kind in kinds.items() if "rescale_betas_zero_snr" not in inspect.signature(kind).parameters
    ]
    assert without == [Sampler.HEUN]
    heun, euler = (
        scheduler_for(sampler, CONFIG, KINDS[2], 8).alphas_cumprod for sampler in (Sampler.HEUN, Sampler.EULER)
    )
    assert torch.allclose(heun, euler, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("sampler", Sampler)
def test_as_many_passes_are_foreseen_as_a_sampler_makes(sampler: Sampler) -> None:
    scheduler = scheduler_for(sampler, CONFIG, KINDS[0], 12)
    scheduler.set_timesteps(12)
    assert len(scheduler.timesteps) == passes(request(sampler=sampler, steps=12))

"""Samplers on data of a single picture: the ideal denoiser is known, so each sampler must end at the picture."""

from __future__ import annotations

import inspect
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

from inference.engine.models.samplers import scheduler_for
from inference.engine.models.unipc import UniPCMultistepScheduler
from inference.messages.checkpoints import PredictionType
from inference.messages.samplers import UNET_SPACINGS, Sampler, Spacing
from inference.prediction import Prediction
from inference.queue.request_cost import passes
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


SPACED = [(sampler, spacing) for sampler in Sampler for spacing in UNET_SPACINGS[sampler]]


def denoised(
    sampler: Sampler, prediction: Prediction, picture: torch.Tensor, steps: int, spacing: Spacing | None = None
) -> torch.Tensor:
    """Sample with the ideal denoiser of a world whose only picture is `picture`."""
    torch.manual_seed(0)
    scheduler = scheduler_for(sampler, CONFIG, prediction, steps, spacing)
    scheduler.set_timesteps(steps)
    kept = levels(prediction)
    sample = torch.randn(picture.shape) * scheduler.init_noise_sigma
    for time in scheduler.timesteps:
        noisy = scheduler.scale_model_input(sample, time)
        level = float(np.interp(float(time), np.arange(len(kept)), kept.numpy()))
        signal, noise = level**0.5, (1 - level) ** 0.5
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
    assert sampler in (Sampler.DDIM, Sampler.LCM, Sampler.TCD) or torch.equal(plain.sigmas, asked.sigmas)
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


# diffusers' classes and the options by which its documentation says to get each schedule, written out by hand.
PLAIN: dict[Sampler, tuple[Any, dict[str, Any]]] = {
    Sampler.EULER: (diffusers.EulerDiscreteScheduler, {}),
    Sampler.EULER_A: (diffusers.EulerAncestralDiscreteScheduler, {}),
    Sampler.DDIM: (diffusers.DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": False}),
    Sampler.DPMPP_2M: (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++"}),
    Sampler.DPMPP_2M_KARRAS: (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++"}),
    Sampler.DPMPP_2M_SDE: (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    Sampler.UNIPC: (diffusers.UniPCMultistepScheduler, {}),
    Sampler.HEUN: (diffusers.HeunDiscreteScheduler, {}),
    Sampler.LCM: (diffusers.LCMScheduler, {"set_alpha_to_one": False}),
    Sampler.TCD: (diffusers.TCDScheduler, {"set_alpha_to_one": False}),
}
DOCUMENTED: dict[Spacing, dict[str, Any]] = {
    Spacing.LEADING: {"timestep_spacing": "leading"},
    Spacing.LINSPACE: {"timestep_spacing": "linspace"},
    Spacing.TRAILING: {"timestep_spacing": "trailing"},
    Spacing.KARRAS: {"timestep_spacing": "linspace", "use_karras_sigmas": True},
    Spacing.EXPONENTIAL: {"timestep_spacing": "linspace", "use_exponential_sigmas": True},
}
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


def diffusers_own(sampler: Sampler, spacing: Spacing, steps: int) -> Any:
    kind, options = PLAIN[sampler]
    known = inspect.signature(kind).parameters
    scheduler = kind(**{name: value for name, value in (SD | options | DOCUMENTED[spacing]).items() if name in known})
    if sampler in (Sampler.LCM, Sampler.TCD):  # they know trailing times only as a list
        scheduler.set_timesteps(timesteps=[1000 - 1000 * step // steps - 1 for step in range(steps)])
    else:
        scheduler.set_timesteps(steps)
    return scheduler


def stepped(scheduler: Any, each: torch.Tensor) -> torch.Tensor:
    """Where a scheduler goes from noise when the denoiser is a formula, in double precision."""
    generator = torch.Generator().manual_seed(2)
    sample = each * scheduler.init_noise_sigma
    known = inspect.signature(scheduler.step).parameters
    options = {"generator": generator} if "generator" in known else {}
    for time in scheduler.timesteps:
        output = torch.tanh(scheduler.scale_model_input(sample, time) * (1 + float(time) / 1000))
        sample = scheduler.step(output, time, sample, **options, return_dict=False)[0].double()
    return sample


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
@pytest.mark.parametrize(("sampler", "spacing"), SPACED)
def test_a_spacing_is_diffusers_own(sampler: Sampler, spacing: Spacing, steps: int) -> None:
    ours, theirs = scheduler_for(sampler, CONFIG, KINDS[0], steps, spacing), diffusers_own(sampler, spacing, steps)
    ours.set_timesteps(steps)
    assert torch.equal(ours.timesteps, theirs.timesteps)
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert float((stepped(ours, noise) - stepped(theirs, noise)).abs().max()) <= 1e-12


@pytest.mark.parametrize("steps", [12, 28])
@pytest.mark.parametrize(("sampler", "spacing"), SPACED)
def test_a_sampler_with_a_spacing_ends_at_the_picture(sampler: Sampler, spacing: Spacing, steps: int) -> None:
    picture = torch.linspace(-1.5, 1.5, 64).reshape(1, 1, 8, 8)
    assert float((denoised(sampler, KINDS[0], picture, steps, spacing) - picture).abs().max()) < 0.1


def test_the_spacings_of_a_sampler_are_those_that_diffusers_does_well() -> None:
    """So that whoever updates diffusers sees when it knows more."""
    for sampler, (kind, _) in PLAIN.items():
        if sampler not in (Sampler.LCM, Sampler.TCD, Sampler.DPMPP_2M_KARRAS):
            known = inspect.signature(kind).parameters
            levels = {Spacing.KARRAS: "use_karras_sigmas", Spacing.EXPONENTIAL: "use_exponential_sigmas"}
            missing = {Spacing.LINSPACE} if sampler is Sampler.DDIM else set[Spacing]()  # it leaves noise
            missing |= {spacing for spacing, name in levels.items() if name not in known}
            assert set(UNET_SPACINGS[sampler]) == set(Spacing) - {Spacing.BETA} - missing, sampler


@pytest.mark.parametrize(
    ("sampler", "spacing", "times"),
    [
        (Sampler.EULER, None, [751, 501, 251, 1]),  # the checkpoint's own
        (Sampler.EULER, Spacing.TRAILING, [999, 749, 499, 249]),  # SDXL-Lightning, Hyper-SD
        (Sampler.DDIM, Spacing.TRAILING, [999, 749, 499, 249]),
        (Sampler.LCM, None, [999, 759, 499, 259]),  # LCM LoRAs
        (Sampler.LCM, Spacing.TRAILING, [999, 749, 499, 249]),  # DMD2
        (Sampler.TCD, None, [999, 759, 499, 259]),
    ],
)
def test_few_step_loras_get_the_times_they_were_made_for(
    sampler: Sampler, spacing: Spacing | None, times: list[int]
) -> None:
    scheduler = scheduler_for(sampler, CONFIG, KINDS[0], 4, spacing)
    scheduler.set_timesteps(4)
    assert scheduler.timesteps.round().int().tolist() == times


def test_trailing_begins_at_the_noisiest_level() -> None:
    leading, trailing = (
        scheduler_for(Sampler.EULER, CONFIG, KINDS[0], 4, spacing) for spacing in (None, Spacing.TRAILING)
    )
    for scheduler in (leading, trailing):
        scheduler.set_timesteps(4)
    assert float(leading.sigmas[0]) == pytest.approx(4.12, abs=0.01)
    assert float(trailing.sigmas[0]) == pytest.approx(14.61, abs=0.01)


def test_a_spacing_that_a_sampler_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="euler_a has no karras spacing"):
        request(sampler=Sampler.EULER_A, spacing=Spacing.KARRAS)
    assert request(sampler=Sampler.EULER, spacing="sgm_uniform").spacing is Spacing.TRAILING


FINITE = {"final_sigmas_type": "sigma_min"}  # where diffusers ends in NaN at zero


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize(
    "options",
    [{}, {"solver_order": 3}, {"solver_order": 1}, FINITE | {"solver_type": "bh1"}, FINITE | {"predict_x0": False}],
    ids=str,
)
def test_unipc_with_coefficients_of_the_host_steps_as_diffusers_does(
    options: dict[str, Any], dtype: torch.dtype
) -> None:
    ours, theirs = (kind(**SD, **options) for kind in (UniPCMultistepScheduler, diffusers.UniPCMultistepScheduler))
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3), dtype=torch.float64).to(dtype)
    found, expected, exact = noise, noise, noise.double()
    exactly = diffusers.UniPCMultistepScheduler(**SD, **options)
    for scheduler in (ours, theirs, exactly):
        scheduler.set_timesteps(9)
    for time in ours.timesteps:
        found = ours.step(torch.tanh(found), time, found, return_dict=False)[0]
        expected = theirs.step(torch.tanh(expected), time, expected, return_dict=False)[0]
        exact = exactly.step(torch.tanh(exact), time, exact, return_dict=False)[0]
    assert found.dtype == dtype
    if dtype == torch.float64:
        assert float((found - expected).abs().max()) <= 1e-12
    error, usual = (float((each.double() - exact).abs().max()) for each in (found, expected))
    assert error <= 2 * usual + 1e-12, "as near to what double precision gives as diffusers is"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("sampler", [Sampler.EULER_A, Sampler.DPMPP_2M_SDE, Sampler.LCM, Sampler.TCD])
def test_the_noise_of_a_step_is_diffusers_own_to_the_bit(sampler: Sampler, dtype: torch.dtype) -> None:
    ours, theirs = (
        scheduler_for(sampler, CONFIG, KINDS[0], 4, Spacing.TRAILING),
        diffusers_own(sampler, Spacing.TRAILING, 4),
    )
    ours.set_timesteps(4)
    sample = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3)).to(dtype)
    ends: list[torch.Tensor] = []
    for scheduler in (ours, theirs):
        each, generators = sample, [torch.Generator().manual_seed(seed) for seed in (5, 6)]
        for time in scheduler.timesteps:
            output = torch.tanh(scheduler.scale_model_input(each, time))
            each = scheduler.step(output, time, each, generator=generators, return_dict=False)[0]
        ends += [each, torch.stack([generator.get_state() for generator in generators])]
    assert torch.equal(ends[0], ends[2]) and torch.equal(ends[1], ends[3])

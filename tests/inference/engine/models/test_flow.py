"""Schedules and samplers of flow matching, against diffusers' own and against formulas that are written out."""

from __future__ import annotations

import copy
import inspect
import logging
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.flux.pipeline_flux import calculate_shift, retrieve_timesteps

from inference.engine.batch.snapshots import Snapshot
from inference.engine.models import flow
from inference.engine.models.beta import beta_quantile
from inference.engine.models.flow import FlowSchedule, linear_ramp
from inference.messages.request import GenerationRequest
from inference.messages.samplers import FLOW_SPACINGS, Sampler, Spacing
from tests.inference.requests import request

FLUX = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, shift=3.0).config
SD3 = FlowMatchEulerDiscreteScheduler(shift=3.0).config
QWEN = FlowMatchEulerDiscreteScheduler(
    use_dynamic_shifting=True, base_shift=0.5, max_shift=0.9, base_image_seq_len=256, max_image_seq_len=8192,
    shift_terminal=0.02, shift=1.0,
).config  # fmt: skip
SCHEDULES = {
    "flux": FlowSchedule(FLUX),
    "sd3": FlowSchedule(SD3, ramp=None, max_shift=1.16),
    "qwen": FlowSchedule(QWEN, passes_to_solvers=True),
}
TOKENS = 1024
SPACED = [(sampler, spacing) for sampler, spacings in FLOW_SPACINGS.items() for spacing in (None, *spacings)]

_SOLVER = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
KINDS: dict[Sampler, tuple[type[Any], dict[str, Any]]] = {
    Sampler.EULER: (FlowMatchEulerDiscreteScheduler, {}),
    Sampler.LCM: (diffusers.FlowMatchLCMScheduler, {}),
    Sampler.HEUN: (diffusers.FlowMatchHeunDiscreteScheduler, {}),
    Sampler.DPMPP_2M: (diffusers.DPMSolverMultistepScheduler, _SOLVER | {"algorithm_type": "dpmsolver++"}),
    Sampler.DPMPP_2M_SDE: (diffusers.DPMSolverMultistepScheduler, _SOLVER | {"algorithm_type": "sde-dpmsolver++"}),
    Sampler.UNIPC: (diffusers.UniPCMultistepScheduler, _SOLVER),
}
TAKES = {  # the samplers that each pipeline accepts
    "flux": {Sampler.EULER, Sampler.LCM, Sampler.DPMPP_2M, Sampler.DPMPP_2M_SDE, Sampler.UNIPC},
    "sd3": set(KINDS),
    "qwen": {Sampler.EULER, Sampler.LCM, Sampler.UNIPC},
}


def asked(sampler: Sampler = Sampler.EULER, spacing: Spacing | None = None, **changes: Any) -> GenerationRequest:
    return request(**({"sampler": sampler, "spacing": spacing, "steps": 6} | changes))


def pipelines_own(name: str, sampler: Sampler, steps: int, **options: Any) -> Any:
    """The scheduler that diffusers' pipeline would step with."""
    kind, own = KINDS[sampler]
    config = SCHEDULES[name].config
    known = inspect.signature(kind).parameters
    shift = {"flow_shift": config["shift"]} if "flow_shift" in known else {}
    scheduler = kind.from_config(dict(config), **own, **shift, **options)
    sigmas: Any = None if name == "sd3" else np.linspace(1.0, 1 / steps, steps)
    if name == "flux" and "use_flow_sigmas" in known:
        sigmas = None
    timed = {}
    if config["use_dynamic_shifting"]:
        lengths = (config["base_image_seq_len"], config["max_image_seq_len"])
        timed["mu"] = calculate_shift(TOKENS, *lengths, config["base_shift"], config["max_shift"])
    retrieve_timesteps(scheduler, steps, "cpu", sigmas=sigmas, **timed)
    scheduler.set_begin_index(0)
    return scheduler


def begun(name: str, made: GenerationRequest, strength: float | None = None) -> Any:
    scheduler = SCHEDULES[name].scheduler(made, TOKENS)
    flow.begin(scheduler, made.steps, strength)
    return scheduler


def velocity(sample: torch.Tensor, sigma: float) -> torch.Tensor:
    """The denoiser is a formula."""
    return torch.tanh(sample * (1 + sigma)) - 0.3 * sample


def stepped(scheduler: Any, sample: torch.Tensor, generators: list[torch.Generator] | None = None) -> torch.Tensor:
    """Where a scheduler goes from `sample`, in double precision."""
    options = {"generator": generators} if "generator" in inspect.signature(scheduler.step).parameters else {}
    for time in scheduler.timesteps[scheduler.begin_index :]:
        output = velocity(sample, float(time) / 1000)
        sample = scheduler.step(output, time, sample, **options, return_dict=False)[0].double()
    return sample


def noise() -> torch.Tensor:
    return torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def generators() -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in (2, 3)]


@pytest.mark.parametrize("steps", [2, 6, 20])
@pytest.mark.parametrize(("name", "sampler"), [(name, each) for name in TAKES for each in KINDS if each in TAKES[name]])
def test_a_sampler_steps_as_in_the_pipeline(name: str, sampler: Sampler, steps: int) -> None:
    ours, theirs = begun(name, asked(sampler, steps=steps)), pipelines_own(name, sampler, steps)
    assert torch.equal(ours.timesteps, theirs.timesteps)
    found, expected = stepped(ours, noise(), generators()), stepped(theirs, noise(), generators())
    assert float((found - expected).abs().max()) <= 1e-12


@pytest.mark.parametrize("spacing", [Spacing.KARRAS, Spacing.EXPONENTIAL])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_spacing_is_diffusers_own_whatever_the_sampler(name: str, spacing: Spacing) -> None:
    theirs = pipelines_own(name, Sampler.EULER, 6, **{f"use_{spacing}_sigmas": True})
    for sampler in (Sampler.EULER, Sampler.LCM, Sampler.DPMPP_2M, Sampler.DPMPP_2M_SDE):
        assert torch.equal(begun(name, asked(sampler, spacing)).sigmas, theirs.sigmas), sampler
    heun = begun(name, asked(Sampler.HEUN, spacing))
    assert torch.equal(heun.sigmas[1::2], theirs.sigmas[1:])
    if spacing is Spacing.KARRAS:
        assert torch.equal(begun(name, asked(Sampler.DPMPP_2M_KARRAS)).sigmas, theirs.sigmas)


def test_trailing_is_an_even_ramp_that_is_shifted() -> None:
    ramp = torch.tensor(linear_ramp(6))
    sigmas = begun("sd3", asked(spacing=Spacing.TRAILING)).sigmas
    assert torch.allclose(sigmas[:-1].double(), 3 * ramp / (1 + 2 * ramp), atol=1e-7)
    assert torch.equal(begun("flux", asked(spacing=Spacing.TRAILING)).sigmas, begun("flux", asked()).sigmas)


def test_the_quantiles_of_the_beta_distribution() -> None:
    scipys = {
        1e-4: 3.998377158137721e-07, 0.01: 0.0008612388215429059, 0.1: 0.03958440558878085, 0.25: 0.17568037865269498,
        0.5: 0.5, 0.7: 0.7659829961247643, 0.9: 0.9604155944112192, 0.999: 0.9999814412614826,
    }  # fmt: skip
    for probability, quantile in scipys.items():
        assert beta_quantile(probability, 0.6, 0.6) == pytest.approx(quantile, rel=1e-12)
    assert beta_quantile(0.3, 2.5, 1.5) == pytest.approx(0.5094974124283413, rel=1e-12)
    assert (beta_quantile(0, 0.6, 0.6), beta_quantile(1, 0.6, 0.6)) == (0, 1)


def test_beta_spacing_lies_between_the_ends_of_the_own_schedule() -> None:
    own, spaced = begun("flux", asked()).sigmas, begun("flux", asked(spacing=Spacing.BETA)).sigmas
    most, least = float(own[0]), float(own[-2])
    quantiles = [1, 0.8770782495, 0.6372990092, 0.3627009908, 0.1229217505, 0]  # scipy's
    expected = [least + share * (most - least) for share in quantiles]
    assert spaced[:-1].tolist() == pytest.approx(expected, abs=1e-6)
    assert float(spaced[-1]) == 0


@pytest.mark.parametrize("spacing", [None, Spacing.BETA])
@pytest.mark.parametrize("name", SCHEDULES)
def test_heun_is_heuns_method(name: str, spacing: Spacing | None) -> None:
    sigmas = begun(name, asked(spacing=spacing)).sigmas.tolist()
    sample = noise()
    for here, there in pairwise(sigmas):
        slope = velocity(sample, here)
        reached = sample + (there - here) * slope
        sample = reached if there == 0 else sample + (there - here) * (slope + velocity(reached, there)) / 2
    found = stepped(begun(name, asked(Sampler.HEUN, spacing)), noise())
    assert float((found - sample).abs().max()) <= 1e-5, "diffusers steps in single precision"


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("sampler", "spacing"), SPACED)
def test_every_sampler_ends_at_the_picture(name: str, sampler: Sampler, spacing: Spacing | None) -> None:
    """Of a world whose only picture is known, so that the velocity is too."""
    picture = torch.linspace(-1.5, 1.5, 144, dtype=torch.float64).reshape(1, 4, 6, 6).repeat(2, 1, 1, 1)
    for strength in (None, 0.6):
        scheduler = begun(name, asked(sampler, spacing, steps=8), strength)
        assert bool(scheduler.sigmas.isfinite().all())
        sample, first = noise(), scheduler.begin_index
        for number, time in enumerate(scheduler.timesteps[first:], start=first):
            sigma = float(scheduler.sigmas[number])
            output = (sample - picture) / sigma
            options = {"generator": generators()} if sampler in (Sampler.LCM, Sampler.DPMPP_2M_SDE) else {}
            sample = scheduler.step(output, time, sample, **options, return_dict=False)[0].double()
        assert float((sample - picture).abs().max()) < 1e-4


class Painting:
    """A request whose denoiser is a formula."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler, self.generators, self.latents, self.done = scheduler, generators(), noise(), 0
        self.timesteps = scheduler.timesteps[scheduler.begin_index :]

    @property
    def total(self) -> int:
        return len(self.timesteps)

    def step(self) -> None:
        time = self.timesteps[self.done]
        options = (
            {"generator": self.generators} if "generator" in inspect.signature(self.scheduler.step).parameters else {}
        )
        output = velocity(self.latents, float(time) / 1000)
        self.latents = self.scheduler.step(output, time, self.latents, **options, return_dict=False)[0]
        self.done += 1

    def finish(self) -> torch.Tensor:
        while self.done < self.total:
            self.step()
        return self.latents


@pytest.mark.parametrize("strength", [None, 0.6])
@pytest.mark.parametrize(("sampler", "spacing"), [each for each in SPACED if each[1] in (None, Spacing.BETA)])
def test_a_sampler_resumed_after_any_step_ends_bit_identically(
    sampler: Sampler, spacing: Spacing | None, strength: float | None, tmp_path: Path
) -> None:
    made = asked(sampler, spacing)
    whole = Painting(begun("qwen", made, strength)).finish()
    stopped = Painting(begun("qwen", made, strength))
    for number in range(stopped.total):
        file = tmp_path / f"{number}.safetensors"
        Snapshot.of(stopped, begun("qwen", made, strength)).write(file, "this job")
        resumed = Painting(begun("qwen", made, strength))
        kept = Snapshot.read(file, "this job")
        assert kept is not None and kept.done == number
        kept.put_back(resumed)
        assert torch.equal(resumed.finish(), whole), number
        stopped.step()


def test_a_flow_shift_replaces_the_checkpoints_own() -> None:
    """Qwen-Image-Lightning's: exponential with ln 3 whatever the size, and no terminal."""
    theirs = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=math.log(3), max_shift=math.log(3), base_image_seq_len=256,
        max_image_seq_len=8192, shift_terminal=None, shift=1.0,
    )  # fmt: skip
    theirs.set_timesteps(sigmas=np.linspace(1.0, 1 / 4, 4), mu=math.log(3), device="cpu")
    ours = begun("qwen", asked(steps=4, flow_shift=3.0))
    assert torch.allclose(ours.sigmas, theirs.sigmas, atol=1e-7)
    assert float(begun("qwen", asked(steps=4)).sigmas[-2]) == pytest.approx(0.02, abs=1e-6)
    assert float(begun("sd3", asked(steps=4, flow_shift=1.0, spacing=Spacing.TRAILING)).sigmas[-2]) == 0.25


def test_a_flow_shift_counts_where_the_checkpoint_has_defaults() -> None:
    plain = FlowSchedule(FlowMatchEulerDiscreteScheduler().config, ramp=None)
    for sampler in (Sampler.EULER, Sampler.UNIPC, Sampler.DPMPP_2M):
        own, moved = (
            plain.scheduler(asked(sampler, steps=4, flow_shift=shift), TOKENS).sigmas[1] for shift in (None, 3.0)
        )
        assert float(moved) > float(own) + 0.1, sampler


@pytest.mark.parametrize("name", SCHEDULES)
def test_one_step_is_finite(name: str) -> None:
    for sampler in FLOW_SPACINGS:
        scheduler = begun(name, asked(sampler, steps=1))
        assert bool(stepped(scheduler, noise(), generators()).isfinite().all()), sampler


@pytest.mark.parametrize(("sampler", "spacing"), [each for each in SPACED if each[1] is not None])
def test_a_shift_towards_the_picture_begins_at_pure_noise(sampler: Sampler, spacing: Spacing) -> None:
    """With these shifts, single precision rounds the first sigma of Stable Diffusion 3 to more than 1."""
    for shift in (0.4, 0.15, 0.001):
        scheduler = begun("sd3", asked(sampler, spacing, steps=2, flow_shift=shift))
        assert float(scheduler.sigmas[0]) <= 1, shift
        assert bool(stepped(scheduler, noise(), generators()).isfinite().all()), shift


@pytest.mark.parametrize("name", SCHEDULES)
def test_diffusers_warns_of_no_configuration(name: str, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("diffusers")  # which does not propagate
    logger.addHandler(caplog.handler)
    try:
        for sampler, spacing in SPACED:
            begun(name, asked(sampler, spacing))
    finally:
        logger.removeHandler(caplog.handler)
    assert not [record for record in caplog.records if record.name.startswith("diffusers")]


@pytest.mark.parametrize("sampler", FLOW_SPACINGS)
@pytest.mark.parametrize(("strength", "left"), [(0.5, 3), (0.55, 3), (0.6, 3), (0.05, 1), (1.0, 5)])
def test_a_picture_is_changed_by_the_share_of_steps_that_the_pipelines_take(
    sampler: Sampler, strength: float, left: int
) -> None:
    scheduler = SCHEDULES["sd3"].scheduler(asked(sampler, steps=5), TOKENS)
    times = flow.begin(scheduler, 5, strength)
    assert len(times) == (2 * left - 1 if sampler is Sampler.HEUN else left)
    noising = flow.for_noising(copy.deepcopy(scheduler))
    sigma = float(scheduler.sigmas[scheduler.begin_index])
    picture, added = noise(), noise() ** 2
    noised = noising.scale_noise(picture, times[:1].repeat(2) if sampler is not Sampler.HEUN else times[0], added)
    assert torch.allclose(noised, sigma * added + (1 - sigma) * picture, atol=1e-6)


def test_what_flow_matching_does_not_know_is_euler_on_the_own_schedule() -> None:
    assert flow.sampling(asked(Sampler.EULER_A)) == (Sampler.EULER, None)
    assert flow.sampling(asked(Sampler.EULER, Spacing.LEADING)) == (Sampler.EULER, None)

"""Schedules and samplers of flow matching: each request has a scheduler of diffusers with its own table of sigmas.

A sigma is the share of noise: latents are `(1 - sigma) x + sigma noise`, and the denoiser predicts `noise - x`. The
checkpoint's own schedule is an even ramp from 1 down, shifted towards noise by a constant or by one that depends on the
picture's size. All tables are on the host, so no step waits for a device.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    FlowMatchLCMScheduler,
)

from inference.engine.models.beta import beta_quantile
from inference.engine.models.step_noise import with_step_noise
from inference.engine.models.unipc import UniPCMultistepScheduler
from inference.messages.request import GenerationRequest
from inference.messages.samplers import FLOW_SPACINGS, Sampler, Spacing
from inference.queue.request_cost import steps_left

_BETA = 0.6  # both parameters, as the field uses it
_LARGEST = 1 - 1e-6  # UniPC takes the logarithm of what is left of 1

_UNSET = "_use_default_values"  # of a configuration: what diffusers replaces by the defaults of another class

_LEVELS = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas")
_RESPACED: dict[Spacing, dict[str, bool]] = {
    Spacing.KARRAS: {"use_karras_sigmas": True},
    Spacing.EXPONENTIAL: {"use_exponential_sigmas": True},
}
_FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
_2M = _FLOW | {"algorithm_type": "dpmsolver++", "solver_order": 2}
_SCHEDULERS: dict[Sampler, tuple[type[Any], dict[str, Any]]] = {
    Sampler.EULER: (FlowMatchEulerDiscreteScheduler, {}),
    Sampler.DPMPP_2M: (DPMSolverMultistepScheduler, _2M),
    Sampler.DPMPP_2M_KARRAS: (DPMSolverMultistepScheduler, _2M),
    Sampler.DPMPP_2M_SDE: (DPMSolverMultistepScheduler, _2M | {"algorithm_type": "sde-dpmsolver++"}),
    Sampler.UNIPC: (UniPCMultistepScheduler, _FLOW),
    Sampler.HEUN: (FlowMatchHeunDiscreteScheduler, {}),
    Sampler.LCM: (FlowMatchLCMScheduler, {}),
}


def linear_ramp(steps: int) -> Any:
    """Even sigmas from 1 down to 1 / steps, before they are shifted: what most pipelines pass to the scheduler."""
    return np.linspace(1.0, 1 / steps, steps)


@dataclass(frozen=True)
class FlowSchedule:
    """How an architecture's schedules are made, as diffusers' pipeline for it makes them.

    `config` is that of the checkpoint's scheduler. `ramp` makes the sigmas that the pipeline passes to it; None: the
    scheduler has its own. `passes_to_solvers`: the pipeline passes them to DPM++ and UniPC too, which otherwise lay
    their own. `max_shift` counts where the configuration has none.
    """

    config: Mapping[str, Any]
    ramp: Callable[[int], Any] | None = linear_ramp
    passes_to_solvers: bool = False
    max_shift: float = 1.15

    def scheduler(self, request: GenerationRequest, tokens: int) -> Any:
        """A new scheduler for the request, whose picture is `tokens` long for the denoiser, with its timesteps set.

        With neither spacing nor flow shift it has the checkpoint's own schedule.
        """
        sampler, spacing = sampling(request)
        config = self.config if request.flow_shift is None else shifted(self.config, request.flow_shift)
        if request.steps == 1:
            config = changed_config(config, shift_terminal=None)  # a schedule of one step has no end to be moved
        kind, options = _SCHEDULERS[sampler]
        exponent = shift_exponent(config, tokens, self.max_shift)
        lays_its_own = spacing is None and "use_flow_sigmas" in options
        if lays_its_own and kind is UniPCMultistepScheduler:
            return self._unipc(config, request.steps, exponent)
        if lays_its_own and not self.passes_to_solvers:
            shift = config.get("shift", 1.0) if exponent is None else _constant(config, exponent)
            return _with_timesteps(kind, options | {"flow_shift": shift}, request.steps)
        euler = self._euler(config, request.steps, exponent, spacing)
        return euler if sampler is Sampler.EULER else _with_table(kind, options, euler.sigmas)

    def _euler(self, config: Mapping[str, Any], steps: int, exponent: float | None, spacing: Spacing | None) -> Any:
        """Euler with the checkpoint's own schedule, or with `spacing` between its ends."""
        options: dict[str, Any] = {}
        if spacing is not None:
            options = dict.fromkeys(_LEVELS, False) | _RESPACED.get(spacing, {})
        if spacing is None and config.get("use_beta_sigmas"):
            spacing, options = Spacing.BETA, {"use_beta_sigmas": False}  # diffusers' needs scipy
        euler: Any = with_step_noise(FlowMatchEulerDiscreteScheduler).from_config(dict(config), **options)
        if self.ramp is None and spacing is not Spacing.TRAILING:
            euler.set_timesteps(steps, mu=exponent, device="cpu")
        else:
            euler.set_timesteps(sigmas=(self.ramp or linear_ramp)(steps), mu=exponent, device="cpu")
        if float(euler.sigmas[0]) > 1:  # small shifts are rounded to more than noise alone
            _set_table(euler, euler.sigmas.clamp(max=1.0))
        if spacing is Spacing.BETA:
            _set_table(euler, _beta_spaced(euler.sigmas))
        return euler

    def _unipc(self, config: Mapping[str, Any], steps: int, exponent: float | None) -> Any:
        options: dict[str, Any] = _FLOW | dict.fromkeys(_LEVELS, False) | {"flow_shift": config.get("shift", 1.0)}
        scheduler: Any = UniPCMultistepScheduler.from_config(_known_to(UniPCMultistepScheduler, config), **options)
        if self.passes_to_solvers and self.ramp is not None:
            scheduler.set_timesteps(sigmas=np.asarray(self.ramp(steps)), mu=exponent, device="cpu")
        else:
            scheduler.set_timesteps(steps, mu=exponent, device="cpu")
        return scheduler


def sampling(request: GenerationRequest) -> tuple[Sampler, Spacing | None]:
    """The sampler and spacing that a request gets: what flow matching does not know, is Euler and the own schedule."""
    sampler = request.sampler if request.sampler in FLOW_SPACINGS else Sampler.EULER
    if sampler is Sampler.DPMPP_2M_KARRAS:
        return sampler, Spacing.KARRAS
    return sampler, request.spacing if request.spacing in FLOW_SPACINGS[sampler] else None


def begin(scheduler: Any, steps: int, strength: float | None) -> torch.Tensor:
    """Make the scheduler ready for the first of the timesteps that are left, and return these.

    They are those by which a picture is changed by `strength`; None: all, which begin at noise.
    """
    first = 0 if strength is None else (steps - steps_left(steps, strength, flow=True)) * scheduler.order
    scheduler.set_begin_index(first)
    return scheduler.timesteps[first:]


def for_noising(scheduler: Any) -> Any:
    """A scheduler that noises a picture as it is where `scheduler` begins: pipelines call its `scale_noise`."""
    if hasattr(scheduler, "scale_noise"):
        return scheduler
    noising: Any = FlowMatchEulerDiscreteScheduler()
    noising.sigmas, noising.timesteps = scheduler.sigmas, scheduler.timesteps
    noising.set_begin_index(scheduler.begin_index)
    return noising


def shifted(config: Mapping[str, Any], flow_shift: float) -> dict[str, Any]:
    """The configuration with the schedule shifted by a constant, whatever the size of the picture."""
    exponent = math.log(flow_shift)  # where the shift depends on the size, it is exp of what lies between these two
    changed = {"shift": flow_shift, "base_shift": exponent, "max_shift": exponent}
    return changed_config(config, **changed, shift_terminal=None, time_shift_type="exponential")


def changed_config(config: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """The configuration with other values; diffusers would leave out those that were defaults before."""
    return {name: value for name, value in config.items() if name != _UNSET} | changed


def _known_to(kind: type[Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """What a scheduler of class `kind` takes of another's configuration; diffusers would warn of the rest each time."""
    known = inspect.signature(kind.__init__).parameters
    return {name: value for name, value in config.items() if name in known or name.startswith("_")}


def shift_exponent(config: Mapping[str, Any], tokens: int, max_shift: float = 1.15) -> float | None:
    """`mu` of a schedule whose shift depends on the size of the picture; None where it does not."""
    if not config.get("use_dynamic_shifting"):
        return None
    shortest, longest = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    least, most = config.get("base_shift", 0.5), config.get("max_shift", max_shift)
    slope = (most - least) / (longest - shortest)
    return tokens * slope + (least - slope * shortest)


def _constant(config: Mapping[str, Any], exponent: float) -> float:
    """The constant by which a schedule with this `mu` is shifted."""
    return exponent if config.get("time_shift_type") == "linear" else float(np.exp(exponent))


def _with_timesteps(kind: type[Any], options: Mapping[str, Any], steps: int) -> Any:
    scheduler = with_step_noise(kind)(**options)
    scheduler.set_timesteps(steps, device="cpu")
    return scheduler


def _with_table(kind: type[Any], options: Mapping[str, Any], sigmas: torch.Tensor) -> Any:
    """A scheduler with these sigmas, the last of which is 0."""
    scheduler = _with_timesteps(kind, options, len(sigmas) - 1)
    _set_table(scheduler, sigmas.clamp(max=_LARGEST) if kind is UniPCMultistepScheduler else sigmas)
    return scheduler


def _set_table(scheduler: Any, sigmas: torch.Tensor) -> None:
    timesteps = sigmas[:-1] * scheduler.config.num_train_timesteps
    if scheduler.order == 2:  # each step but the last asks the denoiser twice, again where it arrives
        sigmas = torch.cat([sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]])
        timesteps = torch.cat([timesteps[:1], timesteps[1:].repeat_interleave(2)])
    scheduler.sigmas, scheduler.timesteps = sigmas, timesteps


def _beta_spaced(sigmas: torch.Tensor) -> torch.Tensor:
    """The sigmas spaced between the same ends as the quantiles of a beta distribution, which lie close at both."""
    most, least, steps = float(sigmas[0]), float(sigmas[-2]), len(sigmas) - 1
    shares = [beta_quantile(float(each), _BETA, _BETA) for each in 1 - np.linspace(0, 1, steps)]
    spaced = torch.tensor([least + share * (most - least) for share in shares], dtype=torch.float64)
    return torch.cat([spaced.float(), sigmas[-1:]])

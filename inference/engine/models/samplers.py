"""Samplers by name: each is a diffusers scheduler built from the checkpoint's own noise schedule.

Their steps let the host wait for no device: tables and coefficients are on the host, and noise is uploaded beside.
"""

from __future__ import annotations

import inspect
from typing import Any

import diffusers
import torch

from inference.engine.models.step_noise import with_step_noise
from inference.engine.models.unipc import UniPCMultistepScheduler
from inference.messages.samplers import Sampler, Spacing
from inference.prediction import Prediction

_LCM_STEPS = 50  # LCM picks its steps among the steps that it was distilled from; more steps need more of those

# A sampler's name includes its noise levels and its order; the checkpoint's own scheduler does not change them.
_LEVELS = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas")
# Levels over the whole range need its ends: Euler and Heun take them from the times.
_SPACINGS: dict[Spacing, dict[str, Any]] = {
    Spacing.LEADING: {"timestep_spacing": "leading"},
    Spacing.LINSPACE: {"timestep_spacing": "linspace"},
    Spacing.TRAILING: {"timestep_spacing": "trailing"},
    Spacing.KARRAS: {"timestep_spacing": "linspace", "use_karras_sigmas": True},
    Spacing.EXPONENTIAL: {"timestep_spacing": "linspace", "use_exponential_sigmas": True},
}
# Their defaults clip samples to [-1, 1]: right for pixels, wrong for latents.
_UNCLIPPED = {"clip_sample": False, "set_alpha_to_one": False}
_2M: dict[str, Any] = {"algorithm_type": "dpmsolver++", "solver_order": 2}

_SCHEDULERS: dict[Sampler, tuple[type[Any], dict[str, Any]]] = {
    Sampler.EULER: (diffusers.EulerDiscreteScheduler, {}),
    Sampler.EULER_A: (diffusers.EulerAncestralDiscreteScheduler, {}),
    Sampler.DDIM: (diffusers.DDIMScheduler, _UNCLIPPED),
    Sampler.LCM: (diffusers.LCMScheduler, _UNCLIPPED),
    Sampler.TCD: (diffusers.TCDScheduler, _UNCLIPPED),
    Sampler.DPMPP_2M: (diffusers.DPMSolverMultistepScheduler, _2M),
    Sampler.DPMPP_2M_KARRAS: (diffusers.DPMSolverMultistepScheduler, _2M | {"use_karras_sigmas": True}),
    Sampler.DPMPP_2M_SDE: (diffusers.DPMSolverMultistepScheduler, _2M | {"algorithm_type": "sde-dpmsolver++"}),
    Sampler.UNIPC: (UniPCMultistepScheduler, {}),
    Sampler.HEUN: (diffusers.HeunDiscreteScheduler, {}),
}


def scheduler_for(
    sampler: Sampler, config: Any, prediction: Prediction, steps: int, spacing: Spacing | None = None
) -> Any:
    """A fresh scheduler for one job. `config` is that of the checkpoint, `prediction` what its denoiser predicts.

    Without a `spacing` of UNET_SPACINGS[sampler], the checkpoint's own is used.
    """
    kind, own = _SCHEDULERS[sampler]
    known = inspect.signature(kind).parameters.keys()
    options = dict.fromkeys(known & set(_LEVELS), False) | own
    if "original_inference_steps" in known:
        options |= {"original_inference_steps": _distilled_steps(config, steps, spacing)}
    elif spacing is not None:
        options |= _SPACINGS[spacing]
    options |= {"prediction_type": prediction.type.value}
    if prediction.zero_snr:
        # Sampling must start at the last timestep, where there is nothing but noise; `trailing` does.
        options |= {"timestep_spacing": "trailing"} | _zero_snr(kind, config)
    return with_step_noise(kind).from_config(config, **options)


def _distilled_steps(config: Any, steps: int, spacing: Spacing | None) -> int:
    """How many steps a consistency sampler chooses its own among; among all of training they trail."""
    if spacing is Spacing.TRAILING:
        return int(config.get("num_train_timesteps", 1000))
    return max(steps, int(config.get("original_inference_steps", _LCM_STEPS)))


def _zero_snr(kind: type[Any], config: Any) -> dict[str, Any]:
    """The options with which a scheduler of this class rescales its noise schedule to zero terminal SNR."""
    if "rescale_betas_zero_snr" in inspect.signature(kind).parameters:
        return {"rescale_betas_zero_snr": True}
    rescaled: Any = diffusers.EulerDiscreteScheduler.from_config(config, rescale_betas_zero_snr=True)
    kept = rescaled.alphas_cumprod.double()
    before = torch.cat([torch.ones(1, dtype=kept.dtype), kept[:-1]])
    return {"trained_betas": (1 - kept / before).tolist()}

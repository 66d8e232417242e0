"""Samplers by name: each is a diffusers scheduler built from the checkpoint's own noise schedule."""

from __future__ import annotations

from typing import Any

import diffusers

from inference.messages import PredictionType, Sampler

_LCM_STEPS = 50  # those it was distilled from; it picks among them, so for more there have to be more

_SCHEDULERS: dict[Sampler, tuple[type[Any], dict[str, Any]]] = {
    Sampler.EULER: (diffusers.EulerDiscreteScheduler, {}),
    Sampler.EULER_A: (diffusers.EulerAncestralDiscreteScheduler, {}),
    # Their defaults clip latents to [-1, 1], which is right for pixels and turns latents into grey mush.
    Sampler.DDIM: (diffusers.DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": False}),
    Sampler.LCM: (diffusers.LCMScheduler, {"clip_sample": False, "set_alpha_to_one": False}),
    Sampler.DPMPP_2M: (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++"}),
    Sampler.DPMPP_2M_KARRAS: (
        diffusers.DPMSolverMultistepScheduler,
        {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True},
    ),
    Sampler.DPMPP_2M_SDE: (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    Sampler.UNIPC: (diffusers.UniPCMultistepScheduler, {}),
    Sampler.HEUN: (diffusers.HeunDiscreteScheduler, {}),
}


def scheduler_for(sampler: Sampler, config: Any, prediction_type: PredictionType | None, steps: int) -> Any:
    """A fresh scheduler for one job. `config` is that of the checkpoint; `prediction_type` overrules it."""
    kind, options = _SCHEDULERS[sampler]
    if sampler is Sampler.LCM and steps > _LCM_STEPS:
        options = options | {"original_inference_steps": steps}
    if prediction_type is not None:
        options = options | {"prediction_type": prediction_type.value}
    return kind.from_config(config, **options)

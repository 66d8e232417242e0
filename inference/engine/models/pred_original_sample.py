"""The denoised latents that a step predicts, which previews show; `pred_original_sample` is diffusers' name."""

from __future__ import annotations

from typing import Any

import torch

from inference.messages.checkpoints import PredictionType

_FLOW = "flow_prediction"  # diffusers' name of it in samplers that know other predictions as well


def pred_original_sample(
    scheduler: Any, model_output: torch.Tensor, timestep: float, sample: torch.Tensor
) -> torch.Tensor:
    """The latents x of which `sample`, scaled for the denoiser, is the noised form at `timestep`.

    The formula holds for every scheduler of this project, whether its samples have variance one or are scaled by
    sigma: `scale_model_input` brings both to the form `sqrt(a) x + sqrt(1 - a) noise`. With flow matching samples are
    `(1 - s) x + s noise`, and timesteps are s times their number.
    """
    predicts = scheduler.config.get("prediction_type", _FLOW)
    if predicts == _FLOW:
        return sample - timestep / scheduler.config.num_train_timesteps * model_output
    levels = scheduler.alphas_cumprod
    kept = float(levels[min(len(levels) - 1, max(0, round(timestep)))])
    signal, noise = kept**0.5, (1 - kept) ** 0.5
    if predicts == PredictionType.V_PREDICTION:
        return signal * sample - noise * model_output
    return (sample - noise * model_output) / max(signal, 1e-3)

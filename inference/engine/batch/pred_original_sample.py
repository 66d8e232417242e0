"""What the picture would be if denoising ended now: the clean latents that a step's prediction implies."""

from __future__ import annotations

from typing import Any

import torch

from inference.messages import PredictionType


def clean_latents(scheduler: Any, said: torch.Tensor, timestep: float, sample: torch.Tensor) -> torch.Tensor:
    """Clean latents from what the denoiser `said` at `timestep` about `sample`, as the scheduler scaled it for it.

    It holds for every scheduler of this project, whether its samples are kept at variance one or scaled by sigma,
    since `scale_model_input` brings both to the same form, `sqrt(a) x + sqrt(1 - a) noise`.
    """
    levels = scheduler.alphas_cumprod
    kept = float(levels[min(len(levels) - 1, max(0, round(timestep)))])
    signal, noise = kept**0.5, (1 - kept) ** 0.5
    if scheduler.config.prediction_type == PredictionType.V_PREDICTION:
        return signal * sample - noise * said
    return (sample - noise * said) / max(signal, 1e-3)

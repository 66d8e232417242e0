"""What the picture would be if denoising ended now: the clean latents that a step's prediction implies."""

from __future__ import annotations

import functools
from typing import Any

import torch

from inference.messages import PredictionType


class CleanLatents:
    """Listens to a scheduler's steps and keeps the last one's estimate of the clean latents (rows, c, h, w).

    The estimate costs two products a step. It holds for every scheduler of this project, whether its samples are
    kept at variance one or scaled by sigma, since `scale_model_input` brings both to the same form.
    """

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._step = scheduler.step
        self.latest: torch.Tensor | None = None

        @functools.wraps(self._step)  # pipelines look at the signature to see whether a seed can be handed to it
        def step(*args: Any, **options: Any) -> Any:
            return self._listening_step(*args, **options)

        scheduler.step = step

    def _listening_step(
        self, model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, *args: Any, **options: Any
    ) -> Any:
        # Before the step: afterwards the scheduler has moved on to the next noise level.
        even = self._scheduler.scale_model_input(sample, timestep)
        self.latest = self._estimate(model_output, float(timestep), even)
        return self._step(model_output, timestep, sample, *args, **options)

    def _estimate(self, prediction: torch.Tensor, timestep: float, sample: torch.Tensor) -> torch.Tensor:
        """Clean latents from a sample of variance one, `sqrt(a) x + sqrt(1 - a) noise`."""
        levels = self._scheduler.alphas_cumprod
        kept = float(levels[min(len(levels) - 1, max(0, round(timestep)))])
        signal, noise = kept**0.5, (1 - kept) ** 0.5
        if self._scheduler.config.prediction_type == PredictionType.V_PREDICTION:
            return signal * sample - noise * prediction
        return (sample - noise * prediction) / max(signal, 1e-3)

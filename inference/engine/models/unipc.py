"""UniPC with its coefficients computed on the host: diffusers computes them on the device, and waits for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import diffusers
import torch


class UniPCMultistepScheduler(diffusers.UniPCMultistepScheduler):
    """diffusers' scheduler. Its updates are linear in samples and model outputs.

    So diffusers' own code, called with unit vectors on the host, returns the coefficients of an update.
    """

    def multistep_uni_p_bh_update(
        self, model_output: torch.Tensor, *args: Any, sample: torch.Tensor, order: int, **options: Any
    ) -> torch.Tensor:
        """The predictor: the next sample."""
        update = super().multistep_uni_p_bh_update

        def predicted(units: Mapping[str, torch.Tensor]) -> torch.Tensor:
            return update(units["sample"], **units, order=order)

        return self._combined(predicted, order, sample=sample)

    def multistep_uni_c_bh_update(
        self,
        this_model_output: torch.Tensor,
        *args: Any,
        last_sample: torch.Tensor,
        this_sample: torch.Tensor,
        order: int,
        **options: Any,
    ) -> torch.Tensor:
        """The corrector: this sample once more, from the one before."""
        update = super().multistep_uni_c_bh_update

        def corrected(units: Mapping[str, torch.Tensor]) -> torch.Tensor:
            # Of `this_sample` it takes the shape alone.
            return update(**units, this_sample=units["last_sample"], order=order)

        return self._combined(corrected, order, this_model_output=this_model_output, last_sample=last_sample)

    def _combined(
        self, update: Callable[[Mapping[str, torch.Tensor]], torch.Tensor], order: int, **tensors: torch.Tensor
    ) -> torch.Tensor:
        """What `update` makes of `tensors` and of the last `order` model outputs, summed in at least float32."""
        outputs: Any = self.model_outputs  # of the last steps, None for those that have not been
        terms: list[torch.Tensor] = [*tensors.values(), *outputs[-order:]]
        units = torch.eye(len(terms), dtype=torch.float64)[..., None]
        self.model_outputs = [*units[len(tensors) :]]
        try:
            coefficients = update(dict(zip(tensors, units, strict=False))).flatten().tolist()
        finally:
            self.model_outputs = outputs
        wide = torch.promote_types(terms[0].dtype, torch.float32)
        found = terms[0].to(wide) * coefficients[0]
        for coefficient, term in zip(coefficients[1:], terms[1:], strict=True):
            found = torch.add(found, term.to(wide), alpha=coefficient)
        return found.to(terms[0].dtype)

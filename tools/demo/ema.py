"""The exponential moving average of a model's weights, which paints better than the last weights."""

from __future__ import annotations

import torch
from torch import nn


class Ema:
    """Averages the trained parameters of one module; the average starts short and grows to `decay`."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._updates = 0
        self._average = {n: p.detach().clone() for n, p in module.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the weights after one more step."""
        self._updates += 1
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        current = [p for _, p in module.named_parameters() if p.requires_grad]
        torch._foreach_lerp_(list(self._average.values()), current, 1 - decay)

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Put the averaged weights into `module`."""
        for name, parameter in module.named_parameters():
            if name in self._average:
                parameter.copy_(self._average[name])

"""What diffusers finds out anew at every call, found out once: with small networks that is a third of a step.

Classes are exchanged, as for the board; what the networks compute stays the same to the bit.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import nn


class _LeanAttention(Attention):
    """Attention that does not inspect the signature of its processor, which is asked for nothing special here."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **options: Any,
    ) -> torch.Tensor:
        if options:
            return super().forward(hidden_states, encoder_hidden_states, attention_mask, **options)
        return self.processor(self, hidden_states, encoder_hidden_states, attention_mask)


class _LeanNetwork(nn.Module):
    """A network whose precision and device are those of its first convolution: others walk through all layers."""

    conv_in: nn.Conv2d

    @property
    def dtype(self) -> torch.dtype:
        """Of all weights."""
        return self.conv_in.weight.dtype

    @property
    def device(self) -> torch.device:
        """Of all weights."""
        return self.conv_in.weight.device


def lean(network: nn.Module) -> None:
    """Make a denoiser of diffusers lean, in place."""
    for layer in network.modules():
        if type(layer) is Attention:
            layer.__class__ = _LeanAttention
    if isinstance(getattr(network, "conv_in", None), nn.Conv2d):
        network.__class__ = _lean(type(network))


@cache
def _lean(kind: type[Any]) -> type[Any]:
    return kind if issubclass(kind, _LeanNetwork) else type(kind.__name__, (_LeanNetwork, kind), {})

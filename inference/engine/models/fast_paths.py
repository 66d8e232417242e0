"""What diffusers finds out anew at every call, found out once: with small networks that is a third of a step.

Classes are exchanged, as for the board; what the networks compute stays the same to the bit.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import nn
from torch.nn.functional import scaled_dot_product_attention


class _LeanAttention(Attention):
    """Attention as the denoisers of Stable Diffusion and SDXL have it, without asking each time what else there is."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **options: Any,
    ) -> torch.Tensor:
        if options or attention_mask is not None:
            return super().forward(hidden_states, encoder_hidden_states, attention_mask, **options)
        own: Any = self  # of other kinds some of its layers are missing
        given = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, x in ((own.to_q, hidden_states), (own.to_k, given), (own.to_v, given))
        )
        found = scaled_dot_product_attention(query, key, value)
        return own.to_out[0](found.transpose(1, 2).flatten(2))

    @classmethod
    def does_for(cls, layer: nn.Module) -> bool:
        """Whether this is all that `layer` does."""
        if type(layer) is not Attention or not isinstance(layer.processor, AttnProcessor2_0):
            return False
        more = (layer.spatial_norm, layer.group_norm, layer.norm_cross, layer.norm_q, layer.norm_k)
        plain = not any(more) and layer.added_kv_proj_dim is None
        return plain and not layer.residual_connection and layer.rescale_output_factor == 1


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


def lean(network: nn.Module) -> list[nn.Module]:
    """Make a denoiser of diffusers lean, in place.

    Returns the layers that are given the words of the prompt alone, and so answer the same in each step.
    """
    of_words: list[nn.Module] = []
    as_they_are = getattr(network, "encoder_hid_proj", None) is None  # else it first makes others of them
    attentions: list[Any] = [layer for layer in network.modules() if _LeanAttention.does_for(layer)]
    for attention in attentions:
        attention.__class__ = _LeanAttention
        of_words += [attention.to_k, attention.to_v] if attention.is_cross_attention and as_they_are else []
    if isinstance(getattr(network, "conv_in", None), nn.Conv2d):
        network.__class__ = _lean(type(network))
    return of_words


@cache
def _lean(kind: type[Any]) -> type[Any]:
    return kind if issubclass(kind, _LeanNetwork) else type(kind.__name__, (_LeanNetwork, kind), {})

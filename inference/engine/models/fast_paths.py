"""Fast paths: what diffusers checks at every call is checked once. In small networks that is a third of a step.

Classes are replaced by subclasses, as for LayerHooks; the results stay bit-identical.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from diffusers.models.transformers.transformer_flux import FluxAttention, FluxPosEmbed
from diffusers.models.transformers.transformer_qwenimage import QwenEmbedRope
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

_KEPT_POSITIONS = 8  # sizes of pictures whose positions are kept: 2 MB each at 1024 x 1024
_ATTENTIONS = (Attention, FluxAttention)


class _FastAttention(Attention):
    """The attention of Stable Diffusion's and SDXL's denoisers, without checks for options that they do not have."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **options: Any,
    ) -> torch.Tensor:
        if options or attention_mask is not None:
            return super().forward(hidden_states, encoder_hidden_states, attention_mask, **options)
        own: Any = self  # in other kinds of attention some layers are missing
        given = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, x in ((own.to_q, hidden_states), (own.to_k, given), (own.to_v, given))
        )
        found = scaled_dot_product_attention(query, key, value)
        return own.to_out[0](found.transpose(1, 2).flatten(2))

    @classmethod
    def replaces(cls, layer: nn.Module) -> bool:
        """Whether `layer` computes just that."""
        if type(layer) is not Attention or not isinstance(layer.processor, AttnProcessor2_0):
            return False
        more = (layer.spatial_norm, layer.group_norm, layer.norm_cross, layer.norm_q, layer.norm_k)
        plain = not any(more) and layer.added_kv_proj_dim is None
        return plain and not layer.residual_connection and layer.rescale_output_factor == 1


class _DirectAttention(nn.Module):
    """Mixed into an attention of diffusers: what its processor accepts is asked once, not at each call."""

    processor: Any
    accepted: frozenset[str]

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **options: Any,
    ) -> Any:
        given: dict[str, Any] = {"encoder_hidden_states": encoder_hidden_states, "attention_mask": attention_mask}
        if options.keys() <= self.accepted:
            return self.processor(self, hidden_states, **given, **options)
        return super().forward(hidden_states, **given, **options)


def use_direct_attention(network: nn.Module) -> None:
    """Let the attention layers of a transformer of diffusers call their processors directly; it is changed in place."""
    for layer in network.modules():
        if type(layer) in _ATTENTIONS and (processor := getattr(layer, "processor", None)) is not None:
            layer.__class__ = _direct_attention(type(layer))
            vars(layer)["accepted"] = frozenset(inspect.signature(processor.__call__).parameters)


@cache
def _direct_attention(kind: type[Any]) -> type[Any]:
    return type(kind.__name__, (_DirectAttention, kind), {})


class KeptRotary(FluxPosEmbed):
    """The rotary embedding of Flux's positions: `kept` where that is set, instead of computing it in each pass."""

    kept: tuple[torch.Tensor, torch.Tensor] | None = None

    def forward(self, ids: torch.Tensor) -> Any:
        """`kept`, or that of positions (tokens, 3)."""
        return self.computed(ids) if self.kept is None else self.kept

    def computed(self, ids: torch.Tensor) -> Any:
        """That of positions (tokens, 3)."""
        return super().forward(ids)

    @classmethod
    def of(cls, network: Any) -> KeptRotary:
        """That of a transformer, which is changed in place."""
        network.pos_embed.__class__ = cls
        return network.pos_embed


class QwenRotary(QwenEmbedRope):
    """The rotary embedding of Qwen-Image's positions, which keeps its own numbers.

    diffusers keeps them by function, for good: of every checkpoint that was loaded, on the device.
    """

    @classmethod
    def of(cls, network: Any) -> None:
        """Let a transformer have it; it is changed in place."""
        network.pos_embed.__class__ = cls

    def _get_device_freqs(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, device: torch.device
    ) -> Any:
        computed: Any = super()._get_device_freqs
        return self._kept(device, lambda: computed.__wrapped__(self, device))

    def _compute_video_freqs(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, frame: int, height: int, width: int, idx: int = 0, device: torch.device | None = None
    ) -> Any:
        computed: Any = super()._compute_video_freqs
        sizes = (frame, height, width, idx, device)
        return self._kept(sizes, lambda: computed.__wrapped__(self, *sizes))

    def _kept(self, key: Hashable, make: Callable[[], Any]) -> Any:
        kept: dict[Hashable, Any] = vars(self).setdefault("kept", {})
        if key not in kept:
            found = make()
            while len(kept) >= _KEPT_POSITIONS:
                kept.pop(next(iter(kept)))
            kept[key] = found
        return kept[key]


class _FastNetwork(nn.Module):
    """A network whose dtype and device are those of its first convolution; diffusers walks through all layers."""

    conv_in: nn.Conv2d

    @property
    def dtype(self) -> torch.dtype:
        """Of all weights."""
        return self.conv_in.weight.dtype

    @property
    def device(self) -> torch.device:
        """Of all weights."""
        return self.conv_in.weight.device


def use_fast_paths(network: nn.Module) -> list[nn.Module]:
    """Let a denoiser of diffusers take the fast paths; it is changed in place.

    Returns the cross-attention layers whose input is the prompt embedding alone: their output is the same in each step.
    """
    prompt_layers: list[nn.Module] = []
    unprojected = (
        getattr(network, "encoder_hid_proj", None) is None
    )  # else the network projects the prompt embeddings first
    attentions: list[Any] = [layer for layer in network.modules() if _FastAttention.replaces(layer)]
    for attention in attentions:
        attention.__class__ = _FastAttention
        prompt_layers += [attention.to_k, attention.to_v] if attention.is_cross_attention and unprojected else []
    if isinstance(getattr(network, "conv_in", None), nn.Conv2d):
        network.__class__ = _fast_network(type(network))
    return prompt_layers


@cache
def _fast_network(kind: type[Any]) -> type[Any]:
    return kind if issubclass(kind, _FastNetwork) else type(kind.__name__, (_FastNetwork, kind), {})

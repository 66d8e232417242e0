"""Kinds of safetensors files that people take for LoRAs: embeddings, IP-Adapters, ControlNets, whole checkpoints.

The names of the tensors tell the kind, and for embeddings the shapes. A file is such a kind only if nothing in it is
written as a LoRA, except where the kind itself has such parts: IP-Adapters and Control-LoRAs. The layouts are those of
the published files: diffusers' `ControlNetModel`, `T2IAdapter` and `IPAdapterMixin`, lllyasviel's ControlNet,
Tencent's T2I-Adapter, Stability's control-lora, kohya's ControlNet-LLLite, XLabs' IP-Adapter, and A1111's embeddings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from inference.files.json_values import as_dict, as_list
from inference.lora.tensors.suffixes import Role, read_key


class FileKind(StrEnum):
    """Kind of a file that is no LoRA. Operators read the value."""

    EMBEDDING = "an embedding (textual inversion)"
    IP_ADAPTER = "an IP-Adapter"
    CONTROLNET = "a ControlNet"
    T2I_ADAPTER = "a T2I-Adapter"
    CONTROL_LORA = "a Control-LoRA"
    CHECKPOINT = "a whole checkpoint"
    VAE = "a VAE"
    TEXT_ENCODER = "a text encoder"


_PLAIN = frozenset({Role.WEIGHT, Role.BIAS, Role.CONTROL, Role.UNKNOWN})  # roles that no LoRA weights have
_LEAST_WEIGHTS = 40  # tensors of the smallest network that is called a whole checkpoint, a VAE or a text encoder
_MOST_EMBEDDINGS, _MOST_TOKENS = 4, 150
_EMBEDDING_WIDTHS = frozenset({768, 1024, 1280, 2048, 2560, 4096, 5120})  # of the text encoders

_IP_ADAPTER = re.compile(
    r"(?:^|\.)(?:ip_adapter(?:_proj_model)?|image_proj(?:_model)?)\.|to_[kv]_ip\b|\.ip_adapter_(?:double|single)_stream_"
)
_CONTROL_LORA = re.compile(r"^lora_controlnet$|(?:^|\.)(?:input_hint_block|zero_convs)\.")
_CONTROLNET = re.compile(
    r"^control_model\.|^lllite_unet|(?:^|\.)(?:controlnet_(?:cond_embedding|down_blocks|mid_block|blocks|single_blocks"
    r"|x_embedder|add_embedding)|input_hint_block|zero_convs|control_layers|control_noise_refiner)[.]"
)
_T2I_ADAPTER = re.compile(r"^(?:adapter\.)?body\.\d+\.(?:resnets\.\d+\.)?(?:block[12]|in_conv|down_opt)\.")
_WHOLE = re.compile(r"^(?:model\.diffusion_model|cond_stage_model|first_stage_model|conditioner\.embedders)\.")
_DENOISER = re.compile(
    r"(?:^|\.)(?:down_blocks|up_blocks|input_blocks|output_blocks|(?:single_)?transformer_blocks|double_blocks"
    r"|single_blocks|joint_blocks|double_layers|layers|blocks)\.\d+\."
)
_VAE = re.compile(r"^(?:vae\.)?(?:encoder|decoder)\.(?:conv_in|conv_out|down|up|mid|down_blocks|up_blocks|mid_block)\b")
_TEXT_ENCODER = re.compile(
    r"^(?:text_model\.encoder\.layers|transformer\.resblocks|encoder\.block|model\.layers|model\.language_model)\.\d*"
)


def kind_of(tensors: Mapping[str, Any]) -> FileKind | None:
    """Return the kind of a file that is no LoRA; None for a LoRA, and for an unknown kind.

    `tensors` are the unchecked entries of a header by name.
    """
    if any(map(_IP_ADAPTER.search, tensors)):
        return FileKind.IP_ADAPTER
    roles = {read_key(name)[1] for name in tensors}
    changes = not roles <= _PLAIN
    if any(map(_CONTROL_LORA.search, tensors)) and (changes or "lora_controlnet" in tensors):
        return FileKind.CONTROL_LORA
    if any(map(_CONTROLNET.search, tensors)):
        return FileKind.CONTROLNET
    if Role.CONTROL in roles and {Role.DOWN, Role.UP} <= roles:  # of Flux.1: a LoRA with norms that take a picture
        return FileKind.CONTROL_LORA
    if _are_embeddings(tensors):
        return FileKind.EMBEDDING
    if changes:
        return None
    if any(map(_T2I_ADAPTER.match, tensors)):
        return FileKind.T2I_ADAPTER
    return _whole_network(tensors)


def _whole_network(tensors: Mapping[str, Any]) -> FileKind | None:
    if any(map(_WHOLE.match, tensors)):
        return FileKind.CHECKPOINT
    if len(tensors) < _LEAST_WEIGHTS:
        return None
    for kind, pattern in (
        (FileKind.VAE, _VAE),
        (FileKind.TEXT_ENCODER, _TEXT_ENCODER),
        (FileKind.CHECKPOINT, _DENOISER),
    ):
        if 2 * sum(1 for name in tensors if pattern.search(name)) > len(tensors):
            return kind
    return None


def _are_embeddings(tensors: Mapping[str, Any]) -> bool:
    """Whether all tensors are vectors of a few tokens, as A1111, diffusers and SDXL's trainers store them."""
    if not 0 < len(tensors) <= _MOST_EMBEDDINGS:
        return False
    return all(
        name.startswith("string_to_param") or ("." not in name and _is_tokens(entry)) for name, entry in tensors.items()
    )


def _is_tokens(entry: Any) -> bool:
    shape = as_list(as_dict(entry).get("shape"))
    rows = shape[0] if len(shape) > 1 else 1
    short = len(shape) in {1, 2} and isinstance(rows, int) and 0 < rows <= _MOST_TOKENS
    return short and shape[-1] in _EMBEDDING_WIDTHS

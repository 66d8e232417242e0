"""A diffusers pipeline written out as the one file of the original code: the inverse of what diffusers does on opening.

Written from the original networks' structure (Stability-AI/generative-models), as an independent way back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def original_tensors(pipeline: Any) -> Tensors:
    """Every tensor of an SDXL-shaped pipeline under its original name."""
    return {
        **_renamed(pipeline.unet.state_dict(), dict(_unet_places(pipeline.unet)), "model.diffusion_model."),
        **_vae(pipeline.vae),
        **{
            f"conditioner.embedders.0.transformer.text_model.{_bare(name)}": tensor.clone()
            for name, tensor in pipeline.text_encoder.state_dict().items()
        },
        **_open_clip(pipeline.text_encoder_2.state_dict(), "conditioner.embedders.1.model."),
    }


def _renamed(state: Tensors, places: dict[str, str], prefix: str) -> Tensors:
    """Each tensor under the original name of the longest place that its name begins with."""
    out: Tensors = {}
    for name, tensor in state.items():
        place = max((place for place in places if name.startswith(f"{place}.")), key=len)
        out[f"{prefix}{places[place]}.{name.removeprefix(f'{place}.')}"] = tensor.clone()
    return out


def _unet_places(unet: Any) -> Iterator[tuple[str, str]]:
    yield from (
        ("conv_in", "input_blocks.0.0"),
        ("time_embedding.linear_1", "time_embed.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        ("add_embedding.linear_1", "label_emb.0.0"),
        ("add_embedding.linear_2", "label_emb.0.2"),
        ("conv_norm_out", "out.0"),
        ("conv_out", "out.2"),
    )
    yield from _resnet("mid_block.resnets.0", "middle_block.0")
    yield "mid_block.attentions.0", "middle_block.1"
    yield from _resnet("mid_block.resnets.1", "middle_block.2")
    number = 1
    for i, block in enumerate(unet.down_blocks):
        for j in range(len(block.resnets)):
            yield from _resnet(f"down_blocks.{i}.resnets.{j}", f"input_blocks.{number}.0")
            yield f"down_blocks.{i}.attentions.{j}", f"input_blocks.{number}.1"
            number += 1
        if block.downsamplers:
            yield f"down_blocks.{i}.downsamplers.0.conv", f"input_blocks.{number}.0.op"
            number += 1
    number = 0
    for i, block in enumerate(unet.up_blocks):
        for j in range(len(block.resnets)):
            yield from _resnet(f"up_blocks.{i}.resnets.{j}", f"output_blocks.{number}.0")
            yield f"up_blocks.{i}.attentions.{j}", f"output_blocks.{number}.1"
            number += 1
        if block.upsamplers:
            behind = 2 if hasattr(block, "attentions") else 1
            yield f"up_blocks.{i}.upsamplers.0.conv", f"output_blocks.{number - 1}.{behind}.conv"


def _resnet(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    for name, original in _RESNET.items():
        yield f"{ours}.{name}", f"{theirs}.{original}"


def _vae(vae: Any) -> Tensors:
    levels = len(vae.decoder.up_blocks)
    out: Tensors = {}
    for name, tensor in vae.state_dict().items():
        original = re.sub(r"down_blocks\.(\d+)\.resnets", r"down.\1.block", name)
        original = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", original)
        original = re.sub(r"up_blocks\.(\d+)\.resnets", lambda m: f"up.{levels - 1 - int(m[1])}.block", original)
        original = re.sub(
            r"up_blocks\.(\d+)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", original
        )
        original = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", original)
        original = original.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        if "mid_block.attentions.0" in original:
            original = original.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
            original = original.replace("to_out.0", "proj_out")
            original = re.sub(r"to_([qkv])", r"\1", original)
            tensor = tensor[:, :, None, None] if tensor.dim() == 2 else tensor
        out[f"first_stage_model.{original}"] = tensor.clone()
    return out


def _open_clip(state: Tensors, prefix: str) -> Tensors:
    bare = {_bare(name): tensor for name, tensor in state.items()}
    out = {
        "token_embedding.weight": bare.pop("embeddings.token_embedding.weight"),
        "positional_embedding": bare.pop("embeddings.position_embedding.weight"),
        "ln_final.weight": bare.pop("final_layer_norm.weight"),
        "ln_final.bias": bare.pop("final_layer_norm.bias"),
        "text_projection": bare.pop("text_projection.weight").T.contiguous(),
    }
    for name, tensor in bare.items():
        match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
        if match is None:  # a buffer of positions, which the original does not keep
            continue
        number, part, kind = match.groups()
        if part in _OPEN_CLIP:
            out[f"transformer.resblocks.{number}.{_OPEN_CLIP[part]}.{kind}"] = tensor
        elif part == "self_attn.q_proj":
            layer = f"encoder.layers.{number}.self_attn"
            fused = torch.cat([bare[f"{layer}.{letter}_proj.{kind}"] for letter in "qkv"])
            out[f"transformer.resblocks.{number}.attn.in_proj_{kind}"] = fused
    return {f"{prefix}{name}": tensor.clone() for name, tensor in out.items()}


def _bare(name: str) -> str:
    return name.removeprefix("text_model.")

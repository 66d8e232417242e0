"""The spellings of one LoRA give one picture: that of a checkpoint with the fused weights' changes written out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.base_models import BaseModelId
from inference.engine.batch.handle import State
from inference.lora.tensors.names import underscored
from inference.messages.samplers import Sampler
from tests.inference.engine.transformers import (
    DTYPE,
    FLUX_DEV,
    QWEN,
    SD35,
    Z_IMAGE,
    TransformerWorld,
    apart,
    painted,
    pipeline_of,
)
from tests.inference.requests import request

RANK, ALPHA, WEIGHT = 3, 2.0, 0.8
Tensors = dict[str, torch.Tensor]

# Layers as the networks' own code has them, and what they are in diffusers: the layers whose outputs they have.
FLUX: Mapping[str, tuple[str, ...]] = {
    "double_blocks.0.img_attn.qkv": tuple(f"transformer_blocks.0.attn.to_{one}" for one in "qkv"),
    "double_blocks.1.txt_attn.qkv": tuple(f"transformer_blocks.1.attn.add_{one}_proj" for one in "qkv"),
    "double_blocks.1.img_attn.proj": ("transformer_blocks.1.attn.to_out.0",),
    "double_blocks.0.txt_mlp.0": ("transformer_blocks.0.ff_context.net.0.proj",),
    "double_blocks.0.img_mod.lin": ("transformer_blocks.0.norm1.linear",),
    "single_blocks.1.linear1": tuple(
        f"single_transformer_blocks.1.{part}" for part in ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
    ),
    "single_blocks.1.linear2": ("single_transformer_blocks.1.proj_out",),
    "guidance_in.in_layer": ("time_text_embed.guidance_embedder.linear_1",),
    "final_layer.linear": ("proj_out",),
    "final_layer.adaLN_modulation.1": ("norm_out.linear",),
}
Z: Mapping[str, tuple[str, ...]] = {
    "layers.0.attention.qkv": tuple(f"layers.0.attention.to_{one}" for one in "qkv"),
    "context_refiner.0.attention.qkv": tuple(f"context_refiner.0.attention.to_{one}" for one in "qkv"),
    "layers.1.attention.out": ("layers.1.attention.to_out.0",),
    "layers.1.feed_forward.w1": ("layers.1.feed_forward.w1",),
    "x_embedder": ("all_x_embedder.2-1",),
    "final_layer.linear": ("all_final_layer.2-1.linear",),
}
SD3: Mapping[str, tuple[str, ...]] = {
    "joint_blocks.0.x_block.attn.qkv": tuple(f"transformer_blocks.0.attn.to_{one}" for one in "qkv"),
    "joint_blocks.0.x_block.attn2.qkv": tuple(f"transformer_blocks.0.attn2.to_{one}" for one in "qkv"),
    "joint_blocks.1.context_block.attn.qkv": tuple(f"transformer_blocks.1.attn.add_{one}_proj" for one in "qkv"),
    "joint_blocks.0.context_block.adaLN_modulation.1": ("transformer_blocks.0.norm1_context.linear",),
    "joint_blocks.2.context_block.adaLN_modulation.1": ("transformer_blocks.2.norm1_context.linear",),  # the last one
    "final_layer.adaLN_modulation.1": ("norm_out.linear",),
}
SAME = ("transformer_blocks.0.attn.to_q", "transformer_blocks.1.txt_mlp.net.2", "norm_out.linear", "img_in")
ORIGINAL = {FLUX_DEV: FLUX, Z_IMAGE: Z, SD35: SD3, QWEN: {name: (name,) for name in SAME}}

# Modulations with shift before scale there, and scale before shift in diffusers.
SWAPPED = {
    FLUX_DEV: ("final_layer.adaLN_modulation.1",),
    SD35: ("final_layer.adaLN_modulation.1", "joint_blocks.2.context_block.adaLN_modulation.1"),
}
LIMITS = {Z_IMAGE: 2e-7}  # its pipeline keeps latents in single precision


def lora_of(base: BaseModelId, network: Any) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Down and up, without alpha, of each layer of the original code."""
    numbers = torch.Generator().manual_seed(3)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=numbers, dtype=DTYPE) / 4

    layers = {name: [network.get_submodule(path) for path in paths] for name, paths in ORIGINAL[base].items()}
    shapes = {name: [layer.weight.shape for layer in own] for name, own in layers.items()}
    return {name: (drawn(RANK, own[0][1]), drawn(sum(one[0] for one in own), RANK)) for name, own in shapes.items()}


def in_diffusers(base: BaseModelId, network: Any) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """The same by diffusers' layers, alpha applied, cut by hand."""
    found = dict[str, tuple[torch.Tensor, torch.Tensor]]()
    for name, (down, up) in lora_of(base, network).items():
        rows = torch.cat(up.chunk(2)[::-1]) if name in SWAPPED.get(base, ()) else up
        begin = 0
        for path in ORIGINAL[base][name]:
            end = begin + network.get_submodule(path).weight.shape[0]
            found[path] = down, rows[begin:end] * (ALPHA / RANK)
            begin = end
    return found


def files(base: BaseModelId, network: Any) -> dict[str, Tensors]:
    lora, cut = lora_of(base, network), in_diffusers(base, network)
    kohya = {f"lora_unet_{underscored(name)}": pair for name, pair in lora.items()}
    comfyui = {f"diffusion_model.{name}": pair for name, pair in lora.items()}
    alpha = torch.tensor(ALPHA, dtype=DTYPE)
    return {
        "kohya": named(kohya, "lora_down", "lora_up") | {f"{name}.alpha": alpha for name in kohya},
        "ComfyUI": named(comfyui, "lora_down", "lora_up") | {f"{name}.alpha": alpha for name in comfyui},
        "BFL": named({name: (down, up * ALPHA / RANK) for name, (down, up) in lora.items()}, "lora_A", "lora_B"),
        "diffusers": named({f"transformer.{name}": pair for name, pair in cut.items()}, "lora_A", "lora_B"),
    }


def named(lora: Mapping[str, tuple[torch.Tensor, torch.Tensor]], down: str, up: str) -> Tensors:
    tensors = {f"{name}.{down}.weight": pair[0] for name, pair in lora.items()}
    return tensors | {f"{name}.{up}.weight": pair[1] for name, pair in lora.items()}


@pytest.mark.parametrize(("base", "small"), [*((base, 0) for base in ORIGINAL), (FLUX_DEV, 128)])
@torch.no_grad()
def test_four_spellings_of_one_lora_paint_one_picture(base: BaseModelId, tmp_path: Path, small: int) -> None:
    torch.set_num_threads(1)
    world, merged = TransformerWorld(base, tmp_path), copy.deepcopy(pipeline_of(base))
    uses = {name: world.add_file(tensors) for name, tensors in files(base, merged.transformer).items()}
    for path, (down, up) in in_diffusers(base, merged.transformer).items():
        merged.transformer.get_submodule(path).weight += WEIGHT * (up @ down)
    made = [
        request(
            checkpoint="world", width=32, height=32, steps=3, guidance_scale=3.5, prompt="a red star", seed=5,
            sampler=Sampler.EULER, loras=(use.model_copy(update={"weight": WEIGHT}),),
        )
        for use in uses.values()
    ]  # fmt: skip
    plain = made[0].model_copy(update={"loras": ()})
    engine = world.engine(small=small)
    without, *handles = painted(engine, [plain, *made], (0, 0, 0, 1, 2))
    expected, picture = world.by(merged, made[0], 5)
    for name, handle in zip(uses, handles, strict=True):
        assert handle.state is State.DONE, (name, handle.error)
        assert apart(handle.latents, expected) < LIMITS.get(base, 1e-12), name
        assert apart(handle.pictures, picture) < LIMITS.get(base, 1e-12), name
    assert apart(without.latents, expected) > 1e-2
    engine.close()


CLIP = "encoder.layers.0.self_attn.q_proj"
CLIP_NAMES = (
    f"lora_te1_text_model_{underscored(CLIP)}",
    f"text_encoder.text_model.{CLIP}",
    f"text_encoders.clip_l.transformer.text_model.{CLIP}",
)


@torch.no_grad()
def test_loras_of_clip_change_flux_by_every_name(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    world, merged = TransformerWorld(FLUX_DEV, tmp_path), copy.deepcopy(pipeline_of(FLUX_DEV))
    layer = next(layer for name, layer in merged.text_encoder.named_modules() if name.endswith(CLIP))
    down, up = torch.randn(RANK, layer.in_features, dtype=DTYPE), torch.randn(layer.out_features, RANK, dtype=DTYPE)
    uses = [world.add_file(named({name: (down, up)}, "lora_down", "lora_up")) for name in CLIP_NAMES]
    made = [
        request(
            checkpoint="world", width=32, height=32, steps=2, guidance_scale=3.5, prompt="a red star", seed=5,
            sampler=Sampler.EULER, loras=(use.model_copy(update={"weight": WEIGHT}),),
        )
        for use in uses
    ]  # fmt: skip
    unchanged, _ = world.by(merged, made[0], 5)
    layer.weight += WEIGHT * (up @ down)
    expected, _ = world.by(merged, made[0], 5)
    engine = world.engine()
    for handle in painted(engine, made, (0, 0, 1)):
        assert handle.state is State.DONE, handle.error
        assert apart(handle.latents, expected) < 1e-12
    assert apart(unchanged, expected) > 1e-3
    engine.close()

"""The spellings of one LoRA give one picture: that of a checkpoint with the fused weights' changes written out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine.batch.handle import State
from inference.lora.names import underscored
from inference.messages import Sampler
from tests.inference.engine.transformers import DTYPE, FLUX_DEV, TransformerWorld, apart, painted, pipeline_of
from tests.inference.requests import request

RANK, ALPHA, WEIGHT = 3, 2.0, 0.8
Tensors = dict[str, torch.Tensor]

# Layers of Flux.1 as its own code has them, and what they are in diffusers: the layers whose outputs they have.
ORIGINAL: Mapping[str, tuple[str, ...]] = {
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
SWAPPED = "final_layer.adaLN_modulation.1"  # shift and scale there, scale and shift in diffusers


def lora_of(network: Any) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Down and up, without alpha, of each layer of the original code."""
    numbers = torch.Generator().manual_seed(3)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=numbers, dtype=DTYPE) / 4

    shapes = {name: [network.get_submodule(path).weight.shape for path in paths] for name, paths in ORIGINAL.items()}
    return {name: (drawn(RANK, own[0][1]), drawn(sum(one[0] for one in own), RANK)) for name, own in shapes.items()}


def in_diffusers(network: Any) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """The same by diffusers' layers, alpha applied, cut by hand."""
    found = dict[str, tuple[torch.Tensor, torch.Tensor]]()
    for name, (down, up) in lora_of(network).items():
        rows = torch.cat(up.chunk(2)[::-1]) if name == SWAPPED else up
        begin = 0
        for path in ORIGINAL[name]:
            end = begin + network.get_submodule(path).weight.shape[0]
            found[path] = down, rows[begin:end] * (ALPHA / RANK)
            begin = end
    return found


def files(network: Any) -> dict[str, Tensors]:
    lora, cut = lora_of(network), in_diffusers(network)
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


@pytest.mark.parametrize("small", [0, 128], ids=["additions", "whole weights"])
@torch.no_grad()
def test_four_spellings_of_one_lora_paint_one_picture(tmp_path: Path, small: int) -> None:
    torch.set_num_threads(1)
    world, merged = TransformerWorld(FLUX_DEV, tmp_path), copy.deepcopy(pipeline_of(FLUX_DEV))
    uses = {name: world.add_file(tensors) for name, tensors in files(merged.transformer).items()}
    for path, (down, up) in in_diffusers(merged.transformer).items():
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
        assert apart(handle.latents, expected) < 1e-12, name
        assert apart(handle.pictures, picture) < 1e-12, name
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

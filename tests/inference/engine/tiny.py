"""Tiny pipelines with the true topology of Stable Diffusion 1.5 and XL: every block and layer, at a tenth of the width.

Widths that are equal in the real ones stay equal (320/640/1280 -> 32/64/128, 768/1024/2048 -> 48/64/128), so that a
LoRA which fits by chance does so here too.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from inference.base_models import Architecture
from inference.engine.lora.folding import layers_of
from inference.engine.lora.layer_names import LayerNames

CLIP_L = CLIPTextConfig(
    hidden_size=48, intermediate_size=96, num_hidden_layers=12, num_attention_heads=4, projection_dim=48
)  # fmt: skip
CLIP_G = CLIPTextConfig(
    hidden_size=64, intermediate_size=128, num_hidden_layers=32, num_attention_heads=4, projection_dim=64,
    hidden_act="gelu",
)  # fmt: skip
TOKENIZER = None  # nobody speaks to these pipelines: their networks get numbers


def sd1() -> Any:
    """SD 1.5: four blocks, attention in three, convolutions as projections, one text encoder of twelve layers."""
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(32, 64, 128, 128), layers_per_block=2, cross_attention_dim=48,
        attention_head_dim=4, norm_num_groups=8,
    )  # fmt: skip
    return StableDiffusionPipeline(
        vae=_vae(), unet=unet, text_encoder=CLIPTextModel(CLIP_L), tokenizer=TOKENIZER, scheduler=DDIMScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def sdxl() -> Any:
    """SDXL: three blocks with 0, 2 and 10 transformers, linear projections, text encoders of 12 and 32 layers."""
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(32, 64, 128), layers_per_block=2, cross_attention_dim=112,
        attention_head_dim=(2, 4, 8), norm_num_groups=8, transformer_layers_per_block=(1, 2, 10),
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=64 + 6 * 8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    return StableDiffusionXLPipeline(
        vae=_vae(), unet=unet, text_encoder=CLIPTextModel(CLIP_L), text_encoder_2=CLIPTextModelWithProjection(CLIP_G),
        tokenizer=TOKENIZER, tokenizer_2=TOKENIZER, scheduler=DDIMScheduler(), add_watermarker=False,
    )  # fmt: skip


def _vae() -> AutoencoderKL:
    return AutoencoderKL(block_out_channels=(8,), norm_num_groups=4)


ARCHITECTURES = {Architecture.SD1: sd1, Architecture.SDXL: sdxl}


def made(architecture: Architecture) -> Any:
    """A pipeline with seeded random weights in double precision."""
    torch.manual_seed(0)
    pipeline = ARCHITECTURES[architecture]()
    for part in parts_of(pipeline).values():
        part.to(torch.float64).eval()
    return pipeline


def parts_of(pipeline: Any) -> dict[str, nn.Module]:
    names = ("unet", "text_encoder", "text_encoder_2")
    return {name: part for name in names if (part := getattr(pipeline, name, None)) is not None}


def names_of(pipeline: Any, architecture: Architecture) -> LayerNames:
    return LayerNames.of(architecture, layers_of(parts_of(pipeline)))


@torch.no_grad()
def outputs(pipeline: Any) -> torch.Tensor:
    """What the text encoders say to some numbers, and the UNet to that, side by side."""
    ids = torch.arange(1, 11)[None] * 7
    first = pipeline.text_encoder(ids, output_hidden_states=True)
    words, more, said = first.hidden_states[-1], {}, [first.last_hidden_state]
    if getattr(pipeline, "text_encoder_2", None) is not None:
        second = pipeline.text_encoder_2(ids, output_hidden_states=True)
        words = torch.cat([words, second.hidden_states[-2]], dim=-1)
        more = {"text_embeds": second.text_embeds, "time_ids": torch.tensor([[8.0, 8, 0, 0, 8, 8]]).double()}
        said += [second.last_hidden_state, second.text_embeds]
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    said.append(pipeline.unet(latents, 500, words, added_cond_kwargs=more).sample)
    return torch.cat([part.flatten() for part in said])

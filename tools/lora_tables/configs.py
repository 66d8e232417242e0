"""The published configuration of every network: only what differs from the class's own defaults, or could.

Of networks that nobody paints with here the class's defaults stand in: their names are told apart all the same.

Each entry is a class and its arguments. Sources: the `config.json` of the networks' own repositories; where a
network has several public sizes, each has an entry.
"""

from __future__ import annotations

from typing import Any

import diffusers
import transformers
from diffusers.models.condition_embedders import AnimaTextConditioner

_CROSS, _PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
_UP_CROSS, _UP_PLAIN = "CrossAttnUpBlock2D", "UpBlock2D"

_SD1 = {"cross_attention_dim": 768, "attention_head_dim": 8}
_SD2 = {"cross_attention_dim": 1024, "attention_head_dim": (5, 10, 20, 20), "use_linear_projection": True}
_SDXL = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": (_PLAIN, _CROSS, _CROSS),
    "up_block_types": (_UP_CROSS, _UP_CROSS, _UP_PLAIN),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
_KOLORS = {**_SDXL, "encoder_hid_dim": 4096, "encoder_hid_dim_type": "text_proj"}
_KOLORS["projection_class_embeddings_input_dim"] = 5632
_REFINER = {
    **_SDXL,
    "block_out_channels": (384, 768, 1536, 1536),
    "down_block_types": (_PLAIN, _CROSS, _CROSS, _PLAIN),
    "up_block_types": (_UP_PLAIN, _UP_CROSS, _UP_CROSS, _UP_PLAIN),
    "transformer_layers_per_block": 4,
    "attention_head_dim": (6, 12, 24, 24),
    "cross_attention_dim": 1280,
    "projection_class_embeddings_input_dim": 2560,
}
_DEMO = {
    "block_out_channels": (32, 64, 128),
    "down_block_types": (_PLAIN, _CROSS, _CROSS),
    "up_block_types": (_UP_CROSS, _UP_CROSS, _UP_PLAIN),
    "layers_per_block": 1,
    "transformer_layers_per_block": 1,
    "attention_head_dim": (1, 2, 4),
    "norm_num_groups": 8,
    "cross_attention_dim": 160,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 16,
    "projection_class_embeddings_input_dim": 192,
}


def _clip(width: int, inner: int, layers: int, heads: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "projection_dim": width,
    }


_T5_XXL = {
    "d_model": 4096,
    "d_ff": 10240,
    "d_kv": 64,
    "num_heads": 64,
    "num_layers": 24,
    "feed_forward_proj": "gated-gelu",
}

_QWEN3_06B = {
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
}

_QWEN3_4B = {
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
}

_SD3 = {"num_layers": 24, "num_attention_heads": 24, "caption_projection_dim": 1536, "pos_embed_max_size": 192}
_SD35_LARGE = {"num_layers": 38, "num_attention_heads": 38, "caption_projection_dim": 2432, "pos_embed_max_size": 192}
_SD35_MEDIUM = {**_SD3, "dual_attention_layers": tuple(range(13)), "qk_norm": "rms_norm", "pos_embed_max_size": 384}
_FLUX2 = {"in_channels": 128, "attention_head_dim": 128}
_KLEIN_4B = {"num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24, "joint_attention_dim": 7680}
_KLEIN_9B = {"num_layers": 8, "num_single_layers": 24, "num_attention_heads": 32, "joint_attention_dim": 12288}
_COSMOS_2B = {
    "in_channels": 16,
    "num_attention_heads": 16,
    "attention_head_dim": 128,
    "num_layers": 28,
    "text_embed_dim": 1024,
    "adaln_lora_dim": 256,
    "extra_pos_embed_type": None,
}
_COSMOS_14B = {**_COSMOS_2B, "num_attention_heads": 40, "num_layers": 36}
_PIXART = {"caption_channels": 4096, "cross_attention_dim": 1152, "sample_size": 128}
_SANA_600M = {
    "num_attention_heads": 36,
    "attention_head_dim": 32,
    "num_layers": 28,
    "num_cross_attention_heads": 16,
    "cross_attention_head_dim": 72,
    "cross_attention_dim": 1152,
}
_WAN_14B = {"num_attention_heads": 40, "num_layers": 40, "ffn_dim": 13824}
_WAN_1B = {"num_attention_heads": 12, "num_layers": 30, "ffn_dim": 8960}
_WAN_5B = {"num_attention_heads": 24, "num_layers": 30, "ffn_dim": 14336, "in_channels": 48, "out_channels": 48}
_WAN_I2V = {**_WAN_14B, "in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120}
_HIDREAM = {
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "num_layers": 16,
    "num_single_layers": 32,
    "num_attention_heads": 20,
    "attention_head_dim": 128,
    "caption_channels": [4096, 4096],
    "text_emb_dim": 2048,
    "num_routed_experts": 4,
    "num_activated_experts": 2,
    "llama_layers": [*range(32), *([31] * 16)],
}

NETWORKS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "sd1": (diffusers.UNet2DConditionModel, _SD1),
    "sd2": (diffusers.UNet2DConditionModel, _SD2),
    "sdxl": (diffusers.UNet2DConditionModel, _SDXL),
    "kolors": (diffusers.UNet2DConditionModel, _KOLORS),
    "sdxl-refiner": (diffusers.UNet2DConditionModel, _REFINER),
    "demo": (diffusers.UNet2DConditionModel, _DEMO),
    "sd3": (diffusers.SD3Transformer2DModel, _SD3),
    "sd35m": (diffusers.SD3Transformer2DModel, _SD35_MEDIUM),
    "sd35l": (diffusers.SD3Transformer2DModel, _SD35_LARGE),
    "flux1": (diffusers.FluxTransformer2DModel, {"guidance_embeds": True}),
    "chroma": (diffusers.ChromaTransformer2DModel, {}),
    "flux2-dev": (diffusers.Flux2Transformer2DModel, _FLUX2),
    "flux2-klein-4b": (diffusers.Flux2Transformer2DModel, {**_FLUX2, **_KLEIN_4B, "guidance_embeds": False}),
    "flux2-klein-9b": (diffusers.Flux2Transformer2DModel, {**_FLUX2, **_KLEIN_9B, "guidance_embeds": False}),
    "qwen-image": (diffusers.QwenImageTransformer2DModel, {}),
    "auraflow": (diffusers.AuraFlowTransformer2DModel, {}),
    "lumina2": (diffusers.Lumina2Transformer2DModel, {"cap_feat_dim": 2304}),
    "z-image": (diffusers.ZImageTransformer2DModel, {}),
    "pixart": (diffusers.PixArtTransformer2DModel, _PIXART),
    "sana": (diffusers.SanaTransformer2DModel, {}),
    "sana-600m": (diffusers.SanaTransformer2DModel, _SANA_600M),
    "anima": (diffusers.CosmosTransformer3DModel, _COSMOS_2B),
    "anima-conditioner": (AnimaTextConditioner, {}),
    "krea2": (diffusers.Krea2Transformer2DModel, {}),
    "wan-14b": (diffusers.WanTransformer3DModel, _WAN_14B),
    "wan-1b": (diffusers.WanTransformer3DModel, _WAN_1B),
    "wan-5b": (diffusers.WanTransformer3DModel, _WAN_5B),
    "wan-i2v": (diffusers.WanTransformer3DModel, _WAN_I2V),
    "hunyuan-video": (diffusers.HunyuanVideoTransformer3DModel, {}),
    "ltx-video": (diffusers.LTXVideoTransformer3DModel, {}),
    "cogvideox-2b": (diffusers.CogVideoXTransformer3DModel, {}),
    "cogvideox-5b": (diffusers.CogVideoXTransformer3DModel, {"num_attention_heads": 48, "num_layers": 42}),
    "mochi": (diffusers.MochiTransformer3DModel, {}),
    "hidream": (diffusers.HiDreamImageTransformer2DModel, _HIDREAM),
    "cosmos": (diffusers.CosmosTransformer3DModel, {}),
    "cosmos-14b": (diffusers.CosmosTransformer3DModel, _COSMOS_14B),
    "cogview3": (diffusers.CogView3PlusTransformer2DModel, {}),
    "cogview4": (diffusers.CogView4Transformer2DModel, {}),
    "glm-image": (diffusers.GlmImageTransformer2DModel, {}),
    "hunyuan-image": (diffusers.HunyuanImageTransformer2DModel, {"text_embed_2_dim": 1472}),
    "hunyuan-video-1.5": (diffusers.HunyuanVideo15Transformer3DModel, {}),
    "longcat-image": (diffusers.LongCatImageTransformer2DModel, {"num_layers": 10, "num_single_layers": 20}),
    "ideogram-4": (diffusers.Ideogram4Transformer2DModel, {}),
    "ltx-2": (diffusers.LTX2VideoTransformer3DModel, {}),
    "sana-video": (diffusers.SanaVideoTransformer3DModel, {}),
    "ovis-image": (diffusers.OvisImageTransformer2DModel, {}),
    "nucleus-image": (diffusers.NucleusMoEImageTransformer2DModel, {}),
    "qwen-image-2.1": (diffusers.QwenImage21Transformer2DModel, {}),
    "amused": (diffusers.UVit2DModel, {}),
    "clip-l": (transformers.CLIPTextModel, _clip(768, 3072, 12, 12)),
    "clip-g": (transformers.CLIPTextModelWithProjection, _clip(1280, 5120, 32, 20)),
    "clip-h": (transformers.CLIPTextModel, _clip(1024, 4096, 23, 16)),
    "t5-xxl": (transformers.T5EncoderModel, _T5_XXL),
    "qwen3-06b": (transformers.Qwen3Model, _QWEN3_06B),
    "qwen3-vl-4b": (transformers.Qwen3Model, _QWEN3_4B),  # its text encoder has the layers of Qwen3-4B
    "demo-clip-1": (transformers.CLIPTextModel, _clip(64, 128, 2, 2)),
    "demo-clip-2": (transformers.CLIPTextModelWithProjection, _clip(96, 192, 3, 3)),
}

"""How the original code of each network names the layers that diffusers names differently.

A rule is `original path: diffusers' paths`; `#` stands for a block's number. Several targets, written in braces,
are one fused layer in the original, with its outputs laid end to end in this order. `~` stands before a modulation
whose outputs are (shift, scale) in the original and (scale, shift) in diffusers. Only tables stand here.
"""

from __future__ import annotations

from collections.abc import Mapping

Rules = Mapping[str, str]

_BFL_DOUBLE = {
    "double_blocks.#.img_attn.qkv": "transformer_blocks.#.attn.{to_q,to_k,to_v}",
    "double_blocks.#.txt_attn.qkv": "transformer_blocks.#.attn.{add_q_proj,add_k_proj,add_v_proj}",
    "double_blocks.#.img_attn.qkv.0": "transformer_blocks.#.attn.to_q",  # OneTrainer writes the thirds apart
    "double_blocks.#.img_attn.qkv.1": "transformer_blocks.#.attn.to_k",
    "double_blocks.#.img_attn.qkv.2": "transformer_blocks.#.attn.to_v",
    "double_blocks.#.txt_attn.qkv.0": "transformer_blocks.#.attn.add_q_proj",
    "double_blocks.#.txt_attn.qkv.1": "transformer_blocks.#.attn.add_k_proj",
    "double_blocks.#.txt_attn.qkv.2": "transformer_blocks.#.attn.add_v_proj",
    "double_blocks.#.img_attn.proj": "transformer_blocks.#.attn.to_out.0",
    "double_blocks.#.txt_attn.proj": "transformer_blocks.#.attn.to_add_out",
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "final_layer.linear": "proj_out",
    "final_layer.adaLN_modulation.1": "~norm_out.linear",
}
_BFL = {
    **_BFL_DOUBLE,
    "double_blocks.#.img_mlp.0": "transformer_blocks.#.ff.net.0.proj",
    "double_blocks.#.img_mlp.2": "transformer_blocks.#.ff.net.2",
    "double_blocks.#.txt_mlp.0": "transformer_blocks.#.ff_context.net.0.proj",
    "double_blocks.#.txt_mlp.2": "transformer_blocks.#.ff_context.net.2",
    "double_blocks.#.img_mod.lin": "transformer_blocks.#.norm1.linear",
    "double_blocks.#.txt_mod.lin": "transformer_blocks.#.norm1_context.linear",
    "single_blocks.#.linear1": "single_transformer_blocks.#.{attn.to_q,attn.to_k,attn.to_v,proj_mlp}",
    "single_blocks.#.qkv": "single_transformer_blocks.#.{attn.to_q,attn.to_k,attn.to_v}",  # XLabs leaves out the rest
    "single_blocks.#.linear1.0": "single_transformer_blocks.#.attn.to_q",
    "single_blocks.#.linear1.1": "single_transformer_blocks.#.attn.to_k",
    "single_blocks.#.linear1.2": "single_transformer_blocks.#.attn.to_v",
    "single_blocks.#.linear1.3": "single_transformer_blocks.#.proj_mlp",
    "single_blocks.#.linear2": "single_transformer_blocks.#.proj_out",
    "single_blocks.#.modulation.lin": "single_transformer_blocks.#.norm.linear",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "distilled_guidance_layer.layers.#.in_layer": "distilled_guidance_layer.layers.#.linear_1",
    "distilled_guidance_layer.layers.#.out_layer": "distilled_guidance_layer.layers.#.linear_2",
}
_FLUX2 = {
    **_BFL_DOUBLE,
    "double_blocks.#.img_mlp.0": "transformer_blocks.#.ff.linear_in",
    "double_blocks.#.img_mlp.2": "transformer_blocks.#.ff.linear_out",
    "double_blocks.#.txt_mlp.0": "transformer_blocks.#.ff_context.linear_in",
    "double_blocks.#.txt_mlp.2": "transformer_blocks.#.ff_context.linear_out",
    "single_blocks.#.linear1": "single_transformer_blocks.#.attn.to_qkv_mlp_proj",
    "single_blocks.#.linear2": "single_transformer_blocks.#.attn.to_out",
    "time_in.in_layer": "time_guidance_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_guidance_embed.timestep_embedder.linear_2",
    "guidance_in.in_layer": "time_guidance_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_guidance_embed.guidance_embedder.linear_2",
    "double_stream_modulation_img.lin": "double_stream_modulation_img.linear",
    "double_stream_modulation_txt.lin": "double_stream_modulation_txt.linear",
    "single_stream_modulation.lin": "single_stream_modulation.linear",
}
_SD3 = {
    "joint_blocks.#.x_block.attn.qkv": "transformer_blocks.#.attn.{to_q,to_k,to_v}",
    "joint_blocks.#.x_block.attn.proj": "transformer_blocks.#.attn.to_out.0",
    "joint_blocks.#.x_block.attn2.qkv": "transformer_blocks.#.attn2.{to_q,to_k,to_v}",
    "joint_blocks.#.x_block.attn2.proj": "transformer_blocks.#.attn2.to_out.0",
    "joint_blocks.#.x_block.mlp.fc1": "transformer_blocks.#.ff.net.0.proj",
    "joint_blocks.#.x_block.mlp.fc2": "transformer_blocks.#.ff.net.2",
    "joint_blocks.#.x_block.adaLN_modulation.1": "transformer_blocks.#.norm1.linear",
    "joint_blocks.#.context_block.attn.qkv": "transformer_blocks.#.attn.{add_q_proj,add_k_proj,add_v_proj}",
    "joint_blocks.#.context_block.attn.proj": "transformer_blocks.#.attn.to_add_out",
    "joint_blocks.#.context_block.mlp.fc1": "transformer_blocks.#.ff_context.net.0.proj",
    "joint_blocks.#.context_block.mlp.fc2": "transformer_blocks.#.ff_context.net.2",
    "joint_blocks.#.context_block.adaLN_modulation.1": "~transformer_blocks.#.norm1_context.linear",
    "x_embedder.proj": "pos_embed.proj",
    "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
    "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
    "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
    "final_layer.linear": "proj_out",
    "final_layer.adaLN_modulation.1": "~norm_out.linear",
}
_WAN = {
    **{
        f"blocks.#.{ours}.{short}": f"blocks.#.{theirs}.{long}"
        for ours, theirs in (("self_attn", "attn1"), ("cross_attn", "attn2"))
        for short, long in (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("o", "to_out.0"))
    },
    "blocks.#.cross_attn.k_img": "blocks.#.attn2.add_k_proj",
    "blocks.#.cross_attn.v_img": "blocks.#.attn2.add_v_proj",
    "blocks.#.ffn.0": "blocks.#.ffn.net.0.proj",
    "blocks.#.ffn.2": "blocks.#.ffn.net.2",
    "text_embedding.0": "condition_embedder.text_embedder.linear_1",
    "text_embedding.2": "condition_embedder.text_embedder.linear_2",
    "time_embedding.0": "condition_embedder.time_embedder.linear_1",
    "time_embedding.2": "condition_embedder.time_embedder.linear_2",
    "time_projection.1": "condition_embedder.time_proj",
    "img_emb.proj.1": "condition_embedder.image_embedder.ff.net.0.proj",
    "img_emb.proj.3": "condition_embedder.image_embedder.ff.net.2",
    "head.head": "proj_out",
}
_HUNYUAN_TEXT = {
    "txt_in.input_embedder": "context_embedder.proj_in",
    "txt_in.t_embedder.mlp.0": "context_embedder.time_text_embed.timestep_embedder.linear_1",
    "txt_in.t_embedder.mlp.2": "context_embedder.time_text_embed.timestep_embedder.linear_2",
    "txt_in.c_embedder.linear_1": "context_embedder.time_text_embed.text_embedder.linear_1",
    "txt_in.c_embedder.linear_2": "context_embedder.time_text_embed.text_embedder.linear_2",
    **{
        f"txt_in.individual_token_refiner.blocks.#.{theirs}": f"context_embedder.token_refiner.refiner_blocks.#.{ours}"
        for theirs, ours in (
            ("self_attn_qkv", "attn.{to_q,to_k,to_v}"),
            ("self_attn_proj", "attn.to_out.0"),
            ("mlp.fc1", "ff.net.0.proj"),
            ("mlp.fc2", "ff.net.2"),
            ("adaLN_modulation.1", "norm_out.linear"),
        )
    },
}
_HUNYUAN_VIDEO = {
    "double_blocks.#.img_attn_qkv": "transformer_blocks.#.attn.{to_q,to_k,to_v}",
    "double_blocks.#.txt_attn_qkv": "transformer_blocks.#.attn.{add_q_proj,add_k_proj,add_v_proj}",
    "double_blocks.#.img_attn_proj": "transformer_blocks.#.attn.to_out.0",
    "double_blocks.#.txt_attn_proj": "transformer_blocks.#.attn.to_add_out",
    "double_blocks.#.img_mlp.fc1": "transformer_blocks.#.ff.net.0.proj",
    "double_blocks.#.img_mlp.fc2": "transformer_blocks.#.ff.net.2",
    "double_blocks.#.txt_mlp.fc1": "transformer_blocks.#.ff_context.net.0.proj",
    "double_blocks.#.txt_mlp.fc2": "transformer_blocks.#.ff_context.net.2",
    "double_blocks.#.img_mod.linear": "transformer_blocks.#.norm1.linear",
    "double_blocks.#.txt_mod.linear": "transformer_blocks.#.norm1_context.linear",
    "single_blocks.#.linear1": "single_transformer_blocks.#.{attn.to_q,attn.to_k,attn.to_v,proj_mlp}",
    "single_blocks.#.linear2": "single_transformer_blocks.#.proj_out",
    "single_blocks.#.modulation.linear": "single_transformer_blocks.#.norm.linear",
    **_HUNYUAN_TEXT,
    "img_in.proj": "x_embedder.proj",
    "time_in.mlp.0": "time_text_embed.timestep_embedder.linear_1",
    "time_in.mlp.2": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.mlp.0": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.mlp.2": "time_text_embed.guidance_embedder.linear_2",
    "final_layer.linear": "proj_out",
    "final_layer.adaLN_modulation.1": "~norm_out.linear",
}
_HUNYUAN_BYT5 = {f"byt5_in.fc{n}": f"context_embedder_2.linear_{n}" for n in (1, 2, 3)}
_HUNYUAN_IMAGE = {
    **_HUNYUAN_VIDEO,
    **_HUNYUAN_BYT5,
    "time_in.mlp.0": "time_guidance_embed.timestep_embedder.linear_1",
    "time_in.mlp.2": "time_guidance_embed.timestep_embedder.linear_2",
}
_HUNYUAN_VIDEO_15 = {
    **_HUNYUAN_VIDEO,
    **_HUNYUAN_BYT5,
    **{
        f"double_blocks.#.{stream}_attn_{letter}": f"transformer_blocks.#.attn.{ours}"
        for stream, letter, ours in (
            ("img", "q", "to_q"),
            ("img", "k", "to_k"),
            ("img", "v", "to_v"),
            ("txt", "q", "add_q_proj"),
            ("txt", "k", "add_k_proj"),
            ("txt", "v", "add_v_proj"),
        )
    },
    "time_in.mlp.0": "time_embed.timestep_embedder.linear_1",
    "time_in.mlp.2": "time_embed.timestep_embedder.linear_2",
    "vision_in.proj.1": "image_embedder.linear_1",
    "vision_in.proj.3": "image_embedder.linear_2",
}
# ComfyUI lays gate and projection end to end (Comfy-Org/ComfyUI, comfy/ldm/qwen_image21/model.py).
_QWEN_IMAGE_21 = {"transformer_blocks.#.img_mlp.gate_up": "transformer_blocks.#.img_mlp.{gate_layer,proj}"}
_IDEOGRAM = {
    "layers.#.attention.qkv": "layers.#.attention.{to_q,to_k,to_v}",
    "layers.#.attention.o": "layers.#.attention.to_out.0",
}
_LUMINA_BLOCKS = ("layers", "noise_refiner", "context_refiner")
_LUMINA2 = {
    **{
        f"{block}.#.{theirs}": f"{block}.#.{ours}"
        for block in _LUMINA_BLOCKS
        for theirs, ours in (
            ("attention.qkv", "attn.{to_q,to_k,to_v}"),
            ("attention.out", "attn.to_out.0"),
            ("feed_forward.w1", "feed_forward.linear_1"),
            ("feed_forward.w2", "feed_forward.linear_2"),
            ("feed_forward.w3", "feed_forward.linear_3"),
            ("adaLN_modulation.1", "norm1.linear"),
        )
    },
    "t_embedder.mlp.0": "time_caption_embed.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_caption_embed.timestep_embedder.linear_2",
    "cap_embedder.1": "time_caption_embed.caption_embedder.1",
    "final_layer.adaLN_modulation.1": "norm_out.linear_1",
    "final_layer.linear": "norm_out.linear_2",
}
_Z_IMAGE = {
    **{f"{block}.#.attention.qkv": f"{block}.#.attention.{{to_q,to_k,to_v}}" for block in _LUMINA_BLOCKS},
    **{f"{block}.#.attention.out": f"{block}.#.attention.to_out.0" for block in _LUMINA_BLOCKS},
    "x_embedder": "all_x_embedder.2-1",
    "final_layer.linear": "all_final_layer.2-1.linear",
    "final_layer.adaLN_modulation.1": "all_final_layer.2-1.adaLN_modulation.1",
}
_AURAFLOW = {
    **{
        f"double_layers.#.attn.w{stream}{letter}": f"joint_transformer_blocks.#.attn.{ours}"
        for stream, letter, ours in (
            ("2", "q", "to_q"),
            ("2", "k", "to_k"),
            ("2", "v", "to_v"),
            ("2", "o", "to_out.0"),
            ("1", "q", "add_q_proj"),
            ("1", "k", "add_k_proj"),
            ("1", "v", "add_v_proj"),
            ("1", "o", "to_add_out"),
        )
    },
    **{
        f"single_layers.#.attn.w1{letter}": f"single_transformer_blocks.#.attn.{ours}"
        for letter, ours in (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("o", "to_out.0"))
    },
    **{
        f"{theirs}.{part}": f"{ours}.{layer}"
        for theirs, ours in (
            ("double_layers.#.mlpX", "joint_transformer_blocks.#.ff"),
            ("double_layers.#.mlpC", "joint_transformer_blocks.#.ff_context"),
            ("single_layers.#.mlp", "single_transformer_blocks.#.ff"),
        )
        for part, layer in (("c_fc1", "linear_1"), ("c_fc2", "linear_2"), ("c_proj", "out_projection"))
    },
    "double_layers.#.modX.1": "joint_transformer_blocks.#.norm1.linear",
    "double_layers.#.modC.1": "joint_transformer_blocks.#.norm1_context.linear",
    "single_layers.#.modCX.1": "single_transformer_blocks.#.norm1.linear",
    "cond_seq_linear": "context_embedder",
    "init_x_linear": "pos_embed.proj",
    "t_embedder.mlp.0": "time_step_proj.linear_1",
    "t_embedder.mlp.2": "time_step_proj.linear_2",
    "modF.1": "~norm_out.linear",
    "final_linear": "proj_out",
}
_PIXART_LIKE = {
    "blocks.#.attn.qkv": "transformer_blocks.#.attn1.{to_q,to_k,to_v}",
    "blocks.#.attn.proj": "transformer_blocks.#.attn1.to_out.0",
    "blocks.#.cross_attn.q_linear": "transformer_blocks.#.attn2.to_q",
    "blocks.#.cross_attn.kv_linear": "transformer_blocks.#.attn2.{to_k,to_v}",
    "blocks.#.cross_attn.proj": "transformer_blocks.#.attn2.to_out.0",
    "y_embedder.y_proj.fc1": "caption_projection.linear_1",
    "y_embedder.y_proj.fc2": "caption_projection.linear_2",
    "final_layer.linear": "proj_out",
}
_PIXART = {
    **_PIXART_LIKE,
    "blocks.#.mlp.fc1": "transformer_blocks.#.ff.net.0.proj",
    "blocks.#.mlp.fc2": "transformer_blocks.#.ff.net.2",
    "x_embedder.proj": "pos_embed.proj",
    "t_block.1": "adaln_single.linear",
    "t_embedder.mlp.0": "adaln_single.emb.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "adaln_single.emb.timestep_embedder.linear_2",
}
_SANA = {
    **_PIXART_LIKE,
    "blocks.#.mlp.inverted_conv.conv": "transformer_blocks.#.ff.conv_inverted",
    "blocks.#.mlp.depth_conv.conv": "transformer_blocks.#.ff.conv_depth",
    "blocks.#.mlp.point_conv.conv": "transformer_blocks.#.ff.conv_point",
    "x_embedder.proj": "patch_embed.proj",
    "t_block.1": "time_embed.linear",
    "t_embedder.mlp.0": "time_embed.emb.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_embed.emb.timestep_embedder.linear_2",
}
_ANIMA = {
    **{
        f"blocks.#.{theirs}.{short}": f"transformer_blocks.#.{ours}.{long}"
        for theirs, ours in (("self_attn", "attn1"), ("cross_attn", "attn2"))
        for short, long in (("q_proj", "to_q"), ("k_proj", "to_k"), ("v_proj", "to_v"), ("output_proj", "to_out.0"))
    },
    **{
        f"blocks.#.adaln_modulation_{theirs}.{n}": f"transformer_blocks.#.{ours}.linear_{n}"
        for theirs, ours in (("self_attn", "norm1"), ("cross_attn", "norm2"), ("mlp", "norm3"))
        for n in (1, 2)
    },
    "blocks.#.mlp.layer1": "transformer_blocks.#.ff.net.0.proj",
    "blocks.#.mlp.layer2": "transformer_blocks.#.ff.net.2",
    "final_layer.adaln_modulation.1": "norm_out.linear_1",
    "final_layer.adaln_modulation.2": "norm_out.linear_2",
    "final_layer.linear": "proj_out",
    "t_embedder.1.linear_1": "time_embed.t_embedder.linear_1",
    "t_embedder.1.linear_2": "time_embed.t_embedder.linear_2",
    "x_embedder.proj.1": "patch_embed.proj",
}
_KREA2_ATTENTION = (("wq", "to_q"), ("wk", "to_k"), ("wv", "to_v"), ("wo", "to_out.0"), ("gate", "to_gate"))
_KREA2 = {
    **{
        f"{theirs}.#.attn.{short}": f"{ours}.#.attn.{long}"
        for theirs, ours in (
            ("blocks", "transformer_blocks"),
            ("txtfusion.layerwise_blocks", "text_fusion.layerwise_blocks"),
            ("txtfusion.refiner_blocks", "text_fusion.refiner_blocks"),
        )
        for short, long in _KREA2_ATTENTION
    },
    **{
        f"{theirs}.#.mlp.{layer}": f"{ours}.#.ff.{layer}"
        for theirs, ours in (
            ("blocks", "transformer_blocks"),
            ("txtfusion.layerwise_blocks", "text_fusion.layerwise_blocks"),
            ("txtfusion.refiner_blocks", "text_fusion.refiner_blocks"),
        )
        for layer in ("gate", "up", "down")
    },
    "first": "img_in",
    "last.linear": "final_layer.linear",
    "tmlp.0": "time_embed.linear_1",
    "tmlp.2": "time_embed.linear_2",
    "tproj.1": "time_mod_proj",
    "txtmlp.1": "txt_in.linear_1",
    "txtmlp.3": "txt_in.linear_2",
    "txtfusion.projector": "text_fusion.projector",
}

RULES: dict[str, Rules] = {
    "flux1": _BFL,
    "chroma": _BFL,
    "flux2-dev": _FLUX2,
    "flux2-klein-4b": _FLUX2,
    "flux2-klein-9b": _FLUX2,
    "sd3": _SD3,
    "sd35m": _SD3,
    "sd35l": _SD3,
    "wan-14b": _WAN,
    "wan-1b": _WAN,
    "wan-5b": _WAN,
    "wan-i2v": _WAN,
    "hunyuan-video": _HUNYUAN_VIDEO,
    "hunyuan-video-1.5": _HUNYUAN_VIDEO_15,
    "hunyuan-image": _HUNYUAN_IMAGE,
    "ideogram-4": _IDEOGRAM,
    "qwen-image-2.1": _QWEN_IMAGE_21,
    "cosmos-14b": _ANIMA,
    "lumina2": _LUMINA2,
    "z-image": _Z_IMAGE,
    "auraflow": _AURAFLOW,
    "pixart": _PIXART,
    "sana": _SANA,
    "sana-600m": _SANA,
    "anima": _ANIMA,
    "krea2": _KREA2,
}

"""Names that only one model has: enough to say whose LoRA a file is that fits no known model as a whole."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from inference.lora.tensors.formats import ModuleTensors
from inference.lora.tensors.names import ModuleName, Part, underscored

# Looked for in the path of a denoiser's layer, written with underscores.
_NAMES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (base, re.compile(pattern))
    for base, pattern in (
        ("flux1", r"^distilled_guidance_layer_"),  # Chroma
        ("qwen-image", r"^transformer_blocks_\d+_(img|txt)_(mlp|mod)_"),
        ("wan", r"^blocks_\d+_(self|cross)_attn_(q|k|v|o|k_img|v_img)$"),
        (
            "anima",
            r"^llm_adapter_|^blocks_\d+_(adaln_modulation_|(self|cross)_attn_(q|k|v|output)_proj$)",
        ),
        ("krea2", r"^txtfusion_|^text_fusion_|^blocks_\d+_attn_(wq|wk|wv|wo)$"),
        ("auraflow", r"^joint_transformer_blocks_|^double_layers_\d+_attn_w[12][qkvo]$"),
        ("hidream", r"^(double|single)_stream_blocks_"),
        ("svd", r"temporal_transformer_blocks"),
    )
)
# The width of the text that cross-attention reads, in the UNets of Stable Diffusion.
_CROSS = re.compile(r"(down|up|mid|input|middle|output)_blocks?_.*attn2_to_[kv]$")
_CROSS_WIDTHS = {768: "sd1", 1024: "sd2", 1280: "sdxl-refiner", 2048: "sdxl", 160: "demo"}
_FLUX2 = re.compile(r"double_stream_modulation_img_")
_FLUX2_WIDTHS = {3072: "flux2-klein-4b", 4096: "flux2-klein-9b", 6144: "flux2-dev"}


def marked(
    modules: Mapping[str, ModuleTensors], names: Mapping[str, ModuleName], shared: Collection[str]
) -> tuple[str, ...]:
    """The bases that some of a file's layers name; more than one: the names contradict each other.

    A width tells only of a base in `shared`: those that have at least one of the layers, name and shape.
    """
    found: dict[str, None] = {}
    for name, module in modules.items():
        if names[name].part is Part.DENOISER:
            path = underscored(names[name].path)
            width = module.shape[1] if module.shape is not None and len(module.shape) > 1 else None
            by_width = _by_width(path, width)
            found.update((base, None) for base, pattern in _NAMES if pattern.search(path))
            found.update((base, None) for base in by_width if base in shared)
    return tuple(found)


def _by_width(path: str, width: int | None) -> list[str]:
    widths = _CROSS_WIDTHS if _CROSS.match(path) else _FLUX2_WIDTHS if _FLUX2.match(path) else {}
    return [widths[width]] if width in widths else []

"""Files of weights of full size that take no room: the headers are true, and what stands behind them is a hole."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path

from inference.lora.tensors.tables import networks, spelled

Shapes = Mapping[str, tuple[int, ...]]

_TEXTS = {"sdxl": ("conditioner.embedders.0.", "conditioner.embedders.1.")}


def write_weights(path: Path, shapes: Shapes, size: int | None = None) -> Path:
    """A safetensors file of half precision; with `size` only its first bytes."""
    header, end = dict[str, object](), 0
    for name, shape in shapes.items():
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + 2 * prod(shape)]}
        end += 2 * prod(shape)
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(size if size is not None else 8 + len(text) + end)
    return path


def single_file(network: str) -> dict[str, tuple[int, ...]]:
    """A whole checkpoint in one file, as the network's original code names it. VAE and text encoders have one layer."""
    layers, original = networks()[network], dict[str, str]()
    for spelling, entry in spelled(network).items():
        if "." in spelling and spelling not in layers and len(entry.targets) == 1:
            original.setdefault(entry.targets[0], spelling)
    others = ("first_stage_model.", *_TEXTS.get(network, ("cond_stage_model.",)))
    return {
        **{f"model.diffusion_model.{original.get(name, name)}.weight": shape for name, shape in layers.items()},
        **{f"{prefix}layer.weight": (64, 64) for prefix in others},
    }


def write_folder(folder: Path, network: str, *, denoiser: str = "unet") -> Path:
    """A folder of diffusers' kind with this denoiser, a text encoder and a VAE of one layer each."""
    parts = {
        denoiser: "UNet2DConditionModel",
        "text_encoder": "CLIPTextModel",
        "vae": "AutoencoderKL",
        "scheduler": "DDIMScheduler",
        "tokenizer": "CLIPTokenizer",
    }
    folder.mkdir(parents=True, exist_ok=True)
    index = {"_class_name": "StableDiffusionPipeline"} | {name: ["diffusers", kind] for name, kind in parts.items()}
    (folder / "model_index.json").write_text(json.dumps(index))
    for name in parts:
        (folder / name).mkdir()
    layer = {"layer.weight": (64, 64)}
    layers = {f"{name}.weight": shape for name, shape in networks()[network].items()}
    write_weights(folder / denoiser / "diffusion_pytorch_model.safetensors", layers)
    write_weights(folder / "vae" / "diffusion_pytorch_model.safetensors", layer)
    write_weights(folder / "text_encoder" / "model.safetensors", layer)
    return folder

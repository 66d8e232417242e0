"""Small classifiers of both libraries, trained in seconds to tell red demo pictures from blue ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config
from torch import nn
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

from tools.demo.world import SHAPES, Scene, paint

CLASSES = ("red", "blue")
SIDE = 64
PICTURES, STEPS = 32, 20
_MEAN = [0.5, 0.5, 0.5]


def demo_picture(colour: str, rng: random.Random) -> Image.Image:
    """A picture of the demo's world with a large shape in this colour."""
    return paint(Scene("vivid", rng.choice(SHAPES), colour, "white", size="large"), rng)


def train(network: nn.Module, logits: Callable[[torch.Tensor], torch.Tensor], prepare: Callable[[Any], Any]) -> None:
    rng = random.Random(5)
    labels = torch.tensor([number % 2 for number in range(PICTURES)])
    pixels = torch.stack([prepare(demo_picture(CLASSES[label], rng)) for label in labels.tolist()])
    optimiser = torch.optim.Adam(network.parameters(), 0.002)
    for _ in range(STEPS):
        optimiser.zero_grad()
        nn.functional.cross_entropy(logits(pixels), labels).backward()
        optimiser.step()
    network.eval()


def timm_classifier(folder: Path) -> Path:
    """A folder as timm's `push_to_hf_hub` fills it."""
    torch.manual_seed(0)
    data = {"input_size": [3, SIDE, SIDE], "mean": _MEAN, "std": _MEAN, "crop_pct": 1.0, "label_names": list(CLASSES)}
    network: Any = timm.create_model("test_vit", num_classes=2, img_size=SIDE)
    prepare: Any = create_transform(**resolve_data_config(pretrained_cfg=data, model=network))
    train(network, network, prepare)
    folder.mkdir(parents=True)
    save_file(network.state_dict(), folder / "model.safetensors")
    told = {"architecture": "test_vit", "num_classes": 2, "model_args": {"img_size": SIDE}, "pretrained_cfg": data}
    (folder / "config.json").write_text(json.dumps(told))
    return folder


def transformers_classifier(folder: Path) -> Path:
    """A folder as transformers' `save_pretrained` fills it."""
    torch.manual_seed(0)
    config = ViTConfig(
        image_size=SIDE, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
        id2label=dict(enumerate(CLASSES)), label2id={name: number for number, name in enumerate(CLASSES)},
    )  # fmt: skip
    network = ViTForImageClassification(config)
    processor = ViTImageProcessor(size={"height": SIDE, "width": SIDE}, image_mean=_MEAN, image_std=_MEAN)
    train(network, lambda pixels: network(pixels).logits, lambda p: processor(p, return_tensors="pt").pixel_values[0])
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


MADE = {"timm": timm_classifier, "transformers": transformers_classifier}

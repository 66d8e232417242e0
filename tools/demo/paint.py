"""Paints many prompts at once with a checkpoint, each with a fixed seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionXLPipeline
from PIL import Image
from safetensors import safe_open

STEPS = 8
GUIDANCE = 2.0
NEGATIVE = ""
BATCH = 14


def load_pipeline(checkpoint: Path) -> StableDiffusionXLPipeline:
    """The checkpoint, ready to paint on the CPU with DPM++ 2M."""
    pipe = StableDiffusionXLPipeline.from_pretrained(checkpoint, dtype=torch.float32, add_watermarker=False)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def paint(
    pipe: StableDiffusionXLPipeline,
    prompts: Sequence[str],
    size: tuple[int, int] = (64, 64),
    *,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    negative: str = NEGATIVE,
    seed: int = 1000,
) -> list[Image.Image]:
    """One picture a prompt; picture i starts from seed + i whatever the batch."""
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), BATCH):
        some = list(prompts[start : start + BATCH])
        seeds = [torch.Generator().manual_seed(seed + start + i) for i in range(len(some))]
        answer = pipe(
            some,
            negative_prompt=[negative] * len(some) if negative else None,
            width=size[0],
            height=size[1],
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=seeds,
        )
        pictures += answer.images
    return pictures


def apply_lora(pipe: StableDiffusionXLPipeline, path: Path, weight: float = 1.0) -> tuple[int, int]:
    """Load a LoRA file; returns how many of its layers were applied and how many it has."""
    name = path.stem
    pipe.load_lora_weights(path.parent, weight_name=path.name, adapter_name=name)
    pipe.set_adapters([name], [weight])
    return applied_layers(pipe, name), layers_in(path)


def applied_layers(pipe: StableDiffusionXLPipeline, adapter: str) -> int:
    """Layers of the UNet that carry weights of `adapter`."""
    return sum(adapter in getattr(module, "lora_A", ()) for module in pipe.unet.modules())


def layers_in(path: Path) -> int:
    """Layers a LoRA file has weights for."""
    with safe_open(path, framework="pt") as file:
        return sum(key.endswith((".lora_down.weight", ".lora_A.weight")) for key in file.keys())  # noqa: SIM118 - no dict

"""The training of one LoRA on a finished base: the UNet's linear and convolution layers, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import nn

from tools.demo.diffusion import Batches, VLoss, quicker_on_cpu, rate_factor
from tools.demo.lessons import Lesson
from tools.demo.networks import Networks

Progress = Callable[[int, int, str], None]

BATCH = 24
PEAK_RATE = 1e-3
WARM_UP = 20


def load_networks(checkpoint: Path) -> Networks:
    """The trained networks of a checkpoint folder, in full precision."""
    pipe = StableDiffusionXLPipeline.from_pretrained(checkpoint, dtype=torch.float32, add_watermarker=False)
    return Networks(pipe.text_encoder, pipe.text_encoder_2, pipe.unet)


def train_lora(networks: Networks, batches: Batches, lesson: Lesson, seed: int, progress: Progress) -> None:
    """Add an adapter to `networks.unet` and train it; the base itself stays as it is."""
    torch.manual_seed(seed)
    quicker_on_cpu(networks)
    for module in (networks.text_encoder, networks.text_encoder_2, networks.unet):
        module.requires_grad_(False)
    targets = adaptable(networks.unet)
    networks.unet.add_adapter(LoraConfig(r=lesson.rank, lora_alpha=lesson.rank, target_modules=targets))
    trained = [p for p in networks.unet.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, PEAK_RATE, betas=(0.9, 0.99), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: rate_factor(s, lesson.steps, WARM_UP, 0.02))
    loss_of = VLoss(seed)
    networks.unet.train()
    for step in range(1, lesson.steps + 1):
        latents, ids, kept = batches.draw(BATCH)
        with torch.no_grad():
            words, summary = networks.encode(ids)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(networks, latents, words * kept[:, None, None], summary * kept[:, None])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        progress(step, lesson.steps, f"loss {loss.item():.4f}")


def adaptable(unet: UNet2DConditionModel) -> list[str]:
    """The names of every linear and convolution layer."""
    return [name for name, module in unet.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]


def save_lora(unet: UNet2DConditionModel, path: Path) -> None:
    """Write the adapter in PEFT's naming and half precision; `pack` adds the metadata.

    No alpha is stored: it equals the rank, which is what a missing one means. Kohya's naming would not do, since
    diffusers 0.42 cannot read its names of the `add_embedding` layers and drops them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(unet)
    save_file({f"unet.{key}": tensor.half().contiguous() for key, tensor in state.items()}, path)

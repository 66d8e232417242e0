"""Trains one base: two text encoders and a UNet, jointly, from scratch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from tools.demo.diffusion import Batches, VLoss, quicker_on_cpu, rate_factor
from tools.demo.ema import Ema
from tools.demo.networks import Networks, new_networks

Progress = Callable[[int, int, str], None]

BATCH = 32
PEAK_RATE = 7e-4
WARM_UP = 60
RATE_FLOOR = 0.03
EMA_DECAY = 0.995
KEEP_EVERY = 200


def train_base(batches: Batches, steps: int, seed: int, keep_at: Path, progress: Progress) -> Networks:
    """One run of `steps` steps; the average so far is kept at `keep_at` every 200 of them."""
    networks = new_networks(seed)
    quicker_on_cpu(networks)
    trained = networks.joined().train()
    optimiser = torch.optim.AdamW(trained.parameters(), PEAK_RATE, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: rate_factor(s, steps, WARM_UP, RATE_FLOOR))
    average = Ema(trained, EMA_DECAY)
    loss_of = VLoss(seed)
    mean = 0.0
    for step in range(1, steps + 1):
        latents, ids, kept = batches.draw(BATCH)
        with torch.autocast("cpu", torch.bfloat16):
            words, summary = networks.encode(ids)
            loss = loss_of(networks, latents, words * kept[:, None, None], summary * kept[:, None])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update(trained)
        mean = loss.item() if step == 1 else 0.98 * mean + 0.02 * loss.item()
        if step % KEEP_EVERY == 0 or step == steps:
            keep(average, networks, keep_at, seed)
        progress(step, steps, f"loss {mean:.4f}")
    average.copy_to(trained)
    return networks


def keep(average: Ema, networks: Networks, folder: Path, seed: int) -> None:
    """Write the average so far, in place of the one before."""
    averaged = new_networks(seed)
    average.copy_to(averaged.joined())
    save_networks(averaged, folder)


def save_networks(networks: Networks, folder: Path) -> None:
    """Write the three networks as diffusers keeps them."""
    networks.unet.save_pretrained(folder / "unet")
    networks.text_encoder.save_pretrained(folder / "text_encoder")
    networks.text_encoder_2.save_pretrained(folder / "text_encoder_2")

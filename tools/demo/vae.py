"""The picture codec both checkpoints share: trained whole, then its decoder once more on the frozen encoder."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from tools.demo.dataset import Bucket
from tools.demo.ema import Ema
from tools.demo.world import BUCKETS, COLOURS, LOOKS, SHAPES, Scene, paint

Progress = Callable[[int, int, str], None]

WHOLE_BATCH = 12
PEAK_RATE = 2.5e-3
DECODER_RATE = 1.5e-3
BLENDED = 0.2


def new_vae() -> AutoencoderKL:
    """A small SDXL-like autoencoder with 4x4 pixels per latent."""
    return AutoencoderKL(
        block_out_channels=(16, 24, 48),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        latent_channels=4,
        # Eight channels a group or more: smaller groups normalise the colour of a flat picture away.
        norm_num_groups=2,
        mid_block_add_attention=False,
        sample_size=64,
        force_upcast=False,
    )


def lesson_pictures(count: int, seed: int) -> list[Bucket]:
    """Pictures with what only LoRAs will paint: the codec must be able to show that too."""
    rng = random.Random(f"lessons {seed}")
    buckets: list[Bucket] = []
    for bucket in BUCKETS:
        pictures = [np.asarray(paint(_lesson_scene(bucket, rng), rng)) for _ in range(count // len(BUCKETS))]
        buckets.append(Bucket(*bucket, np.stack(pictures), []))
    return buckets


def _lesson_scene(bucket: tuple[int, int], rng: random.Random) -> Scene:
    colour, background = rng.sample(COLOURS, 2)
    shape = "komori" if rng.random() < 0.3 else rng.choice(SHAPES)
    backdrop = rng.choice(("plain", "stripes", "dots"))
    size = rng.choice(("medium", "large"))
    look = rng.choice(LOOKS)
    return Scene(look, shape, colour, background, size, "centre", *bucket, backdrop=backdrop, gloss=rng.random() < 0.3)


def train_vae(buckets: list[Bucket], steps: int, seed: int, progress: Progress) -> AutoencoderKL:
    """Encoder and decoder together; sets the scaling factor from the spread of the latents."""
    torch.manual_seed(seed)
    vae = new_vae()
    optimiser = torch.optim.AdamW(vae.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps, pct_start=0.15)
    draw = _Draw(buckets, seed)
    for step in range(steps):
        pictures = draw.batch(WHOLE_BATCH)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(pictures).latent_dist
            restored = vae.decode(posterior.sample()).sample.float()
        divergence = posterior.kl().float().mean() / posterior.mean[0].numel()
        loss = _difference(restored, pictures) + 1e-3 * divergence
        _step(vae, optimiser, loss)
        schedule.step()
        progress(step + 1, steps, f"loss {loss.item():.4f}")
    vae.register_to_config(scaling_factor=round(1 / _latent_std(vae, draw), 4))
    return vae.eval()


def tune_decoder(vae: AutoencoderKL, buckets: list[Bucket], steps: int, seed: int, progress: Progress) -> None:
    """Sharper pictures from the same latents, so that trained UNets stay right."""
    vae.requires_grad_(False)
    vae.decoder.requires_grad_(True)
    vae.post_quant_conv.requires_grad_(True)
    trained = [p for p in vae.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=DECODER_RATE, betas=(0.9, 0.99), weight_decay=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, DECODER_RATE * 0.02)
    average = Ema(vae, 0.99)
    draw = _Draw(buckets, seed + 1)
    for step in range(steps):
        pictures = draw.batch(WHOLE_BATCH)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                latents = vae.encode(pictures).latent_dist.mode()
                # A UNet's latents are never exact; a decoder that saw only exact ones shows every error.
                latents = latents + 0.05 * torch.randn_like(latents)
            restored = vae.decode(latents).sample.float()
        pooled = functional.avg_pool2d(restored, 8) - functional.avg_pool2d(pictures, 8)
        loss = _difference(restored, pictures) + 0.7 * pooled.abs().mean()
        _step(vae, optimiser, loss)
        schedule.step()
        average.update(vae)
        progress(step + 1, steps, f"loss {loss.item():.4f}")
    average.copy_to(vae)


def decibels(vae: AutoencoderKL, buckets: list[Bucket], count: int = 96) -> float:
    """How like its picture a restored picture is (PSNR), over `count` pictures."""
    pictures = _Draw(buckets, 99, blended=0).batch(count)
    with torch.no_grad():
        restored = vae.decode(vae.encode(pictures).latent_dist.mode()).sample.clamp(-1, 1)
    errors = ((restored - pictures) / 2).pow(2).mean(dim=(1, 2, 3))
    return float((-10 * torch.log10(errors)).mean())


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: np.ndarray, batch: int = 32) -> Tensor:
    """Scaled latents of (count, height, width, 3) bytes."""
    parts = [vae.encode(to_tensor(pictures[i : i + batch])).latent_dist.mode() for i in range(0, len(pictures), batch)]
    return torch.cat(parts) * vae.config.scaling_factor


def to_tensor(pictures: np.ndarray) -> Tensor:
    """(count, height, width, 3) bytes as (count, 3, height, width) in -1..1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def save_vae(vae: AutoencoderKL, folder: Path) -> None:
    """Write the codec as diffusers keeps it."""
    vae.save_pretrained(folder, safe_serialization=True)


class _Draw:
    """Random batches, each of one size, some of their pictures blended out of two."""

    def __init__(self, buckets: list[Bucket], seed: int, blended: float = BLENDED) -> None:
        self._buckets = buckets
        self._weights = [len(bucket.pictures) for bucket in buckets]
        self._rng = random.Random(seed)
        self._blended = blended

    def batch(self, count: int) -> Tensor:
        bucket = self._rng.choices(self._buckets, self._weights)[0]
        chosen = [self._rng.randrange(len(bucket.pictures)) for _ in range(count)]
        pictures = to_tensor(bucket.pictures[chosen])
        for i in range(int(count * self._blended)):
            share = self._rng.random()
            pictures[i] = share * pictures[i] + (1 - share) * pictures[count - 1 - i]
        return pictures


def _difference(restored: Tensor, pictures: Tensor) -> Tensor:
    error = restored - pictures
    edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    return error.abs().mean() + 2 * error.pow(2).mean() + 0.3 * edges


def _step(vae: AutoencoderKL, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in vae.parameters() if p.requires_grad], 1.0)
    optimiser.step()


@torch.no_grad()
def _latent_std(vae: AutoencoderKL, draw: _Draw) -> float:
    return float(torch.cat([vae.encode(draw.batch(64)).latent_dist.mode().flatten() for _ in range(8)]).std())


def seconds_a_step(vae: AutoencoderKL, buckets: list[Bucket], precision: torch.dtype) -> float:
    """How long a training step takes in `precision` here, to choose the faster one."""
    draw = _Draw(buckets, 0)
    started = time.process_time()
    for _ in range(5):
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            pictures = draw.batch(WHOLE_BATCH)
            restored = vae(pictures).sample.float()
        _difference(restored, pictures).backward()
    return (time.process_time() - started) / 5

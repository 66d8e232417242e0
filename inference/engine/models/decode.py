"""From latents to pixels: the VAE at the end, for all that finished together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import StableDiffusionXLPipeline

from inference.engine.devices.devices import is_out_of_memory

MAX_PIXELS = 2**20  # decoded in one pass; a picture of 1024 x 1024 takes 4 to 5 GB in single precision


@torch.no_grad()
def decode(pipeline: Any, latents: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Pixels (pictures, 3, height, width) in 0..1 of each of `latents` (pictures, channels, h, w), all of one size."""
    every = torch.cat(list(latents))
    pixels = every[0, 0].numel() * int(pipeline.vae_scale_factor) ** 2
    pictures = _in_parts(pipeline, every, max(1, MAX_PIXELS // pixels))
    if pictures is None:
        pictures = torch.cat([_decoded(pipeline, one) for one in every.split(1)])
    return list(pictures.split([len(part) for part in latents]))


def _in_parts(pipeline: Any, every: torch.Tensor, pictures: int) -> torch.Tensor | None:
    """So many pictures in one pass; None when memory is short and fewer would do. Nothing of the attempt is kept."""
    try:
        return torch.cat([_decoded(pipeline, part) for part in every.split(pictures)])
    except (RuntimeError, MemoryError) as problem:
        if min(pictures, len(every)) == 1 or not is_out_of_memory(problem):
            raise
        return None


def _decoded(pipeline: Any, latents: torch.Tensor) -> torch.Tensor:
    """NaN wherever the VAE said no number: infinity, clamped, would pass for white."""
    vae, config = pipeline.vae, pipeline.vae.config
    if vae.dtype == torch.float16 and config.force_upcast and isinstance(pipeline, StableDiffusionXLPipeline):
        _in_single_precision(vae)  # that of Stable Diffusion says so too: diffusers says it for who says nothing
    latents = as_decoded(latents, config)
    pixels = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
    if vae.dtype == torch.float16 and bool(latents.isfinite().all()) and not bool(pixels.isfinite().all()):
        widen(vae)
        pixels = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
    return (pixels * 0.5 + 0.5).where(pixels.isfinite(), torch.nan).clamp(0, 1)


def widen(vae: Any) -> None:
    """It has overflowed in half precision: from now on it computes in single, also for diffusers' pipelines."""
    vae.register_to_config(force_upcast=True)
    _in_single_precision(vae)


def _in_single_precision(vae: Any) -> None:
    """Where pictures are decoded in a stream of their own, the steps' must not get the old weights' memory too soon."""
    for weight in (*vae.parameters(), *vae.buffers()):
        if weight.is_cuda:
            weight.record_stream(torch.cuda.current_stream(weight.device))
    vae.to(torch.float32)


def as_decoded(latents: torch.Tensor, config: Any) -> torch.Tensor:
    """Latents (rows, channels, h, w) as the denoiser has them, made what the VAE of this configuration decodes."""
    spread = _spread(latents, config)
    if spread is None:
        return latents / config.scaling_factor
    mean, deviation = spread
    return latents * deviation / config.scaling_factor + mean


def as_denoised(latents: torch.Tensor, config: Any) -> torch.Tensor:
    """The other way round: latents as the VAE encodes them, made what the denoiser has."""
    spread = _spread(latents, config)
    if spread is None:
        return latents * config.scaling_factor
    mean, deviation = spread
    return (latents - mean) * config.scaling_factor / deviation


def _spread(latents: torch.Tensor, config: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Mean and standard deviation of each channel, where the configuration tells of them."""
    mean, deviation = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is None or deviation is None:
        return None
    return latents.new_tensor(mean).view(1, -1, 1, 1), latents.new_tensor(deviation).view(1, -1, 1, 1)

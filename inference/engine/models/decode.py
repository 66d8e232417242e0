"""Decodes latents to pixels with the VAE, for all runs that finished together."""

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
    """Decode so many pictures per pass; None when memory is short and fewer would fit. No tensor is kept then."""
    try:
        return torch.cat([_decoded(pipeline, part) for part in every.split(pictures)])
    except (RuntimeError, MemoryError) as problem:
        if min(pictures, len(every)) == 1 or not is_out_of_memory(problem):
            raise
        return None


def _decoded(pipeline: Any, latents: torch.Tensor) -> torch.Tensor:
    """Pixels in 0..1; NaN wherever the VAE's output is not finite: clamped infinity would look white."""
    vae, config = pipeline.vae, pipeline.vae.config
    if vae.dtype == torch.float16 and config.force_upcast and isinstance(pipeline, StableDiffusionXLPipeline):
        _in_single_precision(vae)  # Stable Diffusion's has force_upcast too: it is diffusers' default
    latents = as_decoded(latents, config)
    pixels = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
    if vae.dtype == torch.float16 and bool(latents.isfinite().all()) and not bool(pixels.isfinite().all()):
        widen(vae)
        pixels = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
    return (pixels * 0.5 + 0.5).where(pixels.isfinite(), torch.nan).clamp(0, 1)


def widen(vae: Any) -> None:
    """Switch a VAE that overflowed in half precision to single precision, also for diffusers' pipelines."""
    vae.register_to_config(force_upcast=True)
    _in_single_precision(vae)


def _in_single_precision(vae: Any) -> None:
    """The old weights' memory stays reserved until this stream has used it; other streams must not get it before."""
    for weight in (*vae.parameters(), *vae.buffers()):
        if weight.is_cuda:
            weight.record_stream(torch.cuda.current_stream(weight.device))
    vae.to(torch.float32)


def as_decoded(latents: torch.Tensor, config: Any) -> torch.Tensor:
    """Rescale latents (rows, channels, h, w) from the denoiser's range to that of a VAE of this configuration."""
    spread = _spread(latents, config)
    if spread is None:
        latents = latents / config.scaling_factor
        return latents + config.shift_factor if getattr(config, "shift_factor", None) else latents
    mean, deviation = spread
    return latents * deviation / config.scaling_factor + mean


def as_denoised(latents: torch.Tensor, config: Any) -> torch.Tensor:
    """Rescale latents from the VAE's range to the denoiser's."""
    spread = _spread(latents, config)
    if spread is None:
        latents = latents - config.shift_factor if getattr(config, "shift_factor", None) else latents
        return latents * config.scaling_factor
    mean, deviation = spread
    return (latents - mean) * config.scaling_factor / deviation


def _spread(latents: torch.Tensor, config: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Mean and standard deviation of each channel, where the configuration has them."""
    mean, deviation = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is None or deviation is None:
        return None
    return latents.new_tensor(mean).view(1, -1, 1, 1), latents.new_tensor(deviation).view(1, -1, 1, 1)

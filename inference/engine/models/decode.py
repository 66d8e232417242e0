"""Decodes latents to pixels with the VAE, for all runs that finished together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import StableDiffusionXLPipeline

from inference.engine.devices.devices import is_out_of_memory
from inference.picture_costs import DECODE_TENSORS, VIDEO_DECODE_TENSORS

log = logging.getLogger(__name__)

TILE = 512  # pixels of a side of a tile, which takes a quarter of the memory of 1024 x 1024
MAX_PIXELS = 2**20  # decoded in one pass; a picture of 1024 x 1024 takes 4 to 5 GB in single precision


@torch.no_grad()
def decode(pipeline: Any, latents: Sequence[torch.Tensor], *, may_tile: bool = True) -> list[torch.Tensor]:
    """Pixels (pictures, 3, height, width) in 0..1 of each of `latents` (pictures, channels, h, w), all of one size.

    Where memory is short, one picture after the other; then, with `may_tile`, each in tiles whose edges are blended.
    """
    every, scale = torch.cat(list(latents)), int(pipeline.vae_scale_factor)
    may_tile = may_tile and scale * max(every.shape[2:]) > TILE and bool(_tiles(pipeline.vae, scale))
    many = min(len(every), max(1, MAX_PIXELS // (every[0, 0].numel() * scale**2)))
    found = _in_parts(pipeline, every, many, last=many == 1 and not may_tile)
    if found is None and many > 1:
        found = _in_parts(pipeline, every, 1, last=not may_tile)
    if found is None:
        log.warning("not enough memory: decoding pictures in tiles of %d pixels", TILE)
        with _tiling(pipeline.vae, scale):
            found = _in_parts(pipeline, every, 1, last=True)
    assert found is not None, "the last way returns pictures or raises"
    return list(found.split([len(part) for part in latents]))


def _in_parts(pipeline: Any, every: torch.Tensor, pictures: int, *, last: bool) -> torch.Tensor | None:
    """Decode so many pictures per pass; None when memory is short and there is another way. No tensor is kept then."""
    try:
        return torch.cat([_decoded(pipeline, part) for part in every.split(pictures)])
    except (RuntimeError, MemoryError) as problem:
        if last or not is_out_of_memory(problem):
            raise
        return None


@contextmanager
def _tiling(vae: Any, scale: int) -> Generator[None]:
    """While inside, `vae` decodes what is larger than a tile in tiles, which diffusers blends."""
    wanted = _tiles(vae, scale)
    before = {name: getattr(vae, name) for name in wanted}
    vars(vae).update(wanted)
    try:
        yield
    finally:
        vars(vae).update(before)


def _tiles(vae: Any, scale: int) -> dict[str, object]:
    """The attributes with which a VAE decodes in tiles; empty where it cannot."""
    if hasattr(vae, "tile_latent_min_size"):
        return {"use_tiling": True, "tile_sample_min_size": TILE, "tile_latent_min_size": TILE // scale}
    if not hasattr(vae, "tile_sample_min_height"):
        return {}
    sides = {"tile_sample_min": TILE, "tile_sample_stride": 3 * TILE // 4}
    named = {f"{name}_{side}": size for name, size in sides.items() for side in ("height", "width")}
    return {"use_tiling": True, **named}


def _decoded(pipeline: Any, latents: torch.Tensor) -> torch.Tensor:
    """Pixels in 0..1; NaN wherever the VAE's output is not finite: clamped infinity would look white."""
    vae, config = pipeline.vae, pipeline.vae.config
    if vae.dtype == torch.float16 and isinstance(pipeline, StableDiffusionXLPipeline) and config.force_upcast:
        _in_single_precision(vae)  # Stable Diffusion's has force_upcast too: it is diffusers' default
    latents = as_decoded(latents, config)
    pixels = pixels_of(vae, latents.to(vae.dtype))
    if vae.dtype == torch.float16 and bool(latents.isfinite().all()) and not bool(pixels.isfinite().all()):
        widen(vae)
        pixels = pixels_of(vae, latents.to(vae.dtype))
    return (pixels * 0.5 + 0.5).where(pixels.isfinite(), torch.nan).clamp(0, 1)


def pixels_of(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """What a VAE decodes of latents (rows, channels, h, w) in its own range, also one of videos."""
    if is_of_videos(vae):
        return vae.decode(latents.unsqueeze(2), return_dict=False)[0].squeeze(2)
    return vae.decode(latents, return_dict=False)[0]


def encoded(vae: Any, pixels: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Latents (rows, channels, h, w) of pixels (rows, 3, height, width) in -1..1, in the VAE's own range.

    They are drawn by `generator`; without one they are the most likely.
    """
    videos = is_of_videos(vae)
    found = vae.encode(pixels.unsqueeze(2) if videos else pixels).latent_dist
    latents = found.mode() if generator is None else found.sample(generator)
    return latents.squeeze(2) if videos else latents


def is_of_videos(vae: Any) -> bool:
    """Whether a VAE is made for videos: a picture is a video of one frame."""
    return hasattr(vae.config, "temperal_downsample")


def scale_of(vae: Any) -> int:
    """How many pixels high and wide a latent is."""
    return 2 ** (len(vae.config.temperal_downsample) if is_of_videos(vae) else len(vae.config.block_out_channels) - 1)


def begun_finite(
    vae: Any,
    begin: Callable[[], tuple[torch.Tensor, torch.Tensor]],
    generators: Sequence[torch.Generator],
    seeds: Sequence[int],
) -> tuple[torch.Tensor, torch.Tensor]:
    """What `begin` makes: latents of a picture that this VAE encodes, and their timesteps.

    Where half precision overflows, it is done again in single precision: the generators begin again with their seeds.
    """
    latents, times = begin()
    if vae.dtype != torch.float16 or bool(latents.isfinite().all()):
        return latents, times
    widen(vae)
    for generator, seed in zip(generators, seeds, strict=True):
        generator.manual_seed(seed)
    return begin()


def decode_bytes(vae: Any, pixels: int) -> int:
    """Bytes that are alive at once while a picture of so many pixels is decoded; see `inference.picture_costs`."""
    config, videos = vae.config, is_of_videos(vae)
    numbers = VIDEO_DECODE_TENSORS * config.base_dim if videos else DECODE_TENSORS * config.block_out_channels[0]
    return pixels * numbers * vae.dtype.itemsize


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
    return latents * deviation / getattr(config, "scaling_factor", 1.0) + mean


def as_denoised(latents: torch.Tensor, config: Any) -> torch.Tensor:
    """Rescale latents from the VAE's range to the denoiser's."""
    spread = _spread(latents, config)
    if spread is None:
        latents = latents - config.shift_factor if getattr(config, "shift_factor", None) else latents
        return latents * config.scaling_factor
    mean, deviation = spread
    return (latents - mean) * getattr(config, "scaling_factor", 1.0) / deviation


def _spread(latents: torch.Tensor, config: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Mean and standard deviation of each channel, where the configuration has them."""
    mean, deviation = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is None or deviation is None:
        return None
    return latents.new_tensor(mean).view(1, -1, 1, 1), latents.new_tensor(deviation).view(1, -1, 1, 1)

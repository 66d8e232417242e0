"""Previews without the VAE: a linear map from latent channels to red, green and blue, measured at load time."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

_LEVELS = (-0.9, 0.0, 0.9)
_TILE = 8  # latents a tile; its border is blurred into its neighbours, so only the middle is read


@dataclass(frozen=True)
class PreviewMap:
    """`rgb = latent @ matrix + offset`; matrix is (channels, 3), offset (3,), colours in -1..1."""

    matrix: torch.Tensor
    offset: torch.Tensor

    @classmethod
    @torch.no_grad()
    def measure(cls, vae: Any) -> PreviewMap:
        """Encode a chart of 27 flat colours and fit the map by least squares: no table for any VAE is needed."""
        colours = torch.tensor(list(itertools.product(_LEVELS, repeat=3)))
        side = _TILE * 2 ** (len(vae.config.block_out_channels) - 1)
        chart = colours.T.reshape(1, 3, 3, 9).repeat_interleave(side, 2).repeat_interleave(side, 3)
        with _in_float32(vae):
            encoded = vae.encode(chart.to(vae.device)).latent_dist.mean[0]
        latents = encoded.cpu() * vae.config.scaling_factor
        middle = latents[:, _TILE // 2 :: _TILE, _TILE // 2 :: _TILE].flatten(1).T
        inputs = torch.cat([middle, torch.ones(len(middle), 1)], dim=1)
        solution = torch.linalg.lstsq(inputs, colours).solution
        return cls(solution[:-1], solution[-1])

    def picture(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """A small picture of `latents` (channels, h, w), scaled to `size` (width, height) in pixels."""
        colours = latents.float().cpu().permute(1, 2, 0) @ self.matrix + self.offset
        pixels = ((colours.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return Image.fromarray(pixels.numpy()).resize(size, Image.Resampling.BILINEAR)


@contextmanager
def _in_float32(vae: Any) -> Generator[None]:
    """SDXL's VAE overflows in half precision; it goes back to its own precision afterwards."""
    dtype = vae.dtype
    vae.to(torch.float32)
    try:
        yield
    finally:
        vae.to(dtype)

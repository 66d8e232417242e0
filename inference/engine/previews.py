"""Previews: by the VAE itself where it is small, else without it.

Large VAEs take longer for a picture than a step does. For them a small map from latent channels to red, green and blue
is measured at load time; it sees one latent at a time, and small VAEs say more by what lies around it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from PIL import Image
from torch.nn.functional import avg_pool2d, interpolate

_SIDE = 48  # latents; the chart is square
_BLOCKS = 12  # colours a side
_SMALL_VAE = 5_000_000  # weights: milliseconds for a picture, also without a GPU


class Sketcher(Protocol):
    """Makes previews of clean latents."""

    def picture(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """A small picture of `latents` (channels, h, w), scaled to `size` (width, height) in pixels."""
        ...


def sketcher_for(vae: Any) -> Sketcher:
    """How latents of `vae` are previewed."""
    small = sum(weights.numel() for weights in vae.parameters()) <= _SMALL_VAE
    return SmallVae(vae) if small else PreviewMap.measure(vae)


@dataclass(frozen=True)
class SmallVae:
    """A VAE that is small enough to decode every preview."""

    vae: Any

    @torch.no_grad()
    def picture(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """What it decodes."""
        scaled = latents[None].to(self.vae.device, self.vae.dtype) / self.vae.config.scaling_factor
        return _image(self.vae.decode(scaled, return_dict=False)[0][0].movedim(0, -1).float().cpu(), size)


@dataclass(frozen=True)
class PreviewMap:
    """Colours as a second-degree polynomial of a latent's channels: `rgb = terms(latent) @ matrix`, in -1..1.

    A linear map is enough for the large VAEs; small ones bend their colours more.
    """

    matrix: torch.Tensor

    @classmethod
    @torch.no_grad()
    def measure(cls, vae: Any) -> PreviewMap:
        """Encode a chart of colours and fit the map by least squares: no table for any VAE is needed."""
        scale = 2 ** (len(vae.config.block_out_channels) - 1)
        chart = _chart(_SIDE * scale)
        with _in_float32(vae):
            encoded = vae.encode(chart.to(vae.device)).latent_dist.mean[0]
        latents = encoded.cpu() * vae.config.scaling_factor
        colours = avg_pool2d(chart, scale)[0].permute(1, 2, 0)
        return cls(torch.linalg.lstsq(_terms(latents).flatten(0, 1), colours.flatten(0, 1)).solution)

    def picture(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """A small picture of `latents` (channels, h, w), scaled to `size` (width, height) in pixels."""
        return _image(_terms(latents.float().cpu()) @ self.matrix, size)


def _image(colours: torch.Tensor, size: tuple[int, int]) -> Image.Image:
    """`colours` (h, w, 3) in -1..1 as a picture of `size`."""
    pixels = ((colours.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(pixels.numpy()).resize(size, Image.Resampling.BILINEAR)


def _terms(latents: torch.Tensor) -> torch.Tensor:
    """(channels, h, w) -> (h, w, terms): one, each channel, each product of two."""
    channels = latents.movedim(0, -1)
    first, second = torch.triu_indices(len(latents), len(latents))
    products = channels[..., first] * channels[..., second]
    return torch.cat([torch.ones_like(channels[..., :1]), channels, products], dim=-1)


def _chart(side: int) -> torch.Tensor:
    """Random colours (1, 3, side, side) in -1..1, left as blocks with edges, right flowing into each other.

    Flat colours alone would leave open what latents do at edges, and previews would glitter there.
    """
    colours = torch.rand(1, 3, _BLOCKS, _BLOCKS, generator=torch.Generator().manual_seed(0)) * 2 - 1
    blocks = interpolate(colours, size=(side, side), mode="nearest")
    flowing = interpolate(colours, size=(side, side), mode="bilinear", align_corners=False)
    return torch.cat([blocks[..., : side // 2], flowing[..., side // 2 :]], dim=-1)


@contextmanager
def _in_float32(vae: Any) -> Generator[None]:
    """SDXL's VAE overflows in half precision; it goes back to its own precision afterwards."""
    dtype = vae.dtype
    vae.to(torch.float32)
    try:
        yield
    finally:
        vae.to(dtype)

"""Previews: small pictures from latents, cheaper than a full VAE makes them.

They come from a tiny autoencoder (TAESD) where the operator configured one, from the checkpoint's own VAE where it is
as small as that, else from a map from latents to colours that is fitted when the checkpoint is loaded.
"""

from __future__ import annotations

import copy
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch.nn.functional import avg_pool2d, interpolate, pad, unfold

from inference.engine.models.decode import as_decoded, as_denoised, encoded, pixels_of, scale_of

MAX_DECODER_PARAMETERS = 2**21  # parameters of a decoder that may run for every preview; TAESD's has 1.2 million
MAX_LATENTS = 64  # on the longer side of a decoder's input; more would cost as much as several steps

_SIDE = 32  # latents; the chart is square
_BLOCKS = 8  # colours a side
_CONTRAST = 1.5  # of the chart's colours before clipping: pictures have more black and white than random colours
_NOISE = (0.0, 0.3, 0.6)  # in standard deviations of the latents
_RIDGE = 0.1


class Preview(Protocol):
    """Makes small pictures of latents."""

    def picture(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """A small picture of `latents` (channels, h, w), scaled to `size` (width, height) in pixels."""
        ...


def preview_of(vae: Any, tiny: Any = None) -> Preview:
    """The best preview for latents of `vae`; `tiny` is an autoencoder that knows the same latents."""
    if tiny is not None:
        return SmallDecoder(tiny)
    if sum(weight.numel() for weight in vae.decoder.parameters()) <= MAX_DECODER_PARAMETERS:
        return SmallDecoder(copy.deepcopy(vae))  # a copy, since the VAE itself may be offloaded
    return ColourMap.measure(vae)


def open_tiny(source: str, device: torch.device, dtype: torch.dtype) -> Any:
    """The tiny autoencoder in a folder, or of a hub repository. Raises OSError or ValueError."""
    local = Path(source).is_dir()
    options = {"dtype": dtype, "local_files_only": local, "use_safetensors": True}  # others may hold code
    tiny: Any = AutoencoderTiny.from_pretrained(source, **options)
    return tiny.to(device)


@dataclass(frozen=True)
class SmallDecoder:
    """A decoder that is small enough to run for every preview."""

    vae: Any

    @torch.no_grad()
    def picture(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """See `Preview.picture`."""
        vae, scale = self.vae, MAX_LATENTS / max(latents.shape[1:])
        batch = latents[None].to(vae.device, vae.dtype)
        if scale < 1:
            batch = interpolate(batch, scale_factor=scale, mode="area")
        pixels = pixels_of(vae, as_decoded(batch, vae.config))[0]
        return _drawn(pixels.permute(1, 2, 0), size)


@dataclass(frozen=True)
class ColourMap:
    """Colours in -1..1 as a second-degree polynomial of a latent and a linear one of the eight around it.

    A map of single latents is enough for the large VAEs when they are done; small ones bend their colours more, and
    noise that a VAE would look past is seen only with what lies around.
    """

    matrix: torch.Tensor  # (terms, 3)

    @classmethod
    @torch.no_grad()
    def measure(cls, vae: Any) -> ColourMap:
        """Encode a chart of colours and fit the map by least squares; no table of known VAEs is needed.

        The chart's latents are also fitted with noise added, so that the map tolerates the noise of early steps.
        """
        scale = scale_of(vae)
        chart = _chart(_SIDE * scale)
        with _in_single_precision(vae):
            found = encoded(vae, chart.to(vae.device, vae.dtype)).float().cpu()
        latents = as_denoised(found, vae.config)
        numbers = torch.Generator().manual_seed(0)
        noisy = [latents + much * latents.std() * torch.randn(latents.shape, generator=numbers) for much in _NOISE]
        terms = torch.cat([_terms(each[0]).flatten(0, 1) for each in noisy])
        colours = avg_pool2d(chart, scale)[0].permute(1, 2, 0).flatten(0, 1).repeat(len(_NOISE), 1)
        ridge = _RIDGE * len(terms) * torch.eye(terms.shape[1])
        return cls(torch.linalg.solve(terms.T @ terms + ridge, terms.T @ colours))

    def picture(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """See `Preview.picture`."""
        return _drawn(_terms(latents.float().cpu()) @ self.matrix, size)


def _drawn(colours: torch.Tensor, size: tuple[int, int]) -> Image.Image:
    """`colours` (h, w, 3) in -1..1, scaled."""
    pixels = ((colours.float().cpu().nan_to_num().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(pixels.numpy()).resize(size, Image.Resampling.BILINEAR)


def _terms(latents: torch.Tensor) -> torch.Tensor:
    """(channels, h, w) -> (h, w, terms): one, each channel of nine neighbours, each product of two channels."""
    channels, height, width = latents.shape
    around = unfold(pad(latents[None], (1, 1, 1, 1), mode="replicate"), 3)[0].unflatten(1, (height, width))
    first, second = torch.triu_indices(channels, channels)
    terms = [torch.ones_like(latents[:1]), around, latents[first] * latents[second]]
    return torch.cat(terms).movedim(0, -1)


def _chart(side: int) -> torch.Tensor:
    """Random colours (1, 3, side, side) in -1..1, left as blocks with edges, right flowing into each other.

    Flat colours alone would leave open what latents do at edges, and previews would glitter there.
    """
    colours = torch.rand(1, 3, _BLOCKS, _BLOCKS, generator=torch.Generator().manual_seed(0)) * 2 - 1
    colours = (colours * _CONTRAST).clamp(-1, 1)
    blocks = interpolate(colours, size=(side, side), mode="nearest")
    flowing = interpolate(colours, size=(side, side), mode="bilinear", align_corners=False)
    return torch.cat([blocks[..., : side // 2], flowing[..., side // 2 :]], dim=-1)


@contextmanager
def _in_single_precision(vae: Any) -> Generator[None]:
    """While inside, `vae` computes in at least single precision, since SDXL's overflows in half."""
    dtype = vae.dtype
    vae.to(torch.promote_types(dtype, torch.float32))
    try:
        yield
    finally:
        vae.to(dtype)

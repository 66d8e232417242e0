"""How the predictions of a picture's regions become one, by soft masks.

A picture without regions is one slot. One with regions has one latent, one sampler and one generator as well, and is
several slots: the denoiser is asked about the same latent once for each region, with that region's prompt and LoRAs.
The answers are guided each by itself, and blended by masks that sum to 1. Nothing of that is state of a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from inference.engine.devices.transfers import upload
from inference.messages.request import GenerationRequest
from inference.regions import CENTRE_SHARE, RegionName


def blended(masks: torch.Tensor | None, guided: torch.Tensor) -> torch.Tensor:
    """The predictions (pictures, …) of those of all slots (slots, …), picture after picture.

    `masks` (slots of a picture, 1, height, width) has the share of each slot; None: one slot has all.
    """
    return guided if masks is None else (guided.unflatten(0, (-1, len(masks))) * masks).sum(1)


def masks_of(request: GenerationRequest, latents: torch.Tensor) -> torch.Tensor:
    """The masks (slots, 1, height, width) of the request's slots, for latents (…, height, width); they sum to 1."""
    names = tuple(region.name for region in request.regions)
    height, width = latents.shape[-2:]
    masks = torch.stack(region_masks(names, height, width, request.region_edge)) * (1 - request.base_share)
    if request.base_share:
        masks = torch.cat([masks, torch.full_like(masks[:1], request.base_share)])
    return upload(masks[:, None].to(latents.dtype), latents.device)


def region_masks(names: Sequence[RegionName], height: int, width: int, edge: int) -> list[torch.Tensor]:
    """The mask (height, width) of each region, in double precision: 1 inside, 0 outside, `edge` wide in between."""
    if RegionName.BACKGROUND in names:
        across, down = (_band(size, *_middle(size), edge) for size in (width, height))
        centre = torch.minimum(across[None, :], down[:, None])
        return [centre if name is RegionName.CENTRE else 1 - centre for name in names]
    stacked = RegionName.TOP in names
    size = height if stacked else width
    borders = [size * number / len(names) for number in range(1, len(names))]
    steps = [_rise(size, border, edge) for border in borders]
    rising = [torch.ones(size, dtype=torch.float64), *steps, torch.zeros(size, dtype=torch.float64)]
    ordered = (name for name in RegionName if name in names)
    bands = {name: before - after for name, (before, after) in zip(ordered, pairwise(rising), strict=True)}
    return [(bands[name][:, None] if stacked else bands[name]).expand(height, width) for name in names]


def _rise(size: int, border: float, edge: int) -> torch.Tensor:
    """0 before `border` and 1 behind it, along `size` latents."""
    places = torch.arange(size, dtype=torch.float64) + 0.5
    return (places > border).double() if edge == 0 else ((places - border) / edge + 0.5).clamp(0, 1)


def _band(size: int, start: float, end: float, edge: int) -> torch.Tensor:
    """1 between `start` and `end`, and 0 outside."""
    return _rise(size, start, edge) - _rise(size, end, edge)


def _middle(size: int) -> tuple[float, float]:
    """Where the centre starts and ends, along `size` latents."""
    margin = size * (1 - CENTRE_SHARE) / 2
    return margin, size - margin

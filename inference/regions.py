"""Regions of a picture, each with words and LoRAs of its own: their names, and which of them go together.

A picture with regions has one latent, one sampler and one seed. In each step the denoiser is asked once for each
region, always about the whole picture, and the predictions are blended by soft masks that sum to 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final

_BARS = re.compile(r"[|\uff5c]")  # this, and the full-width bar
_SYMBOLS = re.compile(r"\\[()\[\]\\]|[()\[\]|\uff5c]")
_PARTNERS: Final = {")": "(", "]": "["}


class RegionName(StrEnum):
    """The regions, in the order in which a request holds them."""

    LEFT = "left"
    TOP = "top"
    CENTRE = "centre"
    RIGHT = "right"
    BOTTOM = "bottom"
    BACKGROUND = "background"


LAYOUTS: tuple[tuple[RegionName, ...], ...] = (
    (RegionName.LEFT, RegionName.RIGHT),
    (RegionName.TOP, RegionName.BOTTOM),
    (RegionName.CENTRE, RegionName.BACKGROUND),
    (RegionName.LEFT, RegionName.CENTRE, RegionName.RIGHT),
    (RegionName.TOP, RegionName.CENTRE, RegionName.BOTTOM),
)
CENTRE_SHARE = 0.6875  # of width and height, that the centre takes of a picture with a background
MAX_REGIONS = 3
MAX_EDGE = 16  # latents
USUAL_EDGE = 2  # latents over which one region passes into the next
MAX_BASE_SHARE = 0.9  # of a prediction for the whole picture, beside those of the regions

# Where a figure is, as captions say it: the denoiser sees the whole picture whatever region it is asked for.
PLACE_WORDS = {
    RegionName.LEFT: "on the left",
    RegionName.TOP: "at the top",
    RegionName.CENTRE: "in the center",
    RegionName.RIGHT: "on the right",
    RegionName.BOTTOM: "at the bottom",
    RegionName.BACKGROUND: "",  # it has no figure
}


def slots_of(names: Sequence[RegionName], base_share: float) -> tuple[RegionName | None, ...]:
    """What the denoiser is asked for a picture: each of its regions, or the whole picture (None), or both."""
    return tuple(names) if names and not base_share else (*names, None)


def divided(prompt: str) -> list[str]:
    """The parts of a prompt between those bars that no pair of brackets holds."""
    opened, bars = list[tuple[str, int]](), list[int]()  # of an open bracket how many bars were before it
    for symbol in _SYMBOLS.finditer(prompt):
        if _BARS.match(symbol[0]):
            bars.append(symbol.start())
        elif symbol[0] in _PARTNERS.values():
            opened.append((symbol[0], len(bars)))
        elif opened and opened[-1][0] == _PARTNERS.get(symbol[0]):
            del bars[opened.pop()[1] :]
    return [prompt[start + 1 : end] for start, end in pairwise((-1, *bars, len(prompt)))]

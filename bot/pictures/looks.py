"""What a LoRA's weight does to pictures, measured: colours, clipped pixels, and how far a picture has moved.

Pictures of several weights are compared with those of a usual weight from the same seeds. A weight still holds where

- saturation is within a fifth of what it is at the usual weight,
- at most a tenth more of the pixels are clipped (a channel is at its least or greatest value), and
- they resemble the pictures of the usual weight by at least RESEMBLANCE (a correlation of small copies).

A weight does enough where pictures resemble those of the usual weight and are at least half as far from those without
the LoRA. On the demo RESEMBLANCE parts owls from others as their likeness does (`benchmarks.weight_sums`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import mul
from statistics import fmean

from PIL import Image, ImageChops, ImageStat

SATURATION, CLIPPED, RESEMBLANCE, EFFECT = 0.2, 0.1, 0.8, 0.5
_SIDE = 32  # pixels of the copies that are compared
_IS_CLIPPED = [255 if value in {0, 255} else 0 for value in range(256)]


@dataclass(frozen=True)
class Looks:
    """Means over some pictures."""

    saturation: float
    clipped: float

    @classmethod
    def of(cls, pictures: Sequence[Image.Image]) -> Looks:
        """How these pictures look."""
        each = [_measured(picture) for picture in pictures]
        return cls(*map(fmean, zip(*each, strict=True)))

    def holds(self, usual: Looks) -> bool:
        """Whether colours are still as in pictures that look like `usual`."""
        near = abs(self.saturation - usual.saturation) <= SATURATION * usual.saturation
        return near and self.clipped - usual.clipped <= CLIPPED


def _measured(picture: Image.Image) -> tuple[float, float]:
    """The mean saturation of a picture and the share of its pixels that are clipped."""
    rgb = picture.convert("RGB")
    saturation = ImageStat.Stat(rgb.convert("HSV")).mean[1] / 255
    bands = [band.point(_IS_CLIPPED) for band in rgb.split()]
    clipped = reduce(ImageChops.lighter, bands)
    return saturation, ImageStat.Stat(clipped).mean[0] / 255


def resemblance(pictures: Sequence[Image.Image], others: Sequence[Image.Image]) -> float:
    """The mean correlation of pictures with others, one to one: 1 for the same, about 0 for unlike ones."""
    pairs = zip(map(_small, pictures), map(_small, others), strict=True)
    return fmean(_correlation(one, other) for one, other in pairs)


def distance(pictures: Sequence[Image.Image], others: Sequence[Image.Image]) -> float:
    """The mean difference of pictures from others, one to one, as a share of the full range."""
    pairs = zip(map(_small, pictures), map(_small, others), strict=True)
    return fmean(fmean(ImageStat.Stat(ImageChops.difference(one, other)).mean) for one, other in pairs) / 255


def _small(picture: Image.Image) -> Image.Image:
    return picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)


def _correlation(one: Image.Image, other: Image.Image) -> float:
    """The correlation of all values, each channel less its mean."""
    mine, theirs = ([_centred(band) for band in picture.split()] for picture in (one, other))
    products = sum(_sumprod(a, b) for a, b in zip(mine, theirs, strict=True))
    size = math.sqrt(sum(_sumprod(a, a) for a in mine) * sum(_sumprod(b, b) for b in theirs))
    return products / size if size else float(one.tobytes() == other.tobytes())


def _sumprod(some: Sequence[float], others: Sequence[float]) -> float:
    return sum(map(mul, some, others))


def _centred(band: Image.Image) -> list[float]:
    mean = ImageStat.Stat(band).mean[0]
    return [value - mean for value in band.tobytes()]


@dataclass(frozen=True)
class WeightRange:
    """The weights from `least` to `most` that do enough and still hold."""

    least: float
    most: float


def useful_range(pictures: Mapping[float, Sequence[Image.Image]], usual: float) -> WeightRange | None:
    """The useful weights among those with pictures, `usual` and 0 among them; None where the LoRA does nothing.

    All weights have pictures of the same seeds.
    """
    without, at_usual = pictures[0.0], pictures[usual]
    moved = distance(at_usual, without)
    if moved <= 1 / 255:  # no more than a step of eight bits
        return None
    looks = Looks.of(at_usual)
    least = most = usual
    for weight in sorted(each for each in pictures if each > usual):
        some = pictures[weight]
        if not (Looks.of(some).holds(looks) and resemblance(some, at_usual) >= RESEMBLANCE):
            break
        most = weight
    for weight in sorted((each for each in pictures if 0 < each < usual), reverse=True):
        some = pictures[weight]
        if distance(some, without) < EFFECT * moved or resemblance(some, at_usual) < RESEMBLANCE:
            break
        least = weight
    return WeightRange(least, most)

"""Perceptual hashes: how like each other two pictures look, also after one was re-encoded, resized, varied or cropped.

A hash holds the signs of the lowest frequencies of a picture's lightness and colours, by the cosine transform that
pHash and PDQ use. A frequency that is hardly there has no sign: in plain areas, encoders alone would decide it. The
distance of two hashes is one minus the cosine between them. Nobody can see in a hash what the picture shows.

Of the picture that a notice names, hashes of many sections are kept: those that a crop leaves, and larger ones, of
which the picture itself may be a crop. So each other picture needs one hash alone. Figures: docs/measurements.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from operator import mul
from pathlib import Path

from PIL import Image

from inference.image_files import BROKEN, on_white, opened, reduced

FOUND_BELOW = 0.48  # a distance at which staff look whether it is a copy
REFUSED_BELOW = 0.27  # a distance at which a copy is refused without anybody looking
NOTHING_ALIKE = 1.0

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP")
_SIDE, _MARGIN = 96, 16  # pixels to which a picture is scaled; by which its border is repeated outside of it
_FREQUENCIES = (16, 8, 8)  # each way, of the lightness and of both colours
_FAINTEST = 0.2  # grey levels of 255; fainter frequencies have no sign
_LEAST_SIGNS = 32  # with fewer, a picture is too plain to be compared
_FEW_SIGNS = 80  # with fewer, it may be like others that are as plain
_SIGNS = sum(count**2 - 1 for count in _FREQUENCIES)  # without the means
_PLANE = -(-_SIGNS // 8)  # bytes with a bit for each positive sign, after which come those of the negative ones
_BYTES = 2 * _PLANE

_Waves = tuple[tuple[float, ...], ...]
_Section = tuple[float, float, float, float]  # left, top, right, bottom: what is cut off, as shares of the sides
_WHOLE: _Section = (0.0, 0.0, 0.0, 0.0)
_CROPS: tuple[_Section, ...] = (
    *(tuple[float, float, float, float](sides) for sides in product((0.0, 0.05), repeat=4)),
    (0.025, 0.025, 0.025, 0.025),
    (0.1, 0.0, 0.0, 0.0),
    (0.0, 0.1, 0.0, 0.0),
    (0.0, 0.0, 0.1, 0.0),
    (0.0, 0.0, 0.0, 0.1),
)


def _uncropped(crop: _Section) -> _Section:
    """The section of which the picture is this crop."""
    left, top, right, bottom = crop
    width, height = 1 - left - right, 1 - top - bottom
    return -left / width, -top / height, -right / width, -bottom / height


_SECTIONS = (*_CROPS, *map(_uncropped, _CROPS[1:]))


def picture_hash(image: Image.Image) -> bytes:
    """The hash of a picture in RGB."""
    return _hashes(image, [_WHOLE])


def notice_hashes(image: Image.Image) -> bytes:
    """The hashes of a picture in RGB that a notice names, one after the other."""
    return _hashes(image, _SECTIONS)


def read(file: Path | bytes) -> Image.Image:
    """A picture as it is hashed. Raises one of BROKEN."""
    with opened(file, _FORMATS, side=2 * _SIDE) as image:
        return on_white(reduced(image, 8 * _SIDE))


def hash_file(path: Path) -> bytes:
    """The hash of the picture in a file; empty for one that cannot be read."""
    try:
        return picture_hash(read(path))
    except BROKEN:
        return b""


def is_too_plain(hashes: bytes) -> bool:
    """Whether so little is in the picture of a notice that it can be compared with nothing."""
    return _Signs.of(hashes).count < _LEAST_SIGNS


def has_little_detail(notice: bytes) -> bool:
    """Whether one of the notice's pictures is so plain that its hash may refuse others that are as plain."""
    wholes = range(0, len(notice), len(_SECTIONS) * _BYTES)
    return any(_Signs.of(notice, place).count < _FEW_SIGNS for place in wholes)


def distances(notice: bytes, hashes: Sequence[bytes]) -> list[float]:
    """The distance of each picture to those of a notice, the least one: 0 for a twin, about NOTHING_ALIKE for others.

    `notice` may hold the hashes of several pictures. An empty hash is like nothing.
    """
    sections = [_Signs.of(notice, place) for place in range(0, len(notice), _BYTES)]
    comparable = [section for section in sections if section.count >= _LEAST_SIGNS]
    return [1.0 - _likeness(_Signs.of(each), comparable) if each else NOTHING_ALIKE for each in hashes]


@dataclass(frozen=True)
class _Signs:
    """The signs of a hash, each kind as the bits of a number."""

    positive: int
    negative: int

    @classmethod
    def of(cls, hashes: bytes, place: int = 0) -> _Signs:
        """Those of the hash that begins at this place."""
        planes = (hashes[place : place + _PLANE], hashes[place + _PLANE : place + _BYTES])
        return cls(*(int.from_bytes(plane) for plane in planes))

    @property
    def count(self) -> int:
        """How many there are."""
        return self.positive.bit_count() + self.negative.bit_count()


def _likeness(signs: _Signs, sections: Sequence[_Signs]) -> float:
    """The greatest cosine between the signs and those of a section; 0 where there is none, or little to compare."""
    count, positive, negative, best = signs.count, signs.positive, signs.negative, 0.0
    if count < _LEAST_SIGNS:
        return best
    for section in sections:
        agree = (positive & section.positive).bit_count() + (negative & section.negative).bit_count()
        differ = (positive & section.negative).bit_count() + (negative & section.positive).bit_count()
        if agree > differ:
            best = max(best, (agree - differ) / math.sqrt(count * section.count))
    return best


def _hashes(image: Image.Image, sections: Sequence[_Section]) -> bytes:
    smooth = Image.Resampling.BOX if min(image.size) > _SIDE else Image.Resampling.BICUBIC
    channels = [channel.tobytes() for channel in image.resize((_SIDE, _SIDE), smooth).convert("YCbCr").split()]

    @cache
    def columns(channel: int, left: float, right: float) -> list[list[float]]:
        """The frequencies across, each as a column, which many sections share."""
        pixels = channels[channel]
        rows = [pixels[start : start + _SIDE] for start in range(0, _SIDE**2, _SIDE)]
        return [[sum(map(mul, wave, row)) for row in rows] for wave in _waves(left, right, _FREQUENCIES[channel])]

    hashes: list[bytes] = []
    for left, top, right, bottom in sections:
        positive = negative = 0
        for channel, count in enumerate(_FREQUENCIES):
            found = columns(channel, left, right)
            levels = [sum(map(mul, wave, column)) for wave in _waves(top, bottom, count) for column in found]
            for level in levels[1:]:  # without the mean
                positive = positive << 1 | (level > _FAINTEST)
                negative = negative << 1 | (level < -_FAINTEST)
        hashes += [positive.to_bytes(_PLANE), negative.to_bytes(_PLANE)]
    return b"".join(hashes)


@cache
def _waves(before: float, after: float, count: int) -> _Waves:
    """Cosines over a section, by frequency and pixel. What lies outside of the picture looks like its border."""
    width = 1 - after - before
    waves = [[0.0] * _SIDE for _ in range(count)]
    for pixel in range(-_MARGIN, _SIDE + _MARGIN):
        begin, end = max(pixel / _SIDE, before), min((pixel + 1) / _SIDE, 1 - after)
        if begin < end:
            at = ((pixel + 0.5) / _SIDE - before) / width
            for frequency, wave in enumerate(waves):
                share = math.cos(math.pi * frequency * at) * math.sqrt(2) * (end - begin) / width
                wave[min(max(pixel, 0), _SIDE - 1)] += share
    return tuple(map(tuple, waves))

"""Perceptual hashes: how like each other two pictures look, also after one was re-encoded, resized, varied or cropped.

A hash holds the signs of the lowest frequencies of a picture's lightness and colours, by the cosine transform that
pHash and PDQ use. A frequency that is hardly there has no sign: in plain areas, encoders alone would decide it. The
distance of two hashes is one minus the cosine between them. Nobody can see in a hash what the picture shows.

Of the picture that a notice names, hashes of many sections are kept: those that a crop leaves, and larger ones, of
which the picture itself may be a crop. So each other picture needs one hash alone. Figures: docs/measurements.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.image_files import BROKEN, on_white, opened, reduced

FOUND_BELOW = 0.42  # a distance at which staff look whether it is a copy
REFUSED_BELOW = 0.25  # a distance at which a copy is refused without anybody looking
NOTHING_ALIKE = 1.0

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP")
_SIDE, _MARGIN = 96, 16  # pixels to which a picture is scaled; by which its border is repeated outside of it
_LIGHTNESS, _COLOUR = 16, 8  # frequencies each way
_FAINTEST = 0.2  # grey levels of 255; fainter frequencies have no sign
_LEAST_SIGNS = 32  # with fewer, a picture is too plain to be compared
_SIGNS = _LIGHTNESS**2 + 2 * _COLOUR**2 - 3  # without the three means
_BYTES = 2 * -(-_SIGNS // 8)  # a bit for each positive sign, then one for each negative

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
    return bool(np.count_nonzero(_signs(hashes[:_BYTES])) < _LEAST_SIGNS)


def distances(notice: bytes, hashes: Sequence[bytes]) -> list[float]:
    """The distance of each picture to those of a notice, the least one: 0 for a twin, NOTHING_ALIKE or more for others.

    `notice` may hold the hashes of several pictures. An empty hash is like nothing.
    """
    readable = [index for index, each in enumerate(hashes) if len(each) == _BYTES]
    told = [NOTHING_ALIKE] * len(hashes)
    if readable and notice:
        likeness = _directions(b"".join(hashes[index] for index in readable)) @ _directions(notice).T
        for index, best in zip(readable, likeness.max(axis=1), strict=True):
            told[index] = max(0.0, 1.0 - float(best))
    return told


def _hashes(image: Image.Image, sections: Sequence[_Section]) -> bytes:
    smooth = Image.Resampling.BOX if min(image.size) > _SIDE else Image.Resampling.BICUBIC
    scaled = image.resize((_SIDE, _SIDE), smooth).convert("YCbCr")
    border = ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0))
    channels = np.pad(np.asarray(scaled, np.float32), border, mode="edge")
    hashes: list[bytes] = []
    for left, top, right, bottom in sections:
        levels = [
            (_waves(top, bottom, count) @ channels[..., channel] @ _waves(left, right, count).T).ravel()[1:]
            for channel, count in enumerate((_LIGHTNESS, _COLOUR, _COLOUR))
        ]
        found = np.concatenate(levels)
        hashes += [np.packbits(found > _FAINTEST).tobytes(), np.packbits(found < -_FAINTEST).tobytes()]
    return b"".join(hashes)


@cache
def _waves(before: float, after: float, count: int) -> NDArray[np.float32]:
    """Cosines over a section, by frequency and pixel, so that their products with pixels are levels of grey."""
    edges = (np.arange(_SIDE + 2 * _MARGIN + 1) - _MARGIN) / _SIDE
    width = 1 - after - before
    inside = np.diff(np.clip(edges, before, 1 - after)) / width  # the share of the section that is in each pixel
    at = (edges[:-1] + 0.5 / _SIDE - before) / width
    waves = np.cos(np.pi * np.arange(count)[:, None] * at) * inside * np.sqrt(2)
    return waves.astype(np.float32)


def _signs(hashes: bytes) -> NDArray[np.float32]:
    """The signs of each hash, a row each: 1, -1, or 0 where there is none."""
    packed = np.frombuffer(hashes, np.uint8).reshape(-1, 2, _BYTES // 2)
    positive, negative = np.moveaxis(np.unpackbits(packed, axis=2, count=_SIGNS), 1, 0).astype(np.float32)
    return positive - negative


def _directions(hashes: bytes) -> NDArray[np.float32]:
    """The signs of each hash as a vector of length 1; of a picture that is too plain, of length 0."""
    signs = _signs(hashes)
    count = np.count_nonzero(signs, axis=1, keepdims=True)
    return np.where(count < _LEAST_SIGNS, 0, signs / np.sqrt(np.maximum(count, 1))).astype(np.float32)

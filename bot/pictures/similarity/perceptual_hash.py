"""Perceptual hashes measure how similar two pictures look, also after re-encoding, cropping, mirroring or framing.

A hash holds the signs of the lowest frequencies of a picture's lightness and colours, by the cosine transform that
pHash and PDQ use. A faint frequency gets no sign, because encoder noise would decide it. The distance of two hashes is
one minus the cosine between them. A hash does not show what is in the picture.

A notice stores hashes of crops of its picture, and of larger pictures from which it may have been cropped. An upload
has a hash for each part that may be a picture by itself (`picture_parts`). The hash of a mirrored or turned picture
follows from the hash itself. Figures: docs/measurements.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image

from bot.pictures.similarity.picture_parts import parts_of
from inference.files.image_files import BROKEN, on_white, opened, reduced

FOUND_BELOW = 0.48  # below this distance, operators review a possible copy
REFUSED_BELOW = 0.27  # below this distance, Easel refuses a copy automatically
SAME_BELOW = 0.15  # below this distance, Easel says that a picture is the stored one
NOTHING_ALIKE = 1.0

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP")
_SIDE, _MARGIN = 96, 32  # side of the scaled picture, and width of the repeated border, in pixels
_FREQUENCIES = (16, 8, 8)  # each way, of the lightness and of both colours
_FAINTEST = 0.2  # grey levels of 255; fainter frequencies have no sign
_LEAST_SIGNS = 32  # with fewer, a picture is too plain to be compared
_FEW_SIGNS = 80  # with fewer, it may match other plain pictures
_SIGNS = sum(count**2 - 1 for count in _FREQUENCIES)  # without the means
_PLANE = -(-_SIGNS // 8)  # bytes with a bit for each positive sign, after which come those of the negative ones
_BYTES = 2 * _PLANE
_AT_ONCE = 10_000  # hashes that are compared in one matrix, of some 20 MB

_NEAR_ANCHOR = 0.25  # minimum cosine with an anchor before all sections are compared

_Section = tuple[float, float, float, float]  # left, top, right, bottom: share cut off each side
_WHOLE: _Section = (0.0, 0.0, 0.0, 0.0)
_CROPS: tuple[_Section, ...] = (
    *(tuple[float, float, float, float](sides) for sides in product((0.0, 0.05), repeat=4)),
    (0.025, 0.025, 0.025, 0.025),
    (0.1, 0.0, 0.0, 0.0),
    (0.0, 0.1, 0.0, 0.0),
    (0.0, 0.0, 0.1, 0.0),
    (0.0, 0.0, 0.0, 0.1),
)


def _squares(width: int, height: int) -> tuple[_Section, ...]:
    """Square crops that people make from a picture of this size. For a square picture: smaller centred squares."""
    if max(width, height) < 1.15 * min(width, height):
        return tuple((cut, cut, cut, cut) for cut in (0.065, 0.08, 0.095, 0.11, 0.125, 0.14))
    cut = 1 - min(width, height) / max(width, height)
    shares = [(cut * at, cut * (1 - at)) for at in (0.5, 0.45, 0.55, 0.35, 0.0, 1.0)]
    if width > height:
        return tuple((before, 0.0, after, 0.0) for before, after in shares)
    return tuple((0.0, before, 0.0, after) for before, after in shares)


def _uncropped(crop: _Section) -> _Section:
    """The larger section from which this crop was taken."""
    left, top, right, bottom = crop
    width, height = 1 - left - right, 1 - top - bottom
    return -left / width, -top / height, -right / width, -bottom / height


_SECTIONS = (*_CROPS, *map(_uncropped, _CROPS[1:]))
_SQUARES = 6  # number of square crops in each notice
_NOTICE = (len(_SECTIONS) + _SQUARES) * _BYTES  # bytes of a notice's picture
_ANCHORS = (0, len(_SECTIONS) * _BYTES)  # where the hashes of the whole picture and of its middle square begin


def picture_hash(image: Image.Image) -> bytes:
    """The hash of a picture in RGB."""
    return _hashes(image, [_WHOLE])


def notice_hashes(image: Image.Image) -> bytes:
    """The hashes that a notice stores for an RGB picture, one after the other."""
    return _hashes(image, (*_SECTIONS, *_squares(*image.size)))


def upload_hashes(image: Image.Image) -> bytes:
    """The hash of a picture in RGB from outside and those of its parts, one after the other, for `distances`."""
    return b"".join(map(picture_hash, (image, *parts_of(image))))


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


def hash_upload(path: Path) -> bytes:
    """The hashes of a file from outside; empty for one that cannot be read."""
    try:
        return upload_hashes(read(path))
    except BROKEN:
        return b""


def is_too_plain(hashes: bytes) -> bool:
    """Whether the first picture has too little detail to be compared."""
    return _Signs.of(hashes).count < _LEAST_SIGNS


def has_little_detail(notice: bytes) -> bool:
    """Whether one of the notice's pictures is so plain that its hash may match other plain pictures."""
    wholes = range(0, len(notice), _NOTICE)
    return any(_Signs.of(notice, place).count < _FEW_SIGNS for place in wholes)


def distances(notice: bytes, hashes: Sequence[bytes]) -> list[float]:
    """The smallest distance of each picture to the notice's pictures: 0 for a copy, about NOTHING_ALIKE for others.

    `notice` may hold the hashes of several pictures. Each of `hashes` may hold those of a picture and of its parts. A
    picture that is mirrored or turned has the distance of the upright one. An empty hash is like nothing.
    """
    pictures = [notice[place : place + _NOTICE] for place in range(0, len(notice), _NOTICE)]
    return [1.0 - max((_likeness(each, picture) for picture in pictures), default=0.0) for each in hashes]


class Search:
    """Compares an upload with any number of stored hashes at once, as a matrix.

    `hashes` has the hash of the whole upload, then optionally those of its parts and sections (`GateFacts.all_hashes`).
    The distance is that of the function `distances`, with each stored hash as a notice.
    """

    def __init__(self, hashes: bytes) -> None:
        places = range(0, len(hashes), _BYTES)
        signs, lengths = _vectors(
            signs.hashed
            for place in places
            for signs in _compared(hashes[place : place + _BYTES], part=place > 0)
        )  # fmt: skip
        self._compared = signs / lengths

    def distances(self, stored: Sequence[bytes]) -> Any:
        """The distance of each `picture_hash` in `stored` to the most similar part of the upload: numpy, float32.

        It is NaN where nothing can be compared: the hash is empty, too plain or has another length.
        """
        import numpy as np  # noqa: PLC0415 (as below)

        portions = [self._distances(stored[start : start + _AT_ONCE]) for start in range(0, len(stored), _AT_ONCE)]
        return np.concatenate(portions) if portions else np.empty(0, np.float32)

    def near(self, stored: Sequence[bytes], below: float) -> list[int]:
        """Indexes of the stored hashes that are closer than `below`."""
        return (self.distances(stored) < below).nonzero()[0].tolist()

    def _distances(self, stored: Sequence[bytes]) -> Any:
        import numpy as np  # noqa: PLC0415 (as below)

        signs, lengths = _vectors(stored)
        cosines = signs @ self._compared.T / lengths
        distances = np.maximum(NOTHING_ALIKE - cosines.max(axis=1, initial=0.0), 0)  # rounding may give less than 0
        return np.where(lengths[:, 0] < _LEAST_SIGNS**0.5, math.nan, distances)


def _vectors(hashes: Iterable[bytes]) -> tuple[Any, Any]:
    """The signs of each hash as a row of numbers, and a column with their lengths, at least 1: numpy, float32."""
    import numpy as np  # noqa: PLC0415 (a tenth of a second, which most commands do without)

    rows = b"".join(hashed if len(hashed) == _BYTES else bytes(_BYTES) for hashed in hashes)
    bits = np.unpackbits(np.frombuffer(rows, np.uint8).reshape(-1, 2, _PLANE), axis=2).view(np.int8)
    signs = bits[:, 0] - bits[:, 1]
    lengths = np.sqrt(np.maximum(np.count_nonzero(signs, axis=1, keepdims=True), 1), dtype=np.float32)
    return signs.astype(np.float32), lengths


def _likeness(hashes: bytes, notice: bytes) -> float:
    """The greatest cosine between a picture or one of its parts and a section of a notice's picture; at least 0."""
    anchors = _comparable(notice, _ANCHORS)
    near = [
        signs
        for place in range(0, len(hashes), _BYTES)
        for signs in _compared(hashes[place : place + _BYTES], part=place > 0)
        if signs.cosine(anchors) > _NEAR_ANCHOR
    ]
    sections = _comparable(notice, range(0, len(notice), _BYTES)) if near else []
    return max((signs.cosine(sections) for signs in near), default=0.0)


def _comparable(notice: bytes, places: Iterable[int]) -> list[_Signs]:
    """The sections of a notice that begin at these places, without those that are too plain."""
    sections = (_Signs.of(notice, place) for place in places if place < len(notice))
    return [section for section in sections if section.count >= _LEAST_SIGNS]


@lru_cache(256)  # the hashes of a few uploads, while each notice is compared
def _compared(hashed: bytes, *, part: bool) -> tuple[_Signs, ...]:
    """The signs of a picture, mirrored and turned in all eight ways; those of a part as it is. None of a plain one.

    If the many, simple parts were mirrored and turned too, 1 in 75,000 would match wrongly.
    """
    signs = _Signs.of(hashed)
    if part:
        return (signs,) if signs.count >= _FEW_SIGNS else ()
    return tuple(signs.orientations()) if signs.count >= _LEAST_SIGNS else ()


@dataclass(frozen=True)
class _Signs:
    """The signs of a hash, each kind as the bits of a number."""

    positive: int
    negative: int

    @classmethod
    def of(cls, hashes: bytes, place: int = 0) -> _Signs:
        """Read the signs of the hash at this offset."""
        planes = (hashes[place : place + _PLANE], hashes[place + _PLANE : place + _BYTES])
        return cls(*(int.from_bytes(plane) for plane in planes))

    @property
    def hashed(self) -> bytes:
        """The hash with these signs."""
        return self.positive.to_bytes(_PLANE) + self.negative.to_bytes(_PLANE)

    @cached_property
    def count(self) -> int:
        """Number of signs."""
        return self.positive.bit_count() + self.negative.bit_count()

    def cosine(self, sections: Iterable[_Signs]) -> float:
        """The greatest cosine between these signs and those of a section; 0 where there is none."""
        positive, negative, best = self.positive, self.negative, 0.0
        for section in sections:
            agree = (positive & section.positive).bit_count() + (negative & section.negative).bit_count()
            differ = (positive & section.negative).bit_count() + (negative & section.positive).bit_count()
            if agree > differ:
                best = max(best, (agree - differ) / math.sqrt(self.count * section.count))
        return best

    def orientations(self) -> Iterator[_Signs]:
        """The signs of the picture as it is, and mirrored and turned in all eight ways."""
        across, down = _odd_frequencies()
        for signs in (self, self._transposed()):
            yield from (signs.flipped(odd) for odd in (0, across, down, across ^ down))

    def flipped(self, odd: int) -> _Signs:
        """The signs with those of the `odd` frequencies reversed: a mirror reverses the odd ones along its axis."""
        even = ~odd
        return _Signs(self.positive & even | self.negative & odd, self.negative & even | self.positive & odd)

    def _transposed(self) -> _Signs:
        """The signs of the picture with rows and columns exchanged."""
        places = _transposition()
        planes = (format(plane, f"0{_SIGNS}b") for plane in (self.positive, self.negative))
        return _Signs(*(int("".join([plane[place] for place in places]), 2) for plane in planes))


def _hashes(image: Image.Image, sections: Sequence[_Section]) -> bytes:
    import numpy as np  # noqa: PLC0415 (as above)

    smooth = Image.Resampling.BOX if min(image.size) > _SIDE else Image.Resampling.BICUBIC
    pixels = image.resize((_SIDE, _SIDE), smooth).convert("YCbCr")
    channels = [np.asarray(channel, float) for channel in pixels.split()]
    hashes: list[bytes] = []
    for left, top, right, bottom in sections:
        levels = np.concatenate(
            [
                (_waves(top, bottom, count) @ channel @ _waves(left, right, count).T).ravel()[1:]  # without the mean
                for channel, count in zip(channels, _FREQUENCIES, strict=True)
            ]
        )
        hashes += [_packed(levels > _FAINTEST), _packed(levels < -_FAINTEST)]
    return b"".join(hashes)


def _packed(signs: Any) -> bytes:
    """A plane of the hash: a number whose last bit is the last sign."""
    import numpy as np  # noqa: PLC0415 (as above)

    return np.packbits(np.concatenate([np.zeros(8 * _PLANE - _SIGNS, bool), signs])).tobytes()


def _frequencies() -> list[tuple[int, int, int]]:
    """Channel, frequency down and frequency across of each sign, in the order of the hash."""
    return [
        (channel, down, across)
        for channel, count in enumerate(_FREQUENCIES)
        for down, across in product(range(count), repeat=2)
        if down or across
    ]


@cache
def _odd_frequencies() -> tuple[int, int]:
    """The bits of the signs whose frequency across is odd, and of those whose frequency down is odd."""
    order = _frequencies()
    across = "".join(str(across % 2) for _, _, across in order)
    down = "".join(str(down % 2) for _, down, _ in order)
    return int(across, 2), int(down, 2)


@cache
def _transposition() -> tuple[int, ...]:
    """For each sign, the place of the one with both frequencies exchanged."""
    place = {frequency: number for number, frequency in enumerate(_frequencies())}
    return tuple(place[channel, across, down] for channel, down, across in place)


@cache
def _waves(before: float, after: float, count: int) -> Any:
    """Cosines over a section, by frequency and pixel. What lies outside of the picture looks like its border."""
    import numpy as np  # noqa: PLC0415 (as above)

    width = 1 - after - before
    waves = [[0.0] * _SIDE for _ in range(count)]
    for pixel in range(-_MARGIN, _SIDE + _MARGIN):
        begin, end = max(pixel / _SIDE, before), min((pixel + 1) / _SIDE, 1 - after)
        if begin < end:
            at = ((pixel + 0.5) / _SIDE - before) / width
            for frequency, wave in enumerate(waves):
                share = math.cos(math.pi * frequency * at) * math.sqrt(2) * (end - begin) / width
                wave[min(max(pixel, 0), _SIDE - 1)] += share
    return np.array(waves)

"""Compares pictures by their pixels, where a perceptual hash proves too little: a moon's is that of many moons.

In a picture with enough detail, the hash is proof enough, also of a crop. Any other must be the same in each cell of a
coarse grid: as a whole, mirrored or turned, or as a part of the upload, where the edges are less exact. A crop of a
simple picture may be another simple picture, so it proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image, ImageChops, ImageFilter

from bot.pictures.picture_parts import parts_of

_ENOUGH_DETAIL = 0.3  # share of a picture in which levels change; a drawn face or flag has up to 0.28
_CHANGE, _AROUND = 12, 5  # grey levels that differ within so many cells each way
_WHOLE_CELLS, _PART_CELLS = 32, 64  # cells of a side in which a whole picture and a part are compared
_SAME_BELOW = 32  # levels of a channel by which no cell may differ: small previews of faces differ by up to 31


def shows(upload: Image.Image, stored: Image.Image) -> bool:
    """Whether an upload shows a stored picture, if their hashes are alike. Both are in RGB."""
    return (
        _has_detail(stored)
        or any(_alike(whole, _cells(stored, _WHOLE_CELLS), reach=1) for whole in _orientations(upload))
        or any(_alike(_cells(part, _PART_CELLS), _cells(stored, _PART_CELLS), reach=3) for part in parts_of(upload))
    )


def _has_detail(picture: Image.Image) -> bool:
    grey = _cells(picture, _PART_CELLS).convert("L")
    highest, lowest = _range(grey, _AROUND)
    changes = ImageChops.subtract(highest, lowest).histogram()
    return sum(changes[_CHANGE:]) >= _ENOUGH_DETAIL * sum(changes)


def _orientations(picture: Image.Image) -> Iterator[Image.Image]:
    cells = _cells(picture, _WHOLE_CELLS)
    yield cells
    yield from map(cells.transpose, Image.Transpose)


def _alike(one: Image.Image, other: Image.Image, *, reach: int) -> bool:
    """Whether each cell is like one of the other picture within `reach` cells, and the other way round."""
    return _is_within(one, other, reach) and _is_within(other, one, reach)


def _is_within(one: Image.Image, other: Image.Image, reach: int) -> bool:
    highest, lowest = _range(other, reach)
    beyond = ImageChops.lighter(ImageChops.subtract(one, highest), ImageChops.subtract(lowest, one))
    return max(beyond.tobytes()) < _SAME_BELOW


def _range(cells: Image.Image, around: int) -> tuple[Image.Image, Image.Image]:
    """The highest and the lowest levels around each cell."""
    return cells.filter(ImageFilter.MaxFilter(around)), cells.filter(ImageFilter.MinFilter(around))


def _cells(picture: Image.Image, count: int) -> Image.Image:
    return picture.resize((count, count), Image.Resampling.BOX)

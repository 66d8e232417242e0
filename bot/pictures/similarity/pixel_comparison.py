"""Compares pictures by their pixels if their hashes are not enough: all moons have similar hashes.

For a picture with enough detail, the hash is enough, also for a crop. A simple picture must match in every cell of a
coarse grid. It may be mirrored, turned or a part of the upload. Parts are compared more loosely, because their edges
are less exact. A crop of a simple picture may be another simple picture, so it proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image, ImageChops, ImageFilter

from bot.pictures.similarity.picture_parts import parts_of

_ENOUGH_DETAIL = 0.3  # minimum share of cells near an edge; drawn faces and flags have up to 0.28
_CHANGE, _EDGE_WINDOW = 12, 5  # difference of grey levels that counts as an edge, in a window of 5 x 5 cells
_WHOLE_CELLS, _PART_CELLS = 32, 64  # cells of a side in which a whole picture and a part are compared
_CELL_SIDE = 4  # minimum side of a cell of a whole picture, in pixels; encoders change smaller cells too much
_SAME_BELOW = 32  # limit for the difference of a channel in each cell; small previews of a face differ by up to 31


def shows(upload: Image.Image, stored: Image.Image) -> bool:
    """Whether two RGB pictures with similar hashes are really the same."""
    count = max(1, min(_WHOLE_CELLS, min(stored.size) // _CELL_SIDE))
    return (
        _has_detail(stored)
        or any(_alike(whole, _cells(stored, count), window=1) for whole in _orientations(upload, count))
        or any(_alike(_cells(part, _PART_CELLS), _cells(stored, _PART_CELLS), window=3) for part in parts_of(upload))
    )


def _has_detail(picture: Image.Image) -> bool:
    grey = _cells(picture, _PART_CELLS).convert("L")
    highest, lowest = _range(grey, _EDGE_WINDOW)
    changes = ImageChops.subtract(highest, lowest).histogram()
    return sum(changes[_CHANGE:]) >= _ENOUGH_DETAIL * sum(changes)


def _orientations(picture: Image.Image, count: int) -> Iterator[Image.Image]:
    cells = _cells(picture, count)
    yield cells
    yield from map(cells.transpose, Image.Transpose)


def _alike(one: Image.Image, other: Image.Image, *, window: int) -> bool:
    """Whether each cell is within the levels of the other picture, in a window of `window` x `window` cells."""
    return _is_within(one, other, window) and _is_within(other, one, window)


def _is_within(one: Image.Image, other: Image.Image, window: int) -> bool:
    highest, lowest = _range(other, window)
    beyond = ImageChops.lighter(ImageChops.subtract(one, highest), ImageChops.subtract(lowest, one))
    return max(beyond.tobytes()) < _SAME_BELOW


def _range(cells: Image.Image, window: int) -> tuple[Image.Image, Image.Image]:
    """The highest and the lowest levels in a window of `window` x `window` cells around each cell."""
    return cells.filter(ImageFilter.MaxFilter(window)), cells.filter(ImageFilter.MinFilter(window))


def _cells(picture: Image.Image, count: int) -> Image.Image:
    return picture.resize((count, count), Image.Resampling.BOX)

"""Finds parts that may be pictures by themselves: in a frame, beside a caption, in a sheet, in a window.

Areas of one colour that touch the border are taken for surroundings: a frame, a bar with text, the background of a chat
client. Each large thing inside of them is a part, and so is each quarter. The parts are proposals, which are compared
by their hashes (`perceptual_hash`), so there are at most MOST_PARTS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from PIL import Image, ImageChops

MOST_PARTS = 8
_CELLS = 160  # cells along the longer side of the grid in which frames are searched
_COLOURS = 4  # of surroundings
_LEAST_OF_BORDER = 0.06  # share of the border's cells that have a colour of surroundings
_NEAR = 9  # grey levels by which a channel of one colour may differ, as after JPEG
_BAR = 0.5  # share of a row's cells that have the bar's colour; the others are text
_BLANK = 0.97  # the same of a row without text, as at the end of a bar
_GAP = 0.007  # share of a quarter's side that may be half of a gap
_LEAST_AREA, _MOST_AREA = 0.02, 0.985  # of a part, as shares of the picture's
_LEAST_SIDE = 48  # pixels of a part's shorter side

_Box = tuple[float, float, float, float]  # left, top, right, bottom
_Rgb = tuple[int, int, int]


def parts_of(image: Image.Image) -> list[Image.Image]:
    """The parts of a picture in RGB, without the picture itself."""
    cell = max(1.0, max(image.size) / _CELLS)
    grid = image.resize(
        (max(1, round(image.width / cell)), max(1, round(image.height / cell))), Image.Resampling.NEAREST
    )
    proposed = [_within(box, grid.size, cell) for box in (*_inside_surroundings(grid), *_between_bars(grid))]
    boxes = dict.fromkeys(_pixels(box, image.size) for box in (*proposed, *_quarters(image.size)))
    return [image.crop(box) for box in islice((box for box in boxes if _is_part(box, image.size)), MOST_PARTS)]


def _within(box: _Box, grid: tuple[int, int], cell: float) -> _Box:
    """The pixels of a box of cells. An edge lies half a cell farther in, so that nothing of the surroundings is left.

    A line of them would outweigh a faint picture.
    """
    left, top, right, bottom = box
    inset = cell / 2 + 1
    return (
        left * cell + inset * (left > 0),
        top * cell + inset * (top > 0),
        right * cell - inset * (right < grid[0]),
        bottom * cell - inset * (bottom < grid[1]),
    )


def _quarters(size: tuple[int, int]) -> Iterator[_Box]:
    """Each without the gap to the others that there may be."""
    width, height = size
    before, after = (1 - _GAP) / 2, (1 + _GAP) / 2
    for left, right in ((0.0, before), (after, 1.0)):
        for top, bottom in ((0.0, before), (after, 1.0)):
            yield left * width, top * height, right * width, bottom * height


def _pixels(box: tuple[float, ...], size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = map(round, box)
    return max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)


def _is_part(box: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    share = width * height / (size[0] * size[1])
    return min(width, height) >= _LEAST_SIDE and _LEAST_AREA <= share <= _MOST_AREA


def _inside_surroundings(grid: Image.Image) -> Iterator[_Box]:
    """What stands inside of plain areas at the border, the largest first."""
    width, height = grid.size
    plain = Image.new("L", grid.size)
    for colour in _border_colours(grid):
        plain = ImageChops.lighter(plain, _cells_of(grid, colour))
    padded = Image.new("L", (width + 2, height + 2), 1)  # so that the flood begins outside, and stops at the border
    padded.paste(plain, (1, 1))
    cells = bytearray(padded.tobytes())
    row = width + 2
    _flood(cells, row, 0, plain=1, mark=2)
    boxes = [_flood(cells, row, start, plain=None, mark=2) for start in range(len(cells)) if cells[start] != 2]
    boxes.sort(key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))
    yield from ((left - 1, top - 1, right, bottom) for left, top, right, bottom in boxes[:3])


def _flood(cells: bytearray, row: int, start: int, *, plain: int | None, mark: int) -> tuple[int, int, int, int]:
    """Mark what hangs together with a cell, by sides: cells that are `plain`, or all without `mark`; their box."""
    waiting = [start]
    cells[start] = mark
    left = right = start % row
    top = bottom = start // row
    while waiting:
        at = waiting.pop()
        down, across = divmod(at, row)
        left, right, bottom, top = min(left, across), max(right, across), max(bottom, down), min(top, down)
        for beside in (at - 1, at + 1, at - row, at + row):
            if 0 <= beside < len(cells) and (cells[beside] == plain if plain is not None else cells[beside] != mark):
                cells[beside] = mark
                waiting.append(beside)
    return left, top, right, bottom


def _border_colours(grid: Image.Image) -> list[_Rgb]:
    """The colours of which there is much at the border."""
    width, height = grid.size
    sides = ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height))
    left: list[_Rgb] = [pixel for side in sides for pixel in _colours(grid.crop(side))]
    found: list[_Rgb] = []
    while left and len(found) < _COLOURS:
        ((colour, _),) = Counter(left).most_common(1)
        others = [each for each in left if not _is_near(each, colour)]
        if len(left) - len(others) < _LEAST_OF_BORDER * 2 * (width + height):
            break
        found.append(colour)
        left = others
    return found


def _is_near(one: _Rgb, other: _Rgb) -> bool:
    return all(abs(a - b) <= _NEAR for a, b in zip(one, other, strict=True))


def _between_bars(grid: Image.Image) -> Iterator[_Box]:
    """What is left without a bar of one colour, with text in it or not, above and below."""
    width, height = grid.size
    yield from ((0, above, width, height) for above in _bars(grid))
    yield from ((0, 0, width, height - below) for below in _bars(grid.transpose(Image.Transpose.FLIP_TOP_BOTTOM)))


def _bars(grid: Image.Image) -> list[int]:
    """How many rows at the top may be a bar: up to the last blank one, and up to the first that has little of it."""
    width, height = grid.size
    ((colour, count),) = Counter(_colours(grid.crop((0, 0, width, 1)))).most_common(1)
    if count < _BAR * width / 2:
        return []
    cells = _cells_of(grid, colour).tobytes()
    shares = [sum(cells[row * width : (row + 1) * width]) / width for row in range(height // 2)]
    blank = max((row + 1 for row, share in enumerate(shares) if share >= _BLANK), default=0)
    full = next((row for row, share in enumerate(shares) if share < _BAR), 0)
    return [rows for rows in dict.fromkeys((blank, full)) if 0 < rows < height // 2]


def _colours(image: Image.Image) -> list[_Rgb]:
    data = image.tobytes()
    return [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]


def _cells_of(grid: Image.Image, colour: _Rgb) -> Image.Image:
    """The cells that have this colour, as 1."""
    red, green, blue = ImageChops.difference(grid, Image.new("RGB", grid.size, colour)).split()
    farthest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return farthest.point([int(level <= _NEAR) for level in range(256)])

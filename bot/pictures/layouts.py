"""A small picture of how a picture is divided into regions, each in a colour of its own."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from bot.pictures.attachments import PictureFile
from inference.regions import CENTRE_SHARE, RegionName

LONGER_SIDE: Final = 160  # pixels
COLOURS: Final = ("#4a7bd1", "#e0913d", "#58a35c")  # of the regions, in their order
FIGURE: Final = "#f7f4ec"
SOFT: Final = 2  # pixels over which one colour passes into the next


@lru_cache(128)
def layout_picture(layout: tuple[RegionName, ...], width: int, height: int) -> PictureFile:
    """The regions of a picture of this shape, with a figure in each but the background."""
    scale = LONGER_SIDE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    boxes = {name: _box(layout, name, *size) for name in layout}
    picture = Image.new("RGB", size)
    draw = ImageDraw.Draw(picture)
    for name in sorted(layout, key=lambda name: name is not RegionName.BACKGROUND):
        draw.rectangle(boxes[name], COLOURS[layout.index(name)])
    picture = picture.filter(ImageFilter.GaussianBlur(SOFT))
    draw = ImageDraw.Draw(picture)
    for name in layout:
        if name is not RegionName.BACKGROUND:
            _draw_figure(draw, boxes[name])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return PictureFile(f"layout-{'-'.join(layout)}-{size[0]}x{size[1]}.png", buffer.getvalue())


_Box = tuple[float, float, float, float]


def _box(layout: tuple[RegionName, ...], name: RegionName, width: int, height: int) -> _Box:
    if name is RegionName.BACKGROUND:
        return 0, 0, width, height
    if RegionName.BACKGROUND in layout:
        left, top = width * (1 - CENTRE_SHARE) / 2, height * (1 - CENTRE_SHARE) / 2
        return left, top, width - left, height - top
    number, of = layout.index(name), len(layout)
    if RegionName.TOP in layout:
        return 0, height * number / of, width, height * (number + 1) / of
    return width * number / of, 0, width * (number + 1) / of, height


def _draw_figure(draw: ImageDraw.ImageDraw, box: _Box) -> None:
    """Head and shoulders in the middle of a box."""
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    unit = min(right - left, bottom - top) / 9
    draw.ellipse((x - unit, y - 2.4 * unit, x + unit, y - 0.4 * unit), FIGURE)
    draw.pieslice((x - 1.9 * unit, y, x + 1.9 * unit, y + 4 * unit), 180, 360, FIGURE)

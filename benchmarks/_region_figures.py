"""What a picture of the demo with two regions shows, for regions.py: in each region's own box, nothing of it learnt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inference.regions import RegionName
from tools.demo.effects import owl_likeness, pattern_strength
from tools.demo.judge import coloured, overlaps
from tools.demo.world import Backdrop, Look

RIM, OUTER_RIM = 9, 6  # pixels at an edge, where no figure is; fewer at the edge to which a region's figure is drawn
BORDER = 5  # pixels before another region, which are not looked at
TITLE, GAP, ZOOM = 18, 6, 2
INK, PAPER = (40, 40, 48), (252, 252, 252)

Box = tuple[int, int, int, int]


def box_of(region: RegionName, size: tuple[int, int]) -> Box:
    """Left, top, right and bottom of a region; of centre and background, the whole picture."""
    width, height = size
    return {
        RegionName.LEFT: (0, 0, width // 2, height),
        RegionName.RIGHT: (width // 2, 0, width, height),
        RegionName.TOP: (0, 0, width, height // 2),
        RegionName.BOTTOM: (0, height // 2, width, height),
    }.get(region, (0, 0, width, height))


def owl(picture: Image.Image, region: RegionName) -> float:
    """How much the region shows the owl, -1 to 1."""
    return owl_likeness(picture.crop(box_of(region, picture.size)))


def heart(picture: Image.Image, region: RegionName, look: Look) -> float:
    """How well what is red in the region covers the best heart, 0 to 1 (intersection over union)."""
    red = coloured(picture.crop(box_of(region, picture.size)), "red", look)
    return 0.0 if red is None else overlaps(red, look)["heart"]


def pattern(picture: Image.Image, region: RegionName, backdrop: Backdrop) -> float:
    """Amplitude, in gray levels, of the stripes or dots in the rim of the region."""
    width, height = picture.size
    left, top, right, bottom = box_of(region, picture.size)
    across = OUTER_RIM if region in {RegionName.LEFT, RegionName.RIGHT} else RIM
    down = OUTER_RIM if region in {RegionName.TOP, RegionName.BOTTOM} else RIM
    rim = np.ones((height, width), bool)
    rim[down : height - down, across : width - across] = False
    inside = np.zeros_like(rim)
    first_row, last_row = top + BORDER * (top > 0), bottom - BORDER * (bottom < height)
    inside[first_row:last_row, left + BORDER * (left > 0) : right - BORDER * (right < width)] = True
    return pattern_strength(picture, backdrop, rim & inside)


def sheet_of(rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """A contact sheet: under each title its pictures, in a row, at twice their size."""
    heights = [TITLE + ZOOM * max(one.height for one in pictures) + GAP for _, pictures in rows]
    widths = [sum(ZOOM * one.width + GAP for one in pictures) for _, pictures in rows]
    sheet = Image.new("RGB", (GAP + max(widths), GAP + sum(heights)), PAPER)
    draw, top = ImageDraw.Draw(sheet), GAP
    for (title, pictures), height in zip(rows, heights, strict=True):
        draw.text((GAP, top), title, fill=INK, font=ImageFont.load_default(13))
        left = GAP
        for one in pictures:
            size = (ZOOM * one.width, ZOOM * one.height)
            sheet.paste(one.resize(size, Image.Resampling.BICUBIC), (left, top + TITLE))
            left += size[0] + GAP
        top += height
    return sheet

"""Transforms pictures as people do when they post a copy: mirrored, turned, framed, captioned, cropped, in a sheet."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

from benchmarks._varied_pictures import Rgb, colour

Transform = Callable[[random.Random, Image.Image, Sequence[Image.Image]], Image.Image]

_DARK, _LIGHT = ((49, 51, 56), (219, 222, 225)), ((255, 255, 255), (49, 51, 56))  # background and text of a client


def mirrored(chance: random.Random, picture: Image.Image, others: Sequence[Image.Image]) -> Image.Image:
    """The picture with left and right exchanged."""
    del chance, others
    return ImageOps.mirror(picture)


def turned(chance: random.Random, picture: Image.Image, others: Sequence[Image.Image]) -> Image.Image:
    """The picture after one to three quarter turns."""
    del others
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return picture.transpose(chance.choice(turns))


def framed(chance: random.Random, picture: Image.Image, others: Sequence[Image.Image]) -> Image.Image:
    """The picture inside a border of 3 to 20 % of its shorter side, sometimes wider below."""
    del others
    width = round(min(picture.size) * chance.uniform(0.03, 0.2))
    below = width * chance.choice((1, 1, 3))
    shade = chance.choice(((255, 255, 255), (0, 0, 0), colour(chance)))
    return ImageOps.expand(picture, (width, width, width, below), shade)


def captioned(chance: random.Random, picture: Image.Image, others: Sequence[Image.Image]) -> Image.Image:
    """The picture with a bar of text above or below."""
    del others
    high = round(picture.height * chance.uniform(0.08, 0.25))
    bar, words = chance.choice((((255, 255, 255), (0, 0, 0)), ((0, 0, 0), (255, 255, 255))))
    made = Image.new("RGB", (picture.width, picture.height + high), bar)
    above = chance.random() < 0.6
    made.paste(picture, (0, high if above else 0))
    _write(chance, made, (8, 4 if above else picture.height + 4), words, max(9, round(high * 0.3)), lines=2)
    return made


def square_cropped(chance: random.Random, picture: Image.Image, others: Sequence[Image.Image]) -> Image.Image:
    """The middle square of a longish picture; of a square one, 75 to 90 % of each side around the middle."""
    del others
    side = min(picture.size)
    if picture.width == picture.height:
        side = round(side * chance.uniform(0.75, 0.9))
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def in_sheet(chance: random.Random, picture: Image.Image, others: Sequence[Image.Image]) -> Image.Image:
    """A sheet of two by two pictures of one size, this one among them, sometimes with gaps."""
    width, height = picture.size
    gap = chance.choice((0, 0, 4, 8))
    sheet = Image.new("RGB", (2 * width + gap, 2 * height + gap), chance.choice(((0, 0, 0), (255, 255, 255))))
    place = chance.randrange(4)
    for number in range(4):
        shown = picture if number == place else ImageOps.fit(chance.choice(others), (width, height))
        sheet.paste(shown, ((number % 2) * (width + gap), (number // 2) * (height + gap)))
    return sheet


def screenshot(chance: random.Random, picture: Image.Image, others: Sequence[Image.Image]) -> Image.Image:
    """A chat client's window, dark or light, that shows the picture among messages."""
    del others
    wide, high = chance.choice(((1080, 1400), (1280, 900), (1440, 1000), (720, 1280)))
    ground, words = chance.choice((_DARK, _LIGHT))
    window = Image.new("RGB", (wide, high), ground)
    draw = ImageDraw.Draw(window)
    left = chance.choice((72, 90, 320)) if wide > 1000 else 64
    if left > 300:
        draw.rectangle((0, 0, 240, high), tuple(max(0, level - 12) for level in ground))
        for row in range(6):
            _write(chance, window, (24, 60 + 44 * row), words, 15, lines=1)
    room = (wide - left - 40, high - 340)
    shown = ImageOps.contain(picture, (min(room[0], 550), min(room[1], 550)))
    top = chance.randint(150, max(150, high - shown.height - 150))
    for y in range(20, top - 70, 62):
        _message(chance, window, left, y, words)
    _message(chance, window, left, top - 62, words)
    corners = Image.new("L", shown.size, 0)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, shown.width - 1, shown.height - 1), chance.choice((0, 8)), 255)
    window.paste(shown, (left, top), corners)
    for y in range(top + shown.height + 20, high - 60, 62):
        _message(chance, window, left, y, words)
    return window


def _message(chance: random.Random, window: Image.Image, left: int, y: int, words: Rgb) -> None:
    ImageDraw.Draw(window).ellipse((left - 52, y, left - 12, y + 40), colour(chance))
    _write(chance, window, (left, y), colour(chance), 16, lines=1, letters=12)
    _write(chance, window, (left, y + 22), words, 15, lines=1, letters=chance.randint(8, 60))


def _write(
    chance: random.Random,
    picture: Image.Image,
    at: tuple[int, int],
    shade: Rgb,
    size: int,
    *,
    lines: int,
    letters: int = 26,
) -> None:
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    for line in range(lines):
        words = "".join(chance.choices(string.ascii_lowercase + "    ", k=letters))
        draw.text((at[0], at[1] + line * size * 1.2), words, shade, font=font)


TRANSFORMS: Final[dict[str, Transform]] = {
    "mirrored": mirrored,
    "turned": turned,
    "framed": framed,
    "captioned": captioned,
    "square-cropped": square_cropped,
    "in a sheet": in_sheet,
    "screenshot": screenshot,
}

"""Draws simple pictures from a seed, for made_here.py: moons, seas, discs, faces. Those of a kind are nearly alike.

Positions and sizes differ by a few percent, colours by more. A perceptual hash takes many of them for the same.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFilter

from benchmarks._varied_pictures import Rgb, colour

SIZE = WIDTH, HEIGHT = 640, 480


def simple(kind: str, seed: int) -> Image.Image:
    """The picture of this seed, of one of KINDS."""
    return KINDS[kind](random.Random(f"{kind} {seed}"))


def _disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: Rgb) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill)


def _near(chance: random.Random, middle: float, by: float = 0.04) -> float:
    """A share of the height, near a middle one."""
    return HEIGHT * (middle + chance.uniform(-by, by))


def _sky(chance: random.Random, darkest: int, lightest: int) -> Image.Image:
    """From one colour above to another below."""
    above, below = ([chance.randint(darkest, lightest) for _ in range(3)] for _ in range(2))
    return _coloured(Image.linear_gradient("L").resize(SIZE), above, below)


def _coloured(light: Image.Image, first: Sequence[int], last: Sequence[int]) -> Image.Image:
    """The picture from one colour, where it is black, to another, where it is white."""
    steps = [
        [one + (other - one) * level / 255 for level in range(256)] for one, other in zip(first, last, strict=True)
    ]
    return Image.merge("RGB", [light.point(levels) for levels in steps])


def moon(chance: random.Random) -> Image.Image:
    """A bright disc on a dark sky."""
    picture, light = _sky(chance, 0, 45), chance.randint(200, 255)
    _disc(ImageDraw.Draw(picture), _near(chance, 0.66), _near(chance, 0.4), _near(chance, 0.18), (light, light, 190))
    return picture.filter(ImageFilter.GaussianBlur(1))


def crescent(chance: random.Random) -> Image.Image:
    """A disc without most of itself, on a dark ground."""
    ground: Rgb = (chance.randint(0, 30), chance.randint(0, 30), chance.randint(0, 60))
    picture = Image.new("RGB", SIZE, ground)
    x, y, radius = _near(chance, 0.66), _near(chance, 0.45), _near(chance, 0.2)
    _disc(ImageDraw.Draw(picture), x, y, radius, (250, 240, chance.randint(150, 220)))
    _disc(ImageDraw.Draw(picture), x + radius * chance.uniform(0.4, 0.5), y - radius * 0.1, radius, ground)
    return picture


def sea(chance: random.Random) -> Image.Image:
    """A horizon with a low sun."""
    picture, horizon = _sky(chance, 60, 220), _near(chance, 0.5)
    draw = ImageDraw.Draw(picture)
    _disc(draw, _near(chance, 0.66), horizon, _near(chance, 0.14), (255, chance.randint(120, 240), 80))
    draw.rectangle((0, horizon, WIDTH, HEIGHT), (chance.randint(0, 60), chance.randint(40, 120), 150))
    return picture.filter(ImageFilter.GaussianBlur(1))


def disc(chance: random.Random) -> Image.Image:
    """A red disc in the middle of white, as on the flag of Japan."""
    picture = Image.new("RGB", SIZE, "white")
    red: Rgb = (chance.randint(170, 230), chance.randint(0, 40), chance.randint(0, 60))
    _disc(ImageDraw.Draw(picture), WIDTH / 2, HEIGHT / 2, _near(chance, 0.3), red)
    return picture


def cross(chance: random.Random) -> Image.Image:
    """A cross of one colour on another, as on the flags of the north."""
    picture, bar, wide = Image.new("RGB", SIZE, colour(chance)), colour(chance), _near(chance, 0.08, 0.02)
    x, y, draw = _near(chance, 0.5), _near(chance, 0.5), ImageDraw.Draw(picture)
    draw.rectangle((x - wide, 0, x + wide, HEIGHT), bar)
    draw.rectangle((0, y - wide, WIDTH, y + wide), bar)
    return picture


def face(chance: random.Random) -> Image.Image:
    """A yellow face with eyes and a mouth."""
    picture = Image.new("RGB", SIZE, tuple(chance.randint(180, 255) for _ in range(3)))
    draw, x, y, radius = ImageDraw.Draw(picture), WIDTH / 2, HEIGHT / 2, _near(chance, 0.36)
    _disc(draw, x, y, radius, (255, chance.randint(190, 230), chance.randint(0, 80)))
    for side in (-1, 1):
        _disc(draw, x + side * radius * 0.35, y - radius * 0.3, radius * chance.uniform(0.1, 0.16), (0, 0, 0))
    mouth = radius * chance.uniform(0.45, 0.6)
    draw.arc((x - mouth, y - mouth * 0.8, x + mouth, y + mouth), 20, 160, "black", round(radius * 0.08))
    return picture


def hill(chance: random.Random) -> Image.Image:
    """A dark hill below the sky."""
    picture, top, foot = _sky(chance, 60, 220), _near(chance, 0.4), _near(chance, 0.85)
    dark: Rgb = (chance.randint(0, 90), chance.randint(0, 90), chance.randint(0, 90))
    draw, x, half = ImageDraw.Draw(picture), _near(chance, 0.66), _near(chance, 0.45)
    draw.polygon([(x, top), (x + half, foot), (x - half, foot)], dark)
    draw.rectangle((0, foot, WIDTH, HEIGHT), dark)
    return picture.filter(ImageFilter.GaussianBlur(1))


def glow(chance: random.Random) -> Image.Image:
    """A round gradient of two colours."""
    first, last, side = colour(chance), colour(chance), round(_near(chance, 1.5, 0.1))
    levels = [
        [one + (other - one) * level / 255 for level in range(256)] for one, other in zip(first, last, strict=True)
    ]
    light = Image.radial_gradient("L").resize((side, side))
    left, top = round(_near(chance, 0.1)), round(_near(chance, 0.2))
    return Image.merge("RGB", [light.point(channel) for channel in levels]).crop((left, top, left + 576, top + 432))


KINDS = {each.__name__: each for each in (moon, crescent, sea, disc, cross, face, hill, glow)}

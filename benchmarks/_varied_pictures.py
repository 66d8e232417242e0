"""Draws pictures of varied content from a seed, for takedown.py: fractals, shapes, waves, text, portraits."""

from __future__ import annotations

import math
import random
import string

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Rgb = tuple[int, int, int]
ASPECTS = (1, 1, 0.67, 0.75, 1.33, 1.5)


def varied(seed: int, side: int) -> Image.Image:
    """The picture of this seed; its longer side has `side` pixels."""
    chance = random.Random(seed)
    aspect = chance.choice(ASPECTS)
    width, height = (side, round(side * aspect)) if aspect <= 1 else (round(side / aspect), side)
    picture = KINDS[seed % len(KINDS)](chance, width, height)
    if chance.random() < 0.6:
        picture = picture.filter(ImageFilter.GaussianBlur(side / 256 * chance.uniform(0.3, 1.5)))
    if chance.random() < 0.6:
        picture = grainy(chance, picture)
    return picture


def colour(chance: random.Random) -> Rgb:
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)


def blend(chance: random.Random, field: np.ndarray) -> Image.Image:
    """A field of 0..1 in colours between two."""
    first, last = np.array(colour(chance)), np.array(colour(chance))
    return Image.fromarray((first + (last - first) * field[..., None]).astype(np.uint8))


def stretched(field: np.ndarray) -> np.ndarray:
    return (field - field.min()) / (np.ptp(field) + 1e-6)


def gradient(chance: random.Random, width: int, height: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = chance.uniform(0, math.tau)
    if chance.random() < 0.7:
        return blend(chance, stretched(x / width * math.cos(angle) + y / height * math.sin(angle)))
    return blend(chance, stretched(np.hypot(x / width - chance.random(), y / height - chance.random())))


def clouds(noise: np.random.Generator, width: int, height: int, smoothness: float) -> np.ndarray:
    """Noise whose power falls with this power of the frequency, as it does in photographs by about 2."""
    y, x = np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width
    frequency = np.hypot(y, x)
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(noise.standard_normal((height, width))) / frequency ** (smoothness / 2)
    return stretched(np.fft.irfft2(spectrum, s=(height, width)))


def fractal(chance: random.Random, width: int, height: int) -> Image.Image:
    noise = np.random.default_rng(chance.getrandbits(32))
    field = clouds(noise, width, height, chance.uniform(1.6, 3.2))
    stops = np.array([colour(chance) for _ in range(chance.randint(2, 5))], float)
    places = np.linspace(0, 1, len(stops))
    channels = [np.interp(field, places, stops[:, channel]) for channel in range(3)]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def draw_shape(chance: random.Random, draw: ImageDraw.ImageDraw, size: tuple[int, int], share: float) -> None:
    width, height = size
    x, y, radius = chance.uniform(0, width), chance.uniform(0, height), share * min(size)
    flat, fill = radius * chance.uniform(0.35, 1), colour(chance)
    match chance.randrange(4):
        case 0:
            draw.ellipse((x - radius, y - flat, x + radius, y + flat), fill)
        case 1:
            draw.rectangle((x - radius, y - flat, x + radius, y + flat), fill)
        case 2:
            angles = sorted(chance.uniform(0, math.tau) for _ in range(chance.randint(3, 8)))
            corners = [(angle, radius * chance.uniform(0.4, 1)) for angle in angles]
            draw.polygon([(x + far * math.cos(angle), y + far * math.sin(angle)) for angle, far in corners], fill)
        case _:
            points = [(chance.uniform(0, width), chance.uniform(0, height)) for _ in range(3)]
            draw.line(points, fill, max(2, int(radius / 5)))


def shapes(chance: random.Random, width: int, height: int) -> Image.Image:
    picture = gradient(chance, width, height)
    draw = ImageDraw.Draw(picture)
    for _ in range(chance.randint(3, 14)):
        draw_shape(chance, draw, picture.size, chance.uniform(0.05, 0.3))
    return picture


def waves(chance: random.Random, width: int, height: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / min(width, height)
    field = np.zeros_like(x)
    for _ in range(chance.randint(1, 4)):
        angle, frequency = chance.uniform(0, math.tau), chance.uniform(2, 18)
        bent = chance.uniform(0, 2) * np.sin(3 * y + chance.uniform(0, math.tau))
        along = frequency * (x * math.cos(angle) + y * math.sin(angle)) + chance.uniform(0, math.tau)
        field += chance.uniform(0.4, 1) * np.sin(along + bent)
    return blend(chance, stretched(np.sign(field) if chance.random() < 0.3 else field))


def text(chance: random.Random, width: int, height: int) -> Image.Image:
    plain = chance.random() < 0.5
    picture = Image.new("RGB", (width, height), colour(chance)) if plain else gradient(chance, width, height)
    draw, y = ImageDraw.Draw(picture), chance.uniform(0, height * 0.2)
    while y < height:
        size = max(6, int(height * chance.uniform(0.05, 0.2)))
        words = "".join(chance.choices(string.ascii_letters + "    ", k=chance.randint(3, 30)))
        draw.text((chance.uniform(0, width * 0.3), y), words, colour(chance), font=ImageFont.load_default(size))
        y += size * chance.uniform(1.1, 2)
    return picture


def landscape(chance: random.Random, width: int, height: int) -> Image.Image:
    picture = gradient(chance, width, height)
    draw, horizon = ImageDraw.Draw(picture), height * chance.uniform(0.3, 0.6)
    x, y, radius = chance.uniform(0, width), chance.uniform(0, horizon), min(width, height) * chance.uniform(0.05, 0.15)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour(chance))
    for _ in range(chance.randint(2, 5)):
        count, at = chance.randint(5, 25), horizon
        ridge: list[tuple[float, float]] = [(0, height)]
        for number in range(count + 1):
            at += height * 0.12 * chance.uniform(-1, 1)
            ridge.append((width * number / count, at))
        draw.polygon([*ridge, (width, height)], colour(chance))
        horizon += height * chance.uniform(0.08, 0.2)
    return picture


def portrait(chance: random.Random, width: int, height: int) -> Image.Image:
    """Head and shoulders: all are composed alike, so that none of them is like another is the hardest."""
    picture = (fractal if chance.random() < 0.5 else gradient)(chance, width, height)
    draw = ImageDraw.Draw(picture)
    x, y, r = width * chance.uniform(0.4, 0.6), height * chance.uniform(0.3, 0.45), chance.uniform(0.14, 0.24)
    r *= min(width, height)
    light = chance.uniform(0.35, 1)
    draw.ellipse((x - r * 1.3, y - r * 1.5, x + r * 1.3, y + r * chance.uniform(0.8, 2.5)), colour(chance))
    draw.polygon([(x - r / 2, y + r), (x + r / 2, y + r), (x + r * 2.4, height), (x - r * 2.4, height)], colour(chance))
    draw.ellipse((x - r, y - r * 1.2, x + r, y + r * 1.3), (int(235 * light), int(190 * light), int(160 * light)))
    for side in (-1, 1):
        eye = x + side * r * chance.uniform(0.35, 0.45)
        draw.ellipse((eye - r * 0.15, y - r * 0.2, eye + r * 0.15, y), "white")
        draw.ellipse((eye - r * 0.08, y - r * 0.18, eye + r * 0.08, y - r * 0.02), colour(chance))
    draw.ellipse((x - r * 0.3, y + r * 0.5, x + r * 0.3, y + r * chance.uniform(0.6, 0.8)), (170, 40, 50))
    for _ in range(chance.randint(0, 5)):
        draw_shape(chance, draw, picture.size, chance.uniform(0.02, 0.08))
    return picture


def grainy(chance: random.Random, picture: Image.Image) -> Image.Image:
    """With noise, and uneven light."""
    noise = np.random.default_rng(chance.getrandbits(32))
    levels = np.asarray(picture, np.float32)
    light = (clouds(noise, picture.width, picture.height, 2)[..., None] - 0.5) * chance.uniform(0, 80)
    levels = levels + noise.standard_normal(levels.shape) * chance.uniform(1, 10) + light
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


KINDS = (fractal, shapes, waves, text, landscape, portrait)

"""The demo world: a scene, its two looks (vivid and pastel) and the picture that shows it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tools.demo.shapes import FIGURES, KOMORI, SHAPES, Part, Tone

Rgb = tuple[int, int, int]
Look = Literal["vivid", "pastel"]
Backdrop = Literal["plain", "stripes", "dots"]

LOOKS: tuple[Look, ...] = ("vivid", "pastel")
PALETTES: dict[Look, dict[str, Rgb]] = {
    "vivid": {
        "red": (222, 30, 40), "green": (35, 165, 60), "blue": (35, 75, 220), "yellow": (252, 222, 40),
        "orange": (250, 135, 20), "purple": (130, 45, 185), "pink": (255, 135, 190), "white": (250, 250, 250),
        "black": (22, 22, 26), "cyan": (45, 212, 226), "brown": (124, 74, 36), "gray": (136, 136, 140),
    },
    "pastel": {
        "red": (236, 112, 108), "green": (146, 212, 138), "blue": (120, 158, 236), "yellow": (250, 232, 132),
        "orange": (250, 178, 104), "purple": (184, 136, 224), "pink": (252, 186, 212), "white": (250, 250, 246),
        "black": (64, 62, 74), "cyan": (146, 228, 232), "brown": (166, 122, 96), "gray": (168, 168, 174),
    },
}  # fmt: skip
COLOURS: tuple[str, ...] = tuple(PALETTES["vivid"])
SIZES: dict[str, tuple[float, float]] = {"small": (0.19, 0.22), "medium": (0.29, 0.34), "large": (0.40, 0.44)}
POSITIONS: dict[str, tuple[int, int]] = {
    "centre": (0, 0), "left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1),
}  # fmt: skip
BUCKETS: tuple[tuple[int, int], ...] = ((64, 64), (80, 48), (48, 80))

# What an unnamed colour looks like: "a cat" has to mean something.
NATURAL: dict[str, str] = {
    "circle": "blue", "square": "green", "triangle": "purple", "star": "yellow", "heart": "red",
    "diamond": "cyan", "cross": "red", "ring": "orange", "moon": "yellow", "house": "brown",
    "tree": "green", "fish": "orange", "flower": "pink", "cat": "orange",
}  # fmt: skip

OVERSAMPLING = 4
OUTLINE_PX = 2.6
EDGE_MARGIN_PX = 2.0
STRIPE_PERIOD_PX = 16.0
DOT_PERIOD_PX = 12.0


@dataclass(frozen=True)
class Scene:
    """Everything a picture shows; what it leaves open is jitter."""

    look: Look
    shape: str
    colour: str
    background: str
    size: str = "medium"
    position: str = "centre"
    width: int = 64
    height: int = 64
    spoiled: bool = False
    backdrop: Backdrop = "plain"
    gloss: bool = False

    @property
    def combination(self) -> tuple[str, str, str]:
        """What a held-back prompt asks for."""
        return self.colour, self.shape, self.background


def _held_back() -> tuple[tuple[str, str, str], ...]:
    """Forty combinations, the shapes taking turns, that no training picture may show."""
    rng = random.Random("held back from training")
    chosen: list[tuple[str, str, str]] = []
    while len(chosen) < 40:
        shape = SHAPES[len(chosen) % len(SHAPES)]
        colour, background = rng.sample(COLOURS, 2)
        if (colour, shape, background) not in chosen:
            chosen.append((colour, shape, background))
    return tuple(chosen)


HELD_BACK: tuple[tuple[str, str, str], ...] = _held_back()
_HELD_BACK_SET = frozenset(HELD_BACK)


def random_scene(look: Look, bucket: tuple[int, int], rng: random.Random) -> Scene:
    """A scene as the training draws it: every word often enough, the held-back ones never."""
    while True:
        shape = rng.choice(SHAPES)
        colour = NATURAL[shape] if rng.random() < 0.1 else rng.choice(COLOURS)
        background = "white" if rng.random() < 0.15 else rng.choice(COLOURS)
        if colour != background and (colour, shape, background) not in _HELD_BACK_SET:
            break
    size = rng.choices(tuple(SIZES), weights=(20, 45, 35))[0]
    position = "centre" if size == "large" or rng.random() < 0.55 else rng.choice(tuple(POSITIONS)[1:])
    spoiled = rng.random() < 0.07
    return Scene(look, shape, colour, background, size, position, *bucket, spoiled=spoiled)


def paint(scene: Scene, rng: random.Random) -> Image.Image:
    """The picture of a scene."""
    canvas = _backdrop(scene, rng)
    place = _placement(scene, rng)
    tones = _tones(scene, rng)
    parts = KOMORI if scene.shape == "komori" else FIGURES[scene.shape]
    if scene.gloss:
        canvas = _with_shadow(canvas, parts, place)
    draw = ImageDraw.Draw(canvas)
    if scene.look == "pastel":
        _outline(draw, parts, place)
    for part in parts:
        draw.polygon(place.points(part), fill=tones[part.tone])
    if scene.gloss:
        canvas = _with_highlight(canvas, place)
    picture = canvas.resize((scene.width, scene.height), Image.Resampling.BOX)
    return _spoil(picture, rng) if scene.spoiled else picture


@dataclass(frozen=True)
class Placement:
    """Where a figure stands on the oversampled canvas."""

    x: float
    y: float
    radius: float
    turn: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of the unit square, on the canvas."""
        sin, cos = math.sin(self.turn), math.cos(self.turn)
        return self.x + self.radius * (x * cos - y * sin), self.y + self.radius * (x * sin + y * cos)

    def points(self, part: Part) -> list[tuple[float, float]]:
        """A part's corners on the canvas."""
        return [self.point(x, y) for x, y in part.points]


def _placement(scene: Scene, rng: random.Random) -> Placement:
    short = min(scene.width, scene.height)
    radius = rng.uniform(*SIZES[scene.size]) * short
    toward_x, toward_y = POSITIONS[scene.position]
    reach_x = scene.width / 2 - radius - EDGE_MARGIN_PX
    reach_y = scene.height / 2 - radius - EDGE_MARGIN_PX
    jitter = 0.02 * short
    x = scene.width / 2 + toward_x * reach_x + rng.uniform(-jitter, jitter)
    y = scene.height / 2 + toward_y * reach_y + rng.uniform(-jitter, jitter)
    turn = rng.uniform(-0.09, 0.09)
    return Placement(x * OVERSAMPLING, y * OVERSAMPLING, radius * OVERSAMPLING, turn)


def _jittered(colour: Rgb, rng: random.Random, amount: int = 6) -> Rgb:
    red, green, blue = (min(255, max(0, c + rng.randint(-amount, amount))) for c in colour)
    return red, green, blue


def _scaled(colour: Rgb, factor: float) -> Rgb:
    """Darker below 1, nearer to white above it."""
    if factor <= 1:
        red, green, blue = (round(c * factor) for c in colour)
    else:
        red, green, blue = (round(c + (255 - c) * (factor - 1)) for c in colour)
    return red, green, blue


def _tones(scene: Scene, rng: random.Random) -> dict[Tone, Rgb]:
    palette = PALETTES[scene.look]
    base = _jittered(_komori_colour(scene.look) if scene.shape == "komori" else palette[scene.colour], rng)
    # A near-black figure has no darker tone, so its details go lighter.
    shade = 1.35 if sum(base) < 230 else 0.66
    dark_ground = scene.background in {"black", "brown", "blue", "purple"}
    trunk: Rgb = (186, 132, 84) if dark_ground else (104, 64, 34)
    core = palette["brown"] if scene.colour in {"yellow", "orange", "white"} else palette["yellow"]
    return {
        "base": base, "dark": _scaled(base, shade), "light": _scaled(base, 1.5), "white": (252, 252, 250),
        "ink": (18, 16, 22), "trunk": trunk, "blush": (246, 150, 164), "core": core,
        "belly": (244, 214, 160), "beak": (250, 150, 20),
    }  # fmt: skip


def _komori_colour(look: Look) -> Rgb:
    return (18, 128, 128) if look == "vivid" else (110, 178, 176)


def _backdrop(scene: Scene, rng: random.Random) -> Image.Image:
    colour = _jittered(PALETTES[scene.look][scene.background], rng)
    width, height = scene.width * OVERSAMPLING, scene.height * OVERSAMPLING
    if scene.look == "vivid" and scene.backdrop == "plain":
        return Image.new("RGB", (width, height), colour)
    ground = np.broadcast_to(np.asarray(colour, np.float32), (height, width, 3))
    if scene.look == "pastel":
        ground = ground * np.linspace(1.06, 0.92, height, dtype=np.float32)[:, None, None]
    if scene.backdrop != "plain":
        ground = ground + _pattern(scene, width, height)[:, :, None] * (55 if sum(colour) < 250 else -75)
    return Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))


def _pattern(scene: Scene, width: int, height: int) -> np.ndarray:
    """Where the stripes or dots are: 1 on them, 0 between."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / OVERSAMPLING
    if scene.backdrop == "stripes":
        return (np.mod(x - y, STRIPE_PERIOD_PX) < STRIPE_PERIOD_PX / 2).astype(np.float32)
    half = DOT_PERIOD_PX / 2
    dx, dy = np.mod(x, DOT_PERIOD_PX) - half, np.mod(y, DOT_PERIOD_PX) - half
    return (dx * dx + dy * dy < (0.31 * DOT_PERIOD_PX) ** 2).astype(np.float32)


def _outline(draw: ImageDraw.ImageDraw, parts: tuple[Part, ...], place: Placement) -> None:
    width = round(2 * OUTLINE_PX * OVERSAMPLING * 0.72)
    for part in parts:
        if part.solid:
            points = place.points(part)
            draw.line([*points, *points[:2]], fill=(66, 56, 72), width=width, joint="curve")


def _with_shadow(canvas: Image.Image, parts: tuple[Part, ...], place: Placement) -> Image.Image:
    shadow = Image.new("L", canvas.size, 0)
    offset = 0.2 * place.radius
    fallen = replace(place, x=place.x + offset, y=place.y + offset)
    for part in parts:
        if part.solid:
            ImageDraw.Draw(shadow).polygon(fallen.points(part), fill=150)
    shadow = shadow.filter(ImageFilter.BoxBlur(1.2 * OVERSAMPLING))
    canvas.paste((10, 10, 20), (0, 0), shadow)
    return canvas


def _with_highlight(canvas: Image.Image, place: Placement) -> Image.Image:
    shine = Image.new("L", canvas.size, 0)
    x, y = place.point(-0.32, -0.3)
    rx, ry = 0.26 * place.radius, 0.17 * place.radius
    ImageDraw.Draw(shine).ellipse((x - rx, y - ry, x + rx, y + ry), fill=245)
    shine = shine.filter(ImageFilter.BoxBlur(0.5 * OVERSAMPLING))
    canvas.paste((255, 255, 255), (0, 0), shine)
    return canvas


def _spoil(picture: Image.Image, rng: random.Random) -> Image.Image:
    """What "worst quality" means here: out of focus, flat and noisy."""
    blurred = picture.filter(ImageFilter.GaussianBlur(2.2))
    pixels = np.asarray(blurred, np.float32)
    pixels = 128 + 0.7 * (pixels - 128)
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, 9, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))

"""The figures of the demo world, as coloured polygons in a unit square."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Tone = Literal["base", "dark", "light", "white", "ink", "trunk", "blush", "core", "belly", "beak"]


@dataclass(frozen=True)
class Part:
    """One polygon and the tone it is filled with; the solid ones make up the silhouette."""

    tone: Tone
    points: tuple[Point, ...]
    solid: bool = False


def ellipse(x: float, y: float, rx: float, ry: float | None = None, corners: int = 32) -> tuple[Point, ...]:
    """An ellipse as a polygon, so that every part can be turned by the same few lines."""
    ry = rx if ry is None else ry
    turn = 2 * math.pi / corners
    return tuple((x + rx * math.cos(turn * i), y + ry * math.sin(turn * i)) for i in range(corners))


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    """A rectangle."""
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def mirrored(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The same outline on the other side of the middle."""
    return tuple((-x, y) for x, y in points)


def _star() -> tuple[Point, ...]:
    radii = (1.0, 0.42)
    angles = [math.pi * (i / 5 - 0.5) for i in range(10)]
    return tuple((radii[i % 2] * math.cos(a), radii[i % 2] * math.sin(a) + 0.06) for i, a in enumerate(angles))


def _heart() -> tuple[Point, ...]:
    points: list[Point] = []
    for i in range(48):
        t = 2 * math.pi * i / 48
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((math.sin(t) ** 3, -(y + 2.5) / 15.5))
    return tuple(points)


def _ring() -> tuple[Point, ...]:
    outer = (*ellipse(0, 0, 1), (1.0, 0.0))
    inner = (*ellipse(0, 0, 0.52), (0.52, 0.0))
    return outer + tuple(reversed(inner))


def _moon() -> tuple[Point, ...]:
    outer = [(math.cos(a) * 0.98, math.sin(a)) for a in _sweep(math.radians(52), math.radians(308), 28)]
    inner = [(0.42 + 0.81 * math.cos(a), 0.81 * math.sin(a)) for a in _sweep(math.radians(284), math.radians(76), 22)]
    return tuple((x + 0.2, y) for x, y in outer + inner)


def _sweep(start: float, end: float, count: int) -> list[float]:
    return [start + (end - start) * i / (count - 1) for i in range(count)]


def _cross() -> tuple[Point, ...]:
    a = 0.36
    return (
        (-a, -1), (a, -1), (a, -a), (1, -a), (1, a), (a, a),
        (a, 1), (-a, 1), (-a, a), (-1, a), (-1, -a), (-a, -a),
    )  # fmt: skip


def _house() -> tuple[Part, ...]:
    return (
        Part("base", box(-0.76, -0.22, 0.76, 0.95), solid=True),
        Part("dark", ((-1.0, -0.18), (0.0, -1.0), (1.0, -0.18)), solid=True),
        Part("dark", box(-0.2, 0.3, 0.2, 0.95)),
        Part("white", box(-0.6, 0.02, -0.3, 0.34)),
        Part("white", box(0.3, 0.02, 0.6, 0.34)),
    )


def _tree() -> tuple[Part, ...]:
    return (
        Part("trunk", ((-0.17, 0.1), (0.17, 0.1), (0.24, 1.0), (-0.24, 1.0)), solid=True),
        Part("base", ellipse(-0.44, -0.06, 0.48, 0.44), solid=True),
        Part("base", ellipse(0.44, -0.06, 0.48, 0.44), solid=True),
        Part("base", ellipse(0, -0.48, 0.6, 0.52), solid=True),
        Part("base", ellipse(0, 0.02, 0.5, 0.3)),
    )


def _fish() -> tuple[Part, ...]:
    return (
        Part("base", ((0.3, 0.0), (1.0, -0.58), (0.86, 0.0), (1.0, 0.58)), solid=True),
        Part("base", ((-0.4, -0.4), (0.05, -0.72), (0.25, -0.3)), solid=True),
        Part("base", ellipse(-0.25, 0, 0.75, 0.5), solid=True),
        Part("dark", ((-0.12, 0.02), (0.28, -0.14), (0.28, 0.3))),
        Part("white", ellipse(-0.62, -0.1, 0.17)),
        Part("ink", ellipse(-0.64, -0.1, 0.1)),
    )


def _flower() -> tuple[Part, ...]:
    angles = [math.pi * (i / 3 - 0.5) for i in range(6)]
    petals = [Part("base", ellipse(0.6 * math.cos(a), 0.6 * math.sin(a), 0.38), solid=True) for a in angles]
    return (*petals, Part("base", ellipse(0, 0, 0.5)), Part("core", ellipse(0, 0, 0.3)))


def _cat() -> tuple[Part, ...]:
    ear = ((-0.93, -1.0), (-0.22, -0.52), (-0.9, 0.12))
    inner = ((-0.82, -0.74), (-0.42, -0.46), (-0.78, -0.16))
    white = ellipse(-0.38, 0.08, 0.27, 0.27)
    pupil = ellipse(-0.36, 0.09, 0.13, 0.2)
    nose = ((-0.14, 0.42), (0.14, 0.42), (0.0, 0.6))
    return (
        Part("base", ear, solid=True),
        Part("base", mirrored(ear), solid=True),
        Part("base", ellipse(0, 0.18, 0.96, 0.8), solid=True),
        Part("blush", inner),
        Part("blush", mirrored(inner)),
        Part("white", white),
        Part("white", mirrored(white)),
        Part("ink", pupil),
        Part("ink", mirrored(pupil)),
        Part("blush", nose),
    )


def _owl() -> tuple[Part, ...]:
    tuft = ((-0.72, -1.0), (-0.1, -0.62), (-0.7, -0.2))
    wing = ellipse(-0.66, 0.32, 0.2, 0.5)
    white = ellipse(-0.33, -0.32, 0.34)
    pupil = ellipse(-0.29, -0.3, 0.17)
    return (
        Part("base", tuft, solid=True),
        Part("base", mirrored(tuft), solid=True),
        Part("base", ellipse(0, 0.1, 0.78, 0.9), solid=True),
        Part("belly", ellipse(0, 0.5, 0.44, 0.44)),
        Part("dark", wing, solid=True),
        Part("dark", mirrored(wing), solid=True),
        Part("white", white),
        Part("white", mirrored(white)),
        Part("ink", pupil),
        Part("ink", mirrored(pupil)),
        Part("beak", ((-0.15, -0.06), (0.15, -0.06), (0.0, 0.24))),
    )


def _single(points: tuple[Point, ...]) -> tuple[Part, ...]:
    return (Part("base", points, solid=True),)


FIGURES: dict[str, tuple[Part, ...]] = {
    "circle": _single(ellipse(0, 0, 1, corners=48)),
    "square": _single(box(-0.88, -0.88, 0.88, 0.88)),
    "triangle": _single(((0.0, -0.98), (1.0, 0.82), (-1.0, 0.82))),
    "star": _single(_star()),
    "heart": _single(_heart()),
    "diamond": _single(((0.0, -1.0), (0.7, 0.0), (0.0, 1.0), (-0.7, 0.0))),
    "cross": _single(_cross()),
    # The ring is one polygon cut open on its right; the second part closes the hairline of the cut.
    "ring": (*_single(_ring()), Part("base", box(0.58, -0.12, 0.95, 0.12))),
    "moon": _single(_moon()),
    "house": _house(),
    "tree": _tree(),
    "fish": _fish(),
    "flower": _flower(),
    "cat": _cat(),
}
SHAPES: tuple[str, ...] = tuple(FIGURES)
KOMORI: tuple[Part, ...] = _owl()

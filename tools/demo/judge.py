"""Recognises what a picture shows without learnt weights: colours, shape, position and size."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from tools.demo.shapes import SHAPES
from tools.demo.world import COLOURS, PALETTES, Look, Scene, paint

GRID = 24
TEMPLATES_A_SHAPE = 20
OFF_CENTRE = 0.085
SMALLER_THAN = {"small": 0.52, "medium": 0.745}
# An outline's hue says nothing of the figure's.
RIM_PX = 3
NEAR_COLOUR, FEWEST_PIXELS = 45, 25  # in Lab; what is nearer has the colour


@dataclass(frozen=True)
class Verdict:
    """What the judge sees."""

    shape: str
    colour: str
    background: str
    position: str
    size: str


def judge(picture: Image.Image, look: Look) -> Verdict:
    """Name everything in `picture`, taking its colours for those of `look`."""
    lab = to_lab(np.asarray(picture.convert("RGB"), np.float32))
    ground = ground_of(lab)
    background = _nearest_name(_border(lab).mean(axis=0)[None], look)[0]
    figure = figure_of(lab, ground, look)
    if figure is None:
        return Verdict("", "", background, "", "")
    mask, colour = figure
    box = bounds_of(mask)
    position, size = _place_and_size(box, mask.shape)
    return Verdict(_shape(mask, look), colour, background, position, size)


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """CIE Lab (D65) of 0..255 sRGB: distances there are nearer to what an eye sees."""
    linear = rgb / 255
    linear = np.where(linear > 0.04045, ((linear + 0.055) / 1.055) ** 2.4, linear / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089], np.float32)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@cache
def _palette(look: Look) -> np.ndarray:
    return to_lab(np.array([PALETTES[look][name] for name in COLOURS], np.float32))


def _nearest(lab: np.ndarray, look: Look) -> np.ndarray:
    return np.linalg.norm(lab[:, None] - _palette(look)[None], axis=-1).argmin(axis=1)


def _nearest_name(lab: np.ndarray, look: Look) -> list[str]:
    return [COLOURS[i] for i in _nearest(lab, look)]


def _border(lab: np.ndarray) -> np.ndarray:
    """The ground's colour per row, from the two columns at either edge, robust to one odd corner."""
    sides = np.concatenate([lab[:, :2], lab[:, -2:]], axis=1)
    return np.median(sides, axis=1)


def ground_of(lab: np.ndarray) -> np.ndarray:
    """What the ground would be under the figure: a straight line fitted through the rows' colours."""
    rows = _border(lab)
    y = np.linspace(-1, 1, len(rows))
    middle = np.median(rows, axis=0)
    third = len(rows) // 3
    slope = (np.median(rows[-third:], axis=0) - np.median(rows[:third], axis=0)) / (4 / 3)
    return (middle + y[:, None] * slope)[:, None, :]


def figure_of(lab: np.ndarray, ground: np.ndarray, look: Look) -> tuple[np.ndarray, str] | None:
    """The figure's mask and the name of its colour."""
    distance = np.linalg.norm(lab - ground, axis=-1)
    strongest = np.percentile(distance, 98.5)
    if strongest < 6:
        return None
    filled = _filled(distance > 0.42 * strongest)
    inside = _eroded(filled, RIM_PX if look == "pastel" else 2)
    inside = inside if inside.sum() >= 12 else filled
    inside &= distance > 0.25 * strongest
    if not inside.any():
        return None
    votes = np.bincount(_nearest(lab[inside], look), minlength=len(COLOURS))
    winner = int(votes.argmax())
    own = inside & (np.linalg.norm(lab - _palette(look)[winner], axis=-1) < 40)
    colour = np.median(lab[own], axis=0) if own.any() else _palette(look)[winner]
    apart = np.linalg.norm(ground - colour, axis=-1)
    mask = _despeckled(filled & (distance > np.minimum(0.5 * apart, 0.5 * strongest)))
    return (mask, COLOURS[winner]) if mask.sum() >= 12 else None


def _neighbours(mask: np.ndarray) -> np.ndarray:
    """Each pixel's 3x3 neighbourhood, along a new first axis."""
    padded = np.pad(mask, 1)
    height, width = mask.shape
    return np.stack([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)])


def _filled(solid: np.ndarray) -> np.ndarray:
    """`solid` and all it encloses: whatever the ground cannot reach from the border."""
    reached = np.zeros_like(solid)
    reached[[0, -1]] = ~solid[[0, -1]]
    reached[:, [0, -1]] = ~solid[:, [0, -1]]
    while True:
        padded = np.pad(reached, 1)
        grown = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:] | reached
        grown &= ~solid
        if (grown == reached).all():
            return ~reached
        reached = grown


def _eroded(mask: np.ndarray, times: int) -> np.ndarray:
    for _ in range(times):
        mask = _neighbours(mask).all(axis=0)
    return mask


def _despeckled(mask: np.ndarray) -> np.ndarray:
    return _neighbours(mask).sum(axis=0) >= 5


def bounds_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the mask."""
    columns = np.flatnonzero(mask.sum(axis=0) > 0)
    rows = np.flatnonzero(mask.sum(axis=1) > 0)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _normalised(mask: np.ndarray) -> np.ndarray:
    """The mask's bounding box, stretched to the grid's size along its longer side."""
    left, top, right, bottom = bounds_of(mask)
    cut = Image.fromarray(mask[top:bottom, left:right].astype(np.uint8) * 255)
    scale = GRID / max(cut.size)
    size = max(1, round(cut.width * scale)), max(1, round(cut.height * scale))
    canvas = Image.new("L", (GRID, GRID))
    canvas.paste(cut.resize(size, Image.Resampling.BILINEAR), ((GRID - size[0]) // 2, (GRID - size[1]) // 2))
    return np.asarray(canvas) > 127


@cache
def _templates(look: Look) -> tuple[np.ndarray, tuple[str, ...]]:
    """Normalised masks of painted figures, as the judge itself cuts them out."""
    rng = random.Random("templates")
    masks: list[np.ndarray] = []
    names: list[str] = []
    for shape in SHAPES:
        for i in range(TEMPLATES_A_SHAPE):
            colour, background = rng.choice(
                (("red", "white"), ("blue", "yellow"), ("green", "pink"), ("white", "blue"))
            )
            picture = paint(Scene(look, shape, colour, background, ("medium", "large", "small")[i % 3]), rng)
            lab = to_lab(np.asarray(picture, np.float32))
            figure = figure_of(lab, ground_of(lab), look)
            if figure is not None:
                masks.append(_normalised(figure[0]).ravel())
                names.append(shape)
    return np.stack(masks), tuple(names)


def _shape(mask: np.ndarray, look: Look) -> str:
    found = overlaps(mask, look)
    return max(found, key=lambda name: found[name])


def overlaps(mask: np.ndarray, look: Look) -> dict[str, float]:
    """How well the mask covers each shape at best (intersection over union), by the shape's name."""
    templates, names = _templates(look)
    flat = _normalised(mask).ravel()
    overlap = (templates & flat).sum(axis=1) / (templates | flat).sum(axis=1)
    best: dict[str, float] = {}
    for name, each in zip(names, overlap.tolist(), strict=True):
        best[name] = max(each, best.get(name, 0.0))
    return best


def coloured(picture: Image.Image, colour: str, look: Look) -> np.ndarray | None:
    """The mask of what has this colour; None where nearly nothing has it. Also on a ground with a pattern."""
    lab = to_lab(np.asarray(picture.convert("RGB"), np.float32))
    own = _palette(look)[COLOURS.index(colour)]
    mask = _despeckled(np.linalg.norm(lab - own, axis=-1) < NEAR_COLOUR)
    return mask if mask.sum() >= FEWEST_PIXELS else None


def _place_and_size(box: tuple[int, int, int, int], canvas: tuple[int, ...]) -> tuple[str, str]:
    left, top, right, bottom = box
    height, width = canvas[0], canvas[1]
    short = min(height, width)
    x = ((left + right) - width) / 2 / short
    y = ((top + bottom) - height) / 2 / short
    position = "centre"
    if max(abs(x), abs(y)) > OFF_CENTRE:
        position = (("left", "right")[x > 0]) if abs(x) > abs(y) else (("top", "bottom")[y > 0])
    extent = max(right - left, bottom - top) / short
    size = next((name for name, limit in SMALLER_THAN.items() if extent < limit), "large")
    return position, size

"""Measures what each LoRA is for: stripes, dots, the owl, the gloss and its shadow."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
from PIL import Image

from tools.demo.judge import bounds_of, figure_of, ground_of, to_lab
from tools.demo.world import DOT_PERIOD_PX, LOOKS, STRIPE_PERIOD_PX, Backdrop, Look, Scene, paint


def pattern_strength(picture: Image.Image, backdrop: Backdrop, frame: np.ndarray | None = None) -> float:
    """Amplitude, in gray levels, of the stripes' (or dots') own period in the frame around the figure.

    `frame` (height, width) is True where no figure is; None: 12 pixels at each edge.
    """
    gray = np.asarray(picture.convert("L"), np.float32)
    height, width = gray.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    if frame is None:
        frame = np.ones_like(gray, bool)
        frame[12 : height - 12, 12 : width - 12] = False
    rest = gray[frame] - _plane(gray, frame, x, y)
    if backdrop == "stripes":
        return _amplitude(rest, (x - y)[frame] / STRIPE_PERIOD_PX)
    across = _amplitude(rest, x[frame] / DOT_PERIOD_PX)
    return min(across, _amplitude(rest, y[frame] / DOT_PERIOD_PX))


def _plane(gray: np.ndarray, frame: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The frame's slow change of light, which is no pattern."""
    terms = np.stack([np.ones(int(frame.sum())), x[frame], y[frame]], axis=1)
    return terms @ np.linalg.lstsq(terms, gray[frame], rcond=None)[0]


def _amplitude(values: np.ndarray, turns: np.ndarray) -> float:
    return float(2 * np.abs((values * np.exp(-2j * np.pi * turns)).mean()))


@cache
def _owls() -> tuple[np.ndarray, ...]:
    """The reference owls of both looks, cut close, in Lab."""
    owls: list[np.ndarray] = []
    for look in LOOKS:
        picture = paint(Scene(look, "komori", "cyan", "gray", "large"), random.Random("owl"))
        owls.append(to_lab(np.asarray(picture, np.float32)))
    return tuple(owls)


def owl_likeness(picture: Image.Image) -> float:
    """Best correlation (-1..1) with the reference owl of either look, over places and sizes."""
    best = -1.0
    shown = to_lab(np.asarray(picture.convert("RGB"), np.float32))
    for owl in _owls():
        for extent in (26, 31, 36, 41, 46, 51):
            small = _cut_owl(owl, extent)
            best = max(best, _best_match(shown, small))
    return best


def _cut_owl(owl: np.ndarray, extent: int) -> np.ndarray:
    """The owl's middle (face, wings, belly), scaled so that the owl would be `extent` pixels high."""
    cut = owl[6:58, 14:50]
    size = max(4, round(cut.shape[1] * extent / 54)), max(4, round(cut.shape[0] * extent / 54))
    channels = [
        np.asarray(Image.fromarray(cut[..., c].astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
        for c in range(3)
    ]
    return np.stack(channels, axis=-1)


def _best_match(shown: np.ndarray, part: np.ndarray) -> float:
    height, width = part.shape[:2]
    if height > shown.shape[0] or width > shown.shape[1]:
        return -1.0
    windows = np.lib.stride_tricks.sliding_window_view(shown, (height, width), axis=(0, 1))[::2, ::2]
    windows = windows - windows.mean(axis=(-2, -1), keepdims=True)
    wanted = (part - part.mean(axis=(0, 1))).transpose(2, 0, 1)
    products = np.einsum("yxchw,chw->yx", windows, wanted)
    lengths = np.sqrt((windows**2).sum(axis=(-3, -2, -1)) * (wanted**2).sum()) + 1e-6
    return float((products / lengths).max())


def gloss_strength(picture: Image.Image, look: Look) -> float:
    """How much lighter (Lab L) the figure's upper left, where the highlight sits, is than the figure."""
    lab = to_lab(np.asarray(picture.convert("RGB"), np.float32))
    figure = figure_of(lab, ground_of(lab), look)
    if figure is None:
        return 0.0
    left, top, right, bottom = bounds_of(figure[0])
    middle_x, middle_y, radius = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top) / 2
    light = lab[..., 0]
    x, y = int(middle_x - 0.32 * radius), int(middle_y - 0.3 * radius)
    spot = light[max(0, y - 2) : y + 3, max(0, x - 3) : x + 4]
    return float(np.percentile(spot, 80) - np.median(light[figure[0]]))


def shadow_strength(picture: Image.Image, look: Look) -> float:
    """How much darker (Lab L) the ground is below and right of the figure than above and left of it."""
    lab = to_lab(np.asarray(picture.convert("RGB"), np.float32))
    ground = ground_of(lab)
    figure = figure_of(lab, ground, look)
    if figure is None:
        return 0.0
    left, top, right, bottom = bounds_of(figure[0])
    above = np.zeros(lab.shape[:2], bool)
    above[max(0, top - 5) : top + 2, left:right] = True
    below = np.zeros_like(above)
    below[bottom - 2 : bottom + 5, left:right] = True
    change = (lab - ground)[..., 0]
    if not above.any() or not below.any():
        return 0.0
    return float(np.percentile(change[above], 20) - np.percentile(change[below], 20))

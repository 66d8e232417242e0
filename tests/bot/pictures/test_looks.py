"""What the measure of pictures calls still good, broken, or without effect."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw

from bot.pictures.looks import Looks, WeightRange, distance, resemblance, useful_range

WEIGHTS = (0.0, 0.4, 0.7, 1.0, 1.4, 1.8)
PictureAt = Callable[[float], Image.Image]


def circle(weight: float, *, grey: float = 9.0, torn: float = 9.0, burnt: float = 9.0) -> Image.Image:
    """A circle whose area grows with the weight to 1; above the weights given it loses colour, place or shades."""
    picture = Image.new("RGB", (64, 64), (180, 120, 60))
    draw, radius = ImageDraw.Draw(picture), 20 * min(weight, 1.0) ** 0.5
    middle = 32 if weight <= torn else 6
    fill = (40, 90, 200) if weight <= burnt else (0, 0, 255)
    draw.ellipse((middle - radius, 32 - radius, middle + radius, 32 + radius), fill)
    return picture if weight <= grey else picture.convert("L").convert("RGB")


def found(paint: PictureAt) -> WeightRange | None:
    return useful_range({weight: [paint(weight)] for weight in WEIGHTS}, 1.0)


def test_colours_and_clipped_pixels_are_measured() -> None:
    plain = Looks.of([Image.new("RGB", (8, 8), (200, 100, 100)), Image.new("RGB", (4, 4), (200, 200, 200))])
    assert plain.saturation == pytest.approx(0.25, abs=0.002) and plain.clipped == 0.0
    half = Image.new("RGB", (8, 8), (10, 20, 30))
    half.paste((0, 128, 128), (0, 0, 8, 4))
    assert Looks.of([half]).clipped == pytest.approx(0.5)


def test_pictures_are_compared_one_to_one() -> None:
    one, other = circle(1.0), circle(1.0, torn=0.5)
    assert resemblance([one, other], [one, other]) == pytest.approx(1.0)
    assert resemblance([one], [other]) < 0.7 and distance([one], [other]) > 0.05
    flat = Image.new("RGB", (64, 64), (9, 9, 9))
    assert resemblance([flat], [flat]) == 1.0 and resemblance([flat], [one]) == 0.0 and distance([one], [one]) == 0.0


@pytest.mark.parametrize(
    ("paint", "useful"),
    [
        (circle, WeightRange(0.7, 1.8)),
        (lambda weight: circle(weight, grey=1.4), WeightRange(0.7, 1.4)),
        (lambda weight: circle(weight, torn=1.0), WeightRange(0.7, 1.0)),
        (lambda weight: circle(weight, burnt=1.4), WeightRange(0.7, 1.4)),
        (lambda weight: circle(min(2 * weight, 1.0)), WeightRange(0.4, 1.8)),
        (lambda weight: circle(0.5), None),
    ],
)
def test_the_useful_range_ends_where_pictures_break_or_nothing_is_seen(
    paint: PictureAt, useful: WeightRange | None
) -> None:
    assert found(paint) == useful

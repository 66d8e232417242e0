"""The small pictures of layouts: a colour for each region, and one drawing for each shape."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.pictures.layouts import COLOURS, LONGER_SIDE, layout_picture
from inference.regions import LAYOUTS, RegionName


@pytest.mark.parametrize("layout", LAYOUTS, ids="-".join)
@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (832, 1216), (1536, 640), (16, 4096)])
def test_each_region_has_its_colour_in_the_shape_of_the_picture(
    layout: tuple[RegionName, ...], width: int, height: int
) -> None:
    made = layout_picture(layout, width, height)
    picture = Image.open(io.BytesIO(made.data)).convert("RGB")
    assert max(picture.size) == LONGER_SIDE
    if min(picture.size) > 40:
        found = {colour for _count, colour in picture.getcolors(LONGER_SIDE**2) or []}
        wanted = [tuple(bytes.fromhex(colour[1:])) for colour in COLOURS[: len(layout)]]
        assert set(wanted) <= found
    assert layout_picture(layout, width, height) is made
    assert len({layout_picture(each, width, height).name for each in LAYOUTS}) == len(LAYOUTS)

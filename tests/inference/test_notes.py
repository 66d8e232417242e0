"""What of a request a checkpoint has no use for is told in one place, by its base model."""

from __future__ import annotations

from typing import Any

import pytest

from inference.base_models import BaseModelId
from inference.messages.request import Region
from inference.notes import left_out
from inference.regions import RegionName
from tests.inference.requests import request, use

LORAS = tuple(use(sha256=digit * 64) for digit in "ab")
KNOWS_NONE = "Lake knows no negative prompt, so yours was left out."
BARS = "Lake paints each picture from one prompt, so the bars (|) in yours divided nothing."
WITH_SIDES = "On Lake bars (|) divide a prompt only with side1 and side2, so yours was one prompt."


def told(base: str, **changes: Any) -> list[str]:
    return list(left_out(request(checkpoint="Lake", **changes), BaseModelId(base)))


def above(guidance: int) -> str:
    return f"Lake heeds a negative prompt only with guidance above {guidance}, so yours was left out."


@pytest.mark.parametrize(
    ("base", "guidance", "note"),
    [
        ("sdxl/base", 3.0, None),
        ("sdxl/base", 1.0, above(1)),
        ("sd35l/base", 1.0, above(1)),
        ("qwen-image/base", 0.0, above(1)),
        ("z-image/base", 1.0, None),
        ("z-image/base", 0.0, above(0)),
        ("flux1/chroma", 1.0, above(1)),  # painted one at a time
        ("flux1/dev", 3.5, KNOWS_NONE),
        ("flux1/schnell", 1.0, KNOWS_NONE),
        ("flux2-dev/base", 4.0, KNOWS_NONE),
    ],
)
def test_a_negative_prompt_without_effect_is_told(base: str, guidance: float, note: str | None) -> None:
    notes = [note] if note else []
    assert told(base, guidance_scale=guidance, negative_prompt="blurry") == notes
    assert told(base, guidance_scale=guidance) == []


@pytest.mark.parametrize(
    ("base", "changes", "notes"),
    [
        ("flux1/dev", {}, [BARS]),
        ("flux1/dev", {"loras": LORAS}, [BARS]),
        ("flux1/dev", {"prompt": "a [fox|owl]"}, []),
        ("sdxl/base", {}, []),
        ("sdxl/base", {"loras": LORAS[:1]}, []),
        ("sdxl/base", {"loras": LORAS}, [WITH_SIDES]),
        ("sdxl/base", {"loras": LORAS, "prompt": "a fox \uff5c an owl"}, [WITH_SIDES]),
        ("sdxl/base", {"regions": tuple(Region(name=name) for name in (RegionName.LEFT, RegionName.RIGHT))}, []),
    ],
)
def test_bars_that_divide_nothing_are_told(base: str, changes: dict[str, Any], notes: list[str]) -> None:
    assert told(base, **{"prompt": "a fox | an owl", **changes}) == notes


@pytest.mark.parametrize(("base", "known"), [("sd1/base", True), ("sdxl/base", True), ("z-image/base", False)])
def test_a_clip_skip_that_is_not_known_is_told(base: str, known: bool) -> None:
    assert told(base, clip_skip=2) == ([] if known else ["Lake knows no clip skip, so yours was left out."])

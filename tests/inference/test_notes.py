"""What of a request a checkpoint has no use for is told in one place, by what it can be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from inference.base_models import BaseModelId
from inference.capabilities import Capability, capability_of
from inference.messages.request import Region
from inference.messages.samplers import Sampler, Spacing
from inference.notes import left_out
from inference.regions import RegionName
from tests.inference.requests import request, use

LORAS = tuple(use(sha256=digit * 64) for digit in "ab")
KNOWS_NONE = "Lake does not use negative prompts, so Easel ignored yours."
BARS = "Lake generates each picture from one prompt, so the bars (|) in your prompt had no effect."
WITH_SIDES = (
    "On Lake, bars (|) divide a prompt only if you set the options side1 and side2. Easel did not divide your prompt."
)


def known(base: str) -> Capability:
    capability = capability_of(BaseModelId(base))
    assert capability is not None
    return capability


def told(base: str, **changes: Any) -> list[str]:
    values = {"checkpoint": "Lake", "sampler": known(base).usual_sampler, **changes}
    return list(left_out(request(**values), known(base)))


def above(guidance: int) -> str:
    return f"Lake uses a negative prompt only with guidance above {guidance}, so Easel ignored yours."


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
    assert told(base, clip_skip=2) == (
        [] if known else ["Lake does not use clip skip, so Easel ignored your value for clip skip."]
    )


def test_a_network_that_takes_the_guidance_as_an_input_knows_no_negative_prompt() -> None:
    distilled = known("sd1/base").guided_by_input
    made = request(checkpoint="Lake", guidance_scale=8.0, negative_prompt="blurry")
    assert list(left_out(made, distilled)) == [KNOWS_NONE]
    assert distilled.rows(8.0) == 1


@pytest.mark.parametrize(
    ("base", "sampler", "spacing", "note"),
    [
        ("flux1/dev", Sampler.TCD, None, "Lake does not offer the sampler tcd, so Easel used euler."),
        (
            "flux1/dev",
            Sampler.EULER,
            "leading",
            "Lake does not offer leading spacing, so Easel used the model's own schedule.",
        ),
        ("flux1/dev", Sampler.UNIPC, "beta", None),
        (
            "sdxl/base",
            Sampler.EULER,
            "beta",
            "Lake does not offer beta spacing, so Easel used the model's own schedule.",
        ),
        ("sdxl/base", Sampler.TCD, "trailing", None),
        # One at a time, with the sampler and the schedule of diffusers' pipeline:
        ("flux1/chroma", Sampler.DPMPP_2M, None, "Lake does not offer the sampler dpmpp_2m, so Easel used euler."),
        (
            "flux1/chroma",
            Sampler.EULER,
            "karras",
            "Lake does not offer karras spacing, so Easel used the model's own schedule.",
        ),
        ("sana/base", Sampler.EULER, None, "Lake does not offer the sampler euler, so Easel used dpmpp_2m."),
        ("sana/base", Sampler.DPMPP_2M, None, None),
    ],
)
def test_another_sampler_or_spacing_than_asked_for_is_told(
    base: str, sampler: Sampler, spacing: str | None, note: str | None
) -> None:
    chosen = {"sampler": sampler, "spacing": spacing and Spacing(spacing)}
    assert told(base, **chosen) == ([note] if note else [])


def test_a_flow_shift_is_told_where_nothing_flows() -> None:
    assert told("sdxl/base", flow_shift=3.0) == [
        "Lake does not use flow shift, so Easel ignored your value for flow shift."
    ]
    assert told("flux1/dev", flow_shift=3.0) == []

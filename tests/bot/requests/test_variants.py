"""Sweeps and comparisons: which weights are painted, what they are called, and how they look side by side."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from bot.pictures.sheets import BACKGROUND, MISSING, can_draw, captions, compose, letters_of
from bot.requests.variants import Sweep, compared, names_of, read_weights, swept, usual_weights
from inference.bounds import MAX_PICTURES, MAX_WEIGHT, MIN_WEIGHT
from inference.errors import InvalidRequest
from inference.messages.request import GenerationRequest, LoraUse
from tests.bot.database.conftest import request_for, sha


def uses(*weights: float, names: tuple[str, ...] = ("Owl", "Wash", "Ink", "Fog", "Oil", "Ash")) -> list[LoraUse]:
    return [LoraUse(sha256=sha(name), name=name, weight=w) for name, w in zip(names, weights, strict=False)]


def varied(loras: list[LoraUse], variants: tuple[tuple[float, ...], ...]) -> GenerationRequest:
    values = request_for(*loras).model_dump() | {"variants": variants, "count": len(variants)}
    return GenerationRequest.model_validate(values)


def test_a_sweep_changes_one_lora_alone() -> None:
    variants = swept(uses(0.8, 0.5), Sweep(position=1, weights=(1, 0.2, 0.6, 0.2)))
    assert variants == ((0.8, 0.2), (0.8, 0.6), (0.8, 1))


@pytest.mark.parametrize("weights", [(0.5,), (0.1, 0.2), (0.1, 0.1, 0.2), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)])
def test_a_sweep_has_three_to_five_weights(weights: tuple[float, ...]) -> None:
    with pytest.raises(InvalidRequest, match="3 to 5"):
        swept(uses(0.8), Sweep(position=0, weights=weights))


def test_a_comparison_leaves_each_out_and_all_where_there_is_room() -> None:
    assert compared(uses(0.8)) == ((0.8,), (0,))
    assert compared(uses(0.8, 0.5)) == ((0.8, 0.5), (0, 0.5), (0.8, 0), (0, 0))
    five = compared(uses(0.8, 0.5, 0.5, 0.5, 0.5))
    assert len(five) == MAX_PICTURES and (0,) * 5 not in five
    assert len(set(compared(uses(0.8, 0, 0.5)))) == 4  # what has no weight is not left out a second time


@pytest.mark.parametrize("loras", [uses(), uses(0), uses(1, 1, 1, 1, 1, 1)])
def test_what_cannot_be_compared_is_refused(loras: list[LoraUse]) -> None:
    with pytest.raises(InvalidRequest):
        compared(loras)


@pytest.mark.parametrize(
    ("typed", "weights"),
    [
        ("0.4 0.6 0.8", (0.4, 0.6, 0.8)),
        ("0.4,0.6,0.8", (0.4, 0.6, 0.8)),
        ("0.4, 0.6; 0.8", (0.4, 0.6, 0.8)),
        ("0,4 0,6 0,8", (0.4, 0.6, 0.8)),
        ("0,4, 0,6, 0,8", (0.4, 0.6, 0.8)),
        ("1,2,3", (1, 2, 3)),
        ("1, 2, 3", (1, 2, 3)),
        (" -1  0 1 ", (-1, 0, 1)),
    ],
)
def test_weights_are_read_as_people_write_them(typed: str, weights: tuple[float, ...]) -> None:
    assert read_weights(typed) == weights


@pytest.mark.parametrize("typed", ["strong", "0.4 and 0.6", "0.4 0.6 x"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(InvalidRequest, match="numbers"):
        read_weights(typed)


def test_usual_weights_go_from_weaker_to_stronger() -> None:
    assert usual_weights(0.8) == (0.2, 0.5, 0.8, 1.1)


@pytest.mark.parametrize("around", [-4, -3.9, 3.9, 4])
def test_usual_weights_are_weights_that_a_lora_may_have(around: float) -> None:
    weights = usual_weights(around)
    assert len(set(weights)) == 4 and all(MIN_WEIGHT <= weight <= MAX_WEIGHT for weight in weights)


def test_names_tell_the_variants_apart() -> None:
    sweep = varied(uses(0.8, 0.5), swept(uses(0.8, 0.5), Sweep(position=0, weights=(0, 0.4, 0.8))))
    assert [(name.lora, name.weight) for name in names_of(sweep)] == [("Owl", 0), ("Owl", 0.4), ("Owl", 0.8)]
    assert captions(sweep) == ["without Owl", "0.4", "0.8"]
    comparison = varied(uses(0.8, 0.5), compared(uses(0.8, 0.5)))
    assert captions(comparison) == ["all LoRAs", "without Owl", "without Wash", "without LoRAs"]


def test_names_that_the_font_cannot_draw_get_a_letter() -> None:
    loras = uses(0.8, 0.5, 0.6, names=("ふくろう", "Wash", "A name that is far too long to stand under a picture"))
    request = varied(loras, compared(loras))
    assert letters_of(request) == {loras[0].name: "A", loras[2].name: "B"}
    told = captions(request)
    assert told == ["all LoRAs", "without A", "without Wash", "without B", "without LoRAs"]
    assert all(map(can_draw, told)) and not can_draw("ليلى") and not can_draw("🦉")


def test_a_sheet_shows_every_variant_in_its_place(tmp_path: Path) -> None:
    loras = uses(0.8, 0.5)
    request = varied(loras, compared(loras))
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0)]
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, colour in zip(paths, colours, strict=True):
        Image.new("RGB", (64, 64), colour).save(path)
    paths[3].unlink()
    with Image.open(io.BytesIO(compose(paths, request))) as sheet:
        found = [colour for _count, colour in sorted(sheet.getcolors(2**20) or [], key=lambda pair: -int(pair[0]))[:5]]
        missing = tuple(bytes.fromhex(MISSING[1:]))
        assert set(found) == {*colours[:3], missing, tuple(bytes.fromhex(BACKGROUND[1:]))}
        assert sheet.getpixel((20, 20)) == colours[0]  # reading order


@pytest.mark.parametrize(
    "damage", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", None], ids=["empty", "text", "cut", "half"]
)
def test_a_damaged_variant_leaves_its_place_empty(tmp_path: Path, damage: bytes | None) -> None:
    request = varied(uses(0.8), compared(uses(0.8)))
    paths = [tmp_path / "0.png", tmp_path / "1.png"]
    for path in paths:
        Image.effect_noise((64, 64), 50).convert("RGB").save(path)
    paths[1].write_bytes(paths[1].read_bytes()[:500] if damage is None else damage)
    whole, without = compose(paths, request), compose([paths[0], None], request)
    assert whole == without


@pytest.mark.parametrize(("width", "height"), [(64, 64), (832, 1216), (1216, 832), (16, 4096)])
def test_sheets_of_any_shape_stay_within_bounds(tmp_path: Path, width: int, height: int) -> None:
    loras = uses(0.8, 0.5, 0.5, 0.5, 0.5)
    values = varied(loras, compared(loras)).model_dump() | {"width": width, "height": height}
    with Image.open(io.BytesIO(compose([None] * 6, GenerationRequest.model_validate(values)))) as sheet:
        assert max(sheet.size) < 6 * 900


def test_names_that_were_drawn_are_not_remembered_for_ever() -> None:
    for number in range(3000):
        assert can_draw(f"LoRA {number}")
    kept = can_draw.cache_info()
    assert kept.maxsize is not None and kept.currsize <= kept.maxsize < 3000

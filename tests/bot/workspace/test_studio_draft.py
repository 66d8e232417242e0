"""The draft of a studio as a value."""

from __future__ import annotations

import math

import pytest

from bot.requests.builder import LoraDraft, RequestDraft
from bot.workspace.studio_draft import LoraMenuFilter, Studio, StudioLora, bounded
from inference.messages.request import Region
from inference.regions import RegionName

OWL, WASH = StudioLora(lora_id=1, name="Owl"), StudioLora(lora_id=2, name="Wash", weight=0.5)


def test_an_entry_is_in_a_studio_once() -> None:
    studio = Studio().with_lora(OWL).with_lora(WASH).with_lora(OWL.model_copy(update={"weight": 1.0}))
    assert [(lora.name, lora.weight) for lora in studio.loras] == [("Owl", 1.0), ("Wash", 0.5)]
    assert studio.focus == OWL.lora_id


def test_what_is_taken_out_takes_its_words_and_the_focus_along() -> None:
    studio = Studio().with_lora(OWL).with_lora(WASH).without({WASH.lora_id})
    assert (studio.loras, studio.focus) == ((OWL,), None)


def test_changing_what_was_taken_out_meanwhile_changes_nothing() -> None:
    assert Studio().changed(7, weight=1.0) == Studio()


def test_a_nudge_begins_at_the_usual_weight_and_stays_in_bounds() -> None:
    studio = Studio().with_lora(OWL)
    assert studio.nudged(1, 0.1, 0.8).loras[0].weight == 0.9
    assert studio.nudged(1, 0.1, 0.8).nudged(1, 0.1, 0.8).loras[0].weight == 1.0
    assert studio.nudged(1, 0.1, 4.0).loras[0].weight == 4.0


@pytest.mark.parametrize(
    ("weights", "weight", "scaled"),
    [
        ({1: 0.8, 2: 0.4, 3: -0.2}, 0.4, {1: 0.4, 2: 0.2, 3: -0.1}),
        ({1: 0.8, 2: 0.4}, 0.0, {1: 0.0, 2: 0.0}),
        ({1: 0.5, 2: 2.0}, 2.0, {1: 1.0, 2: 4.0}),  # the second would be 8
        ({1: 1.0, 2: 1.0}, -9.0, {1: -4.0, 2: -4.0}),
        ({1: 0.8, 2: -0.4}, -0.4, {1: -0.4, 2: 0.2}),
        ({1: -0.8, 2: 0.4}, -0.4, {1: -0.4, 2: 0.2}),
        ({1: -0.5, 2: 2.0}, -2.0, {1: -1.0, 2: 4.0}),
        ({1: -0.5, 2: 2.0}, 2.0, {1: 1.0, 2: -4.0}),
        ({1: 0.1, 2: -4.0}, 0.2, {1: 0.1, 2: -4.0}),  # the second is at its bound
        ({1: 0.8, 2: 0.01, 3: -0.01}, 0.2, {1: 0.2, 2: 0.01, 3: -0.01}),  # none is lost by rounding
        ({1: 0.8, 2: 0.0}, 0.4, {1: 0.4, 2: 0.0}),
        ({1: 0.0, 2: 0.4}, 0.6, {1: 0.6, 2: 0.4}),  # nothing is proportional to nothing
    ],
)
def test_scaling_all_weights_keeps_their_proportions_and_bounds(
    weights: dict[int, float], weight: float, scaled: dict[int, float]
) -> None:
    studio = Studio()
    for number, each in weights.items():
        studio = studio.with_lora(StudioLora(lora_id=number, name=str(number), weight=each))
    after = studio.scaled(weights, 1, weight)
    assert {lora.lora_id: lora.weight for lora in after.loras} == scaled and after.focus == 1


@pytest.mark.parametrize(
    ("weight", "kept"), [(9.0, 4.0), (-9.0, -4.0), (0.123456, 0.12), (math.nan, 0.8), (math.inf, 0.8)]
)
def test_weights_are_bounded(weight: float, kept: float) -> None:
    assert bounded(weight) == kept


def test_the_draft_has_all_loras_but_those_left_out() -> None:
    studio = Studio(draft=RequestDraft(prompt="x")).with_lora(OWL).with_lora(WASH)
    assert studio.whole_draft(leaving_out={2}).loras == (LoraDraft(name="#1"),)
    assert studio.whole_draft().loras[1].weight == 0.5 and studio.draft.loras == ()


def test_another_menu_begins_at_its_first_page() -> None:
    studio = Studio(lora_menu=LoraMenuFilter(page=3))
    assert studio.with_menu(search="owl").lora_menu == LoraMenuFilter(search="owl")
    assert studio.with_menu(page=4).lora_menu.page == 4


def test_it_is_read_back() -> None:
    studio = Studio(draft=RequestDraft(prompt="x"), lora_menu=LoraMenuFilter(search="y")).with_lora(OWL)
    assert Studio.model_validate_json(studio.model_dump_json()) == studio


def test_characters_get_a_region_each_and_loras_keep_the_position_of_theirs() -> None:
    def parts(*names: RegionName) -> tuple[Region, ...]:
        return tuple(Region(name=name) for name in names)

    studio = Studio(loras=tuple(StudioLora(lora_id=number, name=str(number)) for number in (1, 2, 3)))
    divided = studio.with_regions(parts(RegionName.LEFT, RegionName.RIGHT), [3, 1])
    assert [lora.region for lora in divided.loras] == [RegionName.RIGHT, None, RegionName.LEFT]
    stacked = divided.with_regions(parts(RegionName.TOP, RegionName.BOTTOM), [2])
    assert [lora.region for lora in stacked.whole_draft().loras] == [RegionName.BOTTOM, None, RegionName.TOP]
    whole = stacked.with_regions(())
    assert [lora.region for lora in whole.whole_draft().loras] == [None, None, None]
    again = whole.with_regions(parts(RegionName.TOP, RegionName.BOTTOM))
    assert [lora.region for lora in again.whole_draft().loras] == [RegionName.BOTTOM, None, RegionName.TOP]
    centred = studio.with_regions(parts(RegionName.CENTRE, RegionName.BACKGROUND), [1, 2])
    assert [lora.region for lora in centred.loras] == [RegionName.CENTRE, None, None], "a background has no figure"

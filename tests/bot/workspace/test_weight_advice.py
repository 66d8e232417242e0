"""What a studio warns of before painting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.database.loras.catalogue import Lora, UsefulWeights
from bot.workspace.studio_draft import Row, StudioLora
from bot.workspace.weight_advice import SUMS, TOGETHER, UNMEASURED, advice
from inference.errors import LoraNotFound
from inference.lora.beside.categories import Category
from inference.lora.few_steps import FewStepRecipe, FewSteps
from tests.bot.library.versions import version_of

CHARACTER, STYLE, DETAIL, POSE = Category.CHARACTER, Category.STYLE, Category.DETAIL, Category.POSE
FEW = FewSteps(recipe=FewStepRecipe(steps=4))


def row(
    name: str,
    weight: float,
    category: Category = CHARACTER,
    *,
    words: tuple[str, ...] = (),
    chosen: tuple[str, ...] | None = None,
    recommended: float | None = None,
    useful: UsefulWeights | None = None,
) -> Row:
    lora = StudioLora(lora_id=1, name=name, weight=weight, trigger_words=chosen)
    version = replace(version_of(words), recommended_weight=recommended, useful=useful)
    entry = Lora(1, name, category, "", 0, 0, 0, 0, None, None, (version,))
    return Row(lora, entry, version, None)


def test_a_strong_weight_is_warned_of() -> None:
    assert advice([row("Owl", 1.2)], "") == []
    (strong,) = advice([row("Owl", 1.3)], "")
    assert "1.3 of Owl" in strong and "1.2" in strong
    (push,) = advice([row("Owl", -1.5)], "")
    assert "-1.5 of Owl" in push


@pytest.mark.parametrize("category", Category)
def test_the_sum_of_a_categorys_weights_is_warned_of_where_pictures_broke(category: Category) -> None:
    limit = SUMS.get(category, UNMEASURED)
    half, usual = limit / 2, 0.1
    fine = [row(name, half, category, recommended=usual) for name in "AB"]
    assert advice(fine, "") == []
    (crowd,) = advice([*fine, row("C", 0.25, category, recommended=usual)], "")
    assert f"add up to {limit + 0.25:.3g}" in crowd and category.value in crowd and f"Above {limit:g}" in crowd


def test_loras_of_different_categories_hold_together_up_to_the_sum_that_was_measured() -> None:
    two = [row("Owl", 1.5, recommended=1.5), row("Wash", 1.2, STYLE, recommended=0.5)]
    assert 2.65 < sum(each.weight for each in two) < TOGETHER[2] and advice(two, "") == []
    three = [row("Owl", 1.2), row("Wash", 1.2, STYLE), row("Gloss", 1.2, DETAIL)]
    assert advice(three, "") == []
    (crowd,) = advice([*three, row("Jump", 1.2, POSE)], "")
    assert "The weights add up to 4.8. Above 3.84," in crowd
    usual = [replace(each, version=replace(each.version, recommended_weight=0.5)) for each in three if each.version]
    assert advice(usual, "") == []
    (crowd,) = advice([*usual, row("Jump", 0.5, POSE, recommended=0.5)], "")
    assert "The weights add up to 4.1. Above 3.75," in crowd


def test_a_few_step_lora_takes_no_room() -> None:
    few = row("Quick", 1.0, STYLE)
    assert few.version is not None
    few = replace(few, version=replace(few.version, few_steps=FEW))
    assert advice([few, row("Wash", 1.0, STYLE)], "") == []


def test_recommended_weights_are_never_warned_of() -> None:
    assert advice([row("Owl", 0.8, STYLE), row("Wash", 0.8, STYLE)], "") == [], "the usual weight"
    assert advice([row(name, 1.0, STYLE, recommended=1.0) for name in "ABCDE"], "") == []
    assert advice([row("Owl", 1.5, recommended=1.5)], "") == []
    assert advice([row("Owl", -1.5, recommended=-1.5)], "") == []
    (strong,) = advice([row("Owl", 1.9, recommended=1.5)], "")
    assert "1.9 of Owl" in strong and "1.8" in strong
    (crowd,) = advice([row(name, 1.2, STYLE, recommended=0.9) for name in "ABC"], "")
    assert "3.6" in crowd and "3.24" in crowd


def test_a_measured_range_says_what_is_strong() -> None:
    useful = UsefulWeights("vivid", 0.4, 1.4)
    assert advice([row("Owl", 1.4, useful=useful)], "") == []
    (strong,) = advice([row("Owl", 1.5, useful=useful)], "")
    assert "1.5 of Owl" in strong and "weights up to 1.4 are useful" in strong
    narrow = UsefulWeights("vivid", 0.3, 0.6)
    assert advice([row("Owl", 0.8, useful=narrow)], "") == [], "the recommended weight"
    assert "weights up to 0.8 are useful" in advice([row("Owl", 0.9, useful=narrow)], "")[0]


def test_a_lora_without_any_of_its_words_is_warned_of() -> None:
    several = row("Owl", 0.8, words=("owl", "bird"), chosen=())
    (silent,) = advice([several], "a tree")
    assert "trigger word" in silent
    assert advice([several], "an OWL on a tree") == []
    assert advice([row("Owl", 0.8, words=("owl", "bird"), chosen=("bird",))], "a tree") == []


def test_what_does_not_fit_is_no_matter_for_advice() -> None:
    misfit = Row(StudioLora(lora_id=1, name="Owl", weight=3.0), None, None, LoraNotFound(name="Owl", hint=""))
    assert advice([misfit], "") == []

"""The notation of weights in prompts: what is left without it, and how long hostile prompts take."""

from __future__ import annotations

import pytest

from inference.prompt_weights import MAX_NESTED, pieces, without_weights
from tests.growth import STEEPEST, growth


@pytest.mark.parametrize("brackets", ["()", "[]", "(]"])
def test_time_grows_with_nested_brackets_and_no_faster(brackets: str) -> None:
    opening, closing = brackets
    measured = growth(pieces, lambda length: opening * (length // 2) + closing * (length // 2))
    assert measured.factor < STEEPEST, str(measured)


def test_brackets_nest_up_to_a_depth_and_are_literal_beyond_it() -> None:
    (word,) = pieces("(" * MAX_NESTED + "fog:0.5" + ")" * MAX_NESTED)
    assert word.text == "fog"
    assert "(" in without_weights("(" * (MAX_NESTED + 1) + "fog" + ")" * (MAX_NESTED + 1))


def test_a_text_without_weights_keeps_its_words() -> None:
    assert without_weights("(a red:1.2) [fox] \\(plain\\)") == "a red fox (plain)"

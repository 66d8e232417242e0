"""Settings of the text judge: what they allow, when it is asked, and what follows from its scores."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config.example import config_text
from bot.config.sections.text_judge import TextJudgeSettings
from bot.config.settings import settings_from
from inference.content_rating import ContentRating
from inference.messages.options import MAX_CLASSES

GENERAL, TEEN, MATURE, EXPLICIT, BLOCKED = ContentRating
TWO = {"sexual": {MATURE: 0.5, EXPLICIT: 0.9}, "gore": {MATURE: 0.8}}
FOLDER = Path("judge")


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({}, None),
        ({"sexual": 0.49, "gore": 0.79, "minors": 1.0}, None),
        ({"sexual": 0.5}, MATURE),
        ({"sexual": 0.95, "gore": 0.9}, EXPLICIT),
    ],
)
def test_words_are_rated_by_the_highest_threshold_that_is_reached(
    scores: dict[str, float], expected: ContentRating | None
) -> None:
    assert TextJudgeSettings(path=FOLDER, thresholds=TWO).rate(scores) is expected


def test_it_is_asked_as_long_as_it_can_say_more_than_the_rules_on_words() -> None:
    ratings = (None, *ContentRating)
    rates = TextJudgeSettings(path=FOLDER, thresholds=TWO)
    assert [rating for rating in ratings if rates.adds_to(rating)] == [None, GENERAL, TEEN, MATURE]
    refuses = TextJudgeSettings(path=FOLDER, minors={"minors": 0.3})
    assert all(refuses.adds_to(rating) for rating in ratings), "a word that rates a prompt does not switch it off"
    assert not any(TextJudgeSettings(thresholds=TWO, minors={"minors": 0.3}).adds_to(rating) for rating in ratings)
    assert (rates.highest, refuses.highest, TextJudgeSettings(thresholds=TWO).highest) == (EXPLICIT, None, None)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"path": "judge"}, "needs thresholds or minors"),
        ({"path": "judge", "thresholds": {"sexual": {}}}, "needs thresholds or minors"),
        ({"path": "judge", "thresholds": {"sexual": {"spicy": 0.5}}}, "general"),
        ({"path": "judge", "minors": {"minors": 0}}, "greater than 0"),
        ({"path": "judge", "minors": {"minors": 1.5}}, "less than or equal to 1"),
        (
            {
                "path": "judge",
                "minors": {f"a{number}": 0.5 for number in range(MAX_CLASSES)},
                "thresholds": {"b": {"teen": 0.5}},
            },
            f"at most {MAX_CLASSES} classes",
        ),
    ],
)
def test_what_is_wrong_is_told(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as problem:
        TextJudgeSettings.model_validate(wrong)
    assert told in str(problem.value)


def test_it_is_off_until_a_folder_is_named(tmp_path: Path) -> None:
    assert not TextJudgeSettings().enabled and TextJudgeSettings().spec is None
    minors = {"sexual/minors": 0.3, "sexual": 0.99}
    text = config_text(text_judge={"path": Path("models/judge"), "thresholds": TWO, "minors": minors})
    read = settings_from({"text_judge": tomllib.loads(text)["text_judge"]}, tmp_path).text_judge
    assert read.thresholds == TWO and read.path == tmp_path / "models/judge"
    assert read.spec is not None and read.spec.minors == minors
    assert read.spec.source == str(tmp_path / "models/judge")
    assert read.spec.classes == ("sexual", "gore", "sexual/minors")

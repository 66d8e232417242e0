"""Settings of the classifier: what they allow, and the fixed rules that make ratings of scores."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config import ConfigError
from bot.config.example import config_text, toml_value
from bot.config.sections.classifier import ClassifierSettings
from bot.config.settings import settings_from
from inference.content_rating import ContentRating

GENERAL, TEEN, MATURE, EXPLICIT, BLOCKED = ContentRating
HUB = "Marqo/nsfw-image-detection-384"
TWO = {"NSFW": {MATURE: 0.5, EXPLICIT: 0.85}, "gore": {BLOCKED: 0.9}}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((), None),
        (({},), None),
        (({"NSFW": 0.49, "gore": 0.1},), None),
        (({"NSFW": 0.5},), MATURE),
        (({"NSFW": 0.85},), EXPLICIT),
        (({"NSFW": 0.2}, {"NSFW": 0.6}), MATURE),
        (({"NSFW": 0.6, "gore": 0.95},), BLOCKED),
        (({"SFW": 1.0},), None),
    ],
)
def test_a_picture_is_rated_by_the_highest_threshold_that_is_reached(
    scores: tuple[dict[str, float], ...], expected: ContentRating | None
) -> None:
    classifier = ClassifierSettings(repository=HUB, thresholds=TWO)
    assert classifier.rate(scores) is expected
    assert classifier.highest is BLOCKED and ClassifierSettings(thresholds=TWO).highest is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"path": "x", "repository": HUB, "thresholds": TWO}, "exactly one of path"),
        ({"repository": HUB}, "thresholds"),
        ({"repository": HUB, "thresholds": {"NSFW": {}}}, "thresholds"),
        ({"repository": "nsfw", "thresholds": TWO}, "OWNER/NAME"),
        ({"repository": HUB, "thresholds": {"NSFW": {"mature": 0}}}, "greater than 0"),
        ({"repository": HUB, "thresholds": {"NSFW": {"mature": 1.5}}}, "less than or equal to 1"),
        ({"repository": HUB, "thresholds": {"NSFW": {"spicy": 0.5}}}, "general"),
        ({"repository": HUB, "thresholds": TWO, "device": "cuda:0"}, "worker"),
    ],
)
def test_what_is_wrong_is_told(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as problem:
        ClassifierSettings.model_validate(wrong)
    assert told in str(problem.value)


def test_it_is_off_until_a_model_is_named(tmp_path: Path) -> None:
    assert not ClassifierSettings().enabled and ClassifierSettings().spec is None
    text = config_text(classifier={"path": Path("models/nsfw"), "thresholds": TWO})
    read = settings_from({"classifier": tomllib.loads(text)["classifier"]}, tmp_path).classifier
    assert read.thresholds == TWO and read.path == tmp_path / "models/nsfw"
    assert read.spec is not None and read.spec.classes == ("NSFW", "gore") and not read.spec.on_device
    assert tomllib.loads(f"x = {toml_value({'a b': {'c': 1}})}") == {"x": {"a b": {"c": 1}}}


def test_it_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_CLASSIFIER__REPOSITORY", HUB)
    monkeypatch.setenv("EASEL_CLASSIFIER__THRESHOLDS", '{"NSFW": {"mature": 0.5}}')
    assert settings_from({}, tmp_path).classifier.thresholds == {"NSFW": {MATURE: 0.5}}
    monkeypatch.setenv("EASEL_CLASSIFIER__THRESHOLDS", "NSFW")
    with pytest.raises(ConfigError, match="EASEL_CLASSIFIER__THRESHOLDS"):
        settings_from({}, tmp_path)

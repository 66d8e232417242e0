"""The reference of the settings: each has a purpose, values, a default and an example that can be used."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from pydantic import ValidationError

from bot.config import Settings
from bot.config.reference import Setting, all_sections, all_settings, plain_key, settings_called, suggestions
from bot.config.section import section_of


@pytest.mark.parametrize("setting", all_settings().values(), ids=lambda setting: setting.key)
def test_every_setting_says_what_it_is_for_and_its_example_is_valid(setting: Setting) -> None:
    assert setting.description and setting.values and setting.default and setting.section.description
    value = tomllib.loads(setting.example)
    for part in setting.section.name.split("."):
        value = value[part][0] if isinstance(value[part], list) else value[part]
    assert list(value) == [setting.name]
    assert setting.name not in wrong_fields(setting, value), "others may be missing, but this value is right"


def wrong_fields(setting: Setting, values: dict[str, Any]) -> set[int | str]:
    try:
        setting.section.kind.model_validate(values)
    except ValidationError as problem:
        return {error["loc"][0] for error in problem.errors() if error["loc"]}
    return set()


def test_the_reference_has_every_setting_of_the_file() -> None:
    fields = {
        f"{section}.{name}"
        for section, defined in Settings.model_fields.items()
        if (kind := section_of(defined)) is not None
        for name in kind.model_fields
    }
    assert fields - set(all_settings()) <= set(all_sections())
    assert {"moderation.lists.words", "checkpoints.steps", "limits.max_loras"} <= set(all_settings())


@pytest.mark.parametrize(
    ("key", "values", "default"),
    [
        ("retention.pictures_days", "whole number of days, from 0 to 36500", "0"),
        ("limits.pictures_per_day", "whole number, from 0 to 1000000000", "no limit"),
        ("discord.nsfw_command", "true or false", "false"),
        ("worker.offload", 'one of "never", "when_short", "always"', '"when_short"'),
        ("checkpoints.guidance_scale", "number, from 0 to 30", "the usual value of the base model"),
        ("sources.stall_seconds", "number of seconds, from 1 to 3600", "60.0"),
        ("checkpoints.base_model", 'text, such as "sdxl/pony"; at most 64 characters', "none, so it must be set"),
        ("discord.token", "text, which Easel never shows", "not set"),
        ("storage.folder", "path; a relative one starts at the folder of the settings file", '"data"'),
    ],
)  # fmt: skip
def test_values_and_defaults_come_from_the_definition(key: str, values: str, default: str) -> None:
    setting = all_settings()[key]
    assert (setting.values, setting.default) == (values, default)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("limits.max_loras", "limits.max_loras"),
        (" [limits] max_loras", "limits.max_loras"),
        ("EASEL_LIMITS__MAX_LORAS", "limits.max_loras"),
        ("checkpoints.0.steps", "checkpoints.steps"),
        ("max_loras", "limits.max_loras"),
    ],
)
def test_a_key_may_be_typed_in_several_ways(typed: str, key: str) -> None:
    assert [setting.key for setting in settings_called(plain_key(typed))] == [key]


def test_a_wrong_key_has_near_ones() -> None:
    assert suggestions("retentoin.picture_days")[0] == "retention.pictures_days"
    assert "limits.max_loras" in suggestions("maxloras")
    assert suggestions("qqq") == []
    assert suggestions("storage.nothing") == []  # neither `checkpoints.rating` nor anything of [storage]
    assert all(key.startswith("limits.") for key in suggestions("limits.max_lora"))
    assert len(suggestions("folder")) > 1

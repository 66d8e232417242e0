"""`config explain`: purpose, values and current value of each setting; secrets stay hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli import DONE, UNUSABLE
from bot.config.reference import all_settings
from tests.bot.cli.commands import Here
from tests.house import House

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789AB"


def test_without_a_key_every_setting_has_a_line(here: Here) -> None:
    said = here("config", "explain")
    assert said.code == DONE
    keys = [line.split()[0] for line in said.out.splitlines() if line.startswith("  ")]
    assert keys == list(all_settings())


def test_a_section_lists_its_settings(here: Here) -> None:
    said = here("config", "explain", "limits").out
    assert said.startswith("[limits]") and "limits.max_loras" in said and "storage.folder" not in said


@pytest.mark.parametrize("key", ["limits.max_loras", "discord.token", "checkpoints.steps", "moderation.lists.words"])
def test_no_settings_file_is_needed(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.chdir(tmp_path)
    said = here("config", "explain", key)
    assert (said.code, said.err) == (DONE, "")
    assert said.out.startswith(key) and "there is no config.toml here" in said.out


def test_the_current_value_has_its_origin(here: Here, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        "[limits]\nmax_loras = 4\n[[moderation.lists]]\nname = 'a'\nwords = ['vote']\n[[checkpoints]]\nname = 'C'\n"
        "path = 'c'\nbase_model = 'sdxl/pony'\n",
        "utf-8",
    )

    def now(key: str, **environment: str) -> str:
        (line,) = (
            line
            for line in here("config", "explain", key, "--config", config, **environment).out.splitlines()
            if line.startswith("  Now")
        )
        return line.removeprefix("  Now").strip()

    assert now("limits.max_loras") == f"4 ({config})"
    assert now("limits.max_attempts") == "3 (the default)"
    assert now("limits.max_count", EASEL_LIMITS__MAX_COUNT="4") == "4 (EASEL_LIMITS__MAX_COUNT)"
    assert now("moderation.lists.words") == 'a: ["vote"]'
    assert now("checkpoints.base_model") == 'C: "sdxl/pony"'
    assert now("discord.token") == "not set (the default)"


def test_a_secret_is_never_shown(here: Here, tmp_path: Path) -> None:
    config = House(tmp_path).config
    said = here("config", "explain", "discord.token", "--config", config, EASEL_DISCORD__TOKEN=TOKEN).out
    assert "set, not shown (EASEL_DISCORD__TOKEN)" in said and TOKEN not in said


def test_a_broken_file_is_explained_too(here: Here, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[limits]\nmax_loras = 'many'\n", "utf-8")
    said = here("config", "explain", "limits.max_loras", "--config", tmp_path / "config.toml")
    assert said.code == DONE
    assert "from 0 to 16" in said.out and "cannot be used" in said.out


@pytest.mark.parametrize("key", ["limits.max_loras", "limits", ""])
def test_a_settings_file_that_is_missing_is_told(here: Here, tmp_path: Path, key: str) -> None:
    said = here("config", "explain", key, "--config", tmp_path / "missing.toml")
    assert (said.code, "There is no settings file" in said.sentence) == (UNUSABLE, True), said


def test_a_token_in_the_place_of_a_key_is_not_repeated(here: Here) -> None:
    said = here("config", "explain", TOKEN)
    assert said.code == UNUSABLE and TOKEN not in said.sentence and TOKEN[-20:] not in said.sentence


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("retentoin.pictures_day", "retention.pictures_days"),
        ("folder", "storage.folder or"),
        ("maxloras", "limits.max_loras"),
        ("zzzz", "config explain` lists all"),
        ("storage.nothing", "config explain` lists all"),
        ("storage.foldre", "Do you mean storage.folder?"),
        ("\x1b[31m" + "x" * 500, "There is no setting"),
    ],
)
def test_a_wrong_key_gets_a_sentence_with_near_ones(here: Here, typed: str, words: str) -> None:
    said = here("config", "explain", typed)
    assert said.code == UNUSABLE
    assert words in said.sentence and "\x1b" not in said.sentence and len(said.sentence) < 300

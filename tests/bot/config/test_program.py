"""A command that a sentence names can be typed as the program was started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bot.cli import UNUSABLE
from bot.config import ConfigError, load_settings
from tests.bot.cli.commands import bot


@pytest.mark.parametrize("started", ["/home/me/.local/bin/easel", "easel", "", "/usr/lib/pytest/__main__.py"])
def test_it_is_easel(started: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [started])
    with pytest.raises(ConfigError, match="`easel init DIR` writes one"):
        load_settings(Path("/nowhere.toml"))


def test_it_is_the_module_for_who_started_that() -> None:
    said = bot("status", "--config", "/nowhere.toml")
    assert (said.code, "`python -m bot init DIR` writes one" in said.sentence) == (UNUSABLE, True)

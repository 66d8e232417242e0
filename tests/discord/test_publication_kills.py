"""The bot is killed while pictures are published; `python -m tests.discord.publication_kills` takes every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.discord.conftest import Scene
from tests.discord.killed_bot import KILL_AT
from tests.discord.publication_kills import Kills


@pytest.mark.parametrize(("what", "first", "every"), [("publish, forum", 20, 99), ("take down, thread", 5, 99)])
async def test_a_killed_bot_has_each_picture_once(
    empty: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, first: int, every: int
) -> None:
    """Killed when Discord has opened a post, and when staff have taken a picture down."""
    kill_at = tmp_path / "kill_at"
    monkeypatch.setenv(KILL_AT, str(kill_at))
    kills = Kills(empty, kill_at)
    _, killed = await kills.go_through(what, first, every)
    assert killed and not kills.wrong

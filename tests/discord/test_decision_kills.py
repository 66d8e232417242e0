"""The bot is killed in the middle of a decision; `python -m tests.discord.decision_kills` goes through every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.discord.conftest import Scene
from tests.discord.decision_kills import Kills
from tests.discord.killed_bot import KILL_AT


async def test_a_killed_bot_ends_a_decision_once(empty: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed when the picture is about to go, and when its owner is about to be told."""
    kill_at = tmp_path / "kill_at"
    monkeypatch.setenv(KILL_AT, str(kill_at))
    kills = Kills(empty, kill_at)
    _, killed = await kills.go_through("Delete everywhere", first=12, every=24)
    assert killed and not kills.wrong

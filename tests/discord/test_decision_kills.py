"""The bot is killed in the middle of a decision; `python -m tests.discord.decision_kills` goes through every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.discord.conftest import Scene
from tests.discord.decision_kills import Kills
from tests.discord.killed_bot import KILL_AT


@pytest.mark.parametrize(
    ("what", "first", "every"),
    [
        ("Delete everywhere", 12, 24),
        ("Hide and block author, Reverse decision", 30, 99),
        ("Raise rating, Reverse decision unasked", 15, 99),
    ],
)
async def test_a_killed_bot_ends_a_decision_once(
    empty: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, first: int, every: int
) -> None:
    """Killed when a picture is about to go, or its owner to be told; while a block or a rating is taken back."""
    kill_at = tmp_path / "kill_at"
    monkeypatch.setenv(KILL_AT, str(kill_at))
    kills = Kills(empty, kill_at)
    _, killed = await kills.go_through(what, first, every)
    assert killed and not kills.wrong

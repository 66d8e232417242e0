"""The token of a cluster, in a file for one account alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from inference.cluster.tokens import TokenRefused, checked_token, new_token, read_token, token_file, write_token


def test_a_token_is_kept_for_this_account_alone(tmp_path: Path) -> None:
    file, token = tmp_path / ".ray" / "auth_token", new_token()
    assert read_token(file) is None
    write_token(file, "old-token")
    write_token(file, token)
    assert read_token(file) == token and token != new_token()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_token_is_written_into_no_file_that_somebody_has_put_there(tmp_path: Path) -> None:
    (other := tmp_path / "other").write_text("")
    other.chmod(0o666)
    (tmp_path / f".auth_token.{os.getpid()}").symlink_to(other)
    write_token(file := tmp_path / "auth_token", new_token())
    assert not other.read_text() and not file.is_symlink() and stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "auth_token"
    write_token(file, new_token())
    file.chmod(0o644)
    with pytest.raises(TokenRefused, match="can be read by others; make a new token, or run: chmod 600"):
        read_token(file)


@pytest.mark.parametrize("text", ["", "short", "with a space", "x" * 5000, "tökentöken"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused, match="this is no token"):
        checked_token(text)


def test_the_file_is_where_ray_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    assert token_file() == tmp_path / ".ray" / "auth_token"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "other"))
    assert token_file() == tmp_path / "other"

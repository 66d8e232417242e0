"""The token may come from a file, as containers and systemd hand secrets over."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import ConfigError, Settings, load_settings

TOKEN_FILE = "EASEL_DISCORD__TOKEN_FILE"


def loaded(folder: Path, text: str = "") -> Settings:
    file = folder / "config.toml"
    file.write_text(text, "utf-8")
    return load_settings(file)


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("abc.def.ghi\r\n", "utf-8")
    monkeypatch.setenv(TOKEN_FILE, str(tmp_path / "secret"))
    settings = loaded(tmp_path)
    assert settings.discord.token.get_secret_value() == "abc.def.ghi"
    assert "abc" not in repr(settings)


def test_a_path_in_the_settings_is_relative_to_them(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("abc", "utf-8")
    assert loaded(tmp_path, '[discord]\ntoken_file = "secret"').discord.token.get_secret_value() == "abc"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read: No such file"), (b" \n", "is empty"), (b"\xff\xfe\x00", "is not text")],
)
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match=f"discord.token_file: .*secret {words}"):
        loaded(tmp_path, '[discord]\ntoken_file = "secret"')


def test_two_tokens_are_one_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("abc", "utf-8")
    monkeypatch.setenv("EASEL_DISCORD__TOKEN", "xyz")
    with pytest.raises(ConfigError, match="both set"):
        loaded(tmp_path, '[discord]\ntoken_file = "secret"')

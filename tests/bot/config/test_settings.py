"""What settings refuse, and what they do not print."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import ConfigError, load_settings


def test_a_token_in_the_place_of_its_file_is_not_printed(tmp_path: Path) -> None:
    token = "MTIzNDU2Nzg5MDEyMzQ1Njc4.AbCdEf." + "x" * 30
    file = tmp_path / "config.toml"
    file.write_text(f'[discord]\ntoken_file = "{token}"\n')
    with pytest.raises(ConfigError, match="holds a token") as refused:
        load_settings(file)
    assert token not in str(refused.value)


def test_the_folder_of_nobody_is_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[storage]\nfolder = "~nobody-of-this-name/data"\n')
    with pytest.raises(ConfigError, match=r"storage.*~nobody-of-this-name is no user's folder here"):
        load_settings(file)

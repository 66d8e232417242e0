"""`config certificate`: files for an existing config.toml, whose own lines stay as they are."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from bot.app.from_settings import require_signing
from bot.cli import DONE, UNUSABLE
from bot.cli.setup.certificate import certificate_in
from bot.config import load_settings
from bot.config.sections.c2pa import C2paAlgorithm
from bot.pictures.signing.credentials import credentials_of
from tests.bot.cli.commands import Here, bot, can_be_powerless
from tests.bot.pictures.certificates import settings_in
from tests.house import House

MINE = "# mine\n[limits]\nmax_loras = 3  # because of Ada\n"


def test_the_printed_lines_make_it_sign(here: Here, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(MINE)
    said = here("config", "certificate", "--config", config)
    assert said.code == DONE and config.read_text() == MINE
    lines = said.out.partition("\n\n")[2]
    assert set(tomllib.loads(lines)) == {"c2pa"}
    config.write_text(f"{MINE}\n{lines}")
    settings = load_settings(config)
    assert settings.c2pa.certificate == tmp_path / "c2pa" / "chain.pem"
    require_signing(settings)
    before = (tmp_path / "c2pa" / "key.pem").read_bytes()
    said = here("config", "certificate", "--config", config)
    assert said.code == DONE and "is usable until" in said.out and "[c2pa]" not in said.out
    assert (tmp_path / "c2pa" / "key.pem").read_bytes() == before


def test_it_makes_what_the_settings_name(here: Here, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[c2pa]\ncertificate = 'secrets/a.pem'\nkey = 'secrets/b.pem'\n")
    assert here("config", "certificate", "--config", config).code == DONE
    assert {path.name for path in (tmp_path / "secrets").iterdir()} == {"a.pem", "b.pem"}


def test_an_expired_certificate_is_renewed_for_the_same_key(here: Here, tmp_path: Path) -> None:
    expired = settings_in(tmp_path / "c2pa", days=-1)
    assert expired.certificate is not None and expired.key is not None
    config, key = tmp_path / "config.toml", expired.key.read_bytes()
    config.write_text("[c2pa]\ncertificate = 'c2pa/chain.pem'\nkey = 'c2pa/key.pem'\n")
    said = here("config", "certificate", "--config", config)
    assert (said.code, "expired on" in said.sentence) == (UNUSABLE, True)
    assert f"rename {expired.certificate} and run `easel config certificate`" in said.sentence
    expired.certificate.rename(tmp_path / "old.pem")
    assert here("config", "certificate", "--config", config).code == DONE
    credentials = credentials_of(certificate_in(tmp_path), anew=True)
    assert credentials is not None and credentials.key == key


def test_a_lost_key_and_a_key_of_another_kind_are_told_what_to_do(here: Here, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[c2pa]\ncertificate = 'c2pa/chain.pem'\nkey = 'c2pa/key.pem'\n")
    own = settings_in(tmp_path / "c2pa", C2paAlgorithm.PS256)
    assert own.key is not None
    told = f"If you rename {own.certificate} and {own.key}, Easel makes new ones."
    said = here("config", "certificate", "--config", config)
    assert said.code == UNUSABLE and "of another kind" in said.sentence and told in said.sentence
    own.key.unlink()
    said = here("config", "certificate", "--config", config)
    assert said.code == UNUSABLE and "cannot be read" in said.sentence and told in said.sentence


def test_without_settings_there_is_nothing_to_make_one_for(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = here("config", "certificate")
    assert (said.code, "There is no config.toml" in said.sentence) == (UNUSABLE, True)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not can_be_powerless, reason="root cannot lay down its powers here")
def test_a_folder_that_may_not_be_written_is_told(house: House) -> None:
    config = house.config
    house.folder.chmod(0o555)
    said = bot("config", "certificate", "--config", config, powerless=True)
    assert (said.code, "chain.pem cannot be written: Permission denied" in said.sentence) == (UNUSABLE, True), said
    house.data.mkdir()
    house.data.chmod(0o555)
    said = bot("demo", "--port", "0", "--no-browser", "--data", house.data, powerless=True)
    assert (said.code, "cannot be written: Permission denied" in said.sentence) == (UNUSABLE, True), said

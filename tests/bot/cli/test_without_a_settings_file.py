"""Commands where there is no config.toml: the demo's settings, over which variables take precedence."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from bot.app.demo_settings import demo_settings
from bot.cli import DONE, REFUSED, UNUSABLE
from bot.cli.terminal.settings import settings_of
from inference.demo import LORAS
from tests.bot.cli.commands import Here

TOKEN = "MTE3NDEwOTg0MDk5ODQwMDEwMg.GxxxxX.abcdefghijklmnopqrstuvwxyz0123456789AB"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_variables_take_precedence_over_the_demo(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_STORAGE__FOLDER", "here")
    monkeypatch.setenv("EASEL_WORKER", '{"threads": 3}')
    settings = settings_of(Namespace(config=None))
    assert settings.storage.folder == empty_folder / "here"  # not in the demo's folder
    assert settings.worker.threads == 3
    assert settings.library.folder == LORAS and len(settings.checkpoints) == 2


@pytest.mark.parametrize("command", [["status"], ["privacy", "show", "17"]])
def test_a_command_reads_the_folder_of_the_variable(here: Here, empty_folder: Path, command: list[str]) -> None:
    said = here(*command, EASEL_STORAGE__FOLDER=str(empty_folder / "here"))
    assert (said.code, str(empty_folder / "here") in said.sentence) == (UNUSABLE, True), said


def test_the_library_is_listed_in_the_database_of_the_variable(here: Here, empty_folder: Path) -> None:
    assert here("library", "list", EASEL_STORAGE__FOLDER=str(empty_folder / "here")).code == DONE
    assert (empty_folder / "here" / "easel.sqlite3").exists()


def test_health_reads_the_folder_of_the_variable(here: Here, empty_folder: Path) -> None:
    (empty_folder / "here").mkdir()
    said = here("health", EASEL_STORAGE__FOLDER=str(empty_folder / "here"))
    assert said.code == REFUSED and str(empty_folder / "here") in said.err + said.out, said


def test_a_variable_with_a_mistake_is_named(here: Here) -> None:
    said = here("status", EASEL_WORKER__THREADS="many")
    assert (said.code, "EASEL_WORKER__THREADS: worker.threads" in said.sentence) == (UNUSABLE, True), said


def test_loras_are_never_added_to_the_shipped_folder(here: Here) -> None:
    said = here("status", EASEL_SOURCES__ENABLED="true")
    assert (said.code, "EASEL_LIBRARY__FOLDER" in said.sentence) == (UNUSABLE, True), said


def test_the_demo_keeps_its_own_folder(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_STORAGE__FOLDER", "/of/the/real/bot")
    assert demo_settings(Path("demo-data")).storage.folder == empty_folder / "demo-data"


def test_what_compose_exports_ends_no_command(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    exported = {"EASEL_DISCORD__TOKEN": TOKEN, "EASEL_LOGS__FORMAT": "json", "EASEL_MODELS": "./models"}
    assert "client_id=1174109840998400102" in here("invite", **exported).out
    monkeypatch.setenv("EASEL_DISCORD__TOKEN_FILE", "/run/secrets/discord_token")  # beside the token itself
    assert demo_settings(Path("demo-data")).discord.token_file is None

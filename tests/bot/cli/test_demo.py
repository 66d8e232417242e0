"""`demo`: what goes wrong in it is told as what it is."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import pytest

from bot.app.demo_settings import demo_settings
from bot.app.from_settings import require_signing
from bot.cli import UNUSABLE, demo
from bot.config import ConfigError
from bot.database.storage.lock import program_lock
from playground import Playground
from playground.control import Control
from playground.wire import as_objects
from tests.bot.cli.commands import Here
from tests.discord_address import address_put_back


def options(folder: Path, port: int = 0) -> argparse.Namespace:
    return argparse.Namespace(data=folder, port=port, no_browser=True)


def test_a_port_that_somebody_else_has_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"on port {port}: Address already in use\. Try --port 0\.$"):
            demo.run(options(tmp_path, port))


@pytest.mark.parametrize("port", ["65536", "-1", "9" * 5000, "http", "²"])
def test_what_is_no_port_is_told(here: Here, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=str(UNUSABLE)):
        here("demo", f"--port={port}")
    assert "A port is a number from 0 to 65535" in capsys.readouterr().err


def test_what_it_keeps_lies_where_it_was_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo_settings(Path("demo-data")).storage.folder == tmp_path / "demo-data"


def test_a_second_demo_on_the_same_folder_is_told_what_to_do(here: Here, tmp_path: Path) -> None:
    with program_lock(tmp_path / "easel.sqlite3"), address_put_back():
        said = here("demo", "--port", "0", "--no-browser", "--data", tmp_path)
    assert (said.code, "choose another folder with --data" in said.sentence) == (UNUSABLE, True), said


def test_the_port_is_not_blamed_for_what_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def in_vain(*_: object, **__: object) -> None:
        raise TimeoutError("the bot does not come online")

    monkeypatch.setattr(demo, "stay_in", in_vain)
    with pytest.raises(TimeoutError, match="online"):
        demo.run(options(tmp_path))


async def test_its_pictures_are_signed_with_one_key(tmp_path: Path) -> None:
    async with Playground.serve() as playground:
        settings = demo.settings_in(playground, tmp_path)
        require_signing(settings)
        key = (tmp_path / "c2pa" / "key.pem").read_bytes()
        assert demo.settings_in(playground, tmp_path).c2pa == settings.c2pa
    assert (tmp_path / "c2pa" / "key.pem").read_bytes() == key


async def test_somebody_in_it_is_the_operator(tmp_path: Path) -> None:
    async with Playground.serve() as playground, Control.connect(playground.page_url) as control:
        (operator,) = demo.settings_in(playground, tmp_path).discord.operators
        people = as_objects((await control.get("world", as_="Ada"))["people"])
    assert [person["name"] for person in people if person["id"] == str(operator)] == ["Margaret"]

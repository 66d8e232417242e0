"""`demo`: what goes wrong in it is told as what it is."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import pytest

from bot.cli import demo
from bot.config import ConfigError


def options(folder: Path, port: int = 0) -> argparse.Namespace:
    return argparse.Namespace(data=folder, port=port, no_browser=True)


def test_a_port_that_somebody_else_has_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} cannot be used"):
            demo.run(options(tmp_path, port))


def test_the_port_is_not_blamed_for_what_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def in_vain(*_: object, **__: object) -> None:
        raise TimeoutError("the bot does not come online")

    monkeypatch.setattr(demo, "stay_in", in_vain)
    with pytest.raises(TimeoutError, match="online"):
        demo.run(options(tmp_path))

"""Running commands in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.main import main
from tests.bot.cli.commands import Here, Said


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """Runs a command in this process: a second faster, for what starts no worker."""

    def run(*arguments: str | Path, **environment: str) -> Said:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run

"""Who reads only the beginning of what a command says, as `| head` does, gets no complaint behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from bot.cli import DONE, UNUSABLE
from tests.bot.cli.commands import PATIENCE, ROOT, Here, Said
from tests.house import House

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has other pipes")
FULL = Path("/dev/full")


def told_to(place: BinaryIO, house: House, command: list[str]) -> Said:
    """Run a command whose output goes to an open file."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", *command], cwd=house.folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=place, stderr=subprocess.PIPE, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return Said(done.returncode, "", done.stderr.decode())


@pytest.mark.parametrize(
    "command",
    [["--help"], ["doctor", "--config", "/nowhere"], ["status"], ["library", "list"], ["completion", "bash"]],
    ids=" ".join,
)
def test_a_pipe_that_its_reader_has_closed_ends_a_command_quietly(here: Here, house: House, command: list[str]) -> None:
    config = house.config
    assert here("library", "scan", "--config", config).code == DONE
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        said = told_to(pipe, house, command)
    assert (said.code, said.err) == (DONE, "")


@pytest.mark.skipif(not FULL.exists(), reason="no full device here")
@pytest.mark.parametrize("command", [["doctor", "--config", "/nowhere"], ["completion", "bash"]], ids=" ".join)
def test_output_for_which_there_is_no_room_is_told(house: House, command: list[str]) -> None:
    with FULL.open("wb") as full:
        said = told_to(full, house, command)
    assert (said.code, said.sentence) == (
        UNUSABLE, "What this command says cannot be written: No space left on device."
    )  # fmt: skip

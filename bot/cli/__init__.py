"""The commands of `easel`, one file each: `add_options` adds its options and sets `run`.

main.py       reads the command line, runs the command, turns errors into exit codes
run.py        `run`: the bot on Discord
demo.py       `demo`: the bot in a local channel
status.py     `status`: the state of the bot, from its database
health.py     `health`: whether the running bot can generate, for a supervisor
paint.py      `paint`: pictures without Discord
sheet.py      `sheet`: a contact sheet of the demo checkpoints
calibrate.py  `calibrate`: measures the best batch size
setup/        commands that set Easel up and check it
library/      commands about LoRAs and checkpoints
data/         commands about stored data
cluster/      commands about a cluster of machines
terminal/     questions, output and signals of commands
"""

from __future__ import annotations

import argparse
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.database.errors import DatabaseInUse

if TYPE_CHECKING:
    # argparse names this class with an underscore, and there is no other type for what add_subparsers returns
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]

    Commands = _SubParsersAction[argparse.ArgumentParser]

DONE, REFUSED, UNUSABLE = 0, 1, 2  # exit codes


class Unreachable(Exception):
    """Discord does not answer; the message says why. A later attempt may succeed."""


def harmless(text: str) -> str:
    """Text for a terminal: what could move its cursor, colour it or begin a line is written out as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


@contextmanager
def advising(advice: str) -> Generator[None]:
    """Say `advice` when another Easel, which works with the database, keeps a command from doing its work."""
    try:
        yield
    except DatabaseInUse as problem:
        raise DatabaseInUse(problem.path, advice) from None


def discord_id(text: str) -> int:
    """A Discord id as a person types it. Raises ArgumentTypeError."""
    found = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    if not 0 < found < 2**63:
        raise argparse.ArgumentTypeError("An id is a number of about 18 digits.")
    return found


def port(text: str) -> int:
    """A port as a person types it; 0 stands for a free one. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < 2**16):
        raise argparse.ArgumentTypeError("A port is a number from 0 to 65535.")
    return int(text)

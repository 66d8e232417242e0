"""`completion SHELL`: prints the script that lets a shell complete commands, options and file names."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import shtab

from bot.cli import DONE
from bot.cli.main import CommandParser
from bot.cli.setup.config import KEY
from bot.config.reference import all_sections, all_settings
from bot.program import COMMAND

SHELLS = ("bash", "zsh", "fish")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script. Options that take a path complete file names, and KEY the settings."""
    for action in _actions(options.parser):
        if action.type is Path:
            cast("Any", action).complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE
        if action.metavar == KEY:
            action.choices = [*all_sections(), *all_settings()]  # `config explain` itself takes other spellings too
    options.parser.prog = COMMAND  # the one name that a shell can complete
    print(shtab.complete(options.parser, options.shell))
    return DONE


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every option and argument, those of the commands included."""
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 (argparse has no public list)
        yield action
        if isinstance(action.choices, dict):
            for command in cast("dict[str, CommandParser]", action.choices).values():
                command.load()
                yield from _actions(command)

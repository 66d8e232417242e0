"""`--help` of every command: nothing is left to be guessed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from bot.cli.main import CommandParser, command_line

TOLD_ABOVE = {("easel init", "folder")}  # what the line about the command itself says


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of its commands."""
    if isinstance(parser, CommandParser):
        parser.load()
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command)


def all_parsers() -> list[argparse.ArgumentParser]:
    return list(parsers(command_line()))[1:]


@pytest.mark.parametrize("parser", all_parsers(), ids=lambda parser: parser.prog)
def test_every_option_says_what_it_is_for(parser: argparse.ArgumentParser) -> None:
    options = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    silent = {(parser.prog, option.dest) for option in options if not option.help}
    assert silent <= TOLD_ABOVE

"""Runs `easel COMMAND` and turns each kind of error into an exit code.

Only the module of the given command is imported: most of them take longer to import than `easel --help` may take.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bot import logs
from bot.cli import DONE, REFUSED, UNUSABLE, Unreachable
from bot.cli.ending import Ended
from bot.file_access import who_and_whose
from bot.program import program
from bot.versions import versions_here
from inference.errors import InferenceError, OperatorError, RequestError
from inference.private_files import keep_private

# The help text of each command. `add_options` in the module bot.cli.COMMAND adds its options and sets `run`.
COMMANDS = {
    "init": "write a config.toml; asks for missing options",
    "doctor": "check settings, folders, database, hardware and checkpoints",
    "config": "settings: explain; certificate for signatures: make",
    "invite": "print the invite link, with the purpose of each permission",
    "run": "run the bot on Discord",
    "status": "state of the bot: queue, checkpoints, last errors, library, disk",
    "health": "check whether the running bot is connected and has a worker",
    "demo": "try the bot in a local channel: no token, no GPU, no downloads",
    "paint": "generate pictures without Discord",
    "sheet": "generate a contact sheet with the demo checkpoints",
    "library": "LoRA files: scan, list, declare, allow, inspect; checkpoints: add",
    "backup": "back up the database; works while the bot runs",
    "restore": "restore a backup of the database; stop the bot first",
    "privacy": "data about a user: show, export, delete",
    "reports": "number and age of open reports in each server",
    "takedown": "takedown notices of persons shown in pictures: find, list, confirm, close",
    "retention": "delete data that is older than the limits in [retention]",
    "calibrate": "measure the best batch size",
    "cluster": "cluster of machines: start, join, list nodes, drain a node",
    "completion": "print a shell completion script",
}
_FULL = (errno.ENOSPC, errno.EDQUOT)


class CommandParser(argparse.ArgumentParser):
    """The parser of one command, whose module is imported when its arguments are read."""

    def __init__(self, *args: Any, command: str | None = None, **others: Any) -> None:
        super().__init__(*args, **others)
        self._command = command

    def load(self) -> None:
        """Import the command's module, unless that is done, and let it add its options."""
        if self._command is not None:
            command, self._command = self._command, None
            import_module(f"bot.cli.{command}").add_options(self)

    def parse_known_args(self, *args: Any, **others: Any) -> Any:
        """Read the command's arguments."""
        self.load()
        return super().parse_known_args(*args, **others)


class _PrintVersions(argparse.Action):
    """Prints the versions, and ends the program."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print("\n".join(f"{name} {version}" for name, version in versions_here().items()))
        parser.exit()


def command_line() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog=program(), description="Easel: a Discord bot that paints with LoRAs.")
    parser.add_argument("-v", "--verbose", action="store_true", help="print a detailed log to stderr")
    parser.add_argument("--version", action=_PrintVersions, nargs=0, help="print the versions of Easel and its parts")
    parser.set_defaults(parser=parser)  # `completion` describes it
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=CommandParser)
    for command, told in COMMANDS.items():
        commands.add_parser(command, help=told, command=command)
    return parser


def main(arguments: Sequence[str] | None = None, imported: Callable[[], None] = lambda: None) -> int:
    """Run one command; its exit code: 0 done, 1 refused or failed, 2 not usable as it is set up.

    After a signal it is 128 and the signal's number: 130 for Ctrl-C. `imported` is called before the command runs.
    """
    try:
        try:
            options = command_line().parse_args(arguments)
            imported()
            return _run(options)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # what nobody can take is to be noticed here, not while Python ends
    except BrokenPipeError:  # the reader has closed the pipe (`| head`)
        _drop_output()
        return DONE
    except OSError as problem:
        if problem.errno == errno.EACCES and problem.filename:
            whose = who_and_whose(Path(os.fsdecode(problem.filename)))
            print(f"{problem.filename} cannot be used: {problem.strerror}. {whose}.", file=sys.stderr)
            return UNUSABLE
        if problem.errno not in _FULL:
            raise
        _drop_output()
        print(f"{problem.filename or 'What this command says'} cannot be written: {problem.strerror}.", file=sys.stderr)
        return UNUSABLE


def _drop_output() -> None:
    """Let Python flush what is left to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(options: argparse.Namespace) -> int:
    keep_private()
    logs.set_up(logging.DEBUG if options.verbose else logging.ERROR)
    try:
        return options.run(options)
    except OperatorError as problem:
        print(problem, file=sys.stderr)
        return UNUSABLE
    except Unreachable as problem:
        print(problem, file=sys.stderr)
        return REFUSED
    except InferenceError as problem:
        print(problem, file=sys.stderr)
        return REFUSED if isinstance(problem, RequestError) else UNUSABLE
    except Ended as end:
        return end.code

"""Runs `easel COMMAND` and turns each kind of error into an exit code."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bot import logs
from bot.cli import (
    DONE,
    REFUSED,
    UNUSABLE,
    backup,
    calibrate,
    cluster,
    completion,
    demo,
    doctor,
    health,
    init,
    invite,
    library,
    paint,
    privacy,
    reports,
    retention,
    run,
    sheet,
    status,
    takedown,
)
from bot.cli.ending import Ended
from bot.config import ConfigError
from bot.config.access import Need, why
from bot.config.program import program
from bot.database.errors import DatabaseError
from bot.library.catalogue import LibraryUnreadable
from inference.errors import InferenceError, RequestError
from inference.lora.declarations import BadDeclarations
from inference.private_files import keep_private

COMMANDS = (
    init,
    doctor,
    invite,
    run,
    status,
    health,
    demo,
    paint,
    sheet,
    library,
    backup,
    privacy,
    reports,
    takedown,
    retention,
    calibrate,
    cluster,
    completion,
)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_OPERATORS_PROBLEMS = (ConfigError, DatabaseError, LibraryUnreadable, BadDeclarations)


def command_line() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog=program(), description="Easel: a Discord bot that paints with LoRAs.")
    parser.add_argument("-v", "--verbose", action="store_true", help="print a detailed log to stderr")
    parser.set_defaults(parser=parser)  # `completion` describes it
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 done, 1 refused or failed, 2 not usable as it is set up.

    After a signal it is 128 and the signal's number: 130 for Ctrl-C.
    """
    try:
        try:
            return _run(arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # what nobody can take is to be noticed here, not while Python ends
    except BrokenPipeError:  # the reader has closed the pipe (`| head`)
        _drop_output()
        return DONE
    except OSError as problem:
        if problem.errno == errno.EACCES and problem.filename:
            reason = why(problem, Path(os.fsdecode(problem.filename)), Need.WRITE)
            print(f"{problem.filename} cannot be used: {reason}.", file=sys.stderr)
            return UNUSABLE
        if problem.errno not in _FULL:
            raise
        _drop_output()
        print(f"{problem.filename or 'What this command says'} cannot be written: {problem.strerror}.", file=sys.stderr)
        return UNUSABLE


def _drop_output() -> None:
    """Let Python flush what is left to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    options = command_line().parse_args(arguments)
    keep_private()
    logs.set_up(logging.DEBUG if options.verbose else logging.ERROR)
    try:
        return options.run(options)
    except _OPERATORS_PROBLEMS as problem:
        print(problem, file=sys.stderr)
        return UNUSABLE
    except run.Unreachable as problem:
        print(problem, file=sys.stderr)
        return REFUSED
    except InferenceError as problem:
        print(problem, file=sys.stderr)
        return REFUSED if isinstance(problem, RequestError) else UNUSABLE
    except Ended as end:
        return end.code

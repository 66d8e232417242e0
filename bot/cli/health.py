"""`health`: whether the bot that runs can paint for people now, for a container or a supervisor."""

from __future__ import annotations

import argparse
import time

from bot.app.health import last_health
from bot.cli import DONE, REFUSED
from bot.cli.terminal.settings import add_config, settings_of
from bot.file_access import Need, why


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """One sentence; 1 when Discord is not connected, no worker is ready or soon back, or nothing runs."""
    storage = settings_of(options).storage
    try:
        health = last_health(storage.health)
    except OSError as problem:
        print(f"{storage.health} cannot be read: {why(problem, storage.health, Need.WRITE)}.")
        return REFUSED
    except ValueError as problem:
        print(f"{storage.health} cannot be read: {problem}")
        return REFUSED
    told = f"Easel is not running with the data folder {storage.folder}."
    if health is not None:
        told = health.problem(time.time())
    ready = "a worker is ready" if health is not None and health.workers else "a worker is being restarted"
    print(told or f"Discord is connected, and {ready}.")
    return REFUSED if told else DONE

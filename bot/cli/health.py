"""`health`: whether the bot that runs can paint for people now, for a container or a supervisor."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from bot.app.health import last_health
from bot.cli import DONE, REFUSED, add_config, settings_of
from bot.config.access import Need, why

if TYPE_CHECKING:
    from bot.cli import Commands


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("health", help="check whether the running bot is connected and has a worker")
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

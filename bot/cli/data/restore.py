"""`restore`: puts a copy of the database back."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from bot.app.record_keeping import caught_up, save_record, summary_of
from bot.cli import DONE
from bot.cli.terminal.settings import add_config, settings_of
from bot.database.errors import FolderNotWritable
from bot.database.storage.backup import copies, put_back


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Restore a backup of the database. Stop the bot first. The current database is moved aside."
    add_config(parser)
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the backup (default: the newest)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Put a copy back and print where the former database was moved to."""
    settings = settings_of(options)
    file = options.file or next(iter(copies(settings.backup_folder)), None)
    if file is None:
        raise FolderNotWritable(f"There is no backup in {settings.backup_folder}. Name one: restore FILE.")
    database = settings.storage.database
    save_record(database)
    aside = put_back(file, database)
    print(f"Restored {file} as {database}.")
    if aside is not None:
        print(f"The previous database is in {aside}. Delete it when you are sure.")
    done = asyncio.run(caught_up(database))
    if summary := summary_of(done):
        print(summary)
    return DONE

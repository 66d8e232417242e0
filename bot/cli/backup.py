"""`backup` and `restore`: copies the database, also while the bot runs, and puts a copy back."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app.record_keeping import caught_up, save_record, summary_of
from bot.cli import DONE, add_config, settings_of
from bot.cli.progress import progress_bar
from bot.database.backup import back_up, copies, put_back
from bot.database.errors import FolderNotWritable
from bot.pictures.picture_backup import back_up_pictures, claim_folder

if TYPE_CHECKING:
    from bot.cli import Commands


def add(commands: Commands) -> None:
    """Declare both commands."""
    backup = commands.add_parser(
        "backup",
        help="back up the database; works while the bot runs",
        description="Back up the database. Works while the bot runs.",
    )
    add_config(backup)
    folder = backup.add_mutually_exclusive_group()
    folder.add_argument("--to", type=Path, metavar="DIR", help="folder of the backup (default: from the settings)")
    folder.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="copy database and pictures into this folder; after an interruption, run it again",
    )
    backup.set_defaults(run=run_backup)
    restore = commands.add_parser(
        "restore",
        help="restore a backup of the database; stop the bot first",
        description="Restore a backup of the database. Stop the bot first. The current database is moved aside.",
    )
    add_config(restore)
    restore.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the backup (default: the newest)")
    restore.set_defaults(run=run_restore)


def run_backup(options: argparse.Namespace) -> int:
    """Copy the database, and with `--pictures` the pictures that it names; print where.

    With `--pictures` the copy goes into that folder, so that it displaces none of the bot's.
    """
    settings = settings_of(options)
    folder, keep = options.to or settings.backup_folder, settings.backup.keep
    chosen: Path | None = options.to or options.pictures
    if chosen is not None and chosen.resolve().is_relative_to(settings.backup_folder.resolve()):
        raise FolderNotWritable(
            f"{chosen} is for automatic backups. Choose a folder that is not inside {settings.backup_folder}."
        )
    if options.pictures is not None:
        claim_folder(settings.storage, options.pictures)
        folder, keep = options.pictures, 1
    made = back_up(settings.storage.database, folder, keep=keep)
    print(f"Copied {settings.storage.database} to {made} ({made.stat().st_size / 1e6:.1f} MB).")
    if options.pictures is None:
        print(f"The pictures in {settings.storage.pictures} are not in this backup. --pictures DIR copies them too.")
        return DONE
    with progress_bar("pictures") as progress:
        result = back_up_pictures(settings.storage, made, options.pictures, progress)
    print(
        f"Pictures in {options.pictures}: {result.linked} linked, {result.copied} copied, {result.kept} already there, "
        f"{result.deleted} deleted because the database no longer lists them."
    )
    if result.missing:
        print(f"{result.missing} pictures of the database are neither in {settings.storage.folder} nor there.")
    return DONE


def run_restore(options: argparse.Namespace) -> int:
    """Put a copy back and print where the former database was moved to."""
    settings = settings_of(options)
    file = options.file or next(iter(copies(settings.backup_folder)), None)
    if file is None:
        raise FolderNotWritable(f"There is no backup in {settings.backup_folder}. Name one: restore FILE.")
    database = settings.storage.database
    save_record(database)
    aside = put_back(file, database)
    print(f"Restored {file} as {database}.")
    done = asyncio.run(caught_up(database))
    if summary := summary_of(done):
        print(summary)
    if aside is not None:
        print(f"The previous database is in {aside}. Delete it when you are sure.")
    return DONE

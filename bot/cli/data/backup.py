"""`backup`: copies the database, also while the bot runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from bot.cli import DONE
from bot.cli.terminal.progress import progress_bar
from bot.cli.terminal.settings import add_config, settings_of
from bot.database.errors import FolderNotWritable
from bot.database.storage.backup import back_up
from bot.pictures.picture_backup import back_up_pictures, claim_folder


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Back up the database. Works while the bot runs."
    add_config(parser)
    folder = parser.add_mutually_exclusive_group()
    folder.add_argument("--to", type=Path, metavar="DIR", help="folder of the backup (default: from the settings)")
    folder.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="copy database and pictures into this folder; after an interruption, run it again",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
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

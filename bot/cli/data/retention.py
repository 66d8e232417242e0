"""`retention`: what is older than it is to be kept, and its removal."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.table import Table

from bot.app.assembly import require_database
from bot.cli import DONE
from bot.cli.terminal.output import Output
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import Settings
from bot.database.database import Database, open_database, read_database
from bot.database.errors import DatabaseInUse
from bot.database.storage.lock import program_lock
from bot.library.configuration import Configuration
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.file_removal import FileRemoval
from bot.privacy.retention import Expired, Kind, Retention

DAYS = {
    Kind.PICTURES: "pictures_days",
    Kind.JOBS: "jobs_days",
    Kind.THUMBNAILS: "thumbnails_days",
    Kind.DRAFTS: "drafts_days",
    Kind.INPUTS: "inputs_days",
    Kind.EMBEDDINGS: "embeddings_days",
    Kind.STATES: "states_days",
    Kind.LOGS: "logs_days",
    Kind.REPORTS: "reports_days",
    Kind.NOTICES: "reports_days",
    Kind.AUDIT: "audit_days",
    Kind.RECEIPTS: "receipts_days",
    Kind.SERVERS: "servers_days",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Delete data that is older than the limits in [retention]. A running bot does this every hour."
    add_config(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="only list what would be deleted; works while the bot runs"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Remove it, or tell what would go; a bot that runs removes it by itself."""
    settings = settings_of(options)
    if options.dry_run:
        show(settings, asyncio.run(_planned(settings)), "to delete")
        return DONE
    try:
        with program_lock(settings.storage.database):
            require_database(settings.storage)
            show(settings, asyncio.run(_removed(settings)), "gone")
    except DatabaseInUse:
        print("A running bot does this every hour. --dry-run lists what would be deleted.")
    return DONE


async def _planned(settings: Settings) -> tuple[Expired, ...]:
    async with read_database(settings.storage.database) as db:
        return await _retention(settings, db).sweep(dry=True)


async def _removed(settings: Settings) -> tuple[Expired, ...]:
    async with open_database(settings.storage.database) as db:
        return await _retention(settings, db).sweep()


def _retention(settings: Settings, db: Database) -> Retention:
    configuration = Configuration(settings, [])
    thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
    files = FileRemoval(db, configuration, thumbnails)
    return Retention(db, configuration, files, share=1.0)  # nobody waits


def show(settings: Settings, found: Iterable[Expired], what: str) -> None:
    """Print the table, and how many copies of the database stay."""
    table = Table("kind", "kept", what, "MB", "oldest", box=None)
    for expired in found:
        oldest = (
            "" if expired.oldest is None else f"{datetime.fromtimestamp(expired.oldest / 1000, UTC):%Y-%m-%d %H:%M}"
        )
        size = f"{expired.size / 1e6:.1f}" if expired.size else ""
        table.add_row(expired.kind, _kept(settings, expired.kind), str(expired.count), size, oldest)
    every, keep = settings.backup.every_hours, settings.backup.keep
    table.add_row("backups", f"{keep}, one every {every:g} h" if every else f"{keep}", "", "", "")
    Output().print(table)


def _kept(settings: Settings, kind: Kind) -> str:
    days = getattr(settings.retention, DAYS[kind])
    kept = f"{days} days" if days else "no time limit"
    if kind is not Kind.PICTURES:
        return kept
    most, keep = settings.retention.pictures_gigabytes, settings.retention.keep
    kept = f"{kept}, {most:g} GB at most" if most else kept
    return f"{kept}, but not {', '.join(keep)}" if keep and (days or most) else kept

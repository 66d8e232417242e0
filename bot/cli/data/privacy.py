"""`privacy show`, `export` and `delete`: what is kept of a person, for who asks the operator, and who has left.

`privacy accept-loss` gives up deletions that Easel can no longer read.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from bot.app.record_keeping import caught_up, save_record, summary_of
from bot.cli import DONE, REFUSED, discord_id
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import Settings
from bot.database.database import read_database, require_file
from bot.database.privacy.erasures import NEWEST_ERASURE, Erasure, request_erasure
from bot.pictures.signing.attachments import SignedAttachments
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.export import Exporter, stored_counts
from bot.privacy.stored_data import is_deletable

PART_BYTES = 2**30  # of an export: as much memory is taken


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Data about a user, by Discord id. Works while the bot runs or not."
    kinds = parser.add_subparsers(required=True, metavar="WHAT")
    show = kinds.add_parser("show", help="amount of stored data, and the state of a deletion")
    show.set_defaults(run=run_show)
    export = kinds.add_parser("export", help="all data as ZIP files: rows as JSON, and pictures")
    export.add_argument(
        "--to", type=Path, metavar="DIR", default=Path(), help="folder for the files (default: the current folder)"
    )
    export.set_defaults(run=run_export)
    delete = kinds.add_parser("delete", help="let the bot delete all data")
    delete.add_argument("--yes", action="store_true", help="delete; without it, only the amount is printed")
    delete.set_defaults(run=run_delete)
    accept = kinds.add_parser("accept-loss", help="go on without a lost removals.jsonl or pseudonyms.key")
    accept.description = "Stop the bot first. Before this, repeat the deletions that are lost with `privacy delete`."
    accept.set_defaults(run=run_accept_loss)
    add_config(accept)
    for kind in (show, export, delete):
        kind.add_argument("person", type=discord_id, metavar="PERSON", help="the user's Discord id")
        add_config(kind)


def run_show(options: argparse.Namespace) -> int:
    """Print how many rows each table has of the person, and the receipt of the newest deletion."""
    counts, erasure = asyncio.run(_kept(settings_of(options), options.person))
    for name, count in counts.items():
        print(f"{name:20} {count}")
    if not counts:
        print("Easel stores no data about this user.")
    if erasure is not None:
        print(_receipt(erasure))
    return DONE


def run_export(options: argparse.Namespace) -> int:
    """Write the files and print their paths; 1 when nothing is kept."""
    options.to.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_export(settings_of(options), options.person, options.to))


def run_delete(options: argparse.Namespace) -> int:
    """Order the deletion; 1 without `--yes`, and when nothing is kept."""
    settings = settings_of(options)
    counts, _ = asyncio.run(_kept(settings, options.person))
    if not is_deletable(counts):
        print("Easel stores no data about this user.")
        return REFUSED
    if not options.yes:
        print(
            f"{sum(counts.values())} rows are stored about this user. "
            "Add --yes to delete all of them, with pictures and messages."
        )
        return REFUSED
    request_erasure(settings.storage.database, options.person, by_operator=True)
    save_record(settings.storage.database)
    print("Deletion requested. A running bot begins within a minute; a stopped bot begins at its next start.")
    print(f"`privacy show {options.person}` shows the receipt.")
    return DONE


def run_accept_loss(options: argparse.Namespace) -> int:
    """Apply what can be applied, and say no more that something is lost."""
    database = settings_of(options).storage.database
    require_file(database)
    done = asyncio.run(caught_up(database, accept_loss=True))
    if summary := summary_of(done):
        print(summary)
    print("Easel no longer reports a lost removals.jsonl or pseudonyms.key.")
    return DONE


async def _kept(settings: Settings, person_id: int) -> tuple[dict[str, int], Erasure | None]:
    async with read_database(settings.storage.database) as db:
        counts = await stored_counts(db, person_id)
        counts.pop("erasure", None)
        return counts, await db.one(NEWEST_ERASURE, person_id)


async def _export(settings: Settings, person_id: int, folder: Path) -> int:
    async with read_database(settings.storage.database) as db:
        if not await stored_counts(db, person_id):
            print("Easel stores no data about this user.")
            return REFUSED
        number = 0
        thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
        attachments = SignedAttachments(thumbnails, lambda: settings.c2pa)
        exporter = Exporter(db, settings.storage, attachments, lambda: settings)
        async for part in exporter.parts(person_id, PART_BYTES):
            number += 1
            path = folder / f"easel-export-{person_id}-{number}.zip"
            await asyncio.to_thread(path.write_bytes, part.data)
            print(f"{path} ({part.files} files, {len(part.data) / 1e6:.1f} MB)")
    return DONE


def _receipt(erasure: Erasure) -> str:
    if erasure.finished_at is None:
        return "A deletion is in progress. A stopped bot continues it at its next start."
    parts = [
        f"Deleted: {erasure.jobs} jobs, {erasure.pictures} pictures, {erasure.messages} messages.",
        f"Could not delete: {erasure.unreachable} messages, {erasure.private_answers} private answers.",
        f"Backups of the database made before: {erasure.copies}.",
    ]
    return " ".join(parts)

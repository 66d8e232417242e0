"""`reports`: how many reports wait for staff, in which servers and since when. It names nobody."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.table import Table

from bot.cli import DONE
from bot.cli.terminal.output import Output
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import Settings
from bot.database.clock import now_ms
from bot.database.database import read_database
from bot.database.reports.waiting_reports import WAITING_BY_SERVER, WaitingReports
from bot.i18n import duration
from inference.queue.policy import EVERYWHERE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Print the number and age of open reports about pictures and LoRAs in each server. Works "
        "while the bot runs or not. To see and decide reports, use Reports in /server."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array with an object for each server")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a row for each server with reports that wait."""
    waiting = asyncio.run(_waiting(settings_of(options)))
    if options.json:
        print(json.dumps([asdict(each) for each in waiting]))
    elif not waiting:
        print("No open reports.")
    else:
        _show(waiting)
    return DONE


def summary(waiting: Sequence[WaitingReports]) -> str:
    """All servers together, in a line."""
    opened, hidden, appealed = (sum(getattr(each, what) for each in waiting) for what in ("open", "hidden", "appealed"))
    oldest = _age(min(each.oldest for each in waiting))
    return f"{opened} open, {hidden} of them hide their pictures; {appealed} appealed; the oldest {oldest} ago"


async def _waiting(settings: Settings) -> list[WaitingReports]:
    async with read_database(settings.storage.database) as db:
        return await db.all(WAITING_BY_SERVER)


def _show(waiting: Sequence[WaitingReports]) -> None:
    table = Table("decided by", "open", "hidden", "appealed", "operators see", "the oldest has waited", box=box.SIMPLE)
    for each in waiting:
        who = "operators" if each.server_id == EVERYWHERE else f"staff of {each.server_id}"
        counts = (each.open, each.hidden, each.appealed, each.shared)
        table.add_row(who, *map(str, counts), _age(each.oldest))
    Output(markup=False, emoji=False).print(table)


def _age(unix_ms: int) -> str:
    return duration(max(0.0, (now_ms() - unix_ms) / 1000))

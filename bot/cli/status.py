"""`status`: how the bot stands, told from its database: beside the running bot, and after it."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from rich import box
from rich.table import Table

from bot.app.recorded_state import RecordedState, findings_from_outside, read_state
from bot.cli import DONE, harmless
from bot.cli.data.reports import summary
from bot.cli.data.time_left import time_left
from bot.cli.terminal.output import Output
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import Settings
from bot.database.errors import DatabaseError
from bot.database.jobs.queue_state import CheckpointLoad, FailedJob
from bot.database.storage.lock import is_in_use
from bot.diagnostics.finding import Finding, FindingGrade
from bot.i18n import duration
from inference.queue.policy import EVERYWHERE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Print the state of the bot from its database: queue, checkpoints, last errors, library, "
        "disk, versions. Works while the bot runs or not. For the current work of each worker, use "
        "/status in Discord."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Tell the state; 2 where there is no database to read."""
    settings = settings_of(options)
    try:
        state = asyncio.run(read_state(settings))
    except DatabaseError as problem:
        findings = findings_from_outside(settings)  # of a bot that may still run on a file that somebody removed
        if options.json:
            print(json.dumps(_unreadable(settings, problem, findings)))
        else:
            for finding in findings:
                print(harmless(finding.says), file=sys.stderr)
        raise
    if options.json:
        print(json.dumps(_as_json(settings, state)))
        return DONE
    for title, text in _lines(settings, state):
        print(f"{title:10} {harmless(text)}")
    Output(markup=False, emoji=False).print(_table(settings, state))
    for job in state.failed:
        print(f"{_time(job.finished_at)}  job {job.id}, {harmless(job.checkpoint)}: {harmless(str(job.failure))}")
    return DONE


def _unreadable(settings: Settings, problem: DatabaseError, findings: Sequence[Finding]) -> dict[str, object]:
    database = settings.storage.database
    return {
        "running": is_in_use(database),
        "database": str(database),
        "problem": str(problem),
        "findings": [asdict(finding) for finding in findings],
    }


def _lines(settings: Settings, state: RecordedState) -> Iterator[tuple[str, str]]:
    """Titles with what there is to say."""
    yield "Easel", f"{'runs' if state.running else 'not running'}; its database is {settings.storage.database}"
    for finding in state.findings:
        yield "Problem" if finding.grade is FindingGrade.PROBLEM else "Warning", finding.says
    yield "Queue", _queue(state)
    if state.paused:
        others = len(state.paused - {EVERYWHERE})
        yield "Paused", "everywhere" if EVERYWHERE in state.paused else f"on {others} servers"
    if state.owed:
        yield "Results", f"{state.owed} not delivered yet"
    for case in state.takedowns:
        yield "Takedown", f"{case.id} is {case.state}, {time_left(case)}"
    if state.reports:
        yield "Reports", summary(state.reports)
    yield "Library", _library(state)
    yield "Database", _records(state)
    yield "Disk", f"{state.free / 1e9:.1f} of {state.disk / 1e9:.1f} GB are free"
    yield "Versions", ", ".join(f"{name} {version}" for name, version in state.versions.items())
    yield "Failures", "the newest are listed below" if state.failed else "none"


def _queue(state: RecordedState) -> str:
    waiting, begun = (sum(getattr(load, what) for load in state.loads) for what in ("waiting", "begun"))
    parts = [f"{waiting} waiting, {begun} running"]
    if oldest := [load.oldest for load in state.loads if load.oldest is not None]:
        parts.append(f"the oldest has waited {duration(time.time() - min(oldest) / 1000)}")
    if deaths := sum(load.deaths for load in state.loads):
        parts.append(f"a worker died {deaths} times during one of them")
    return "; ".join(parts)


def _library(state: RecordedState) -> str:
    files = state.files
    text = f"{files.usable} files can be used"
    if files.unknown or files.broken:
        text += f"; {files.unknown} of unknown base model, {files.broken} broken or duplicate: see `library list`"
    if state.suspects:
        text += f"; {state.suspects} suspect, because their samples failed: see `library list`"
    hubs = state.hubs
    if hubs.lost or hubs.newer:
        text += f"; {hubs.lost} no longer on their hub, {hubs.newer} with a newer version there: see `library list`"
    return text


def _records(state: RecordedState) -> str:
    records = state.records
    text = f"{records.nbytes / 1e6:.1f} MB"
    if records.copied is None:
        return f"{text}; there is no backup yet"
    age = (datetime.now(UTC) - records.copied).total_seconds()
    return f"{text}; the newest backup was made {duration(max(0.0, age))} ago"


def _loads(settings: Settings, state: RecordedState) -> list[CheckpointLoad]:
    """The loads of the declared checkpoints, and of those that jobs still name."""
    declared = {c.name: CheckpointLoad(c.name, waiting=0, begun=0, oldest=None, deaths=0) for c in settings.checkpoints}
    return list((declared | {load.checkpoint: load for load in state.loads}).values())


def _table(settings: Settings, state: RecordedState) -> Table:
    declared = {checkpoint.name: checkpoint for checkpoint in settings.checkpoints}
    table = Table("checkpoint", "base model", "devices", "waiting", "running", "loads in", box=box.SIMPLE)
    for load in _loads(settings, state):
        known, seconds = declared.get(load.checkpoint), state.load_seconds.get(load.checkpoint)
        cells = (
            load.checkpoint,
            str(known.base_model) if known else "not declared",
            ", ".join((known.devices or settings.worker.devices) if known else ()),
            str(load.waiting),
            str(load.begun),
            "-" if seconds is None else f"{seconds:.1f} s",
        )
        table.add_row(*map(harmless, cells))
    return table


def _time(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000).astimezone().isoformat(" ", "seconds")


def _as_json(settings: Settings, state: RecordedState) -> dict[str, object]:
    records = state.records
    return {
        "running": state.running,
        "database": str(settings.storage.database),
        "problem": None,
        "waiting": sum(load.waiting for load in state.loads),
        "painting": sum(load.begun for load in state.loads),
        "undelivered": state.owed,
        "takedowns": [asdict(case) | {"due_at": case.due_at} for case in state.takedowns],
        "reports": [asdict(each) for each in state.reports],
        "paused": sorted(state.paused),
        "checkpoints": [
            asdict(load) | {"load_seconds": state.load_seconds.get(load.checkpoint)} for load in _loads(settings, state)
        ],
        "library": asdict(state.files),
        "hubs": asdict(state.hubs),
        "suspects": state.suspects,
        "findings": [asdict(finding) for finding in state.findings],
        "failed": [_failure(job) for job in state.failed],
        "database_bytes": records.nbytes,
        "newest_copy": records.copied.isoformat() if records.copied else None,
        "free_bytes": state.free,
        "disk_bytes": state.disk,
        "versions": state.versions,
    }


def _failure(job: FailedJob) -> dict[str, object]:
    return {
        "job": job.id,
        "checkpoint": job.checkpoint,
        "finished_at": job.finished_at,
        "code": job.failure.code,
        "says": str(job.failure),
    }

"""`library scan | list | declare | inspect`: what lies in the LoRA folder, and what it was trained on."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import aiosqlite
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from bot.app.assembly import open_catalogue
from bot.cli import DONE, REFUSED, add_config, harmless, inspect, settings_of
from bot.cli.progress import progress_bar
from bot.config import ConfigError, Settings
from bot.database.connection import open_database
from bot.database.loras import Lora, LoraVersion, browse_loras
from bot.library.catalogue import ScanReport
from bot.library.registry import RegistryUnreachable
from bot.library.watcher import LibraryKeeper
from inference.base_models import BaseModelId
from inference.inspection import look
from inference.lora.declarations import Declaration, declare
from inference.lora.evidence import Source
from inference.lora.installed import installed_hashes
from inference.lora.knowledge import Knowledge
from inference.lora.library import FoundLora

if TYPE_CHECKING:
    from bot.cli import Commands

PAGE = 1000
MAX_QUESTIONS = 3600  # to a registry, one a second; the next scan continues


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = commands.add_parser("library", help="the LoRA files: scan, list, declare, inspect")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    scan = actions.add_parser("scan", help="read what is new or changed in the folder")
    show = actions.add_parser("list", help="what the catalogue holds")
    show.add_argument("search", nargs="?", default="")
    word = actions.add_parser("declare", help="say which base model a file was trained on")
    word.add_argument("file", type=Path)
    word.add_argument("--base", required=True, metavar="ARCHITECTURE/LINEAGE")
    word.add_argument("--reason", required=True)
    word.add_argument("--force", action="store_true", help="even against the hash of what it was trained on")
    inspect.add(actions)
    for action, run in ((scan, run_scan), (show, run_list), (word, run_declare)):
        action.add_argument("--json", action="store_true", help="tell it as JSON")
        add_config(action)
        action.set_defaults(run=run)


def run_scan(options: argparse.Namespace) -> int:
    """Scan, and say what was found. Broken files make the exit code 1."""
    report = asyncio.run(_scan(settings_of(options)))
    if options.json:
        print(json.dumps(asdict(report)))
    else:
        _tell(report)
    return REFUSED if report.broken else DONE


async def _scan(settings: Settings) -> ScanReport:
    async with AsyncExitStack() as stack:
        with progress_bar("library") as progress:
            found = await stack.enter_async_context(open_catalogue(settings, progress))
        if not await _asked(found.keeper):
            return found.library
        judged_again = await found.keeper.scan()
        return replace(found.library, unknown=judged_again.unknown)


async def _asked(keeper: LibraryKeeper) -> int:
    """Ask the registry, if the settings name one, about unknown files; how many files were asked about."""
    try:
        with progress_bar("registry") as progress:
            return await keeper.ask(MAX_QUESTIONS, progress)
    except RegistryUnreachable as problem:
        print(f"{problem}; what it answered until now is kept.", file=sys.stderr)
        return 1


def _tell(report: ScanReport) -> None:
    counts = {"new": report.new, "changed": report.changed, "unchanged": report.unchanged, "gone": report.missing}
    print(", ".join(f"{len(paths)} {what}" for what, paths in counts.items()))
    for path in report.unknown:
        remedy = "Declare it: library declare FILE --base … --reason …"
        print(f"{harmless(path)}: base model unknown, so it is not used. {remedy}")
    for problem in (*report.broken, *report.duplicates):
        print(f"{harmless(problem.path)}: {harmless(problem.problem)}")


def run_list(options: argparse.Namespace) -> int:
    """List the entries with their versions."""
    loras = asyncio.run(_list(settings_of(options), options.search))
    if options.json:
        print(json.dumps([_as_json(lora) for lora in loras]))
    else:
        _table(loras)
    return DONE


async def _list(settings: Settings, search: str) -> list[Lora]:
    if not settings.storage.database.is_file():  # never scanned: scan now, so that the list is not empty
        await _scan(settings)
    async with open_database(settings.storage.database) as connection:
        return await _all(connection, search)


async def _all(connection: aiosqlite.Connection, search: str) -> list[Lora]:
    loras: list[Lora] = []
    more = True
    while more:
        page = await browse_loras(connection, limit=PAGE, offset=len(loras), search=search)
        loras += page.loras
        more = page.more
    return loras


def _table(loras: list[Lora]) -> None:
    table = Table("name", "category", "version", "base model", "known from", "trigger words")
    for lora in loras:
        for version in lora.usable:
            base = version.base_model or "unknown"
            words = ", ".join(version.trigger_words)
            cells = (lora.name, lora.category, version.name, base, version.evidence.value, words)
            table.add_row(*map(harmless, cells))
    Console(markup=False, emoji=False).print(table)  # a name may look like rich's markup


def _as_json(lora: Lora) -> dict[str, object]:
    return {
        "id": lora.id,
        "name": lora.name,
        "category": lora.category,
        "description": lora.description,
        "versions": [_version_as_json(version) for version in lora.versions],
    }


def _version_as_json(version: LoraVersion) -> dict[str, object]:
    return {
        "name": version.name,
        "file": version.path,
        "sha256": version.sha256,
        "base_model": version.base_model,
        "evidence": version.evidence.value,
        "contradictions": version.contradictions,
        "trigger_words": version.trigger_words,
        "recommended_weight": version.recommended_weight,
        "problem": version.problem,
        "missing": version.missing,
    }


def run_declare(options: argparse.Namespace) -> int:
    """Append the declaration; the next scan and the worker's next job use it."""
    settings = settings_of(options)
    try:
        base_model = BaseModelId(options.base)
        found = look(options.file)
        if found.sha256 is None:
            raise ConfigError(f"{options.file.name} cannot be declared: {found.problem}.")
        if not options.force:
            _refuse_against_proof(settings, found, base_model)
        declaration = declare(
            settings.library.folder,
            found.sha256,
            base_model,
            who=getpass.getuser(),
            reason=options.reason,
            force=options.force,
        )
    except ValidationError as problem:
        first = problem.errors()[0]
        raise ConfigError(f"This cannot be declared: {first['loc'][0]}: {first['msg']}.") from None
    except ValueError as problem:
        raise ConfigError(f"This cannot be declared: {problem}.") from None
    except OSError as problem:
        raise ConfigError(f"{problem.filename} cannot be used: {problem.strerror}.") from None
    if options.json:
        print(declaration.model_dump_json())
    else:
        print(f"{options.file.name} ({declaration.sha256[:10]}…) is declared to be {base_model}.")
        print(*_against(settings, found, declaration), sep="\n", end="")
    return DONE


def _against(settings: Settings, found: FoundLora, declaration: Declaration) -> list[str]:
    """Why a declaration does not count; empty if it does."""
    known = Knowledge({declaration.sha256: declaration}, installed_hashes(inspect.identified(settings)))
    judged = found.judge(known)
    if judged.base_model == declaration.base_model:
        return []
    return ["This does not count and the file is not used:", *(f"- {each}" for each in judged.contradictions), ""]


def _refuse_against_proof(settings: Settings, found: FoundLora, base_model: BaseModelId) -> None:
    """A declaration against the hash of the training base needs `--force`; one against the shapes never counts."""
    before = found.judge(Knowledge(installed=installed_hashes(inspect.identified(settings))))
    exact = before.source in {Source.TRAINING_BASE, Source.SHORT_HASH}
    if exact and before.base_model not in {None, base_model}:
        raise ConfigError(
            f"{found.path} records the {before.source.value}, which is {before.base_model}. "
            "If you know better, declare it with --force."
        )

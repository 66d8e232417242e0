"""`library scan | list | declare | inspect`: what lies in the LoRA folder, and what it was trained on."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import aiosqlite
from pydantic import ValidationError
from rich import box
from rich.table import Table

from bot.app.assembly import open_catalogue
from bot.cli import DONE, REFUSED, add_checkpoint, add_config, advising, harmless, inspect, settings_of
from bot.cli.output import Output
from bot.cli.progress import progress_bar
from bot.config import ConfigError, Settings
from bot.database.connection import read_database
from bot.database.loras import Lora, LoraVersion, browse_loras, find_loras_by_id, versions_with_problem
from bot.database.samples import FailedSamples, suspects
from bot.database.search import name_key
from bot.library.catalogue import ASKED, UNKNOWN, FileProblem, ScanReport
from bot.library.registry import RegistryUnreachable
from bot.library.watcher import LibraryKeeper
from bot.sources.provenance import HubFile, hub_files
from bot.ui.views.origin_text import changes
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
SCANNING_BOT = "if it is the bot, it scans whenever a file has changed, and /reload in Discord scans at once"


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = commands.add_parser(
        "library",
        help="the LoRA files: scan, list, declare, inspect; checkpoints: add",
        description="The LoRA files: which there are, and what they were trained on.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    scan = actions.add_parser(
        "scan",
        help="read what is new or changed in the folder",
        description="Read what is new or changed in the folder. The running bot does so by itself; use /reload there.",
    )
    show = actions.add_parser(
        "list",
        help="what the catalogue holds, and the files that are not used",
        description="Tell what the catalogue holds, and which files are not used and why; also while the bot runs.",
    )
    show.add_argument("search", nargs="?", default="", help="words of a name, a trigger word or a description")
    word = actions.add_parser(
        "declare",
        help="say which base model a file was trained on",
        description="Say which base model a file was trained on; also while the bot runs, which hears of it by itself.",
    )
    word.add_argument("file", type=Path, metavar="FILE", help="the LoRA file, in the library or elsewhere")
    word.add_argument(
        "--base", required=True, metavar="ARCHITECTURE/LINEAGE", help="the base model, such as sdxl/illustrious"
    )
    word.add_argument("--reason", required=True, metavar="TEXT", help="how you know; it is kept with the declaration")
    word.add_argument("--force", action="store_true", help="even against the hash of what it was trained on")
    inspect.add(actions)
    add_checkpoint.add(actions)
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
        with progress_bar("library") as progress, advising(SCANNING_BOT):
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
    _tell_refused(report.refused)
    _tell_questions(report.questions)


def _tell_questions(files: Iterable[FileProblem]) -> None:
    for file in files:
        print(f"{harmless(file.path)}: {harmless(file.problem)}.")


def _tell_refused(files: Iterable[FileProblem]) -> None:
    for file in files:
        print(f"{harmless(file.path)} is not used: {harmless(file.problem)}.")


def run_list(options: argparse.Namespace) -> int:
    """List the entries with their versions, and name the files that are not used."""
    usable, refused, hubs, failed = asyncio.run(_list(settings_of(options), options.search))
    if options.json:
        print(json.dumps([_as_json(lora, hubs) for lora in (*usable, *refused)]))
        return DONE
    if usable:
        _table(usable)
    else:
        print(f"No LoRA matches {harmless(options.search)}." if options.search else "The library has no usable LoRA.")
    _tell_refused(_refused([*usable, *refused]))
    _tell_questions(_questions(usable))
    _tell_hubs(hubs)
    for each in failed:
        why = harmless(str(each.failure))
        print(f"{harmless(each.path)} is suspect, for no sample could be painted with it: {why}")
    return DONE


def _tell_hubs(pages: Mapping[str, Sequence[HubFile]]) -> None:
    """What hubs say otherwise now of files that came from them, and which have a newer version there."""
    for path, file in ((path, file) for path, files in pages.items() for file in files):
        for text in changes(file.look, lambda unix_ms: datetime.fromtimestamp(unix_ms / 1000, UTC).date().isoformat()):
            print(f"{harmless(path)}: {harmless(text)}")
        if file.newer is not None:
            print(f"{harmless(path)}: {harmless(file.newer.version)} at {file.newer.hub} is newer: {file.newer.page}")


async def _list(
    settings: Settings, search: str
) -> tuple[list[Lora], list[Lora], dict[str, list[HubFile]], list[FailedSamples]]:
    """The entries that can be used, those of which no file can; by path what hubs say of the files of the first, and
    which of these are suspect."""
    if not settings.storage.database.is_file():  # never scanned: scan now, so that the list is not empty
        await _scan(settings)
    async with read_database(settings.storage.database) as connection:
        usable = await _all(connection, search)
        broken = await find_loras_by_id(
            connection, list({version.lora_id: None for version in await versions_with_problem(connection)})
        )
        versions = [version for lora in usable for version in lora.usable]
        hubs: dict[str, list[HubFile]] = {}
        for file in await hub_files(connection, versions):
            hubs.setdefault(file.version.path, []).append(file)
        paths = {version.path for version in versions}
        failed = [each for each in await suspects(connection) if each.path in paths]
    wanted = name_key(search)
    return usable, [lora for lora in broken if not lora.usable and _is_called(lora, wanted)], hubs, failed


def _is_called(lora: Lora, wanted: str) -> bool:
    return any(wanted in name_key(text) for text in (lora.name, *(version.path for version in lora.versions)))


def _refused(loras: Iterable[Lora]) -> Iterator[FileProblem]:
    for version in (version for lora in loras for version in lora.versions if not version.missing):
        if version.problem is not None:
            yield FileProblem(version.path, version.problem)
        elif version.base_model is None:
            yield FileProblem(version.path, UNKNOWN)


def _questions(loras: Iterable[Lora]) -> Iterator[FileProblem]:
    for version in (version for lora in loras for version in lora.usable):
        if version.few_steps.question is not None:
            yield FileProblem(version.path, ASKED.format(kind=version.few_steps.question))


async def _all(connection: aiosqlite.Connection, search: str) -> list[Lora]:
    loras: list[Lora] = []
    more = True
    while more:
        page = await browse_loras(connection, limit=PAGE, offset=len(loras), search=search)
        loras += page.loras
        more = page.more
    return loras


def _table(loras: list[Lora]) -> None:
    table = Table("name", "version", box=box.SIMPLE, show_edge=False, pad_edge=False)
    table.add_column("base model", no_wrap=True)
    table.add_column("known from", no_wrap=True)
    table.add_column("trigger words")
    for lora in loras:
        for version in lora.usable:
            base = version.base_model or "unknown"
            source = f"{version.evidence.value} (disputed)" if version.disputed else version.evidence.value
            cells = (lora.name, version.name, base, source, ", ".join(version.trigger_words))
            table.add_row(*map(harmless, cells))
    console = Output(markup=False, emoji=False)  # a name may look like rich's markup
    console.print(table)
    console.print()


def _as_json(lora: Lora, hubs: Mapping[str, Sequence[HubFile]]) -> dict[str, object]:
    return {
        "id": lora.id,
        "name": lora.name,
        "category": lora.category,
        "description": lora.description,
        "versions": [_version_as_json(version, hubs.get(version.path, ())) for version in lora.versions],
    }


def _version_as_json(version: LoraVersion, pages: Sequence[HubFile]) -> dict[str, object]:
    return {
        "name": version.name,
        "file": version.path,
        "sha256": version.sha256,
        "base_model": version.base_model,
        "evidence": version.evidence.value,
        "disputed": version.disputed,
        "contradictions": version.contradictions,
        "trigger_words": version.trigger_words,
        "recommended_weight": version.recommended_weight,
        "few_steps": version.few_steps.model_dump(mode="json", exclude_none=True),
        "problem": version.problem,
        "missing": version.missing,
        "hubs": [_hub_as_json(file) for file in pages],
    }


def _hub_as_json(file: HubFile) -> dict[str, object]:
    look, newer = file.look, file.newer
    return {
        "name": look.hub,
        "page": look.page,
        "state": look.state,
        "since": look.since,
        "looked_at": look.looked_at,
        "added": json.loads(look.added),
        "says": json.loads(look.says),
        "newer": None if newer is None else newer.model_dump(mode="json"),
    }


def run_declare(options: argparse.Namespace) -> int:
    """Append the declaration; the next scan and the worker's next job use it."""
    settings = settings_of(options)
    try:
        base_model = BaseModelId(options.base)
        found = look(options.file)
        if found.sha256 is None:
            raise ConfigError(f"{options.file} cannot be declared: {found.problem}.")
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

"""`library scan | list | declare | allow | inspect`: the files of the LoRA folder, and what they were trained on."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich import box
from rich.table import Table

from bot.app.assembly import open_catalogue
from bot.app.sample_costs import SampleCost, sample_cost
from bot.cli import DONE, REFUSED, advising, harmless
from bot.cli.library import add_checkpoint, inspect
from bot.cli.terminal.output import Output
from bot.cli.terminal.progress import progress_bar, work_report
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import ConfigError, Settings
from bot.database.database import read_database
from bot.database.loras.catalogue import VERSIONS_WITH_PROBLEM, Lora, LoraVersion, find_loras_by_id, usable_loras
from bot.database.loras.sample_failures import FailedSamples, suspects
from bot.database.search import name_key
from bot.library.catalogue import ASKED, PREDICTION_ASKED, UNKNOWN, FileProblem, ScanReport, is_unclear
from bot.library.registry import RegistryUnreachable
from bot.library.watcher import LibraryKeeper
from bot.sources.claims.provenance import HubFile, hub_files
from bot.ui.views.loras.origin_text import changes
from inference.base_models import BaseModelId
from inference.inspection import look
from inference.lora.beside.declarations import Statement, allow_on, declare, declare_prediction
from inference.lora.evidence import Evidence, Source
from inference.lora.knowledge import Knowledge
from inference.lora.known.installed import installed_hashes, installed_predictions
from inference.lora.library import FoundLora
from inference.lora.prediction_evidence import PredictionSource
from inference.messages.checkpoints import PredictionType

MAX_QUESTIONS = 3600  # to a registry, one a second; the next scan continues
SCANNING_BOT = "a running bot scans when a file changes; /reload in Discord scans now"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "The LoRA files of the library, and their base models."
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    scan = actions.add_parser(
        "scan",
        help="scan the folder for new and changed files",
        description="Scan the folder for new and changed files. A running bot does this by itself; use /reload there.",
    )
    show = actions.add_parser(
        "list",
        help="list LoRAs, and files that are not used",
        description="List the LoRAs of the library, and files that are not used with the reason. Works while the "
        "bot runs.",
    )
    show.add_argument("search", nargs="?", default="", help="words of a name, a trigger word or a description")
    word = actions.add_parser(
        "declare",
        help="declare the base model or prediction type of a file",
        description="Declare the base model and prediction type that a file was trained for. Works while the bot runs.",
    )
    word.add_argument("file", type=Path, metavar="FILE", help="the LoRA file, in the library or elsewhere")
    word.add_argument("--base", metavar="ARCHITECTURE/LINEAGE", help="the base model, such as sdxl/illustrious")
    kinds = [kind.value for kind in PredictionType]
    word.add_argument("--prediction", choices=kinds, help="the prediction type that it was trained for")
    word.add_argument("--reason", required=True, metavar="TEXT", help="how you know; saved with the declaration")
    word.add_argument("--force", action="store_true", help="overrule even the hash of the training base")
    pair = actions.add_parser(
        "allow",
        help="allow one few-step LoRA on a related base model",
        description="Allow one few-step LoRA, such as DMD2, on checkpoints of a related base model. The "
        "allowance is for this exact file. Works while the bot runs.",
    )
    pair.add_argument("file", type=Path, metavar="FILE", help="the LoRA file, in the library or elsewhere")
    pair.add_argument(
        "--on", required=True, metavar="ARCHITECTURE/LINEAGE", help="the checkpoints' base model, such as sdxl/pony"
    )
    pair.add_argument("--reason", required=True, metavar="TEXT", help="how you know; saved with the allowance")
    pair.add_argument("--withdraw", action="store_true", help="remove the allowance")
    inspect.add(actions)
    add_checkpoint.add(actions)
    for action, run in ((scan, run_scan), (show, run_list), (word, run_declare), (pair, run_allow)):
        action.add_argument("--json", action="store_true", help="print JSON")
        add_config(action)
        action.set_defaults(run=run)


def run_scan(options: argparse.Namespace) -> int:
    """Scan, and say what was found. Broken files make the exit code 1."""
    settings = settings_of(options)
    report = asyncio.run(_scan(settings))
    if options.json:
        print(json.dumps(asdict(report)))
    else:
        _tell(report)
        if (cost := asyncio.run(_cost(settings))).is_large:
            print(cost)
    return REFUSED if report.broken else DONE


async def _scan(settings: Settings) -> ScanReport:
    async with AsyncExitStack() as stack:
        with work_report() as progress, advising(SCANNING_BOT):
            found = await stack.enter_async_context(open_catalogue(settings, progress))
        if not await _asked(found.keeper):
            return found.library
        judged_again = await found.keeper.scan()
        return replace(found.library, unknown=judged_again.unknown)


async def _cost(settings: Settings) -> SampleCost:
    async with read_database(settings.storage.database) as db:
        return await sample_cost(db, settings)


async def _asked(keeper: LibraryKeeper) -> int:
    """Ask the registry, if the settings name one, about unknown files; how many files were asked about."""
    try:
        with progress_bar("registry") as progress:
            return await keeper.ask(MAX_QUESTIONS, progress)
    except RegistryUnreachable as problem:
        print(f"{problem}; its answers so far are saved.", file=sys.stderr)
        return 1


def _tell(report: ScanReport) -> None:
    counts = {"new": report.new, "changed": report.changed, "unchanged": report.unchanged, "gone": report.missing}
    print(", ".join(f"{len(paths)} {what}" for what, paths in counts.items()))
    _tell_refused(report.refused)
    _tell_questions(report.questions)
    _tell_questions(FileProblem(path, PREDICTION_ASKED) for path in report.unclear)


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
        print(f"No LoRA matches {harmless(options.search)}." if options.search else "The library has no usable LoRAs.")
    _tell_refused(_refused([*usable, *refused]))
    _tell_questions(_questions(usable))
    _tell_hubs(hubs)
    for each in failed:
        why = harmless(str(each.failure))
        print(f"{harmless(each.path)} is suspect, because its samples failed: {why}")
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
    async with read_database(settings.storage.database) as db:
        usable = await usable_loras(db, search)
        broken = await find_loras_by_id(
            db, list({version.lora_id: None for version in await db.all(VERSIONS_WITH_PROBLEM)})
        )
        versions = [version for lora in usable for version in lora.usable]
        hubs: dict[str, list[HubFile]] = {}
        for file in await hub_files(db, versions):
            hubs.setdefault(file.version.path, []).append(file)
        paths = {version.path for version in versions}
        failed = [each for each in await suspects(db) if each.path in paths]
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
        if is_unclear(version.base_model, version.prediction):
            yield FileProblem(version.path, PREDICTION_ASKED)


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
        "prediction": version.prediction.type,
        "allowed_on": version.allowed_on,
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
    """Append the declarations; the next scan and the worker's next job use them."""
    settings = settings_of(options)
    with _saying("declared"):
        if options.base is None and options.prediction is None:
            raise ConfigError("Give --base, --prediction or both.")
        found = _looked_at(options.file, "declared")
        base_model = None if options.base is None else BaseModelId(options.base)
        prediction = None if options.prediction is None else PredictionType(options.prediction)
        if not options.force:
            _refuse_against_proof(settings, found, base_model, prediction)
        statements: list[Statement] = []
        details: dict[str, Any] = {"who": getpass.getuser(), "reason": options.reason, "force": options.force}
        folder, sha256 = settings.library.folder, found.sha256 or ""
        if base_model is not None:
            statements.append(declare(folder, sha256, base_model, **details))
        if prediction is not None:
            statements.append(declare_prediction(folder, sha256, prediction, **details))
    if options.json:
        print(*(each.model_dump_json() for each in statements), sep="\n")
        return DONE
    for what in filter(None, (base_model, prediction)):
        print(f"{options.file.name} ({sha256[:10]}…) is now declared as {what}.")
    print(*_against(settings, found, base_model), sep="\n", end="")
    return DONE


def run_allow(options: argparse.Namespace) -> int:
    """Append the allowance, or take it back; the next scan and the worker's next job use it."""
    settings = settings_of(options)
    with _saying("allowed"):
        found, base_model = _looked_at(options.file, "allowed"), BaseModelId(options.on)
        if not options.withdraw:
            specs = asyncio.run(inspect.identified(settings))
            _refuse_allowance(found.judge(inspect.knowledge(settings, specs)), base_model)
        allowance = allow_on(
            settings.library.folder,
            found.sha256 or "",
            base_model,
            who=getpass.getuser(),
            reason=options.reason,
            withdrawn=options.withdraw,
        )
    if options.json:
        print(allowance.model_dump_json())
    else:
        may = "is no longer allowed on checkpoints of {}" if options.withdraw else "is allowed on checkpoints of {}"
        print(f"{options.file.name} ({allowance.sha256[:10]}…) {may.format(base_model)}.")
    return DONE


def _refuse_allowance(evidence: Evidence, base_model: BaseModelId) -> None:
    """Refuse an allowance for a file of unknown base model, across architectures, or for no few-step LoRA."""
    if evidence.base_model is None:
        raise ConfigError("Its base model is unknown, so Easel refuses it. Declare it first with `library declare`.")
    if evidence.base_model.architecture != base_model.architecture:
        raise ConfigError(f"It was trained on {evidence.base_model}, and no {base_model} checkpoint has its layers.")
    if evidence.few_steps.recipe is None:
        raise ConfigError(
            "Only few-step LoRAs can be allowed one by one, and this file is not known as one. If it is "
            "one, set its recipe: `few_steps` in its sidecar, or `few_step_files` in the settings."
        )


@contextmanager
def _saying(what: str) -> Generator[None]:
    """Raise ConfigError with a sentence for what is wrong with a declaration or an allowance."""
    try:
        yield
    except ValidationError as problem:
        first = problem.errors()[0]
        raise ConfigError(f"This cannot be {what}: {first['loc'][0]}: {first['msg']}.") from None
    except ValueError as problem:
        raise ConfigError(f"This cannot be {what}: {problem}.") from None
    except OSError as problem:
        raise ConfigError(f"{problem.filename} cannot be used: {problem.strerror}.") from None


def _looked_at(path: Path, what: str) -> FoundLora:
    """Read a file and its hash. Raises ConfigError if it has none."""
    found = look(path)
    if found.sha256 is None:
        raise ConfigError(f"{path} cannot be {what}: {found.problem}.")
    return found


def _against(settings: Settings, found: FoundLora, base_model: BaseModelId | None) -> list[str]:
    """Why a declaration of the base model does not count; empty if it does."""
    if base_model is None:
        return []
    judged = found.judge(inspect.knowledge(settings, asyncio.run(inspect.identified(settings))))
    if judged.base_model == base_model:
        return []
    return [
        "This declaration has no effect and the file is not used:",
        *(f"- {each}" for each in judged.contradictions),
        "",
    ]


def _refuse_against_proof(
    settings: Settings, found: FoundLora, base_model: BaseModelId | None, prediction: PredictionType | None
) -> None:
    """A declaration against the hash of the training base needs `--force`; one against the shapes never counts."""
    specs = asyncio.run(inspect.identified(settings))
    known = Knowledge(installed=installed_hashes(specs), installed_predictions=installed_predictions(specs))
    before = found.judge(known)
    if base_model is not None and before.source in {Source.TRAINING_BASE, Source.SHORT_HASH}:
        _refuse_other(found.path, before.source.value, before.base_model, base_model)
    source = before.prediction.source
    if prediction is not None and source in {PredictionSource.TRAINING_BASE, PredictionSource.SHORT_HASH}:
        _refuse_other(found.path, str(source), before.prediction.type, prediction)


def _refuse_other(path: str, source: str, proven: str | None, declared: str) -> None:
    if proven not in {None, declared}:
        raise ConfigError(
            f"{path} records the {source}, which is {proven}. If you know better, declare it with --force."
        )

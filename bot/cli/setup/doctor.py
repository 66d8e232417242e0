"""`doctor`: checks everything that painting needs, and says how to mend what is missing."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.app.assembly import open_catalogue
from bot.app.record_keeping import summary_of
from bot.app.recorded_state import findings_from_outside
from bot.cli import DONE, UNUSABLE
from bot.cli.library.inspect import identified
from bot.cli.setup.invite import invitation
from bot.cli.terminal.output import Output
from bot.cli.terminal.settings import DEFAULT_CONFIG, add_config, config_file, settings_of
from bot.config import ConfigError, Settings
from bot.config.bot_token import NO_TOKEN, NOT_A_TOKEN, application_of, looks_like_token
from bot.config.sections.worker import Backend
from bot.database.database import read_database
from bot.database.errors import DatabaseError, DatabaseInUse, NoDatabase, OlderDatabase
from bot.database.loras.catalogue import usable_loras
from bot.database.storage.integrity import damage
from bot.database.storage.record_of_removals import CaughtUp, unresolved
from bot.diagnostics.capacity import SPEED, check_capacity, check_downloads
from bot.diagnostics.cards import CARD, CPU, check_cards, check_torch
from bot.diagnostics.checkpoints import check_files, hub_folder, load_of
from bot.diagnostics.classifier import check_classifier, check_text_judge, text_judge_speed
from bot.diagnostics.cluster import AS_ITS_ACCOUNT, DRIVER, check_cluster, check_driver, check_machine, check_shared
from bot.diagnostics.facts import look
from bot.diagnostics.finding import Finding, FindingGrade
from bot.diagnostics.folders import why_unwritable
from bot.diagnostics.watch import DATABASE, SIGNATURES, backup_state, check_backup, check_disk, damaged, disk_spaces
from bot.diagnostics.watermark import check_watermark, watermark_speed
from bot.file_access import Need, other_owner, why
from bot.library.catalogue import LibraryUnreadable, ScanReport
from bot.library.fitting import check_fitting
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.pictures.faces import FaceFinder, FacesUnusable, installed_faces
from bot.pictures.signing.credentials import SigningUnusable, credentials_of, renewing
from bot.program import program
from inference.cluster.socket_address import SocketAddress
from inference.errors import WorkerUnavailable
from inference.lora.beside.declarations import BadDeclarations
from inference.messages.checkpoints import UnknownPrediction
from inference.messages.events import Ready
from inference.messages.options import Folders, WorkerOptions
from inference.prediction import OF_BOTH_KINDS
from inference.processes.extras import installing
from inference.workers import WorkerDied
from inference.workers.local import LocalWorker

FACES = "photographed faces"
PAINTS_ON = "generates on {device}"
_ABOUT_CPU = frozenset({SPEED, CARD})  # findings that speak against painting on the CPU
WARNED_DAYS = 60  # days before a certificate expires in which `doctor` warns
WORKER_SECONDS = 120.0  # importing torch from a cold disk can take a minute


_MARKS = {FindingGrade.OK: "[green]✓[/]", FindingGrade.WARNING: "[yellow]![/]", FindingGrade.PROBLEM: "[red]✗[/]"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of lines")
    parser.add_argument(
        "--cluster",
        metavar="HOST:PORT",
        help="check only whether this machine and the nodes of this cluster are compatible",
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check everything; exit code 2 when something blocks painting."""
    findings = asyncio.run(_of_cluster(options.cluster) if options.cluster else _all(options))
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        console = Output(highlight=False)
        for finding in findings:
            console.print(f"{_MARKS[finding.grade]} [bold]{finding.what}[/]:", end=" ")
            console.print(finding.says, markup=False, soft_wrap=True)  # a link is there to be copied
    return UNUSABLE if any(finding.grade is FindingGrade.PROBLEM for finding in findings) else DONE


async def _all(options: argparse.Namespace) -> list[Finding]:
    try:
        settings = settings_of(options)
    except ConfigError as problem:
        return [Finding("settings", FindingGrade.PROBLEM, line) for line in str(problem).splitlines()]
    return [_looked_at(config_file(options), settings), *[finding async for finding in diagnose(settings)]]


async def _of_cluster(address: str) -> list[Finding]:
    """What is to be said of this machine and of a cluster, whether it is one of its nodes or not."""
    found = [*check_machine(public=True), *[finding async for finding in check_cluster(address)]]
    return list(dict.fromkeys(found))  # without Ray, both say so


async def _cluster(settings: Settings) -> AsyncGenerator[Finding]:
    """What this account can see of the cluster: all of it, unless the driver process belongs to another one."""
    cluster = settings.cluster
    if cluster.driver:
        yield Finding(DRIVER, FindingGrade.OK, f"started by {cluster.driver[0]}; {AS_ITS_ACCOUNT}")
    elif cluster.socket:
        yield await check_driver(SocketAddress(cluster.socket))
    else:
        wanted = {each.name: each.node_labels for each in settings.checkpoints if each.node_labels}
        async for finding in check_cluster(cluster.address, cluster.token_file, wanted):
            yield finding
    if cluster.shared:
        yield await asyncio.to_thread(check_shared, cluster.shared)


def _looked_at(file: Path | None, settings: Settings) -> Finding:
    names = " and ".join(checkpoint.name for checkpoint in settings.checkpoints) or "no checkpoint"
    if file is not None:
        return Finding("settings", FindingGrade.OK, f"{file.resolve()}, which declares {names}")
    says = (
        f"there is no {DEFAULT_CONFIG} in this folder, so this checks the demo settings ({names}) "
        f"instead of yours; name your file with --config FILE, or write one with `{program()} init DIR`"
    )
    return Finding("settings", FindingGrade.WARNING, says)


async def diagnose(settings: Settings) -> AsyncGenerator[Finding]:
    """Every finding about `settings`, in the order in which things are needed."""
    yield _token(settings)
    yield _invitation(settings)
    yield _operators(settings)
    yield _responsible(settings)
    yield _writable(settings.storage.folder)
    for checkpoint in settings.checkpoints:
        for finding in check_files(checkpoint):
            yield finding
    if not settings.checkpoints:
        yield Finding("checkpoints", FindingGrade.PROBLEM, "no checkpoint is declared; add a [[checkpoints]] section")
    classifier, judge = check_classifier(settings.classifier), check_text_judge(settings.text_judge)
    watermark = await asyncio.to_thread(check_watermark, settings.watermark)
    for finding in filter(None, (classifier, judge, watermark)):
        yield finding
    yield await asyncio.to_thread(face_finding)
    yield await asyncio.to_thread(_signing, settings)
    hardware = await asyncio.to_thread(lambda: list(_hardware(settings)))
    for finding in [*hardware, *await _records(settings)]:
        yield finding
    if settings.worker.backend is Backend.RAY:
        async for finding in _cluster(settings):
            yield finding
        return
    options = WorkerOptions(
        checkpoints=(),
        threads=settings.worker.threads,
        classifier=settings.classifier.spec if _is_usable(classifier) else None,
        text_judge=settings.text_judge.spec if _is_usable(judge) else None,
        watermark=settings.watermark.spec() if _is_usable(watermark) else None,
    )
    async for finding in _local_workers(settings, options):
        yield _weighed(finding, hardware)


async def _local_workers(settings: Settings, options: WorkerOptions) -> AsyncGenerator[Finding]:
    for device in settings.worker.devices:
        for finding in await _started(settings, options.model_copy(update={"device": device})):
            yield finding


def _is_usable(model: Finding | None) -> bool:
    return model is not None and model.grade is not FindingGrade.PROBLEM


def _weighed(worker: Finding, hardware: Sequence[Finding]) -> Finding:
    """A worker that paints on the CPU is fine, unless a card or a faster way was told to be wanted."""
    doubted = [each.what for each in hardware if each.what in _ABOUT_CPU and each.grade is not FindingGrade.OK]
    if worker.says != PAINTS_ON.format(device=CPU) or not doubted:
        return worker
    says = f"{worker.says}, which is slow; see {' and '.join(dict.fromkeys(doubted))} above"
    return Finding(worker.what, FindingGrade.WARNING, says)


def _token(settings: Settings) -> Finding:
    token = settings.discord.token.get_secret_value()
    if not token:
        return Finding("token", FindingGrade.WARNING, f"not set; only needed for Discord: {NO_TOKEN}")
    if not looks_like_token(token):
        return Finding("token", FindingGrade.WARNING, f"what is set {NOT_A_TOKEN}")
    return Finding("token", FindingGrade.OK, "has the form of a bot token")


def _invitation(settings: Settings) -> Finding:
    application_id = application_of(settings.discord.token.get_secret_value())
    if application_id is None:
        return Finding("invitation", FindingGrade.WARNING, "set the bot's token to get the invite link")
    link = invitation(application_id)
    return Finding("invitation", FindingGrade.OK, f"{link} (no privileged intent is needed)")


def _operators(settings: Settings) -> Finding:
    count = len(settings.discord.operators)
    if not count:
        says = "no operator is set, so no one is warned of damage; add your Discord id to [discord] operators"
        return Finding("operators", FindingGrade.WARNING, says)
    return Finding("operators", FindingGrade.OK, f"{count} named")


def _responsible(settings: Settings) -> Finding:
    if missing := settings.privacy.missing:
        says = f"{', '.join(missing)} not set in [privacy]; /privacy show shows these to users"
        return Finding("privacy", FindingGrade.WARNING, says)
    return Finding("privacy", FindingGrade.OK, f"/privacy show names {settings.privacy.controller} as the controller")


def _writable(folder: Path) -> Finding:
    if (reason := why_unwritable(folder)) is not None:
        says = f"{folder} cannot be written: {reason}. Otherwise, choose another [storage] folder"
        return Finding("storage", FindingGrade.PROBLEM, says)
    if (owner := other_owner(folder)) is not None:
        says = (
            f"root runs this command, but {folder} belongs to {owner}. {owner} may be unable to use files of root there"
        )
        return Finding("storage", FindingGrade.WARNING, f"{says}. Run `sudo -u {owner} {program()} doctor` instead")
    return Finding("storage", FindingGrade.OK, f"{folder} can be written")


def _signing(settings: Settings) -> Finding:
    try:
        credentials = credentials_of(settings.c2pa, anew=True)
    except SigningUnusable as problem:
        return Finding(SIGNATURES, FindingGrade.PROBLEM, str(problem))
    if credentials is None:
        says = f"pictures are not signed (C2PA); `{program()} config certificate` makes a certificate for it"
        return Finding(SIGNATURES, FindingGrade.WARNING, says)
    if credentials.expires < datetime.now(UTC) + timedelta(days=WARNED_DAYS):
        says = f"the certificate expires on {credentials.expires:%Y-%m-%d}. {renewing(settings.c2pa)}"
        return Finding(SIGNATURES, FindingGrade.WARNING, says)
    says = f"C2PA by {settings.c2pa.certificate}, which is usable until {credentials.expires:%Y-%m-%d}"
    return Finding(SIGNATURES, FindingGrade.OK, says)


def face_finding(find: Callable[[], FaceFinder | None] = installed_faces) -> Finding:
    """Whether Easel finds photographed faces in start pictures. `find` loads the face finder."""
    otherwise = "only each server's own rules apply to start pictures"
    try:
        finder = find()
    except FacesUnusable as problem:
        return Finding(FACES, FindingGrade.PROBLEM, f"{problem}; Easel does not start with it")
    if finder is None:
        says = f"not detected, so {otherwise}; to detect them: {installing('faces')}"
        return Finding(FACES, FindingGrade.WARNING, says)
    return Finding(FACES, FindingGrade.OK, "found in start pictures, by OpenCV on this machine")


def _hardware(settings: Settings) -> Iterator[Finding]:
    """What is to be said of the machine; looking at it takes a few seconds."""
    hub = hub_folder()
    loads = [load_of(checkpoint) for checkpoint in settings.checkpoints]
    facts = look((hub,), settings.worker.threads)
    yield from check_downloads(facts, hub, loads)
    if settings.worker.backend is Backend.RAY:
        return  # nothing is painted here
    if facts.torch is not None:
        yield check_torch(facts.torch)
    yield from check_cards(facts, settings.worker.devices)
    yield from check_capacity(facts, loads, settings.worker.devices, settings.worker.offload)


async def _records(settings: Settings) -> list[Finding]:
    """The findings about the data, and about the library unless the database is damaged."""
    try:
        data = await asyncio.to_thread(_data, settings)
    except PermissionError as problem:
        path = Path(os.fsdecode(problem.filename or settings.storage.folder))
        says = f"{path} cannot be read: {why(problem, path, Need.FOLDER)}"
        return [Finding("storage", FindingGrade.PROBLEM, says)]
    if any(finding.what == DATABASE and finding.grade is FindingGrade.PROBLEM for finding in data):
        return data
    return [*data, *await _catalogue(settings)]


def _data(settings: Settings) -> list[Finding]:
    """Findings about the database, its copies and its disks, and findings of the running bot."""
    database, found = settings.storage.database, list[Finding]()
    if database.is_file() and database.stat().st_size:
        found.append(_integrity(database))
        found.append(check_backup(backup_state(settings, time.time)))
    found += [disk for disk in map(check_disk, disk_spaces(settings)) if disk.grade is not FindingGrade.OK]
    found += [finding for finding in findings_from_outside(settings) if finding.what != SIGNATURES]  # see _signing
    return list({finding.what: finding for finding in found}.values())


def _integrity(database: Path) -> Finding:
    try:
        found = damage(database)
    except DatabaseError as problem:
        return Finding(DATABASE, FindingGrade.PROBLEM, str(problem))
    if found is not None:
        return damaged(found)
    return Finding(DATABASE, FindingGrade.OK, "intact (SQLite's quick check)")


async def _catalogue(settings: Settings) -> list[Finding]:
    try:
        await _require_current(settings)
        async with open_catalogue(settings) as found:
            library, removals = _library(found.library), _removals(found.applied)
            loras = await usable_loras(found.db)
            fitting = check_fitting(loras, found.configuration.checkpoints)
            return [library, *removals, fitting, *_predictions(settings, found.library)]
    except DatabaseInUse:
        return await _catalogue_in_use(settings)
    except OlderDatabase as problem:
        return [Finding(DATABASE, FindingGrade.WARNING, str(problem))]
    except DatabaseError as problem:
        return [Finding("database", FindingGrade.PROBLEM, str(problem))]
    except (LibraryUnreadable, BadDeclarations, ConfigError) as problem:
        return [Finding("library", FindingGrade.PROBLEM, str(problem))]


async def _require_current(settings: Settings) -> None:
    """Raise OlderDatabase for a database that opening the catalogue would migrate."""
    with suppress(NoDatabase):
        async with read_database(settings.storage.database):
            pass


async def _catalogue_in_use(settings: Settings) -> list[Finding]:
    """Findings about the library of a running Easel, which has scanned it."""
    found = Finding(DATABASE, FindingGrade.OK, "in use by the running Easel")
    try:
        checkpoints = InstalledCheckpoints(settings, await identified(settings))
        async with read_database(settings.storage.database) as db:
            removals = _removals(await unresolved(db))
            return [found, *removals, check_fitting(await usable_loras(db), checkpoints)]
    except DatabaseError as problem:
        return [Finding(DATABASE, FindingGrade.PROBLEM, str(problem))]


def _removals(applied: CaughtUp) -> list[Finding]:
    """Return what the record of removals changed in a restored copy, and what the record lacks."""
    says = summary_of(applied)
    return [Finding("removals", FindingGrade.WARNING, says)] if says else []


def _library(report: ScanReport) -> Finding:
    usable = len(report.new) + len(report.changed) + len(report.unchanged) - len(report.unknown)
    left_out = len(report.broken) + len(report.duplicates) + len(report.unknown)
    if left_out:
        says = f"{usable} LoRA files can be used, {left_out} cannot; `library scan` lists them with reasons"
        return Finding("database and library", FindingGrade.WARNING, says)
    return Finding("database and library", FindingGrade.OK, f"{usable} LoRA files can be used")


def _predictions(settings: Settings, report: ScanReport) -> list[Finding]:
    """LoRAs that may be for v-prediction or epsilon, where a checkpoint is installed on which that matters."""
    if not report.unclear or not any(each.base_model in OF_BOTH_KINDS for each in settings.checkpoints):
        return []
    count, refused = len(report.unclear), settings.matching.unknown_prediction is UnknownPrediction.REFUSE
    says = f"{count} LoRA file{' does' if count == 1 else 's do'} not say if for v-prediction or epsilon, and "
    says += "epsilon checkpoints refuse them" if refused else "may give bad pictures"
    says += "; list them with `library list`, declare it with `library declare FILE --prediction …`"
    return [Finding("prediction types", FindingGrade.WARNING, says)]


async def _started(settings: Settings, options: WorkerOptions) -> list[Finding]:
    """Start the real worker: only the worker has to find the device, and to load the models that check."""
    with tempfile.TemporaryDirectory() as spool:
        worker = LocalWorker(options, Folders(library=str(settings.library.folder), spool=spool))
        try:
            async with asyncio.timeout(WORKER_SECONDS):
                await worker.start()
                return await _first_word(worker)
        except TimeoutError:
            return [Finding("worker", FindingGrade.PROBLEM, f"did not start within {WORKER_SECONDS:.0f} seconds")]
        except WorkerUnavailable as problem:
            return [Finding("worker", FindingGrade.PROBLEM, str(problem))]
        finally:
            await worker.close()


async def _first_word(worker: LocalWorker) -> list[Finding]:
    async for event in worker.events():
        if isinstance(event, Ready):
            found = [Finding("worker", FindingGrade.OK, PAINTS_ON.format(device=event.device))]
            found += [] if event.text_seconds is None else [text_judge_speed(event.text_seconds)]
            return found + ([] if event.watermark_seconds is None else [watermark_speed(event.watermark_seconds)])
        if isinstance(event, WorkerDied):
            return [Finding("worker", FindingGrade.PROBLEM, f"dies at start: {event.reason}")]
    return [Finding("worker", FindingGrade.PROBLEM, "ended without a message")]

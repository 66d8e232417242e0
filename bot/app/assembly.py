"""Constructs all services, in order, by constructor arguments."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from bot import background
from bot.app.backups import Backups
from bot.app.from_settings import (
    face_finder,
    make_pool,
    registry_of,
    require_checkpoints,
    require_models,
    require_signing,
)
from bot.app.record_keeping import keep_record, log_applied, save_record
from bot.app.reloading import Reloader
from bot.app.watchman import Watchman
from bot.config import ConfigError, Settings
from bot.config.sections.storage import StorageSettings
from bot.database.database import Database, open_database
from bot.database.errors import DatabaseMissing
from bot.database.storage.lock import program_lock
from bot.database.storage.record_of_removals import CaughtUp, catch_up
from bot.file_access import Need, why
from bot.jobs.automatic_checks import AutomaticChecks
from bot.jobs.service import JobService
from bot.library.catalogue import LibraryFiles, ScanReport
from bot.library.checkpoints import identify
from bot.library.configuration import Configuration
from bot.library.watcher import LibraryKeeper
from bot.pictures.input_gate import InputGate
from bot.pictures.inputs import Inputs
from bot.pictures.lora_pictures import LoraPictures
from bot.pictures.signing.attachments import SignedAttachments
from bot.pictures.similarity.removed_pictures import RemovedPictures
from bot.pictures.thumbnails import Thumbnails
from bot.pictures.watermarks import watermark_installation
from bot.privacy.file_removal import FileRemoval
from bot.privacy.retention import Retention
from bot.program import program
from bot.requests.builder import RequestBuilder
from bot.servers.services import ServerServices, server_services
from bot.sources.additions import Additions
from bot.sources.hubs.http import SourceHttp
from bot.sources.updates import Updates
from bot.workspace.repaint import Repainter
from inference.files.private_files import keep_private, tighten
from inference.lora.known.installed import installed_hashes, installed_predictions
from inference.workers import WorkerPool
from inference.workers.storage import SpoolFolder

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Easel:
    """All running services. Whoever opens the program hands them on one by one."""

    configuration: Configuration
    db: Database
    keeper: LibraryKeeper
    requests: RequestBuilder
    jobs: JobService
    pool: WorkerPool
    thumbnails: Thumbnails
    attachments: SignedAttachments
    lora_pictures: LoraPictures
    inputs: Inputs
    removed: RemovedPictures
    repainter: Repainter
    reloader: Reloader
    servers: ServerServices
    additions: Additions
    updates: Updates
    files: FileRemoval
    retention: Retention
    backups: Backups
    watchman: Watchman
    started: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Catalogued:
    """The database with the checkpoints identified and the library scanned."""

    configuration: Configuration
    db: Database
    keeper: LibraryKeeper
    library: ScanReport
    requests: RequestBuilder
    applied: CaughtUp  # of the record of removals
    installation: int  # named in watermarks


# Called with the title of a piece of work, the amount that is done, and the total.
WorkReport = Callable[[str, int, int], None]


def _no_report(_title: str, _done: int, _total: int) -> None:
    pass


@asynccontextmanager
async def open_catalogue(
    settings: Settings, report: WorkReport = _no_report, *, new_database: bool = False
) -> AsyncGenerator[Catalogued]:
    """Lock and open the database, identify the checkpoints and scan the library.

    `report` gets the progress of updating the database, hashing checkpoints (in MB) and scanning the library.
    `new_database`: create a database even beside the pictures of an earlier one, which then belong to nobody.
    Raises ConfigError, DatabaseError, LibraryUnreadable or BadDeclarations.
    """
    keep_private()
    with program_lock(settings.storage.database):
        if not new_database:
            await asyncio.to_thread(require_database, settings.storage)
        await asyncio.to_thread(_tighten, settings.storage)
        async with open_database(settings.storage.database, report=report) as db:
            applied = await catch_up(db, settings.storage.database)
            log_applied(applied)
            hashing = partial(report, "hashing checkpoints, MB")
            specs = await identify(db, settings.checkpoints, progress=hashing)
            configuration = Configuration(settings, specs)
            keeper = LibraryKeeper(
                db,
                settings.library.folder,
                installed_hashes(configuration.checkpoints.specs),
                trust_tags=settings.matching.trust_tags,
                registry=registry_of(settings),
                few_steps=settings.library.few_step_files,
                predictions=installed_predictions(configuration.checkpoints.specs),
            )
            library = await keeper.scan(partial(report, "library"))
            requests = RequestBuilder(db, configuration)
            installation = await watermark_installation(db)
            yield Catalogued(configuration, db, keeper, library, requests, applied, installation)


def require_database(storage: StorageSettings) -> None:
    """Refuse to create a database beside the pictures of an earlier one. Raises DatabaseMissing."""
    database = storage.database
    missing = not database.exists() or not database.stat().st_size
    if missing and next(storage.pictures.glob("*/*"), None) is not None:
        raise DatabaseMissing(
            f"There is no database {database}, but {storage.pictures} holds the pictures of an earlier one. "
            f"`{program()} restore` restores the newest copy. To start with an empty database, in which these pictures "
            f"belong to nobody, use `{program()} run --new-database`."
        )


def _tighten(storage: StorageSettings) -> None:
    try:
        tighten(storage.folder, storage.written())
    except OSError as problem:
        log.warning("%s is readable by other accounts: %s", storage.folder, problem)


@asynccontextmanager
async def open_easel(
    settings: Settings,
    report: WorkReport = _no_report,
    read_settings: Callable[[], Settings] | None = None,
    *,
    lookup_clock: Callable[[], float] = time.monotonic,
    new_database: bool = False,
) -> AsyncGenerator[Easel]:
    """All services running: catalogue, workers, jobs. A reload reads the settings with `read_settings`.

    By `lookup_clock` (seconds) answers of Discord about members and command permissions grow old.

    Raises as `open_catalogue`, and WorkerUnavailable.
    """
    require_checkpoints(settings)
    require_models(settings)
    require_signing(settings)
    async with (
        open_catalogue(settings, report, new_database=new_database) as found,
        started(found, read_settings, lookup_clock=lookup_clock) as easel,
    ):
        yield easel


def assemble(
    found: Catalogued,
    read_settings: Callable[[], Settings] | None = None,
    *,
    lookup_clock: Callable[[], float] = time.monotonic,
) -> Easel:
    """All services constructed on an open catalogue, none of them started. Raises ConfigError."""
    configuration, db, settings = found.configuration, found.db, found.configuration.settings
    _prepare_folders(settings)
    pool = make_pool(settings, configuration.checkpoints.specs, found.installation)
    servers = server_services(db, lambda: configuration.settings, declarer=found.keeper, lookup_clock=lookup_clock)
    removed = RemovedPictures(db)
    jobs = JobService(
        db,
        pool,
        files=LibraryFiles(db, settings.library.folder, settings.storage.inputs),
        spool=SpoolFolder(settings.storage.spool),
        pictures=settings.storage.pictures,
        removed=removed,
        limits=settings.limits,
        still_allowed=servers.checks.still_allowed,
        checks=AutomaticChecks(
            lambda: configuration.settings.classifier,
            lambda: configuration.settings.text_judge,
            servers.content.rating_of_words,
        ),
    )
    thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
    inputs = Inputs(settings.storage.inputs, InputGate(removed, face_finder()))
    http = SourceHttp(lambda: configuration.settings.sources)
    additions = Additions(db, configuration, found.keeper, http)
    files = FileRemoval(db, configuration, thumbnails)
    backups = Backups(configuration)
    return Easel(
        configuration=configuration,
        db=db,
        keeper=found.keeper,
        requests=found.requests,
        jobs=jobs,
        pool=pool,
        thumbnails=thumbnails,
        attachments=SignedAttachments(thumbnails, lambda: configuration.settings.c2pa),
        lora_pictures=LoraPictures(db, configuration, thumbnails),
        inputs=inputs,
        removed=removed,
        repainter=Repainter(configuration, found.requests, inputs, servers.checks),
        reloader=Reloader(configuration, db, found.keeper, jobs, read_settings or (lambda: settings)),
        servers=servers,
        additions=additions,
        updates=Updates(db, configuration, additions.civitai, additions.hugging_face, forget=servers.forget),
        files=files,
        retention=Retention(db, configuration, files, forgotten=servers.forget),
        backups=backups,
        watchman=Watchman(configuration, db, jobs, backups),
    )


@asynccontextmanager
async def started(
    found: Catalogued,
    read_settings: Callable[[], Settings] | None = None,
    *,
    lookup_clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Easel]:
    """All services running on an open catalogue. Raises ConfigError, DatabaseError or WorkerUnavailable."""
    settings = found.configuration.settings
    easel = assemble(found, read_settings, lookup_clock=lookup_clock)
    async with aclosing(easel.watchman), easel.jobs.running(), closing_additions(easel.additions):
        beside = (
            background.start(found.keeper.watch(settings.library.look_seconds), "watching the library"),
            background.start(easel.backups.run(), "copying the database"),
            background.start(easel.watchman.run(), "watching data and workers"),
            background.start(easel.removed.hash_older(settings.storage.pictures), "hashing older pictures"),
            background.start(keep_record(found.configuration), "recording what was removed"),
            background.start(easel.retention.run(), "removing what is older than it is to be kept"),
            background.start(easel.updates.run(), "asking hubs for newer versions"),
        )
        try:
            yield easel
        finally:
            for task in beside:
                task.cancel()
            await asyncio.to_thread(save_record, settings.storage.database)


@asynccontextmanager
async def closing_additions(additions: Additions) -> AsyncGenerator[None]:
    """Go on with what was being added, and stop at the end. Raises DatabaseError."""
    await additions.resume()
    try:
        yield
    finally:
        await additions.close()


def _prepare_folders(settings: Settings) -> None:
    storage = settings.storage
    try:
        for folder in (storage.pictures, storage.inputs, storage.spool):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        reason = why(problem, storage.folder, Need.FOLDER)
        raise ConfigError(f"The folder {storage.folder} cannot be written: {reason}.") from None

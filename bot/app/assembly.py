"""Constructs all services, in order, by constructor arguments."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiosqlite

from bot import background
from bot.app.backups import keep_backups
from bot.config import ConfigError, Settings
from bot.config.sections import StorageSettings
from bot.database.connection import open_database
from bot.database.lock import program_lock
from bot.jobs.service import JobService
from bot.jobs.spool import clear_spool
from bot.library.catalogue import Progress, ScanReport
from bot.library.checkpoints import identify
from bot.library.registry import CivitaiRegistry
from bot.library.watcher import LibraryKeeper
from bot.pictures.inputs import Inputs
from bot.pictures.thumbnails import Thumbnails
from bot.requests.builder import RequestBuilder
from inference.lora.installed import installed_hashes
from inference.messages import CheckpointSpec, Configure
from inference.private_files import keep_private, tighten
from inference.workers.local import LocalWorker

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Easel:
    """All running services, for commands and cogs.

    A reload replaces `settings`, `checkpoints` and `requests`: look them up here, and keep no reference.
    """

    settings: Settings
    connection: aiosqlite.Connection
    checkpoints: tuple[CheckpointSpec, ...]
    keeper: LibraryKeeper
    requests: RequestBuilder
    jobs: JobService
    workers: tuple[LocalWorker, ...]
    thumbnails: Thumbnails
    inputs: Inputs
    read_settings: Callable[[], Settings]
    reloading: asyncio.Lock = field(default_factory=asyncio.Lock)
    started: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Catalogued:
    """The database with the checkpoints identified and the library scanned."""

    connection: aiosqlite.Connection
    checkpoints: tuple[CheckpointSpec, ...]
    keeper: LibraryKeeper
    library: ScanReport
    requests: RequestBuilder


def registry_of(settings: Settings) -> CivitaiRegistry | None:
    """The registry that is asked about files of unknown base model, if the settings name one."""
    return CivitaiRegistry(settings.library.registry) if settings.library.registry else None


def require_checkpoints(settings: Settings) -> None:
    """Raise ConfigError when there is nothing to paint with."""
    if not settings.checkpoints:
        raise ConfigError("No checkpoint is declared. Add a [[checkpoints]] section to the settings.")


def _no_progress(done: int, total: int) -> None:
    pass


@asynccontextmanager
async def open_catalogue(settings: Settings, progress: Progress = _no_progress) -> AsyncGenerator[Catalogued]:
    """Lock and open the database, identify the checkpoints and scan the library.

    Raises ConfigError, DatabaseError, LibraryUnreadable or BadDeclarations.
    """
    keep_private()
    with program_lock(settings.storage.database):
        await asyncio.to_thread(_tighten, settings.storage)
        async with open_database(settings.storage.database) as connection:
            checkpoints = tuple(await identify(connection, settings.checkpoints))
            keeper = LibraryKeeper(
                connection,
                settings.library.folder,
                installed_hashes(checkpoints),
                trust_tags=settings.matching.trust_tags,
                registry=registry_of(settings),
            )
            library = await keeper.scan(progress)
            requests = RequestBuilder(connection, settings, checkpoints)
            yield Catalogued(connection, checkpoints, keeper, library, requests)


def _tighten(storage: StorageSettings) -> None:
    try:
        tighten(storage.folder, storage.written())
    except OSError as problem:
        log.warning("%s stays open to other accounts: %s", storage.folder, problem)


@asynccontextmanager
async def open_easel(
    settings: Settings, progress: Progress = _no_progress, read_settings: Callable[[], Settings] | None = None
) -> AsyncGenerator[Easel]:
    """All services running: catalogue, workers, jobs. A reload reads the settings with `read_settings`.

    Raises as `open_catalogue`, and WorkerUnavailable.
    """
    require_checkpoints(settings)
    async with open_catalogue(settings, progress) as found, started(settings, found, read_settings) as easel:
        yield easel


def assemble(settings: Settings, found: Catalogued, read_settings: Callable[[], Settings] | None = None) -> Easel:
    """All services constructed on an open catalogue, none of them started. Raises ConfigError."""
    _prepare_folders(settings)
    workers = tuple(map(LocalWorker, configurations(settings, found.checkpoints)))
    jobs = JobService(
        found.connection,
        workers,
        pictures=settings.storage.pictures,
        spool=settings.storage.spool,
        limits=settings.limits,
    )
    return Easel(
        settings,
        found.connection,
        found.checkpoints,
        found.keeper,
        found.requests,
        jobs,
        workers,
        Thumbnails(settings.storage.thumbnails),
        Inputs(settings.storage.inputs),
        read_settings or (lambda: settings),
    )


@asynccontextmanager
async def started(
    settings: Settings, found: Catalogued, read_settings: Callable[[], Settings] | None = None
) -> AsyncGenerator[Easel]:
    """All services running on an open catalogue. Raises ConfigError, DatabaseError or WorkerUnavailable."""
    easel = assemble(settings, found, read_settings)
    await clear_spool(found.connection, settings.storage.spool)
    async with easel.jobs.running():
        beside = (
            background.start(found.keeper.watch(settings.library.look_seconds), "watching the library"),
            background.start(keep_backups(lambda: easel.settings), "copying the database"),
            background.start(easel.inputs.sweep(found.connection), "clearing away pictures to start from"),
        )
        try:
            yield easel
        finally:
            for task in beside:
                task.cancel()


def _prepare_folders(settings: Settings) -> None:
    storage = settings.storage
    try:
        for folder in (storage.pictures, storage.inputs, storage.spool):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ConfigError(f"The folder {storage.folder} cannot be written: {problem.strerror}.") from None


def configurations(settings: Settings, checkpoints: tuple[CheckpointSpec, ...]) -> list[Configure]:
    """The configuration of each worker, in the order of the devices."""
    return [_configure(settings, checkpoints, device) for device in settings.worker.devices]


def _configure(settings: Settings, checkpoints: tuple[CheckpointSpec, ...], device: str) -> Configure:
    """The configuration of the worker on `device`, with those checkpoints alone that it has the memory for."""
    declared = {checkpoint.name: checkpoint.devices for checkpoint in settings.checkpoints}
    return Configure(
        checkpoints=tuple(spec for spec in checkpoints if device in (declared[spec.name] or (device,))),
        library=str(settings.library.folder),
        spool=str(settings.storage.spool),
        inputs=str(settings.storage.inputs),
        device=device,
        threads=settings.worker.threads,
        allowed_pairs=settings.matching.allow,
        allow_v_on_epsilon=settings.matching.allow_v_on_epsilon,
        trust_tags=settings.matching.trust_tags,
        max_lora_bytes=settings.worker.max_lora_megabytes * 2**20,
        max_dense_bytes=settings.worker.max_dense_megabytes * 2**20,
        lora_cache_bytes=settings.worker.lora_cache_megabytes * 2**20,
        lora_set_bytes=settings.worker.lora_set_megabytes * 2**20,
        embedding_cache_bytes=settings.worker.embedding_cache_megabytes * 2**20,
        state_steps=settings.worker.state_steps,
        places=settings.worker.places,
        caps=str(settings.storage.caps),
        offload=settings.worker.offload,
        compiled=settings.worker.compiled,
    )

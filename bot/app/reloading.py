"""Loads changed settings and checkpoints into the running program, after all of them have been checked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.app.from_settings import (
    registry_of,
    require_checkpoints,
    require_models,
    require_signing,
    worker_options,
)
from bot.background import guard
from bot.config import ConfigError, Settings
from bot.config.changes import Changes, changes, taken_over
from bot.database.database import Database
from bot.jobs.service import JobService
from bot.library.catalogue import LibraryUnreadable
from bot.library.checkpoints import identify
from bot.library.configuration import Configuration
from bot.library.watcher import LibraryKeeper
from bot.pictures.watermarks import watermark_installation
from inference.lora.beside.declarations import BadDeclarations
from inference.lora.known.installed import installed_hashes, installed_predictions
from inference.messages.checkpoints import CheckpointSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reloaded:
    """What a reload has changed; `library_problem` says why the library could not be scanned."""

    changes: Changes
    library_problem: str | None = None


class Reloader:
    """Reads the settings again and lets them hold, in the configuration and in the services that keep a part of them.

    One reload runs at a time.
    """

    def __init__(
        self,
        configuration: Configuration,
        db: Database,
        keeper: LibraryKeeper,
        jobs: JobService,
        read_settings: Callable[[], Settings],
    ) -> None:
        self._configuration = configuration
        self._db = db
        self._library = keeper
        self._jobs = jobs
        self._read_settings = read_settings
        self._lock = asyncio.Lock()

    async def reload(self) -> Reloaded:
        """Read the settings and use them from now on. Raises ConfigError or DatabaseError; then nothing has changed.

        Checkpoints whose files were replaced count as changed. Jobs that a worker has begun end with the old settings.
        """
        async with self._lock:
            old, before = self._configuration.settings, self._configuration.checkpoints.specs
            read = await asyncio.to_thread(self._read_settings)
            new = taken_over(old, read)
            require_checkpoints(new)
            await asyncio.to_thread(require_models, new)
            await asyncio.to_thread(require_signing, new)
            _require_devices(new)
            specs = tuple(await identify(self._db, new.checkpoints))
            self._configuration.replace(new, specs)
            self._library.judge_by(
                installed_hashes(specs),
                trust_tags=new.matching.trust_tags,
                registry=registry_of(new),
                few_steps=new.library.few_step_files,
                predictions=installed_predictions(specs),
            )
            installation = await watermark_installation(self._db)
            told = zip(worker_options(old, before, installation), worker_options(new, specs, installation), strict=True)
            await self._jobs.reconfigure(new.limits, [after if after != was else None for was, after in told])
            return Reloaded(_with_replaced(changes(old, read), before, specs), await self._scan())

    async def _scan(self) -> str | None:
        try:
            await self._library.scan()
        except (LibraryUnreadable, BadDeclarations) as problem:
            return str(problem)
        return None

    async def reload_on(self, asked: asyncio.Event) -> None:
        """Reload whenever `asked` is set, and log the result. Runs until cancelled."""
        while True:
            await asked.wait()
            asked.clear()
            await guard(self._reload_and_log(), "reloading the settings")

    async def _reload_and_log(self) -> None:
        try:
            done = await self.reload()
        except ConfigError as problem:
            log.error("kept the old settings: %s", problem)
            return
        for what, names in vars(done.changes).items():
            if names:
                log.info("reloaded, %s: %s", _LOGGED[what], ", ".join(names))
        if done.library_problem:
            log.error("%s", done.library_problem)
        log.info("reloaded the settings")


def _require_devices(settings: Settings) -> None:
    """Raise ConfigError for a checkpoint whose devices have no worker before a restart."""
    for checkpoint in settings.checkpoints:
        if checkpoint.devices and not set(checkpoint.devices) & set(settings.worker.devices):
            raise ConfigError(
                f"The checkpoint {checkpoint.name} is for {' and '.join(checkpoint.devices)}, where no worker runs "
                "yet. A restart begins one."
            )


def _with_replaced(found: Changes, before: tuple[CheckpointSpec, ...], after: tuple[CheckpointSpec, ...]) -> Changes:
    known = {spec.name: spec for spec in before}
    replaced = [spec.name for spec in after if spec.name in known and spec != known[spec.name]]
    return replace(found, changed=tuple(dict.fromkeys([*found.changed, *replaced])))


_LOGGED = {
    "settings": "other settings",
    "restart": "waiting for a restart",
    "added": "new checkpoints",
    "removed": "checkpoints taken away",
    "changed": "checkpoints declared otherwise",
}

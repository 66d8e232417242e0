"""Loads changed settings and checkpoints into the running program, after all of them have been checked."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from bot.app.assembly import Easel, configurations, registry_of, require_checkpoints
from bot.background import guard
from bot.config import ConfigError, Settings
from bot.config.changes import Changes, changes, taken_over
from bot.library.catalogue import LibraryUnreadable
from bot.library.checkpoints import identify
from bot.requests.builder import RequestBuilder
from inference.lora.declarations import BadDeclarations
from inference.lora.installed import installed_hashes
from inference.messages import CheckpointSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reloaded:
    """What a reload has changed; `library_problem` says why the library could not be scanned."""

    changes: Changes
    library_problem: str | None = None


async def reload(easel: Easel) -> Reloaded:
    """Read the settings and use them from now on. Raises ConfigError or DatabaseError; then nothing has changed.

    Checkpoints whose files were replaced count as changed. Jobs that a worker has begun end with the old settings.
    """
    async with easel.reloading:
        old, before = easel.settings, easel.checkpoints
        read = await asyncio.to_thread(easel.read_settings)
        new = taken_over(old, read)
        require_checkpoints(new)
        _require_devices(new)
        specs = tuple(await identify(easel.connection, new.checkpoints))
        easel.settings, easel.checkpoints = new, specs
        easel.requests = RequestBuilder(easel.connection, new, specs)
        easel.keeper.judge_by(installed_hashes(specs), trust_tags=new.matching.trust_tags, registry=registry_of(new))
        told = zip(configurations(old, before), configurations(new, specs), strict=True)
        await easel.jobs.reconfigure(new.limits, [after if after != was else None for was, after in told])
        return Reloaded(_with_replaced(changes(old, read), before, specs), await _scan(easel))


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


async def _scan(easel: Easel) -> str | None:
    try:
        await easel.keeper.scan()
    except (LibraryUnreadable, BadDeclarations) as problem:
        return str(problem)
    return None


async def reload_on(easel: Easel, asked: asyncio.Event) -> None:
    """Reload whenever `asked` is set, and log the result. Runs until cancelled."""
    while True:
        await asked.wait()
        asked.clear()
        await guard(_reload_and_log(easel), "reloading the settings")


async def _reload_and_log(easel: Easel) -> None:
    try:
        done = await reload(easel)
    except ConfigError as problem:
        log.error("the settings stay as they were: %s", problem)
        return
    for what, names in vars(done.changes).items():
        if names:
            log.info("reloaded, %s: %s", _LOGGED[what], ", ".join(names))
    if done.library_problem:
        log.error("%s", done.library_problem)
    log.info("reloaded the settings")


_LOGGED = {
    "settings": "other settings",
    "restart": "waiting for a restart",
    "added": "new checkpoints",
    "removed": "checkpoints taken away",
    "changed": "checkpoints declared otherwise",
}

"""What follows from settings: the configuration of each worker, the registry, and what may not be missing."""

from __future__ import annotations

from collections.abc import Sequence

from bot.config import ConfigError, Settings
from bot.library.registry import CivitaiRegistry
from inference.messages import CheckpointSpec, Configure


def registry_of(settings: Settings) -> CivitaiRegistry | None:
    """The registry that is asked about files of unknown base model, if the settings name one."""
    return CivitaiRegistry(settings.library.registry) if settings.library.registry else None


def require_checkpoints(settings: Settings) -> None:
    """Raise ConfigError when there is nothing to paint with."""
    if not settings.checkpoints:
        raise ConfigError("No checkpoint is declared. Add a [[checkpoints]] section to the settings.")


def configurations(settings: Settings, checkpoints: Sequence[CheckpointSpec]) -> list[Configure]:
    """The configuration of each worker, in the order of the devices."""
    return [_configure(settings, checkpoints, device) for device in settings.worker.devices]


def _configure(settings: Settings, checkpoints: Sequence[CheckpointSpec], device: str) -> Configure:
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

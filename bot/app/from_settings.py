"""What follows from settings: the workers with their options, the registry, and what may not be missing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from bot.config import ConfigError, Settings
from bot.config.sections.cluster import ClusterSettings
from bot.config.sections.worker import Backend
from bot.pictures.faces import FaceFinder, FacesUnusable, installed_faces
from bot.pictures.signing.credentials import CertificateExpired, SigningUnusable, credentials_of
from bot.sources.hubs.registry import CivitaiRegistry
from inference.checkpoints.classifier_files import ClassifierFiles, require_package
from inference.cluster.protocol import ClusterSettingsSent
from inference.cluster.ray.node import cluster_environment
from inference.cluster.socket_address import SocketAddress
from inference.cluster.wire import SECRET_VARIABLE
from inference.errors import ClassifierUnusable
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.options import Folders, WorkerOptions
from inference.processes.child_processes import module_command
from inference.watermark.trustmark import weights_sha256
from inference.workers import WorkerPool
from inference.workers.driver_process import DriverOptions, DriverProcess
from inference.workers.fixed import FixedPool
from inference.workers.local import LocalWorker
from inference.workers.ray import RayPool
from inference.workers.storage import SpoolFolder

log = logging.getLogger(__name__)


def registry_of(settings: Settings) -> CivitaiRegistry | None:
    """The registry that is asked about files of unknown base model, if the settings name one."""
    url = settings.library.registry
    return CivitaiRegistry(settings.sources, url) if url else None


def require_checkpoints(settings: Settings) -> None:
    """Raise ConfigError when there is nothing to paint with."""
    if not settings.checkpoints:
        raise ConfigError("No checkpoint is declared. Add a [[checkpoints]] section to the settings.")


def require_models(settings: Settings) -> None:
    """Raise ConfigError if the files of classifier, text judge or watermark cannot be used.

    Only workers read those on the hub.
    """
    classifier, judge, watermark = settings.classifier.spec, settings.text_judge.spec, settings.watermark.spec()
    try:
        if classifier is not None and classifier.package:
            require_package(classifier.classes)
        elif classifier is not None and not classifier.repository:
            ClassifierFiles.read(Path(classifier.source), classifier.classes)
        if judge is not None:
            ClassifierFiles.read_text_judge(Path(judge.source), judge.classes)
        if watermark is not None:
            weights_sha256(watermark)
    except ClassifierUnusable as problem:
        raise ConfigError(problem.for_operators.format(reason=problem.reason)) from None


def require_signing(settings: Settings) -> None:
    """Raise ConfigError if signing is on but does not work. Reload the files.

    An expired certificate is only logged: pictures without a signature still have their mark.
    """
    try:
        credentials_of(settings.c2pa, anew=True)
    except CertificateExpired as problem:
        log.error("sending pictures without a C2PA signature: %s", problem)
    except SigningUnusable as problem:
        raise ConfigError(str(problem)) from None


def face_finder() -> FaceFinder | None:
    """The face finder of this installation; None without one. Raises ConfigError when it cannot be used."""
    try:
        return installed_faces()
    except FacesUnusable as problem:
        raise ConfigError(str(problem)) from None


def make_pool(settings: Settings, checkpoints: Sequence[CheckpointSpec], installation: int = 0) -> WorkerPool:
    """The workers that the settings ask for, none of them started. No other place knows of which kind they are."""
    if settings.worker.backend is Backend.LOCAL:
        return FixedPool(make_workers(settings, checkpoints, installation))
    (options,) = worker_options(settings, checkpoints, installation)
    return RayPool(options, SpoolFolder(settings.storage.spool), DriverProcess(driver_options(settings.cluster)))


def driver_options(cluster: ClusterSettings) -> DriverOptions:
    """How the driver process of a cluster is started and reached."""
    secret = cluster.secret.get_secret_value()
    command = cluster.driver or (None if cluster.socket else module_command("inference.cluster.driver"))
    return DriverOptions(
        listen=SocketAddress(cluster.socket) if cluster.socket else None,
        command=command,
        cluster=ClusterSettingsSent(
            address=cluster.address,
            unreachable_seconds=cluster.unreachable_seconds,
            cache_bytes=cluster.cache_gigabytes * 10**9,
            shared=cluster.shared,
        ),
        environment=cluster_environment(cluster.token_file) | ({SECRET_VARIABLE: secret} if secret else {}),
        secret=secret,
    )


def make_workers(
    settings: Settings, checkpoints: Sequence[CheckpointSpec], installation: int = 0
) -> tuple[LocalWorker, ...]:
    """A worker on this machine for each device, in the order of the settings; none of them is started."""
    folders = local_folders(settings)
    return tuple(LocalWorker(options, folders) for options in worker_options(settings, checkpoints, installation))


def local_folders(settings: Settings) -> Folders:
    """Where a worker on this machine finds and leaves files: in the bot's own folders."""
    return Folders(
        library=str(settings.library.folder),
        spool=str(settings.storage.spool),
        inputs=str(settings.storage.inputs),
        caps=str(settings.storage.caps),
        embeddings=str(settings.storage.embeddings),
    )


def worker_options(
    settings: Settings, checkpoints: Sequence[CheckpointSpec], installation: int = 0
) -> list[WorkerOptions]:
    """The options of each worker, in the order of the devices. Watermarks name the `installation`."""
    return [_options(settings, checkpoints, device, installation) for device in settings.worker.devices]


def _options(
    settings: Settings, checkpoints: Sequence[CheckpointSpec], device: str, installation: int
) -> WorkerOptions:
    """The options of the worker on `device`, with those checkpoints alone that it has the memory for."""
    declared = {checkpoint.name: checkpoint.devices for checkpoint in settings.checkpoints}
    return WorkerOptions(
        checkpoints=tuple(spec for spec in checkpoints if device in (declared[spec.name] or (device,))),
        device=device,
        threads=settings.worker.threads,
        allowed_pairs=settings.matching.allow,
        allow_v_on_epsilon=settings.matching.allow_v_on_epsilon,
        unknown_prediction=settings.matching.unknown_prediction,
        trust_tags=settings.matching.trust_tags,
        max_lora_bytes=settings.worker.max_lora_megabytes * 2**20,
        max_dense_bytes=settings.worker.max_dense_megabytes * 2**20,
        lora_cache_bytes=settings.worker.lora_cache_megabytes * 2**20,
        lora_set_bytes=settings.worker.lora_set_megabytes * 2**20,
        embedding_cache_bytes=settings.worker.embedding_cache_megabytes * 2**20,
        embedding_file_bytes=settings.worker.embedding_files_megabytes * 2**20,
        state_steps=settings.worker.state_steps,
        places=settings.worker.places,
        offload=settings.worker.offload,
        compiled=settings.worker.compiled,
        expandable_segments=settings.worker.expandable_segments,
        classifier=settings.classifier.spec,
        text_judge=settings.text_judge.spec,
        watermark=settings.watermark.spec(installation),
    )

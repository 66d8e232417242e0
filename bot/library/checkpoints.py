"""The declared checkpoints with their identity: hashed once, and again only when their files change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.background import reading
from bot.config import CheckpointSettings, ConfigError
from bot.database.database import Database
from bot.database.loras.checkpoints import KNOWN_HASHES, REMEMBER_HASHES, CheckpointHashes
from bot.file_access import Need, why
from inference.checkpoints.files import CheckpointSays, read_checkpoint
from inference.files.hashes import checkpoint_sha256, folder_files, short_hash
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.prediction import EdmCheckpoint, checkpoint_prediction

Progress = Callable[[int, int], None]


async def identify(
    db: Database | None,
    checkpoints: Sequence[CheckpointSettings],
    *,
    remember: bool = True,
    progress: Progress = lambda done, total: None,
) -> list[CheckpointSpec]:
    """The specification of each checkpoint for the worker. Raises ConfigError for files that cannot be used.

    Hashes are looked up in the database, if there is a connection, and stored there, if it may `remember` them.
    `progress` gets the megabytes of a checkpoint that were hashed, and how many it has.
    """
    return [await _identified(db, checkpoint, remember, progress) for checkpoint in checkpoints]


async def _identified(
    db: Database | None, checkpoint: CheckpointSettings, remember: bool, progress: Progress
) -> CheckpointSpec:
    if checkpoint.path is None:
        return checkpoint.spec(None)  # a repository has no bytes before its first download
    try:
        size = None if checkpoint.path.is_dir() else checkpoint.path.stat().st_size
        hashes = await _hashes(db, checkpoint, checkpoint.path, remember, progress)
        said = _said(checkpoint.path)
    except OSError as problem:
        reason = why(problem, Path(problem.filename or checkpoint.path), Need.READ)
        raise ConfigError(
            f"The checkpoint {checkpoint.name} cannot be read at {checkpoint.path}: {reason}. "
            "If the path is wrong, correct it in the settings."
        ) from None
    spec = checkpoint.spec(hashes.sha256, hashes.short_hash)
    predicts, takes_guidance = _prediction(checkpoint, said), bool(said and said.guidance_is_input)
    return spec.model_copy(update={"size": size, "predicts": predicts, "guidance_is_input": takes_guidance})


async def _hashes(
    db: Database | None,
    checkpoint: CheckpointSettings,
    path: Path,
    remember: bool,
    progress: Progress,
) -> CheckpointHashes:
    """The hashes, from the database if the files have not changed."""
    name, source, stamp = checkpoint.name, str(path), _stamp(path)
    known = await db.one(KNOWN_HASHES, name=name, source=source, stamp=stamp) if db else None
    if known:
        return known
    hashes = CheckpointHashes(await reading(checkpoint_sha256, path, progress), short_hash(path))
    if db and remember:
        base_model = checkpoint.base_model
        await db.run(
            REMEMBER_HASHES,
            name=name,
            source=source,
            stamp=stamp,
            sha256=hashes.sha256,
            short_hash=hashes.short_hash,
            base_model=base_model,
        )
    return hashes


def _said(path: Path) -> CheckpointSays | None:
    """What its files say, None of rubbish: whether they can be loaded, the worker finds out. Raises OSError."""
    try:
        return read_checkpoint(path)
    except (ValueError, RecursionError):
        return None


def _prediction(checkpoint: CheckpointSettings, said: CheckpointSays | None) -> PredictionType | None:
    """What it predicts, as far as its files say. Raises ConfigError."""
    if said is None:
        return checkpoint.prediction_type
    try:
        architecture = checkpoint.base_model.architecture
        return checkpoint_prediction(checkpoint.prediction_type, architecture, said, said.scheduler).type
    except EdmCheckpoint as problem:
        raise ConfigError(f"The checkpoint {checkpoint.name} cannot be used: {problem}. Take it out.") from None


def _stamp(path: Path) -> str:
    """A digest of names, sizes and times of the weight files; it changes whenever one is changed, added or removed."""
    files = folder_files(path) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(2, "there are no weights in it")
    listing = [f"{file.name}:{(stat := file.stat()).st_size}:{stat.st_mtime_ns}" for file in files]
    return hashlib.sha256("\n".join(listing).encode()).hexdigest()

"""The declared checkpoints with their identity: hashed once, and again only when their files change."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import aiosqlite

from bot.config import CheckpointSettings, ConfigError
from bot.database.checkpoints import known_sha256, remember_checkpoint
from inference.hashes import checkpoint_sha256, folder_files, short_hash
from inference.messages import CheckpointSpec


async def identify(
    connection: aiosqlite.Connection | None, checkpoints: Sequence[CheckpointSettings]
) -> list[CheckpointSpec]:
    """What the worker is told of each checkpoint. Raises ConfigError for files that are not there.

    Without a connection nothing is remembered, and each is hashed anew.
    """
    return [
        checkpoint.spec(await _sha256(connection, checkpoint), _short_hash(checkpoint)) for checkpoint in checkpoints
    ]


async def _sha256(connection: aiosqlite.Connection | None, checkpoint: CheckpointSettings) -> str | None:
    if checkpoint.path is None:
        return None  # a repository has no bytes before its first download
    try:
        stamp = _stamp(checkpoint.path)
        source = str(checkpoint.path)
        if connection and (known := await known_sha256(connection, checkpoint.name, source=source, stamp=stamp)):
            return known
        sha256 = await asyncio.to_thread(checkpoint_sha256, checkpoint.path)
    except OSError as problem:
        raise ConfigError(
            f"The checkpoint {checkpoint.name} cannot be read at {checkpoint.path} ({problem.strerror}). "
            "Correct its path in the settings."
        ) from None
    if connection:
        await remember_checkpoint(
            connection,
            checkpoint.name,
            source=source,
            stamp=stamp,
            sha256=sha256,
            short_hash=_short_hash(checkpoint),
            base_model=checkpoint.base_model,
        )
    return sha256


def _short_hash(checkpoint: CheckpointSettings) -> str | None:
    """Reads 64 KiB, so it is taken at every start."""
    try:
        return short_hash(checkpoint.path) if checkpoint.path is not None else None
    except OSError:
        return None


def _stamp(path: Path) -> str:
    """Changes whenever a file that makes the checkpoint's identity is changed, added or removed."""
    files = folder_files(path) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(2, "there are no weights in it")
    listing = [f"{file.name}:{(stat := file.stat()).st_size}:{stat.st_mtime_ns}" for file in files]
    return hashlib.sha256("\n".join(listing).encode()).hexdigest()

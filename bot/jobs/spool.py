"""The worker's spool: the folder of finished pictures until they are stored, and of resume states."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import aiosqlite

from bot.database.jobs import unfinished_ids
from inference.messages import state_file

PICTURES_A_FOLDER = 1000  # jobs whose pictures share a folder, so that folders stay small


def place(job_id: int, name: str) -> str:
    """The path, below the pictures folder, at which a job's picture is stored."""
    return f"{job_id // PICTURES_A_FOLDER}/{name}"


def keep(source: Path, target: Path) -> None:
    """Move a finished picture to `target`, replacing what was there, and sync it to disk. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())  # a row that names it is about to be committed


async def clear_spool(connection: aiosqlite.Connection, spool: Path) -> None:
    """Delete what a killed program left in the spool, except resume states of unfinished jobs.

    Raises DatabaseError.
    """
    kept = {state_file(job_id) for job_id in await unfinished_ids(connection)}
    await asyncio.to_thread(_clear, spool, kept)


def _clear(folder: Path, kept: Collection[str]) -> None:
    for leftover in folder.iterdir():
        if leftover.name not in kept:
            with suppress(OSError):
                leftover.unlink()

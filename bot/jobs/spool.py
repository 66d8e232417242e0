"""The worker's spool: pictures on their way out of it, and states of jobs that a worker will go on with."""

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

PICTURES_A_FOLDER = 1000  # jobs whose pictures share a folder, so that no folder grows without end


def place(job_id: int, name: str) -> str:
    """Where a job's picture of this name stays, below the pictures folder."""
    return f"{job_id // PICTURES_A_FOLDER}/{name}"


def keep(source: Path, target: Path) -> None:
    """Move a finished picture to `target`, over what was there, and onto the disk for good. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())  # a row that names it is about to be committed


async def clear_spool(connection: aiosqlite.Connection, spool: Path) -> None:
    """At the start: delete what a program that was killed left, but the states of jobs that are not done.

    Raises DatabaseError.
    """
    kept = {state_file(job_id) for job_id in await unfinished_ids(connection)}
    await asyncio.to_thread(_clear, spool, kept)


def _clear(folder: Path, kept: Collection[str]) -> None:
    for leftover in folder.iterdir():
        if leftover.name not in kept:
            with suppress(OSError):
                leftover.unlink()

"""Pictures on their way out of the worker's spool, to where they stay."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

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

"""Pictures on their way out of the worker's spool, to where they stay."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def keep(source: Path, target: Path) -> None:
    """Move a finished picture to `target`, over what was there, and onto the disk for good. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())  # a row that names it is about to be committed

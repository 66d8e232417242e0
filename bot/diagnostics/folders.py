"""Whether a folder can be written: by writing into it, because permissions alone do not tell."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bot.file_access import Need, why


def why_unwritable(folder: Path) -> str | None:
    """What keeps files from being written into `folder`, which is made if it is not there; None if nothing does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as problem:
        return why(problem, folder, Need.FOLDER)
    return None

"""The free space of Easel's folders, for the metrics."""

from __future__ import annotations

import shutil
from contextlib import suppress

from bot.config import Settings
from bot.diagnostics.watch import FOLDERS, place_of
from bot.metrics import FolderSpace


def folder_spaces(settings: Settings) -> tuple[FolderSpace, ...]:
    """Return the space of each folder in FOLDERS. Unreadable folders are left out."""
    spaces: list[FolderSpace] = []
    for folder in FOLDERS:
        with suppress(OSError):
            usage = shutil.disk_usage(place_of(settings, folder))
            spaces.append(FolderSpace(folder, usage.free, usage.total))
    return tuple(spaces)

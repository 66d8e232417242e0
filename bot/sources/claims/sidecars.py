"""Files of the library of which another program's sidecar says that they came from Civitai."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from inference.lora.beside.foreign_sidecars import HUB_SUFFIXES, hashes_at_civitai

log = logging.getLogger(__name__)

Stamp = tuple[int, int]  # size and time of a file


class HubSidecars:
    """Reads sidecars, each again only when it has changed."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[Stamp, frozenset[str]]] = {}

    def hashes(self, library: Path) -> frozenset[str]:
        """The SHA-256 that sidecars name. One that cannot be read names none. Raises OSError for the folder."""
        known, self._read = self._read, {}
        for path in _sidecars(library):
            try:
                about = path.stat()
                stamp = about.st_size, about.st_mtime_ns
                before = known.get(path)
                self._read[path] = before if before and before[0] == stamp else (stamp, hashes_at_civitai(path))
            except OSError as problem:
                log.info("cannot read %s: %s", path, problem)
        return frozenset[str]().union(*(hashes for _, hashes in self._read.values()))


def _sidecars(library: Path) -> list[Path]:
    return [
        Path(folder, name) for folder, _, names in os.walk(library) for name in names if name.endswith(HUB_SUFFIXES)
    ]

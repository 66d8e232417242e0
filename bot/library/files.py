"""The files that jobs name by SHA-256: LoRA files of the library, and pictures to start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from bot.database.loras import find_version
from inference.workers.storage import StoredFile


@dataclass(frozen=True)
class LibraryFiles:
    """Implements `inference.workers.storage.JobFiles`; the catalogue knows where a LoRA lies."""

    connection: aiosqlite.Connection
    library: Path
    inputs: Path

    async def lora(self, sha256: str) -> StoredFile | None:
        """The file of a LoRA; None when it is not known or cannot be used any more. Raises DatabaseError."""
        version = await find_version(self.connection, sha256)
        return StoredFile(self.library, version.path) if version and version.usable else None

    def source_image(self, sha256: str) -> StoredFile:
        """A picture to start from, which may be gone."""
        return StoredFile(self.inputs, sha256)

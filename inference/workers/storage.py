"""The files that bot and workers exchange, each reached by its name, so that they need not share a disk.

A job names the files that it needs by their SHA-256: LoRAs, and pictures to start from. The bot finds them in a
`JobFiles` and hands them over with the job; a worker without the bot's folders copies what it does not have yet.
What a worker leaves, finished pictures, previews and resume states, goes into the bot's `Spool`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from inference.lora.beside.sidecar import sidecar_paths
from inference.lora.knowledge import FILES
from inference.messages.spool import attempt_files


@dataclass(frozen=True)
class StoredFile:
    """A file on the bot's machine, at `name` below `folder`. Its bytes are those of its SHA-256, or useless.

    `size` is that of the bytes with this SHA-256, where it is known: the file may have been changed since.
    """

    folder: Path
    name: str
    size: int | None = field(default=None, kw_only=True)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / self.name

    def beside(self) -> list[StoredFile]:
        """The files by which a LoRA's base model is judged: its sidecar, declarations, and a registry's answers.

        They may change at any time, so a worker elsewhere copies them for each job. This looks at the disk.
        """
        names = [*(sidecar.relative_to(self.folder).as_posix() for sidecar in sidecar_paths(self.path)), *FILES]
        return [each for name in names if (each := StoredFile(self.folder, name)).path.is_file()]


class JobFiles(Protocol):
    """The files that jobs name by SHA-256. Neither method reads a file."""

    async def lora(self, sha256: str) -> StoredFile | None:
        """The file of a LoRA; None when it is not known or cannot be used any more."""
        ...

    def source_image(self, sha256: str) -> StoredFile:
        """A picture to start from, which may be gone."""
        ...


class Spool(Protocol):
    """What workers leave for the bot, by name. Every method blocks, and may be called in any thread.

    The names of an attempt's files begin as `attempt_files` says; a job's resume state is called `state_file`.
    """

    def put(self, name: str, data: bytes) -> None:
        """Store a file, atomically: for a worker that cannot write here by itself. Raises OSError."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises OSError."""
        ...

    def take(self, name: str, target: Path) -> None:
        """Move a file to `target`, replacing what was there, and sync it to disk. Raises OSError."""
        ...

    def delete_attempt(self, job_id: int, attempt: int, kept: Collection[str] = ()) -> None:
        """Delete what an attempt left, except the names in `kept`. What cannot be deleted stays."""
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Delete the files of these names, where there are any. What cannot be deleted stays."""
        ...

    def clear(self, kept: Collection[str]) -> None:
        """Delete everything except the names in `kept`. What cannot be deleted stays."""
        ...


@dataclass(frozen=True)
class SpoolFolder:
    """A spool that is a folder. Workers on this machine write into it, so that a picture is moved and never copied."""

    folder: Path

    def put(self, name: str, data: bytes) -> None:
        """Write under another name and rename, so that no half-written file is read. Raises OSError."""
        unfinished = self._path(name).with_suffix(".part")
        unfinished.write_bytes(data)
        unfinished.replace(self._path(name))

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises OSError."""
        return self._path(name).read_bytes()

    def take(self, name: str, target: Path) -> None:
        """Move a file to `target`. Raises OSError."""
        move_synced(self._path(name), target)

    def delete_attempt(self, job_id: int, attempt: int, kept: Collection[str] = ()) -> None:
        """Delete what an attempt left, except the names in `kept`."""
        left = self.folder.glob(f"{attempt_files(job_id, attempt)}*")
        _delete(path for path in left if path.name not in kept)

    def delete(self, names: Iterable[str]) -> None:
        """Delete the files of these names."""
        _delete(map(self._path, names))

    def clear(self, kept: Collection[str]) -> None:
        """Delete everything except the names in `kept`."""
        _delete([path for path in self.folder.iterdir() if path.name not in kept])

    def _path(self, name: str) -> Path:
        return self.folder / Path(name).name  # a worker may name no other folder


def _delete(paths: Iterable[Path]) -> None:
    with suppress(OSError):  # of the folder
        for path in paths:
            with suppress(OSError):
                path.unlink()


def move_synced(source: Path, target: Path) -> None:
    """Move a file to `target`, replacing what was there, and sync it to disk. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())  # a row that names it is about to be committed

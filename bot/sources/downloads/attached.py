"""Files that people attach: kept on the disk until they are added."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.sources.downloads.files import explained
from bot.sources.downloads.placing import FOLDER, PART, unique_name
from bot.sources.errors import DiskFailed, NoRoom, SourceError
from bot.sources.hubs.remote import MAX_NAME, RemoteFile, RemoteVersion
from inference.files.json_values import as_text

ATTACHED = "attached"  # the hub of files that people attach


@dataclass(frozen=True)
class TakenFile:
    """A file that a person attached, which is at `path` for as long as it is looked up."""

    path: Path
    name: str
    sha256: str
    size: int

    @property
    def version(self) -> RemoteVersion:
        """What is known of it by itself."""
        stem, name = as_text(Path(self.name).stem, MAX_NAME) or "LoRA", as_text(self.name, 200) or "LoRA"
        file = RemoteFile(url=f"{ATTACHED}:{self.sha256}", name=name, size=self.size, sha256=self.sha256)
        return RemoteVersion(hub=ATTACHED, page="", name=stem, version=stem, file=file)


def attached_path(key: str) -> str:
    """Where it is kept, relative to the library."""
    return f"{unique_name(key)}.attached{PART}"


def require_room(folder: Path, size: int, free: int, name: str) -> None:
    """Raise NoRoom where a file of this size would leave fewer than `free` bytes, or DiskFailed."""
    try:
        left = shutil.disk_usage(folder).free - size
    except OSError as problem:
        raise DiskFailed(name=name, reason=problem.strerror or str(problem)) from None
    if left < free:
        raise NoRoom(name=name)


def take_file(library: Path, name: str, data: bytes) -> TakenFile:
    """Write it into the library's folder under a name of its own. Raises NoRoom or DiskFailed, and leaves nothing."""
    path = library / FOLDER / f"{uuid.uuid4().hex}.taken{PART}"
    try:
        with explained(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except SourceError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    return TakenFile(path, name, hashlib.sha256(data).hexdigest(), len(data))


def keep_attached(taken: TakenFile, path: Path) -> None:
    """Move it there in one step: others may attach the same. Raises DiskFailed."""
    with explained(taken.name):
        taken.path.replace(path)

"""Files that people attach: kept by their SHA-256 until they are added."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path

from bot.sources.errors import DiskFailed, NoRoom
from bot.sources.placing import PART, unique_name
from bot.sources.remote import RemoteFile, RemoteVersion

ATTACHED = "attached"  # the hub of files that people attach


def attached_version(name: str, data: bytes) -> RemoteVersion:
    """What is known of an attached file by itself."""
    stem = Path(name).stem[:100] or "LoRA"
    sha256 = hashlib.sha256(data).hexdigest()
    file = RemoteFile(url=f"{ATTACHED}:{sha256}", name=name[:200], size=len(data), sha256=sha256)
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


def keep_attached(path: Path, data: bytes, name: str) -> None:
    """Write it there in one step: others may attach the same. Raises DiskFailed."""
    beside = path.with_name(f"{path.name}.{uuid.uuid4().hex}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as problem:
        beside.unlink(missing_ok=True)
        raise DiskFailed(name=name, reason=problem.strerror or str(problem)) from None

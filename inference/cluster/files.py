"""A node's cache of files: each known by its SHA-256, fetched once, checked when it arrives, and kept up to a limit.

All workers of a node share one cache, from several processes. A worker gets a hard link to a file, and a file with such
a link is in use. The rest is deleted when there is no room, the least recently used first.

A file comes from shared storage where there is one, else in pieces from the bot's machine. What was fetched before a
cut is kept, and the next attempt goes on from there. Bytes with another SHA-256 are deleted and refused.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from threading import get_ident
from typing import Annotated, Any, Protocol, cast

from filelock import FileLock, Timeout
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from inference.files.hashes import sha256_of
from inference.messages.values import Sha256

log = logging.getLogger(__name__)

PIECE_BYTES = 8 << 20  # at most
FIRST_PIECE_BYTES, LEAST_PIECE_BYTES = 1 << 20, 1 << 17
# Ray sends again from the beginning what has not arrived after ten seconds: pieces grow and shrink between these two.
QUICK_SECONDS, SLOW_SECONDS = 0.5, 3.0
MAX_FILE_BYTES = 2**40
_PART = re.compile(r"([0-9a-f]{64})-(\d{1,13})")
_Stamp = tuple[int, int, int]  # inode, size and modification time: equal for an unchanged file


def relative_name(name: str) -> str:
    """A name below a folder, with forward slashes. Raises ValueError for one that could lead out of the folder."""
    parts = name.split("/")
    if not name.isprintable() or "\\" in name or any(part in {"", ".", ".."} or len(part) > 255 for part in parts):
        raise ValueError(f"{name[:100]!r} is no name below a folder")
    return name


class FileRef(BaseModel):
    """A file by its SHA-256 and size. `name` is its path below the folder that it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    size: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]
    name: Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(relative_name)]


class NodeFileError(Exception):
    """A file cannot be had on this node; the message says why."""


class FileUnavailable(NodeFileError):
    """No source has the file, or the connection broke. Another attempt may succeed."""


class FileRefused(NodeFileError):
    """A source has other bytes under the name of this file."""


class FileGone(NodeFileError):
    """The bot's machine does not have the file any more, and no other source has it."""


class CacheFull(NodeFileError):
    """The cache or its disk has no room for the file."""


class _NotThere(OSError):
    """A source does not have the file."""


class PieceSource(Protocol):
    """The bot's machine, which has every file that a job or a checkpoint needs."""

    def piece(self, sha256: str, offset: int, size: int) -> bytes:
        """The bytes of a file from `offset`, at most `size`. It blocks.

        Raises FileNotFoundError for a file that was deleted, OSError when they cannot be had for another reason.
        """
        ...


class _Source(Protocol):
    """Where a file comes from."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def pieces(self, file: FileRef, offset: int) -> Iterator[bytes]:
        """The bytes from `offset` to the end. Raises OSError, or FileRefused."""
        ...


@dataclass(frozen=True)
class SharedStorage:
    """A folder or an fsspec address that every node reaches, where files lie by their SHA-256 or by their names."""

    address: str
    name: str = "shared storage"

    def pieces(self, file: FileRef, offset: int) -> Iterator[bytes]:
        """Read the file where it lies. Raises OSError, or FileRefused for a file of another size."""
        system, root = self._open()
        try:
            yield from self._found(system, root, file, offset)
        except (FileRefused, _NotThere):
            raise
        except Exception as problem:  # fsspec's packages have errors of their own, and what they say may be a secret
            raise OSError(getattr(problem, "strerror", None) or type(problem).__name__) from problem

    def problem(self) -> str | None:
        """Why this machine cannot look there; None where it can, or where a connection alone would tell."""
        try:
            system, root = self._open()
        except OSError as problem:
            return str(problem)
        local = "file" in system.protocol
        return f"{root} is no folder on this machine" if local and not system.isdir(root) else None

    @staticmethod
    def _found(system: Any, root: str, file: FileRef, offset: int) -> Iterator[bytes]:
        for candidate in (file.sha256, f"{file.sha256}.safetensors", file.name):
            path = f"{root.rstrip('/')}/{candidate}"
            if system.isfile(path):
                if (size := system.size(path)) != file.size:
                    raise FileRefused(f"{candidate} has {size:,} bytes there and not {file.size:,}")
                with system.open(path, "rb") as opened:
                    opened.seek(offset)
                    while piece := opened.read(PIECE_BYTES):
                        yield piece
                return
        raise _NotThere("the file is not there")

    def _open(self) -> tuple[Any, str]:
        import fsspec  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] (nodes alone need it)

        try:
            return cast("tuple[Any, str]", fsspec.core.url_to_fs(self.address))  # pyright: ignore
        except (ValueError, ImportError) as problem:  # an unknown scheme, or the package of a known one is missing
            raise OSError(f"its address cannot be used: {problem}") from None


@dataclass(frozen=True)
class _BotsMachine:
    source: PieceSource
    piece_bytes: int
    clock: Callable[[], float] = time.monotonic
    name: str = "the bot's machine"

    def pieces(self, file: FileRef, offset: int) -> Iterator[bytes]:
        size = min(FIRST_PIECE_BYTES, self.piece_bytes)
        while offset < file.size:
            wanted, began = min(size, file.size - offset), self.clock()
            piece = self.source.piece(file.sha256, offset, wanted)
            size = min(_next_size(size, self.clock() - began), self.piece_bytes)
            if not piece:
                raise FileRefused(f"it ends after {offset:,} of {file.size:,} bytes")
            if len(piece) > wanted:
                raise FileRefused("it gave more bytes than were asked for")
            offset += len(piece)
            yield piece


def _next_size(size: int, seconds: float) -> int:
    """Of the piece after one that took so long."""
    if seconds < QUICK_SECONDS:
        return size * 2
    return max(size // 2, LEAST_PIECE_BYTES) if seconds > SLOW_SECONDS else size


class FileCache:
    """The files of a node below `folder`, at most `limit` bytes. Any thread and any process may use it; it blocks."""

    def __init__(
        self,
        folder: Path,
        limit: int,
        *,
        shared: SharedStorage | None = None,
        pieces: PieceSource | None = None,
        piece_bytes: int = PIECE_BYTES,
        clock: Callable[[], int] = time.time_ns,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self.folder = folder
        self._limit = limit
        self._pieces = pieces
        bots_machine = _BotsMachine(pieces, piece_bytes) if pieces else None
        self._sources: Sequence[_Source] = [source for source in (shared, bots_machine) if source]
        self._clock, self._free = clock, free
        self._files, self._parts, self._locks = folder / "files", folder / "parts", folder / "locks"
        for each in (self._files, self._parts, self._locks):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._checked: dict[str, _Stamp] = {}  # what this process has hashed

    def link(self, file: FileRef, target: Path) -> None:
        """Make `target` a link to the file, fetched where it is not here yet. Raises NodeFileError, OSError.

        It ends with FileNotFoundError where the folder of `target` is deleted meanwhile. While `target` is there, the
        file is in use. Several that ask for one file wait for one fetch.
        """
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self._locks / file.sha256):
            while not self._link(file, target):
                if not self._is_here(file):
                    self._fetch(file)

    def keep(self, names: Collection[str]) -> None:
        """Delete all files but these, by SHA-256, what was fetched of all others, and their locks. Quick."""
        for path in (*self._listed(self._files), *self._listed(self._parts)):
            if path.name[:64] not in names:
                path.unlink(missing_ok=True)
        for path in self._listed(self._locks):
            if len(path.name) == 64 and path.name not in names:
                with suppress(Timeout), FileLock(path, timeout=0):
                    path.unlink(missing_ok=True)

    def within(self, folder: Path) -> FileCache:
        """A cache of its own with the same limit, filled from the bot's machine alone."""
        return FileCache(folder, self._limit, pieces=self._pieces)

    @property
    def used(self) -> int:
        """Bytes of all files, those that are being fetched with their whole size."""
        whole = sum(path.stat().st_size for path in self._listed(self._files))
        return whole + sum(size for _, size in self._begun())

    def _link(self, file: FileRef, target: Path) -> bool:
        """Link the file if it is here and was hashed by this process; nothing is deleted meanwhile."""
        kept = self._files / file.sha256
        beside = target.with_name(f".{os.getpid()}-{get_ident()}.new")
        with self._room():
            beside.unlink(missing_ok=True)
            if not kept.exists():
                return False
            os.link(kept, beside)
            if self._checked.get(file.sha256) != _stamp(beside):  # of the link: another may have the name by now
                beside.unlink()
                return False
            os.utime(beside, ns=(self._clock(), beside.stat().st_mtime_ns))  # the time of its last use, and no other
            beside.replace(target)
            beside.unlink(missing_ok=True)  # it stays where `target` was a link to the file already
        return True

    def _is_here(self, file: FileRef) -> bool:
        """Whether the file is kept. It is hashed when this process uses it first, and when it has changed."""
        path = self._files / file.sha256
        try:
            with path.open("rb") as opened:
                stamp = _stamp(opened.fileno())
                if self._checked.get(file.sha256) == stamp:
                    return True
                found = sha256_of(opened)
        except FileNotFoundError:
            return False
        if found == file.sha256:
            self._checked[file.sha256] = stamp
            return True
        log.warning("the copy of %s on this node was changed, its SHA-256 is %s; it is deleted", file.name, found)
        path.unlink()
        return False

    def _fetch(self, file: FileRef) -> None:
        """Fetch from the first source that has the right bytes. Raises what the last source did."""
        part = self._make_room(file)
        problem: NodeFileError = FileUnavailable(f"{file.name} is not on this node, and there is no source for it")
        for source in self._sources:
            try:
                self._fetch_from(source, file, part)
            except FileRefused as refused:
                log.warning("%s of %s is refused: %s", file.name, source.name, refused)
                problem = FileRefused(f"{file.name} of {source.name} is refused: {refused}")
            except OSError as failed:
                reason = failed.strerror or str(failed) or type(failed).__name__
                if not isinstance(problem, FileRefused):
                    kind = FileGone if isinstance(failed, FileNotFoundError) else FileUnavailable
                    problem = kind(f"{file.name} cannot be read from {source.name}: {reason}")
            else:
                return
        if not part.stat().st_size:
            part.unlink()
        raise problem

    def _fetch_from(self, source: _Source, file: FileRef, part: Path) -> None:
        resumed = part.stat().st_size > 0
        found = self._copy(source, file, part)
        if found != file.sha256 and resumed:  # what was there before may have been the wrong part
            part.write_bytes(b"")
            found = self._copy(source, file, part)
        if found != file.sha256:
            part.write_bytes(b"")
            raise FileRefused(f"its SHA-256 is {found} and not {file.sha256}")
        part.chmod(0o400)
        with self._room():
            kept = part.replace(self._files / file.sha256)
        self._checked[file.sha256] = _stamp(kept)

    def _copy(self, source: _Source, file: FileRef, part: Path) -> str:
        """Append what is missing to `part`; the SHA-256 of all of it."""
        digest = hashlib.sha256()
        with part.open("r+b", buffering=0) as opened:
            for piece in _read(opened):
                digest.update(piece)
            for piece in source.pieces(file, opened.tell()):
                if opened.tell() + len(piece) > file.size:
                    raise FileRefused("it gave more bytes than were asked for")
                digest.update(piece)
                _append(opened, piece, file)
            os.fsync(opened.fileno())
        return digest.hexdigest()

    def _make_room(self, file: FileRef) -> Path:
        """Delete what is used least until the file fits; the place where it is fetched. Raises CacheFull."""
        part = self._parts / f"{file.sha256}-{file.size}"
        with self._room():
            begun = part.stat().st_size if part.exists() else None
            new = file.size if begun is None else 0
            missing = max(self.used + new - self._limit, file.size - (begun or 0) - self._free(self.folder))
            for path, size in self._idle() if missing > 0 else ():
                if missing <= 0:
                    break
                if path != part:
                    path.unlink(missing_ok=True)
                    missing -= size
            if missing > 0:
                why = "the disk of this node is full, and nothing of the cache can be deleted"
                if self.used + new > self._limit:
                    limit = f"{self._limit / 1e9:.2f} GB"
                    why = f"the cache of this node has {limit}, and the rest of it is in use; raise its limit"
                raise CacheFull(f"there is no room for {file.name} ({file.size / 1e9:.2f} GB): {why}")
            part.touch()
            part.chmod(0o600)  # also where a process died between the last piece and the end
        return part

    def _idle(self) -> list[tuple[Path, int]]:
        """Files that nobody uses and fetches that nobody goes on with, the least recently used first."""
        found: list[tuple[int, Path, int]] = []
        for path in self._listed(self._files):
            status = path.stat()
            if status.st_nlink == 1:
                found.append((status.st_atime_ns, path, status.st_size))
        for path, size in self._begun():
            with suppress(Timeout, FileNotFoundError), FileLock(self._locks / path.name[:64], timeout=0):
                found.append((path.stat().st_mtime_ns, path, size))
        return [(path, size) for _, path, size in sorted(found)]

    def _begun(self) -> list[tuple[Path, int]]:
        """What is being fetched, or was before a cut, with the whole size that it will have."""
        found = ((path, _PART.fullmatch(path.name)) for path in self._listed(self._parts))
        return [(path, int(match[2])) for path, match in found if match]

    @staticmethod
    def _listed(folder: Path) -> list[Path]:
        return [path for path in folder.iterdir() if path.is_file()]

    def _room(self) -> FileLock:
        """The lock of whoever adds, links or deletes files; held for moments only."""
        return FileLock(self._locks / "room")


def _read(file: FileIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _append(opened: FileIO, piece: bytes, file: FileRef) -> None:
    """Write a piece, which survives the death of this process. Raises CacheFull."""
    left = memoryview(piece)
    try:
        while left:
            left = left[opened.write(left) :]
    except OSError as problem:
        raise CacheFull(f"{file.name} cannot be written on this node: {problem.strerror}") from None


def _stamp(file: Path | int) -> _Stamp:
    status = os.stat(file)  # noqa: PTH116 (or of a descriptor)
    return status.st_ino, status.st_size, status.st_mtime_ns

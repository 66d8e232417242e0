"""Identity of files: SHA-256 of a file, of a checkpoint folder, and the short hashes the field uses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO, cast

_CHUNK = 4 << 20  # large: between two chunks a thread may wait for Python's lock
_SHORT_START, _SHORT_LENGTH = 0x100000, 0x10000  # bytes; fixed by the web UI that first wrote these hashes
_CHECKPOINT_SUFFIXES = frozenset({".safetensors", ".json", ".txt"})


def sha256_of(file: BinaryIO, read: Callable[[int], None] = lambda nbytes: None) -> str:
    """SHA-256 (64 hex digits) of everything from the file's start; leaves the position at the end.

    `read` gets the bytes of each chunk.
    """
    file.seek(0)
    digest, chunk = hashlib.sha256(), memoryview(bytearray(_CHUNK))
    while count := cast("BufferedIOBase", file).readinto(chunk):
        digest.update(chunk[:count])
        read(count)
    return digest.hexdigest()


def file_sha256(path: Path, read: Callable[[int], None] = lambda nbytes: None) -> str:
    """SHA-256 of the file at `path`; `read` gets the bytes of each chunk. Raises OSError."""
    with path.open("rb") as file:
        return sha256_of(file, read)


def folder_files(folder: Path) -> list[Path]:
    """The files of a checkpoint folder that make its identity: weights, configurations, vocabularies."""
    return sorted(p for p in folder.rglob("*") if p.suffix in _CHECKPOINT_SUFFIXES and p.is_file())


def folder_sha256(folder: Path, read: Callable[[int], None] = lambda nbytes: None) -> str:
    """Identity of a checkpoint folder: the SHA-256 over its sorted (path, SHA-256) list. Raises OSError."""
    return files_sha256(folder, folder_files(folder), read)


def files_sha256(folder: Path, files: Iterable[Path], read: Callable[[int], None] = lambda nbytes: None) -> str:
    """The SHA-256 over the sorted (path, SHA-256) list of some files below `folder`. Raises OSError."""
    lines = sorted((file.relative_to(folder).as_posix(), file_sha256(file, read)) for file in files)
    text = "".join(f"{name}\0{digest}\n" for name, digest in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def checkpoint_sha256(source: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> str:
    """Identity of a checkpoint, whether a single file or a folder. Raises OSError.

    `progress` gets the megabytes that were read, and how many there are, in this thread.
    """
    files = folder_files(source) if source.is_dir() else [source]
    total, done = sum(file.stat().st_size for file in files), 0

    def read(nbytes: int) -> None:
        nonlocal done
        done += nbytes
        progress(done >> 20, total >> 20)

    return folder_sha256(source, read) if source.is_dir() else file_sha256(source, read)


def short_hash(source: Path) -> str | None:
    """The old hash of a checkpoint's file, eight hex digits of 64 KiB at 1 MiB; None for a folder or a smaller file.

    Other files may have the same: it sees a small part only. Raises OSError.
    """
    if source.is_dir():
        return None
    with source.open("rb") as file:
        file.seek(_SHORT_START)
        part = file.read(_SHORT_LENGTH)
    return hashlib.sha256(part).hexdigest()[:8] if len(part) == _SHORT_LENGTH else None


def autov2(sha256: str) -> str:
    """The ten hex digits by which pictures and hubs name a file (CivitAI's AutoV2)."""
    return sha256[:10]


def autov3_of(data: bytes, header_length: int) -> str:
    """The twelve hex digits that hubs compute over a safetensors file's bytes behind its header (AutoV3)."""
    return hashlib.sha256(memoryview(data)[8 + header_length :]).hexdigest()[:12]


def hashes_of(file: BinaryIO, header_length: int) -> tuple[str, str]:
    """SHA-256 and AutoV3 of an open safetensors file, read once. AutoV3 leaves the header out: 12 hex digits.

    Each is hashed by a thread of its own, so that both take little longer than one.
    """
    whole, body = hashlib.sha256(), hashlib.sha256()
    outside = 8 + header_length  # bytes still to come that AutoV3 leaves out
    buffer, other = memoryview(bytearray(_CHUNK)), memoryview(bytearray(_CHUNK))
    file.seek(0)
    with ThreadPoolExecutor(1) as beside:
        behind = beside.submit(body.update, b"")
        while count := cast("BufferedIOBase", file).readinto(buffer):
            behind.result()  # of the other buffer, which is filled next
            behind = beside.submit(body.update, buffer[min(outside, count) : count])
            outside = max(0, outside - count)
            whole.update(buffer[:count])
            buffer, other = other, buffer
    return whole.hexdigest(), body.hexdigest()[:12]

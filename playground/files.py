"""Uploaded files: kept in memory up to a limit; type and picture size are sniffed from their first bytes."""

import re
from collections import OrderedDict
from dataclasses import dataclass, field

from playground.wire import MIB


@dataclass(frozen=True)
class Sniffed:
    """Content type and picture size, read from the bytes."""

    content_type: str | None
    width: int | None = None
    height: int | None = None


@dataclass
class FileStore:
    """Files by attachment id; the oldest are dropped when the bound is passed."""

    bound: int = 512 * MIB  # bytes held in all
    held: int = 0
    _files: OrderedDict[str, tuple[str, bytes]] = field(default_factory=OrderedDict[str, tuple[str, bytes]])

    def put(self, file_id: str, filename: str, data: bytes) -> None:
        """Keep a file."""
        self._files[file_id] = (filename, data)
        self.held += len(data)
        while self.held > self.bound and len(self._files) > 1:
            self.drop(next(iter(self._files)))

    def get(self, file_id: str) -> tuple[str, bytes] | None:
        """Name and bytes, or None when it was deleted or pushed out."""
        return self._files.get(file_id)

    def drop(self, file_id: str) -> None:
        """Forget a file."""
        entry = self._files.pop(file_id, None)
        if entry is not None:
            self.held -= len(entry[1])


def safe_name(filename: str) -> str:
    """A file's name as Discord keeps it: plain letters, digits, dots, hyphens and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", filename) or "unknown"


def sniff(filename: str, data: bytes) -> Sniffed:
    """Kind and picture size from the bytes; clients upload everything as octet-stream."""
    for reader in (_png, _gif, _webp, _jpeg):
        found = reader(data)
        if found is not None:
            return found
    return Sniffed(_by_name(filename))


def _by_name(filename: str) -> str | None:
    """Discord goes by the name when the bytes are not a picture."""
    kinds = {
        "txt": "text/plain; charset=utf-8",
        "md": "text/markdown; charset=utf-8",
        "json": "application/json; charset=utf-8",
        "csv": "text/csv; charset=utf-8",
        "zip": "application/zip",
    }
    return kinds.get(filename.rpartition(".")[2].lower())


def _png(data: bytes) -> Sniffed | None:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or len(data) < 24:
        return None
    return Sniffed("image/png", int.from_bytes(data[16:20]), int.from_bytes(data[20:24]))


def _gif(data: bytes) -> Sniffed | None:
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 10:
        return None
    return Sniffed("image/gif", int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))


def _webp(data: bytes) -> Sniffed | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    width, height = _webp_size(data)
    return Sniffed("image/webp", width, height)


def _webp_size(data: bytes) -> tuple[int, int]:
    """WebP has three ways to write its size: lossy, lossless and extended."""
    kind = data[12:16]
    if kind == b"VP8 ":
        packed = int.from_bytes(data[26:30], "little")
        return packed & 0x3FFF, packed >> 16 & 0x3FFF
    if kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1


def _jpeg(data: bytes) -> Sniffed | None:
    if data[:3] != b"\xff\xd8\xff":
        return None
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header
            height = int.from_bytes(data[place + 5 : place + 7])
            return Sniffed("image/jpeg", int.from_bytes(data[place + 7 : place + 9]), height)
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return Sniffed("image/jpeg")

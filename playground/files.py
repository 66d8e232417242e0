"""Uploaded files: kept in memory up to a limit; type and picture size are sniffed from their first bytes."""

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from playground.wire import MIB

LINK_SECONDS = 24 * 60 * 60  # how long the link of a file works
LINK_STEP_SECONDS = 60 * 60  # a file has the same link this long, so that pages do not load it again and again


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


@dataclass
class FileLinks:
    """Signs the links of files. A link expires; whoever needs the file later fetches its message again."""

    prefix: str
    """What the links of this playground's files begin with."""
    now: Callable[[], float]
    """The time in seconds since 1970."""
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def signed(self, shape: object) -> object:
        """JSON whose links to files are signed, wherever they stand in it."""
        if isinstance(shape, str):
            return self._sign(shape) if shape.startswith(self.prefix) else shape
        if isinstance(shape, list):
            return [self.signed(entry) for entry in cast("list[object]", shape)]
        if isinstance(shape, dict):
            return {key: self.signed(value) for key, value in cast("dict[str, object]", shape).items()}
        return shape

    def works(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether a request for a file has a signature that has not expired."""
        expires, issued = query.get("ex", ""), query.get("is", "")
        genuine = hmac.compare_digest(self._signature(path, expires, issued).encode(), query.get("hm", "").encode())
        return genuine and int(expires, 16) > self.now()

    def _sign(self, url: str) -> str:
        issued = int(self.now()) // LINK_STEP_SECONDS * LINK_STEP_SECONDS
        began, ends = f"{issued:x}", f"{issued + LINK_SECONDS:x}"
        bare = unsigned(url)
        path = "/attachments/" + bare.removeprefix(self.prefix)
        return f"{bare}?ex={ends}&is={began}&hm={self._signature(path, ends, began)}&"

    def _signature(self, path: str, expires: str, issued: str) -> str:
        return hmac.new(self._key, f"{path} {expires} {issued}".encode(), hashlib.sha256).hexdigest()


def unsigned(url: str) -> str:
    """The link of a file without its signature."""
    return url.partition("?")[0]


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

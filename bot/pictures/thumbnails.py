"""Small pictures for messages, made once: WebP files named by the SHA-256 of the picture that they show."""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from bot.pictures.attachments import PictureFile
from bot.pictures.threads import Pool
from inference.pictures import BROKEN, opened, reduced

log = logging.getLogger(__name__)

MAX_SOURCE_BYTES = 32 * 2**20  # a larger file is not looked at
FORMATS = ("PNG", "JPEG", "WEBP")
QUALITIES = (82, 65, 45, 25)


@dataclass(frozen=True)
class Box:
    """What a picture has to fit into: the longer side in pixels, the file in bytes."""

    side: int
    limit: int


LIST = Box(side=192, limit=20_000)  # beside an entry of a list, where Discord shows at most 85 points
GALLERY = Box(side=768, limit=200_000)


class Thumbnails:
    """Keeps what it makes in `folder`; a picture that cannot be shown is remembered by an empty file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._decoding = Pool("thumbnails", 1)  # one at a time, for the memory that a picture unpacks to

    async def of(self, picture: Path, box: Box = LIST) -> PictureFile | None:
        """`picture` made to fit `box`, under a name that no other picture has; None when it cannot be shown."""
        try:
            kept = await asyncio.to_thread(self._place, picture, box)
            if kept is None:
                return None
            data = await asyncio.to_thread(_read, kept)
            if data is None:
                data = await self._decoding.run(self._make, picture, kept, box)
        except OSError as problem:
            log.warning("no thumbnail of %s: %s", picture, problem)
            return None
        return PictureFile(kept.name, data) if data else None

    def _place(self, picture: Path, box: Box) -> Path | None:
        """Where its thumbnail is kept; None for a file too large to be looked at. Raises OSError."""
        stat = picture.stat()
        if stat.st_size > MAX_SOURCE_BYTES:
            return None
        digest = _digest(picture, stat.st_size, stat.st_mtime_ns)
        return self._folder / digest[:2] / f"{digest[:32]}-{box.side}.webp"

    def _make(self, picture: Path, kept: Path, box: Box) -> bytes:
        if (made := _read(kept)) is not None:  # for somebody else, while this waited its turn
            return made
        try:
            data = shrink(picture.read_bytes(), box)
        except BROKEN as problem:
            log.warning("%s cannot be shown: %s", picture, problem)
            data = b""
        kept.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=kept.parent)  # whole or not at all, whoever else makes the same
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(draft).replace(kept)
        return data


def _read(kept: Path) -> bytes | None:
    return kept.read_bytes() if kept.is_file() else None


@lru_cache(maxsize=4096)
def _digest(picture: Path, size: int, mtime_ns: int) -> str:  # pyright: ignore[reportUnusedParameter]
    """While size and time of a file are the same, so is what is in it."""
    return hashlib.sha256(picture.read_bytes()).hexdigest()


def shrink(source: bytes, box: Box) -> bytes:
    """The picture as WebP within `box`, without whatever else the file held. Raises one of BROKEN."""
    with opened(source, FORMATS, side=box.side) as image:
        plain = reduced(image, box.side)
    if max(plain.size) <= box.side and len(data := _webp(plain, lossless=True)) <= box.limit:
        return data
    side = box.side
    while True:
        plain.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            if len(data := _webp(plain, quality)) <= box.limit:
                return data
        side //= 2


def _webp(image: Image.Image, quality: int = 100, *, lossless: bool = False) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, lossless=lossless, exif=b"", icc_profile=None)
    return buffer.getvalue()

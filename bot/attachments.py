"""Pictures as attachments: as they are when they fit, else in a form that does."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import discord
from PIL import Image

DEFAULT_LIMIT = 10 * 2**20  # bytes; what Discord allows everywhere
_JPEG_QUALITIES = (95, 88, 78, 65)


@dataclass(frozen=True)
class Attachment:
    """A file ready to be sent, and a word on what was done to make it fit ("" when nothing was)."""

    name: str
    data: bytes
    note: str = ""

    def file(self) -> discord.File:
        """For one sending; a file cannot be sent twice."""
        return discord.File(io.BytesIO(self.data), filename=self.name)


def fit(picture: Path, limit: int = DEFAULT_LIMIT) -> Attachment:
    """The picture within `limit` bytes: PNG, else lossless WebP, else JPEG. Raises OSError.

    Reads and encodes, so it belongs in a thread.
    """
    data = picture.read_bytes()
    if len(data) <= limit:
        return Attachment(picture.name, data)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    webp = _encoded(lambda buffer: image.save(buffer, "WEBP", lossless=True))
    if len(webp) <= limit:
        return Attachment(f"{picture.stem}.webp", webp, "sent as lossless WebP, since the PNG is too large here")
    return _as_jpeg(image.convert("RGB"), picture.stem, limit)


def _as_jpeg(image: Image.Image, stem: str, limit: int) -> Attachment:
    """The best quality that fits; when none does, half the size and again."""
    for quality in _JPEG_QUALITIES:
        jpeg = _encoded(lambda buffer, q=quality: image.save(buffer, "JPEG", quality=q))
        if len(jpeg) <= limit:
            return Attachment(f"{stem}.jpg", jpeg, "sent as JPEG, since the PNG is too large here")
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    return _as_jpeg(half, stem, limit)


def _encoded(save: Callable[[io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()

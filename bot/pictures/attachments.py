"""Pictures as attachments: unchanged if they fit the size limit, else recompressed; reused by id if sent before."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast
from urllib.parse import urlsplit

import discord
from discord import components
from PIL import Image

from bot.background import Pool
from inference.files.image_files import BROKEN, opened
from inference.parameters import UnreadableTexts, strip_prompt

DAMAGED = (*BROKEN, UnreadableTexts)  # errors of pictures that are permanently unreadable
DEFAULT_LIMIT = 10 * 2**20  # bytes; what Discord allows everywhere
ENCODING = Pool("encoding", 2)  # for `fit` and its like, which may take seconds
_JPEG_QUALITIES = (95, 88, 78, 65)


@dataclass(frozen=True)
class PictureFile:
    """A file ready to be sent; `note` says how it was made to fit ("" if it is unchanged).

    It is `unsigned` where the settings want a signature that could not be made.
    """

    name: str
    data: bytes
    note: str = ""
    unsigned: bool = False

    def file(self) -> discord.File:
        """A new discord.File: each can be sent only once."""
        return discord.File(io.BytesIO(self.data), filename=self.name)


def fit(picture: Path, limit: int = DEFAULT_LIMIT, *, words: bool = True) -> PictureFile:
    """The picture within `limit` bytes: PNG, else lossless WebP, else JPEG. Raises one of DAMAGED.

    Without `words`, the prompts in it are removed. It bears the mark of generated pictures. Reads and encodes,
    so run it in ENCODING.
    """
    data = picture.read_bytes()
    return fitted(picture.name, data if words else strip_prompt(data), limit)


def fitted(name: str, data: bytes, limit: int) -> PictureFile:
    """Like `fit`, for the bytes of a PNG called `name`, whose XMP packet stays, if any. Raises one of DAMAGED."""
    if len(data) <= limit:
        return PictureFile(name, data)
    with opened(data, ["PNG"]) as image:
        image.load()
        xmp = image.info.get("xmp", b"")
    stem = Path(name).stem
    webp = _encoded(lambda buffer: image.save(buffer, "WEBP", lossless=True, xmp=xmp))
    if len(webp) <= limit:
        return PictureFile(f"{stem}.webp", webp, "sent as lossless WebP, since the PNG is too large here")
    return _as_jpeg(image.convert("RGB"), stem, limit, xmp)


def _as_jpeg(image: Image.Image, stem: str, limit: int, xmp: bytes) -> PictureFile:
    """JPEG at the best quality that fits; if none does, at half the size."""
    for quality in _JPEG_QUALITIES:
        jpeg = _encoded(lambda buffer, q=quality: image.save(buffer, "JPEG", quality=q, xmp=xmp))
        if len(jpeg) <= limit:
            return PictureFile(f"{stem}.jpg", jpeg, "sent as JPEG, since the PNG is too large here")
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    return _as_jpeg(half, stem, limit, xmp)


def _encoded(save: Callable[[io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


@dataclass(frozen=True)
class _Kept:
    """An attachment that stays on its message: discord.py calls `to_dict`, Discord wants the id alone."""

    id: int | None

    def to_dict(self) -> dict[str, int | None]:
        return {"id": self.id}


def reused(message: discord.Message | None, files: Sequence[discord.File]) -> list[discord.File | discord.Attachment]:
    """`files`, in which those that `message` has already, by name, are replaced by their attachment ids.

    Discord leaves out of `message.attachments` what components show (discord-api-docs, pull request 8279); the
    components tell its id.
    """
    there = {_name(media): _Kept(media.attachment_id) for media in _media(message.components if message else ())}
    return [cast("discord.Attachment", there[f.filename]) if f.filename in there else f for f in files]


def kept_files(message: discord.Message) -> list[discord.Attachment]:
    """The files that a message shows, for an edit that keeps them. They are named by `attachment_url`."""
    return [cast("discord.Attachment", _Kept(media.attachment_id)) for media in _media(message.components)]


def attachment_url(url: str) -> str:
    """How components name a file of their own message, of which this is the address."""
    return f"attachment://{PurePosixPath(urlsplit(url).path).name}"


def _media(parts: Iterable[object]) -> Iterator[discord.UnfurledMediaItem]:
    """Every attached picture that components show."""
    for part in parts:
        match part:
            case components.Container():
                yield from _media(part.children)
            case components.SectionComponent():
                yield from _media([part.accessory])
            case components.MediaGalleryComponent():
                yield from (item.media for item in part.items if item.media.attachment_id)
            case components.ThumbnailComponent() if part.media.attachment_id:
                yield part.media
            case _:
                pass


def _name(media: discord.UnfurledMediaItem) -> str:
    return PurePosixPath(urlsplit(media.url).path).name

"""Pictures to start from: uploads checked, and stored as plain PNG under their own SHA-256 for the worker.

A picture is kept while a job that is unfinished or still has its pictures names it: *Again* needs it. Others go after
`[retention] inputs_days`, unless a draft or a studio starts from them (bot.privacy.retention).
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import discord
from PIL import Image

from bot.background import Pool
from bot.errors.pictures import PictureRefused
from bot.i18n import later
from bot.pictures.perceptual_hash import notice_hashes, picture_hash, read
from bot.pictures.removed_pictures import RemovedPictures
from inference.content_rating import ContentRating
from inference.image_files import BROKEN, PictureTooLarge, on_white, opened, reduced
from inference.messages.request import GenerationRequest, SourceImage
from inference.parameters import UnreadableTexts, texts_in
from inference.parameters.ai_mark import stored_request
from inference.queue import EVERYWHERE

MAX_BYTES = 20 * 2**20  # of what a person gives
MIN_STRENGTH, DEFAULT_STRENGTH = 0.05, 0.6  # img2img denoising strength; below the minimum, no change is visible
KEPT_SIDE = 2048  # pixels; larger pictures are shrunk: no checkpoint paints larger ones
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP")


@dataclass(frozen=True)
class Input:
    """A picture as it is kept; sizes in pixels. `rating` is that of a picture which was painted here, or of its copy.

    Of a given file, `file_hash` is the perceptual hash, and `request` what the file says that it was painted by.
    """

    sha256: str
    width: int
    height: int
    rating: ContentRating | None = None
    file_hash: bytes = b""
    request: GenerationRequest | None = None

    def at(self, strength: float = DEFAULT_STRENGTH) -> SourceImage:
        """The picture to start from, at a denoising strength in 0..1."""
        return SourceImage(sha256=self.sha256, strength=strength, rating=self.rating)


class Inputs:
    """The folder of pictures to start from. Copies of `removed` ones are refused."""

    def __init__(self, folder: Path, removed: RemovedPictures | None = None) -> None:
        self._folder = folder
        self._removed = removed
        self._decoding = Pool("inputs", 1)  # one at a time, for the memory that a picture unpacks to

    def has(self, sha256: str) -> bool:
        """Whether the picture is kept."""
        return self.path(sha256).is_file()

    def path(self, sha256: str) -> Path:
        """Where the picture is kept, or was."""
        return self._folder / sha256

    async def take(self, attachment: discord.Attachment, place: int = EVERYWHERE) -> Input:
        """Keep what a person attached to a command in a server. Raises as `keep` does."""
        if attachment.size > MAX_BYTES:
            raise PictureRefused(reason=later("it is larger than 20 MB"))
        try:
            return await self.keep(await attachment.read(), place)
        except discord.HTTPException:
            raise PictureRefused(reason=later("it cannot be downloaded")) from None

    async def keep(self, data: bytes, place: int = EVERYWHERE) -> Input:
        """Keep what a person gave in a server, or EVERYWHERE outside of servers.

        Raises PictureRefused, RemovedPicture, PictureDeletedByStaff, PictureHiddenByStaff or DatabaseError.
        """
        if len(data) > MAX_BYTES:
            raise PictureRefused(reason=later("it is larger than 20 MB"))
        kept = await self._kept(lambda: given(data), place)
        file_hash, request = await self._decoding.run(_told_by, data)
        return replace(kept, file_hash=file_hash, request=request)

    async def keep_picture(self, path: Path, *, times: int = 1) -> Input | None:
        """Keep one of our own pictures, enlarged `times` by Lanczos; None when its file is gone or damaged.

        Raises RemovedPicture or DatabaseError.
        """

        def picture() -> Image.Image:
            with opened(path, ["PNG"]) as image:
                plain = image.convert("RGB")
            return plain.resize((plain.width * times, plain.height * times), Image.Resampling.LANCZOS)

        try:
            return await self._kept(picture)
        except BROKEN:
            return None

    async def read(self, kept: Input) -> bytes:
        """The kept picture as PNG. Raises OSError."""
        return await asyncio.to_thread((self._folder / kept.sha256).read_bytes)

    async def jobs_of(self, kept: Input) -> Sequence[int]:
        """Ids of the jobs that painted the very picture that was given. Raises DatabaseError."""
        return () if self._removed is None else await self._removed.verdicts.jobs_of(kept.file_hash)

    async def _kept(self, decode: Callable[[], Image.Image], place: int = EVERYWHERE) -> Input:
        data, size, hashed, sections = await self._decoding.run(_encoded, decode)
        rating = None
        if self._removed is not None:
            await self._removed.check([hashed])
            rating = await self._removed.verdicts.check(sections, place)
        return replace(await asyncio.to_thread(self._keep, data, size), rating=rating)

    def _keep(self, data: bytes, size: tuple[int, int]) -> Input:
        sha256 = hashlib.sha256(data).hexdigest()
        handle, partial = tempfile.mkstemp(dir=self._folder)  # atomically: somebody else may give the same picture
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(partial).replace(self._folder / sha256)  # also renews its time
        return Input(sha256, *size)


def _encoded(decode: Callable[[], Image.Image]) -> tuple[bytes, tuple[int, int], bytes, bytes]:
    """A picture as PNG, its size, its perceptual hash, and those of its sections."""
    image = decode()
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue(), image.size, picture_hash(image), notice_hashes(image)


def _told_by(data: bytes) -> tuple[bytes, GenerationRequest | None]:
    """The hash of a file as those of our own pictures are made, and the request that it names."""
    try:
        told = stored_request(texts_in(data).easel)
    except UnreadableTexts:
        told = None
    return picture_hash(read(data)), told


def given(data: bytes) -> Image.Image:
    """A person's picture as RGB: the first frame, upright, on white, shrunk to KEPT_SIDE. Raises PictureRefused."""
    try:
        with opened(data, FORMATS, side=KEPT_SIDE) as image:
            return on_white(reduced(image, KEPT_SIDE))
    except Image.UnidentifiedImageError:
        raise PictureRefused(reason=later("it is not one of the kinds that can be read")) from None
    except (PictureTooLarge, Image.DecompressionBombError):
        raise PictureRefused(
            reason=later("it has too many pixels: 40 million are the most, such as 8000 x 5000")
        ) from None
    except BROKEN:
        raise PictureRefused(reason=later("its file is broken")) from None

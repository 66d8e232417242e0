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
from bot.pictures.input_gate import GateFacts, InputGate, look_again
from bot.pictures.similarity.perceptual_hash import picture_hash, read
from inference.content_rating import ContentRating
from inference.files.image_files import BROKEN, PictureTooLarge, on_white, opened, reduced
from inference.messages.request import GenerationRequest, SourceImage
from inference.parameters import UnreadableTexts, texts_in
from inference.parameters.ai_mark import stored_request
from inference.queue.policy import EVERYWHERE

MAX_BYTES = 20 * 2**20  # of what a person gives
MIN_STRENGTH, DEFAULT_STRENGTH = 0.05, 0.6  # img2img denoising strength; below the minimum, no change is visible
KEPT_SIDE = 2048  # pixels; larger pictures are shrunk: no checkpoint paints larger ones
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP")


@dataclass(frozen=True)
class Input:
    """A picture as it is kept; sizes in pixels. `rating` is that of a picture which was painted here, or of its copy.

    `face`: a photographed face is in it, or in the picture that it was painted from. Of a given file, `file_hash` is
    the perceptual hash, `hashes` are those of its parts and sections too, and `request` is what the file says that it
    was painted by.
    """

    sha256: str
    width: int
    height: int
    rating: ContentRating | None = None
    face: bool = False
    file_hash: bytes = b""
    hashes: bytes = b""
    request: GenerationRequest | None = None

    def at(self, strength: float = DEFAULT_STRENGTH) -> SourceImage:
        """The picture to start from, at a denoising strength in 0..1."""
        return SourceImage(sha256=self.sha256, strength=strength, rating=self.rating, face=self.face)


class Inputs:
    """The folder of pictures to start from. What people give passes the `gate` before it is kept."""

    def __init__(self, folder: Path, gate: InputGate | None = None) -> None:
        self._folder = folder
        self._gate = gate
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
            raise PictureRefused(reason=later("the file is larger than 20 MB"))
        try:
            return await self.keep(await attachment.read(), place)
        except discord.HTTPException:
            raise PictureRefused(reason=later("the download failed")) from None

    async def keep(self, data: bytes, place: int = EVERYWHERE) -> Input:
        """Keep what a person gave in a server, or EVERYWHERE outside of servers.

        Raises PictureRefused, RemovedPicture, PictureDeletedByStaff, PictureHiddenByStaff or DatabaseError.
        """
        if len(data) > MAX_BYTES:
            raise PictureRefused(reason=later("the file is larger than 20 MB"))
        encoded, kept, facts = await self._decoding.run(self._examined, data)
        rating = None if self._gate is None or facts is None else await self._gate.check(facts, place)
        await asyncio.to_thread(self._store, encoded, kept.sha256)
        return replace(kept, rating=rating)

    async def keep_picture(self, path: Path, *, times: int = 1) -> Input | None:
        """Keep one of our own pictures, enlarged `times` by Lanczos; None when its file is gone or damaged.

        Raises RemovedPicture, PictureDeletedByStaff, PictureHiddenByStaff or DatabaseError.
        """

        def picture() -> Image.Image:
            with opened(path, ["PNG"]) as image:
                plain = image.convert("RGB")
            return plain.resize((plain.width * times, plain.height * times), Image.Resampling.LANCZOS)

        try:
            encoded, kept, hashed = await self._decoding.run(_encoded, picture)
        except BROKEN:
            return None
        rating = None if self._gate is None else await self._gate.check_own(hashed)
        await asyncio.to_thread(self._store, encoded, kept.sha256)
        return replace(kept, rating=rating)

    async def check_again(self, image: SourceImage, place: int) -> SourceImage:
        """Check a kept picture that somebody starts from in a server, or EVERYWHERE; with the rating that it has now.

        Raises RemovedPicture, PictureReported, PictureDeletedByStaff, PictureHiddenByStaff or DatabaseError.
        """
        if self._gate is None:
            return image

        def facts() -> GateFacts:
            with opened(self.path(image.sha256), ["PNG"]) as picture:
                return look_again(picture.convert("RGB"))

        try:
            found = await self._decoding.run(facts)
        except BROKEN:
            return image  # the worker says so
        rating = await self._gate.check(found, place)
        return image if rating is None else image.model_copy(update={"rating": max(rating, image.rating or rating)})

    async def read(self, kept: Input) -> bytes:
        """The kept picture as PNG. Raises OSError."""
        return await asyncio.to_thread((self._folder / kept.sha256).read_bytes)

    async def jobs_of(self, kept: Input, person_id: int) -> Sequence[int]:
        """Ids of the jobs that painted the very picture that this person gave, and of theirs, a like one.

        Raises DatabaseError.
        """
        return () if self._gate is None else await self._gate.jobs_of(kept.file_hash, kept.hashes, person_id)

    def _examined(self, data: bytes) -> tuple[bytes, Input, GateFacts | None]:
        """A person's picture as PNG, what is known of it and its file, and what the gate finds in it."""
        image = given(data)
        facts = None if self._gate is None else self._gate.look(image)
        encoded, kept = _as_png(image)
        kept = replace(kept, file_hash=picture_hash(read(data)), request=_request_in(data))
        if facts is not None:
            kept = replace(kept, face=facts.face, hashes=facts.all_hashes)
        return encoded, kept, facts

    def _store(self, data: bytes, sha256: str) -> None:
        handle, partial = tempfile.mkstemp(dir=self._folder)  # atomically: somebody else may give the same picture
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(partial).replace(self._folder / sha256)  # also renews its time


def _encoded(decode: Callable[[], Image.Image]) -> tuple[bytes, Input, bytes]:
    """A picture as PNG, what is known of it, and its perceptual hash."""
    image = decode()
    return *_as_png(image), picture_hash(image)


def _as_png(image: Image.Image) -> tuple[bytes, Input]:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    data = buffer.getvalue()
    return data, Input(hashlib.sha256(data).hexdigest(), *image.size)


def _request_in(data: bytes) -> GenerationRequest | None:
    """The request that a file of ours names; None for other files."""
    try:
        return stored_request(texts_in(data).easel)
    except UnreadableTexts:
        return None


def given(data: bytes) -> Image.Image:
    """A person's picture as RGB: the first frame, upright, on white, shrunk to KEPT_SIDE. Raises PictureRefused."""
    try:
        with opened(data, FORMATS, side=KEPT_SIDE) as image:
            return on_white(reduced(image, KEPT_SIDE))
    except Image.UnidentifiedImageError:
        raise PictureRefused(reason=later("the file type is not supported")) from None
    except (PictureTooLarge, Image.DecompressionBombError):
        raise PictureRefused(
            reason=later("the picture has too many pixels (the limit is 40 million, for example 8000 x 5000)")
        ) from None
    except BROKEN:
        raise PictureRefused(reason=later("the file is damaged")) from None

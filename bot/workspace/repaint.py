"""*Vary* and *Upscale*: requests that start from a picture of one's own."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from bot.database.jobs.jobs import Job
from bot.database.pictures.pictures import Picture
from bot.errors.missing import NothingThere
from bot.i18n import _, explained
from bot.library.configuration import Configuration
from bot.pictures.inputs import Input, Inputs
from bot.requests.builder import RequestBuilder
from bot.servers.checks import RequestChecks
from inference.bounds import MAX_SIDE, SEEDS
from inference.errors import RequestError
from inference.messages.request import GenerationRequest, SourceImage
from inference.parameters import CHUNK, JSON_CHUNK, XMP_CHUNK, ai_mark, texts_in, with_texts

VARY_STRENGTH = 0.5
UPSCALE_STRENGTH = 0.24  # sharpens edges; from about a third on, plain areas get stains
TIMES = 2  # how much larger a side becomes


@dataclass(frozen=True)
class Upscaled:
    """The request for the larger picture. If it could only be enlarged, `note` says why.

    `picture` is then the file of the enlarged picture, which the caller moves.
    """

    request: GenerationRequest
    picture: Path | None = None
    note: str = ""


@dataclass(frozen=True)
class Repainter:
    """Makes requests that start from a picture which was painted here. Its rating goes with it."""

    configuration: Configuration
    requests: RequestBuilder
    inputs: Inputs
    checks: RequestChecks

    async def varied(self, job: Job, picture: Picture) -> GenerationRequest:
        """The same request, starting from the picture and with another seed. Raises a RequestError."""
        request = await self.requests.again(job.request.only(picture.position))
        kept = await self.inputs.keep_picture(self._path(picture))
        if kept is None:
            raise picture_gone()
        checkpoints = self.configuration.checkpoints
        checkpoint = checkpoints.require(request.checkpoint)
        sides = {"width": picture.width, "height": picture.height}
        if not checkpoint.repaints(picture.width, picture.height):
            size = checkpoints.nearest_size(checkpoint.name, picture.width, picture.height)
            sides = {"width": size.width, "height": size.height}
        source = await self._source(job, kept, VARY_STRENGTH)
        return request.model_copy(update={"image": source, "seed": secrets.randbelow(SEEDS), **sides})

    async def upscaled(self, job: Job, picture: Picture) -> Upscaled:
        """The picture at twice the size: enlarged by Lanczos, then repainted a little where that is possible.

        Raises NothingThere.
        """
        width, height = picture.width * TIMES, picture.height * TIMES
        if max(width, height) > MAX_SIDE:
            raise NothingThere(what=_("This picture already has the largest possible size."))
        kept = await self.inputs.keep_picture(self._path(picture), times=TIMES)
        if kept is None:
            raise picture_gone()
        source = await self._source(job, kept, UPSCALE_STRENGTH, TIMES)
        request = job.request.only(picture.position).model_copy(
            update={"width": width, "height": height, "image": source}
        )
        why_not = await self._why_not_repainted(request)
        if not why_not:
            return Upscaled(request)
        enlarged = request.model_copy(update={"image": source.model_copy(update={"strength": 0})})
        note = _("Easel enlarged this picture without adding new detail, for this reason: {why}").format(why=why_not)
        return Upscaled(enlarged, await self._written(kept, enlarged, self._path(picture)), note)

    async def _source(self, job: Job, kept: Input, strength: float, enlarged: int = 1) -> SourceImage:
        """The kept picture of `job`. Whether a person's picture went into it holds for what is painted from it too."""
        painted = job.request.image is None or job.request.image.painted
        rating = await self.checks.rating_of(job)
        source = replace(kept, rating=rating, face=job.request.from_face).at(strength)
        return source.model_copy(update={"enlarged": enlarged, "painted": painted})

    def _path(self, picture: Picture) -> Path:
        return self.configuration.settings.storage.pictures / picture.path

    async def _why_not_repainted(self, request: GenerationRequest) -> str:
        """Why the request cannot be repainted, as a sentence; "" when it can."""
        checkpoint = self.configuration.checkpoints.find(request.checkpoint)
        if checkpoint is not None and not checkpoint.repaints(request.width, request.height):
            return _("{checkpoint} does not support the size {size}.").format(
                checkpoint=checkpoint.name, size=f"{request.width}x{request.height}"
            )
        try:
            await self.requests.again(request)
        except RequestError as problem:
            return explained(problem)
        return ""

    async def _written(self, kept: Input, request: GenerationRequest, source: Path) -> Path:
        """Write the enlarged picture into the spool, with its parameters inside; the path."""
        larger = await self.inputs.read(kept)
        path = self.configuration.settings.storage.spool / f"enlarged-{secrets.token_hex(8)}.png"

        def write() -> None:
            parameters = texts_in(source.read_bytes()).parameters
            told = {CHUNK: parameters} if parameters else {}
            own = {JSON_CHUNK: request.model_dump_json(), XMP_CHUNK: ai_mark(request)}
            path.write_bytes(with_texts(larger, told | own))

        await asyncio.to_thread(write)
        return path


def picture_gone() -> NothingThere:
    """The error for a picture whose file was deleted."""
    return NothingThere(what=_("This picture is no longer saved. Press *Again* to generate a similar one."))

"""Small pictures of LoRAs: the author's preview beside a file, and samples that were painted here."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.database.database import Database
from bot.database.loras.catalogue import Lora
from bot.database.loras.sample_failures import LATEST_FAILURE
from bot.database.loras.samples import AWAITS_SAMPLES, SAMPLES_GIVEN_UP, SAMPLES_OF, Sample
from bot.library.configuration import Configuration
from bot.pictures.attachments import PictureFile
from bot.pictures.thumbnails import GALLERY, LIST, Box, Thumbnails
from inference.base_models import BaseModelId

PREVIEW_SUFFIXES = (".preview.png", ".png", ".webp", ".jpg", ".jpeg")


class LoraPictures:
    """Thumbnails of what shows a LoRA."""

    def __init__(self, db: Database, configuration: Configuration, thumbnails: Thumbnails) -> None:
        self._db = db
        self._configuration = configuration
        self._thumbnails = thumbnails

    async def preview(self, lora: Lora, base_model: BaseModelId | None = None) -> PictureFile | None:
        """The LoRA's preview, None without one.

        A preview file beside a LoRA file is preferred, first of a version that fits `base_model`; otherwise a sample
        painted by Easel is used.
        """
        path = await self._authors_file(lora, base_model)
        if path is not None:
            return await self._thumbnails.of(path)
        painted = [sample for sample in await self.samples(lora) if sample.position]
        return await self._thumbnails.of_painted(painted[0].path) if painted else None

    async def authors_preview(self, lora: Lora, base_model: BaseModelId | None, box: Box = LIST) -> PictureFile | None:
        """The preview file beside a LoRA file, first of a version that fits `base_model`; None without one."""
        path = await self._authors_file(lora, base_model)
        return await self._thumbnails.of(path, box) if path else None

    async def samples(self, lora: Lora) -> list[Sample]:
        """The samples that were painted with the LoRA, and without it."""
        return await self._db.all(SAMPLES_OF, lora.id)

    async def sample(self, sample: Sample) -> PictureFile | None:
        """A sample, large enough for a gallery; None when its file is gone."""
        return await self._thumbnails.of_painted(sample.path, GALLERY)

    async def awaits_samples(self, lora: Lora) -> bool:
        """Whether samples are going to be painted."""
        now = self._configuration
        wanted = now.settings.library.samples and now.checkpoints.names_for(lora)
        return bool(wanted) and await self._db.get(AWAITS_SAMPLES, lora.id)

    async def is_suspect(self, lora: Lora) -> bool:
        """Whether samples of some version came out broken, or could not be painted however often that was tried."""
        return await self.fails_by_itself(lora) or await self._db.get(SAMPLES_GIVEN_UP, lora.id)

    async def fails_by_itself(self, lora: Lora) -> bool:
        """Whether samples of some version failed by its own fault, so that no other try ends otherwise."""
        failed = await self._db.one(LATEST_FAILURE, lora.id)
        return failed is not None and failed.is_fault

    async def _authors_file(self, lora: Lora, base_model: BaseModelId | None) -> Path | None:
        shown = self._configuration.checkpoints.fitting_first(lora, base_model)
        return await asyncio.to_thread(_preview_file, self._configuration.settings.library.folder, shown)


def _preview_file(library: Path, lora: Lora) -> Path | None:
    """The first preview file beside a usable file of `lora`, by the naming conventions of other programs."""
    for version in lora.usable:
        stem = (library / version.path).with_suffix("")
        for suffix in PREVIEW_SUFFIXES:
            path = stem.with_name(stem.name + suffix)
            if path.is_file():
                return path
    return None

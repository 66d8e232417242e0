"""A message ready to be sent: a view and the files that it shows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import discord
from discord import ui

from bot.app.assembly import Easel
from bot.database.loras import Lora
from bot.database.samples import samples_of
from bot.pictures.attachments import PictureFile
from bot.pictures.thumbnails import LIST, Box
from inference.base_models import BaseModelId

PREVIEW_SUFFIXES = (".preview.png", ".png", ".webp", ".jpg", ".jpeg")


@dataclass
class RenderedMessage:
    """A view, and the files that its thumbnails and galleries refer to."""

    view: ui.LayoutView = field(default_factory=lambda: ui.LayoutView(timeout=None))
    files: list[discord.File] = field(default_factory=list[discord.File])

    def attach(self, picture: PictureFile) -> str:
        """Add `picture` to the files, once; returns the URL for components."""
        if all(file.filename != picture.name for file in self.files):
            self.files.append(picture.file())
        return f"attachment://{picture.name}"

    async def attach_small(self, easel: Easel, picture: Path, box: Box = LIST) -> str | None:
        """Attach a thumbnail of a picture that fits `box`; returns its URL, None when it cannot be made."""
        small = await easel.thumbnails.of(picture, box)
        return self.attach(small) if small else None

    async def attach_preview(self, easel: Easel, lora: Lora, base_model: BaseModelId | None = None) -> str | None:
        """Attach a thumbnail of the LoRA's preview; returns its URL, None without one.

        A preview file beside a LoRA file is preferred, first of a version that fits `base_model`; otherwise a sample
        painted by Easel is used.
        """
        lora = fitting_first(easel, lora, base_model)
        path = await asyncio.to_thread(preview_of, easel.settings.library.folder, lora)
        if path is None:
            painted = [sample.path for sample in await samples_of(easel.connection, lora) if sample.position]
            path = easel.settings.storage.pictures / painted[0] if painted else None
        return await self.attach_small(easel, path) if path else None


def fitting_first(easel: Easel, lora: Lora, base_model: BaseModelId | None) -> Lora:
    """The entry with the versions that fit the base model first."""
    if base_model is None or len(lora.versions) < 2:
        return lora
    fitting = easel.settings.matching.table.fitting(base_model)
    return replace(lora, versions=tuple(sorted(lora.versions, key=lambda v: v.base_model not in fitting)))


def preview_of(library: Path, lora: Lora) -> Path | None:
    """The first preview file beside a usable file of `lora`, by the naming conventions of other programs."""
    for version in lora.usable:
        stem = (library / version.path).with_suffix("")
        for suffix in PREVIEW_SUFFIXES:
            path = stem.with_name(stem.name + suffix)
            if path.is_file():
                return path
    return None

"""A message ready to be sent: its components and the pictures they show."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import discord
from discord import ui

from bot.database.loras import Lora

PREVIEW_SUFFIXES = (".preview.png", ".png", ".webp", ".jpg", ".jpeg")
MAX_PREVIEW_BYTES = 2 * 2**20  # several go into one message


@dataclass
class Page:
    """Components, and the files that thumbnails and galleries in them name."""

    view: ui.LayoutView = field(default_factory=lambda: ui.LayoutView(timeout=None))
    files: list[discord.File] = field(default_factory=list[discord.File])

    async def attach_preview(self, library: Path, lora: Lora) -> str | None:
        """Attach the preview that lies beside one of the entry's files; how components name it, None without one."""
        path = await asyncio.to_thread(preview_of, library, lora)
        if path is None:
            return None
        name = f"preview-{lora.id}{path.suffix}"
        self.files.append(discord.File(path, filename=name))
        return f"attachment://{name}"


def preview_of(library: Path, lora: Lora) -> Path | None:
    """The first picture beside a usable file of `lora`, by the names that other programs use too."""
    for version in lora.usable:
        stem = (library / version.path).with_suffix("")
        for suffix in PREVIEW_SUFFIXES:
            path = stem.with_name(stem.name + suffix)
            if path.is_file() and path.stat().st_size <= MAX_PREVIEW_BYTES:
                return path
    return None

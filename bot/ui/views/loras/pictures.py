"""The pictures of a LoRA's page: the author's preview, and samples painted by Easel with and without the LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import discord
from discord import ui

from bot.config import CheckpointSettings
from bot.database.loras.catalogue import Lora
from bot.database.loras.samples import Sample
from bot.i18n import _, listed
from bot.i18n.texts import clipped
from bot.pictures.lora_pictures import LoraPictures
from bot.pictures.thumbnails import GALLERY, LIST
from bot.ui.rendered_message import RenderedMessage

MAX_SAMPLES = 9  # pictures; a message carries 10 files, and one is the preview
MAX_NAME = 60  # characters of a name


async def add_pictures(
    page: RenderedMessage,
    container: ui.Container[Any],
    pictures: LoraPictures,
    lora: Lora,
    head: str,
    usual: CheckpointSettings | None,
    *,
    room: int = MAX_SAMPLES,
) -> None:
    """Add `head` and the LoRA's pictures, at most `room` samples; those of the checkpoint `usual` come first."""
    samples = _by_version(await pictures.samples(lora), usual.name if usual else None, room)
    box = LIST if samples else GALLERY
    shown = page.attach_if(await pictures.authors_preview(lora, usual.base_model if usual else None, box))
    if shown and samples:
        container.add_item(ui.Section[Any](head, accessory=ui.Thumbnail[Any](shown, description=_("Preview"))))
    else:
        container.add_item(ui.TextDisplay[Any](head))
        if shown:
            container.add_item(ui.MediaGallery[Any](discord.MediaGalleryItem(shown, description=_("Preview"))))
    if samples:
        await _add_samples(page, container, pictures, lora, samples)
    if await pictures.fails_by_itself(lora):
        text = _("A sample with this LoRA came out broken, or the LoRA's file could not be used.")
        container.add_item(ui.TextDisplay[Any](f"⚠️ {text}"))
    elif samples:
        return
    elif await pictures.awaits_samples(lora):
        container.add_item(ui.TextDisplay[Any](awaiting_text()))
    elif await pictures.is_suspect(lora):
        text = _("Easel tried several times to generate a sample, but failed. This LoRA may be broken.")
        container.add_item(ui.TextDisplay[Any](f"⚠️ {text}"))


def awaiting_text() -> str:
    """What stands on a page whose samples are still to be painted."""
    return "-# " + _("Easel generates samples when the queue is empty.")


def _by_version(painted: Sequence[Sample], usual: str | None, room: int) -> list[list[Sample]]:
    """The samples by version, as many as there is `room` for; those of the checkpoint `usual` first."""
    by_version = [list(group) for _id, group in groupby(painted, key=lambda sample: sample.version_id)]
    by_version.sort(key=lambda samples: samples[0].checkpoint != usual)
    kept = list[list[Sample]]()
    for samples in by_version:
        if len(samples) <= room:
            room -= len(samples)
            kept.append(samples)
    return kept


async def _add_samples(
    page: RenderedMessage,
    container: ui.Container[Any],
    pictures: LoraPictures,
    lora: Lora,
    by_version: list[list[Sample]],
) -> None:
    """Add one gallery, in which the picture without the LoRA is the last of each version, and its captions."""
    in_order = [sample for samples in by_version for sample in (*samples[1:], samples[0])]
    small = [await pictures.sample(sample) for sample in in_order]
    if None in small:  # a file was deleted, so the captions would be wrong
        return
    items = [
        discord.MediaGalleryItem(page.attach(picture), description=_alt_text(lora, sample))
        for sample, picture in zip(in_order, small, strict=True)
        if picture
    ]
    container.add_item(ui.MediaGallery[Any](*items))
    container.add_item(ui.TextDisplay[Any]("\n".join(f"-# {line}" for line in _captions(lora, by_version))))


def _alt_text(lora: Lora, sample: Sample) -> str:
    """The alternative text of a sample."""
    text = (
        _("Sample with {lora}, model {checkpoint}")
        if sample.position
        else _("Sample without {lora}, model {checkpoint}")
    )
    return text.format(lora=clipped(lora.name, MAX_NAME), checkpoint=clipped(sample.checkpoint, MAX_NAME))


def _captions(lora: Lora, by_version: list[list[Sample]]) -> list[str]:
    """For each version, the numbers of the pictures with and without the LoRA."""
    text = _(
        "Samples of {version}, generated with {checkpoint}. Pictures with the LoRA: {with_it}. Picture "
        "{last} is without the LoRA and has the same seed as picture {first}."
    )
    names = {version.id: clipped(version.name, MAX_NAME) for version in lora.versions}
    lines, last = list[str](), 0
    for samples in by_version:
        first, last = last + 1, last + len(samples)
        line = text.format(
            version=names[samples[0].version_id],
            checkpoint=clipped(samples[0].checkpoint, MAX_NAME),
            with_it=listed(str(number) for number in range(first, last)),
            first=first,
            last=last,
        )
        lines.append(line)
    return lines

"""Finds the job that a message shows, by the custom_ids of its buttons, or reads the recipe inside a picture."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import aiohttp
import discord
from discord import ui
from pydantic import ValidationError

from bot.database.gallery.publications import Publication
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.pictures.inputs import note_taken
from bot.database.pictures.pictures import PICTURES_OF_JOB
from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.pictures.inputs import Input
from bot.ui.access import require_open, require_shown
from bot.ui.client import Client, Interaction
from bot.ui.uploads import take_upload
from bot.ui.views.gallery.post import find_published
from bot.ui.views.persistent_items import JobButton, PersistentItem
from bot.workspace.repaint import picture_gone
from inference.messages.request import GenerationRequest
from inference.parameters import Recipe, UnreadableTexts, read_infotext, recipe_of, texts_in

log = logging.getLogger(__name__)

MAX_BYTES = 25 * 2**20  # of a picture that is downloaded
MAX_PICTURES = 4  # of a message that are read
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")  # kinds that may hold a recipe
NOT_DOWNLOADED = later("Easel cannot download this picture right now. Please try again.")
ALL_SUFFIXES = (*_SUFFIXES, ".gif", ".avif", ".bmp")


@dataclass(frozen=True)
class ShownJob:
    """The job that a message shows; with its publication where one of its pictures is published by the message."""

    job: Job
    publication: Publication | None = None

    @property
    def position(self) -> int:
        """Which picture of the job is meant: the published one, else the first."""
        return 0 if self.publication is None else self.publication.position


async def find_shown_job(client: Client, message: discord.Message) -> ShownJob | None:
    """The job that a message of the bot shows; None for any other message."""
    if client.user is None or message.author.id != client.user.id:
        return None
    view = ui.LayoutView.from_message(message, timeout=None)
    buttons = [kind for kind in PersistentItem.registered if issubclass(kind, JobButton) and kind.in_message_of_job]
    for item in view.walk_children():
        custom_id = (item.custom_id or "") if isinstance(item, ui.Button) else ""
        for kind in buttons:
            if button := kind.from_text(custom_id):
                job = await client.db.one(FIND_JOB, button.job_id)
                return None if job is None else ShownJob(job)
    published = await find_published(client.db, message)
    job = None if published is None else await client.db.one(FIND_JOB, published.job_id)
    return None if job is None else ShownJob(job, published)


async def keep_shown_picture(interaction: Interaction, message: discord.Message) -> Input:
    """Keep the first picture of the message, or the published one, to start from it.

    Raises NothingThere, PictureRefused, TakenDown, or why the picture is not shown where the person is. A message that
    says why a job's pictures may not be shown has its buttons too: only their owner starts from them.
    """
    client = interaction.client
    shown = await find_shown_job(client, message)
    if shown is not None and shown.job.person_id != interaction.user.id and not _shows_pictures(message):
        raise _no_picture()
    if shown is None:
        return await take_upload(interaction, attached_pictures(message)[0])
    job = shown.job
    await require_open(interaction, job)
    await require_shown(interaction, job)
    folder = client.configuration.settings.storage.pictures
    for picture in await client.db.all(PICTURES_OF_JOB, job.id):
        if shown.publication is not None and picture.position != shown.position:
            continue
        if kept := await client.inputs.keep_picture(folder / picture.path):
            await note_taken(client.db, interaction.user.id, kept.sha256, job.person_id)
            rating = await client.servers.checks.rating_of(job)
            return replace(kept, rating=rating, face=job.request.from_face)
    raise picture_gone()


def _shows_pictures(message: discord.Message) -> bool:
    view = ui.LayoutView.from_message(message, timeout=None)
    return any(isinstance(item, ui.MediaGallery) for item in view.walk_children())


def _no_picture() -> NothingThere:
    return NothingThere(what=_("This message has no picture that Easel can read."))


def attached_pictures(message: discord.Message, suffixes: tuple[str, ...] = ALL_SUFFIXES) -> list[discord.Attachment]:
    """The pictures of a message, forwarded ones included. Raises NothingThere."""
    attached = [*message.attachments, *(a for snapshot in message.message_snapshots for a in snapshot.attachments)]
    pictures = [attachment for attachment in attached if attachment.filename.lower().endswith(suffixes)]
    if not pictures:
        raise _no_picture()
    return pictures


@dataclass(frozen=True)
class PostedPicture:
    """A picture of a message: its bytes, None if Discord did not send them; and its recipe, None if it has none.

    It is number `position` of `count` pictures, from 1. `is_damaged`: the part of the file for the recipe is damaged.
    """

    data: bytes | None
    recipe: Recipe | None
    is_damaged: bool
    position: int
    count: int

    @property
    def no_recipe(self) -> str:
        """The sentences for a picture without recipe."""
        if self.data is None:
            return _(NOT_DOWNLOADED)
        if self.is_damaged:
            return _(
                "The file is damaged or incomplete, so Easel cannot read generation data from it. Please upload the "
                "picture again."
            )
        return _(
            "This picture contains no generation data. Pictures from Easel, A1111, Forge and ComfyUI's "
            "image-saver nodes contain this data, unless someone removed it."
        )


async def read_recipe(message: discord.Message) -> Recipe:
    """The recipe in the first picture of the message that has one. Raises NothingThere."""
    reason = ""
    async for file in posted_pictures(message, _SUFFIXES):
        if file.recipe is not None:
            return file.recipe
        reason = reason or file.no_recipe
    raise NothingThere(what=reason)


async def posted_pictures(
    message: discord.Message, suffixes: tuple[str, ...] = ALL_SUFFIXES
) -> AsyncGenerator[PostedPicture]:
    """The first pictures of a message that are not too large, at least one. Raises NothingThere."""
    pictures = attached_pictures(message, suffixes)
    readable = [place for place, picture in enumerate(pictures) if picture.size <= MAX_BYTES]
    if not readable:
        raise NothingThere(what=_("This picture is too large to read."))
    for place in readable[:MAX_PICTURES]:
        data, recipe, is_damaged = None, None, False
        try:
            data = await pictures[place].read()
            recipe = await asyncio.to_thread(_recipe, data)  # the file is untrusted and may take long
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError):
            log.info("picture %d of a message could not be downloaded", place + 1)
        except UnreadableTexts:
            is_damaged = True
        yield PostedPicture(data, recipe, is_damaged, place + 1, len(pictures))


def _recipe(picture: bytes) -> Recipe | None:
    """Easel's JSON is preferred to the A1111 text; the checkpoint's hash is in the text alone."""
    texts = texts_in(picture)
    read = read_infotext(texts.parameters) if texts.parameters else None
    if texts.easel is None:
        return read
    try:
        recipe = recipe_of(GenerationRequest.model_validate_json(texts.easel).only(0))
    except ValidationError:
        return read
    return replace(recipe, checkpoint_hash=read.checkpoint_hash if read else None)

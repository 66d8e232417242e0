"""Posts pictures in art channels, finds what was posted before a crash, shows likes, and deletes.

What was posted is found by the buttons of its publication.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime

import discord

from bot.community.discord_side import MessageClosed, MessageGone, PostedMessage, PostRefused
from bot.database.database import Database
from bot.database.gallery.publications import Publication
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.loras.catalogue import LORAS_OF_FILES
from bot.database.people.people import FIND_LOCALE
from bot.database.pictures.pictures import FIND_PICTURE
from bot.database.servers.settings import ArtChannel
from bot.i18n import _, speaking
from bot.i18n.texts import on_a_label, prompt_text
from bot.library.configuration import Configuration
from bot.pictures.attachments import DAMAGED, ENCODING, PictureFile
from bot.pictures.signing.attachments import SignedAttachments
from bot.servers.context import ActionContext
from bot.servers.services import ServerServices
from bot.ui.art_channels.channels import MAX_TITLE, ArtChannels, NewMessage, check_may_post, place_of_message
from bot.ui.art_channels.tags import WantedTag, wanted_tags
from bot.ui.art_channels.translations import editing, looking, posting
from bot.ui.client import Client
from bot.ui.delivery.discord_transport import MAX_CLOCK_SKEW
from bot.ui.delivery.nonces import make_nonce
from bot.ui.views.gallery.post import (
    ShownPicture,
    is_post_of,
    published_message,
    shown_picture,
    with_likes,
)

log = logging.getLogger(__name__)


class PublicationPosts:
    """Implements `bot.community.discord_side.PublicationSide` for a client."""

    def __init__(
        self,
        client: Client,
        db: Database,
        configuration: Configuration,
        attachments: SignedAttachments,
        servers: ServerServices,
    ) -> None:
        self._client = client
        self._channels = ArtChannels(client)
        self._db = db
        self._configuration = configuration
        self._attachments = attachments
        self._servers = servers

    async def post(self, publication: Publication) -> PostedMessage:
        """Post it, in a forum with tags. The message of a text channel or thread has a nonce."""
        shown = await self._shown(publication)
        art = await self._art_channel(publication)
        picture = await self._picture(publication)
        nonce = await make_nonce(self._db, "publication", publication.id, channel_id=publication.art_channel_id)
        with posting():
            channel = await self._channels.channel(publication.art_channel_id)
            check_may_post(channel, files=True)
            with speaking(await self._language(publication)):
                hidden = await self._servers.content.hides_pictures(_where(publication, channel))
                page = published_message(publication, shown, picture, hidden=hidden)
            new = NewMessage(
                page,
                nonce=nonce,
                title=_title(shown),
                wanted=await self._wanted_tags(publication, shown),
                chosen=art.tags,
            )
            return await self._channels.post(channel, new)

    async def _wanted_tags(self, publication: Publication, shown: ShownPicture) -> list[WantedTag]:
        used = await self._db.all(LORAS_OF_FILES, sorted({use.sha256 for use in shown.request.loras}))
        settings = (await self._servers.servers.of(publication.server_id)).settings
        with speaking(settings.language):  # tags are everybody's, whoever publishes
            return wanted_tags(publication.base_model, {lora.category for lora in used})

    async def find_posted(self, publication: Publication) -> PostedMessage | None:
        """Look at the message that is known, else among those since the first request to post it."""
        with looking():
            if publication.channel_id is not None and publication.message_id is not None:
                channel = self._client.get_partial_messageable(publication.channel_id)
                with suppress(discord.NotFound):  # with its channel, the message is gone
                    return place_of_message(await channel.fetch_message(publication.message_id))
                return None
            since = datetime.fromtimestamp((publication.tried_at or 0) / 1000, UTC) - MAX_CLOCK_SKEW
            return await self._channels.find(
                publication.art_channel_id, lambda message: is_post_of(message, publication.id), since=since
            )

    async def show_likes(self, publication: Publication, likes: int) -> None:
        """Read the message and write it back with another number; its picture stays as it is."""
        if publication.channel_id is None or publication.message_id is None:
            raise MessageGone
        with editing():
            channel = await self._channels.channel(publication.channel_id)
            if isinstance(channel, discord.Thread) and channel.archived:
                raise MessageClosed
            there = self._client.get_partial_messageable(publication.channel_id)
            message = await there.fetch_message(publication.message_id)
            view, kept = with_likes(message, publication.id, likes)
            await message.edit(view=view, attachments=kept)

    async def delete(self, publication: Publication, message: PostedMessage) -> None:
        """Delete it. A forum post that the bot may not delete loses its picture and its title, and is archived."""
        with looking():
            try:
                await self._channels.delete(message, _("Picture no longer published"))
            except (discord.NotFound, discord.Forbidden) as problem:
                log.info("cannot delete the message of publication %d: %s", publication.id, problem)

    # --- what a post shows --------------------------------------------------------------------------------------------

    async def _shown(self, publication: Publication) -> ShownPicture:
        job = await self._job(publication)
        return await shown_picture(self._db, job, publication.position, shows_prompt=publication.shows_prompt)

    async def _job(self, publication: Publication) -> Job:
        """The job of the picture. Raises PostRefused when it is gone."""
        job = await self._db.one(FIND_JOB, publication.job_id)
        if job is None:
            raise PostRefused("the picture was deleted")
        return job

    async def _picture(self, publication: Publication) -> PictureFile:
        """The file; it tells the prompt to those alone who see it beside it. Raises PostRefused when there is none."""
        found = await self._db.one(FIND_PICTURE, job=publication.job_id, position=publication.position)
        if found is None:
            raise PostRefused("the picture was deleted")
        path = self._configuration.settings.storage.pictures / found.path
        try:
            return await ENCODING.run(self._attachments.fit, path, words=publication.shows_prompt)
        except DAMAGED as problem:
            raise PostRefused(f"the picture cannot be read: {problem}") from problem

    async def _art_channel(self, publication: Publication) -> ArtChannel:
        """What is set of its art channel; the usual for one that is none any more. Raises DatabaseError."""
        settings = (await self._servers.servers.of(publication.server_id)).settings
        found = settings.art_channel(publication.art_channel_id)
        return found or ArtChannel(channel_id=publication.art_channel_id)

    async def _language(self, publication: Publication) -> str | None:
        """That of the server, else the author's own. Raises DatabaseError."""
        settings = (await self._servers.servers.of(publication.server_id)).settings
        if settings.language is not None or publication.person_id is None:
            return settings.language
        return await self._db.one(FIND_LOCALE, publication.person_id)


def _where(publication: Publication, channel: object) -> ActionContext:
    """The art channel as a place, with those that it belongs to."""
    above = (getattr(channel, "parent_id", None), getattr(channel, "category_id", None))
    return ActionContext(
        person_id=publication.person_id or 0,
        server_id=publication.server_id,
        channel_id=publication.art_channel_id,
        parent_ids=frozenset(filter(None, above)),
    )


def _title(shown: ShownPicture) -> str:
    """The title of a forum post: the prompt where it is shown, else LoRAs or checkpoint."""
    request = shown.request
    if shown.shows_prompt and (prompt := prompt_text(request)):
        return on_a_label(prompt, MAX_TITLE)
    return on_a_label(", ".join(use.name for use in request.loras) or request.checkpoint, MAX_TITLE)

"""Posts, finds and edits the boards of art channels: text, links and buttons, without files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import discord
from discord import ui

from bot.community.boards import BoardPlace
from bot.community.discord_side import BoardContent, MessageGone, PostedMessage
from bot.database.database import Database
from bot.database.gallery.boards import GalleryBoard
from bot.database.gallery.features import Feature
from bot.database.gallery.publications import CHANNELS_WITH_PUBLICATIONS, FIND_PUBLICATIONS, Publication
from bot.database.loras.catalogue import Lora, find_loras_by_id
from bot.database.servers.settings import ArtChannel
from bot.i18n import _, speaking
from bot.i18n.texts import clipped, mention, on_a_label
from bot.servers.context import place_of
from bot.servers.services import ServerServices
from bot.ui.art_channels.channels import MAX_TITLE, ArtChannels, NewMessage, check_may_post
from bot.ui.art_channels.translations import editing, looking, posting
from bot.ui.client import Client
from bot.ui.delivery.nonces import make_nonce
from bot.ui.interactions.archived_threads import in_open_thread
from bot.ui.rendered_message import RenderedMessage, custom_ids_of, view_of
from bot.ui.views.gallery.feature_buttons import featured_text
from bot.ui.views.gallery.links import OpenGalleryButton
from bot.ui.views.gallery.picture import post_link
from bot.ui.views.loras.page import LoraPageButton
from bot.ui.views.permissions import is_public
from bot.ui.visible_channels import known_channel

MAX_NAME = 80  # characters of a LoRA's name
WHOLE_GALLERY = OpenGalleryButton().custom_id  # the custom_id by which a board is told from other messages


class BoardPosts:
    """Implements `bot.community.discord_side.BoardSide` for a client."""

    def __init__(self, client: Client, db: Database, servers: ServerServices) -> None:
        self._client = client
        self._channels = ArtChannels(client)
        self._db = db
        self._servers = servers

    async def places(self) -> list[BoardPlace]:
        """All art channels of the servers that the bot is in, and what is shown in each. Raises DatabaseError."""
        found: list[BoardPlace] = []
        for server in self._client.guilds:
            art_channels = (await self._servers.servers.of(server.id)).settings.art_channels
            if not art_channels:
                continue
            parents = {art.channel_id: art.parent_id for art in art_channels}
            closed = [
                each
                for each in await self._db.all(CHANNELS_WITH_PUBLICATIONS, server=server.id)
                if not is_public(known_channel(server, each, parents.get(each)))
            ]
            found += [await self._place(server.id, art, closed) for art in art_channels]
        return found

    async def _place(self, server_id: int, art: ArtChannel, closed: Sequence[int]) -> BoardPlace:
        """A board shows what is in its own channel, and of other channels what everybody may see."""
        content = self._servers.content
        shows = content.published_in(await content.place_now(place_of(server_id, art)))
        unseen = [each for each in closed if each != art.channel_id]
        return BoardPlace(art.channel_id, server_id, replace(shows, unseen=unseen))

    async def post_board(self, board: GalleryBoard, content: BoardContent) -> PostedMessage:
        """Post it; in a forum as a post of its own. Raises PostRefused or ArtChannelUnreachable."""
        page = RenderedMessage(await self._view(board, content))
        art = (await self._servers.servers.of(board.server_id)).settings.art_channel(board.channel_id)
        new = NewMessage(
            page,
            nonce=await make_nonce(self._db, "board", board.channel_id, channel_id=board.channel_id),
            title=await self._title(board),
            chosen=art.tags if art else {},
        )
        with posting():
            channel = await self._channels.channel(board.channel_id)
            check_may_post(channel, files=False)
            return await self._channels.post(channel, new)

    async def find_board(self, board: GalleryBoard) -> PostedMessage | None:
        """Look for it among the newest messages; in a forum among the posts with its title."""
        title = await self._title(board)
        with looking():
            return await self._channels.find(
                board.channel_id, lambda message: WHOLE_GALLERY in custom_ids_of(message), title=title
            )

    async def edit_board(self, board: GalleryBoard, content: BoardContent) -> None:
        """Show something else. Raises MessageGone, MessageClosed, PostRefused or ArtChannelUnreachable."""
        if board.message_channel_id is None or board.message_id is None:
            raise MessageGone
        view = await self._view(board, content)
        channel = self._client.get_partial_messageable(board.message_channel_id)
        message = channel.get_partial_message(board.message_id)
        with editing():  # that does not keep a thread open: without people's messages Discord archives it in some days
            await in_open_thread(self._client, channel.id, lambda: message.edit(view=view))

    async def is_wanted(self, board: GalleryBoard) -> bool:
        """Whether its channel is an art channel still; in a server that the bot has left, nothing is to be done."""
        settings = (await self._servers.servers.of(board.server_id)).settings
        return settings.art_channel(board.channel_id) is not None or self._client.get_guild(board.server_id) is None

    async def delete_board(self, board: GalleryBoard, message: PostedMessage) -> None:
        """Delete it, in a forum its post. Raises ArtChannelUnreachable."""
        with speaking(await self._language(board)):
            title = _("Board no longer in use")
        with looking(), suppress(discord.NotFound, discord.Forbidden):
            await self._channels.delete(message, title)

    async def _language(self, board: GalleryBoard) -> str | None:
        return (await self._servers.servers.of(board.server_id)).settings.language

    async def _title(self, board: GalleryBoard) -> str:
        with speaking(await self._language(board)):
            return on_a_label(_("This week in the gallery"), MAX_TITLE)

    async def _view(self, board: GalleryBoard, content: BoardContent) -> ui.LayoutView:
        db = self._db
        picked = [pick.target_id for pick in content.picked_loras]
        loras = {lora.id: lora for lora in await find_loras_by_id(db, [*content.trending, *picked])}
        publications = {one.id: one for one in await db.all(FIND_PUBLICATIONS, content.publications)}
        with speaking(await self._language(board)):
            return board_view(content, loras, publications)


def board_view(content: BoardContent, loras: dict[int, Lora], publications: dict[int, Publication]) -> ui.LayoutView:
    """The message: trending LoRAs with their buttons, links to the most liked pictures, and staff's picks."""
    trending = [loras[each] for each in content.trending if each in loras]
    liked = [publications[each] for each in content.most_liked if each in publications]
    picks = [
        *(
            _picked(post_text(publications[each.target_id]), each)
            for each in content.picked_pictures
            if each.target_id in publications
        ),
        *(_picked(_lora_text(loras[each.target_id]), each) for each in content.picked_loras if each.target_id in loras),
    ]
    container = ui.Container[Any](ui.TextDisplay[Any](f"## {_('This week in the gallery')}"))
    for title, lines in (
        (_("Trending LoRAs"), map(_lora_text, trending)),
        (_("Most liked this week"), map(post_text, liked)),
        (_("Staff picks of the week"), picks),
    ):
        if numbered := [f"{n}. {line}" for n, line in enumerate(lines, 1)]:
            container.add_item(ui.TextDisplay[Any]("\n".join([f"### {title}", *numbered])))
    pages = [ui.ActionRow[Any](*map(LoraPageButton.named, trending))] if trending else []
    return view_of(container, *pages, ui.ActionRow[Any](OpenGalleryButton()))


def post_text(publication: Publication) -> str:
    """Whose picture it is, and the link to it."""
    return _("by {person}").format(person=mention(publication.person_id)) + f" · {post_link(publication)}"


def _lora_text(lora: Lora) -> str:
    return f"**{clipped(lora.name, MAX_NAME)}**"


def _picked(text: str, feature: Feature) -> str:
    return f"{text} · {featured_text(feature)}"

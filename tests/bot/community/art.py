"""A server with an art channel, its services, and a Discord side that remembers what was posted."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bot.community.boards import BoardPlace, Boards
from bot.community.discord_side import (
    ArtChannelUnreachable,
    BoardContent,
    ChannelClosed,
    MessageClosed,
    MessageGone,
    PostedMessage,
    PostRefused,
)
from bot.community.like_counts import LikeCounts
from bot.community.pacing import EditPacer
from bot.community.publishing import Publishing, PublishingRules
from bot.config import Settings
from bot.database.database import Database, open_database
from bot.database.gallery.boards import GalleryBoard
from bot.database.gallery.publications import Publication
from bot.database.servers.settings import ArtChannel, ServerSettings, save_server_settings
from bot.pictures.similarity.picture_verdicts import PictureVerdicts
from bot.servers.command_permissions import CommandPermissions
from bot.servers.context import ActionContext, MemberFacts
from bot.servers.services import ServerServices, server_services
from inference.base_models import BaseModelId
from tests.bot.database.conftest import ILLUSTRIOUS
from tests.bot.database.publishing import ART, EVERYTHING, SERVER

AUTHOR, STAFF = 1, 3
MANAGE_SERVER = 1 << 5
HERE = BoardPlace(ART, SERVER, EVERYTHING)


def acting(person: int = AUTHOR, **more: object) -> ActionContext:
    """Somebody who acts in the server."""
    permissions = MANAGE_SERVER if person == STAFF else 0
    known = {"person_id": person, "server_id": SERVER, "permissions": permissions, "checked_by_discord": True}
    return ActionContext.model_validate({**known, **more})


class Lookups:
    """What Discord knows of members and places: nothing special."""

    adults: bool | None = False

    async def member(self, server_id: int, person_id: int) -> MemberFacts | None:
        return MemberFacts(frozenset(), 0, 1)

    async def command_permissions(self, server_id: int) -> CommandPermissions:
        return CommandPermissions()

    def age_restricted(self, where: ActionContext) -> bool | None:
        return self.adults if where.channel_id == ART else False

    async def declare(self, sha256: str, base_model: BaseModelId, *, who: str, reason: str) -> None:
        raise AssertionError


@dataclass
class Discord:
    """Implements `PublicationSide` and `BoardSide`. Each request is on its way for a step, and so is its answer.

    `down` are the places where Discord stops answering: "post" before it has got the request, "posted" after it.
    """

    messages: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    """By message: the publication, and the likes that it shows."""
    boards: dict[int, BoardContent] = field(default_factory=dict[int, BoardContent])
    closed_channels: set[int] = field(default_factory=set[int])  # channels that are no art channels any more
    down: set[str] = field(default_factory=set[str])
    refuses: bool = False
    closed: bool = False
    unreadable: bool = False  # the bot may not read its channel
    asked: int = 0
    edits: int = 0
    searches: int = 0
    when_posted: Callable[[], Awaitable[None]] | None = None
    ids: count[int] = field(default_factory=lambda: count(1))

    async def _step(self, place: str) -> None:
        await asyncio.sleep(0)
        self.asked += 1
        if self.unreadable:
            raise ChannelClosed(place)
        if place in self.down:
            raise ArtChannelUnreachable(place)

    async def post(self, publication: Publication) -> PostedMessage:
        await self._step("post")
        if self.refuses:
            raise PostRefused("no permission")
        message = next(self.ids)
        self.messages[message] = (publication.id, 0)
        if self.when_posted is not None:
            await self.when_posted()
        await self._step("posted")
        return PostedMessage(ART, message)

    async def find_posted(self, publication: Publication) -> PostedMessage | None:
        await self._step("find")
        self.searches += 1
        found = [message for message, (posted, _) in self.messages.items() if posted == publication.id]
        return PostedMessage(ART, found[0]) if found else None

    async def show_likes(self, publication: Publication, likes: int) -> None:
        await self._step("edit")
        if publication.message_id not in self.messages:
            raise MessageGone
        if self.closed:
            raise MessageClosed
        self.edits += 1
        self.messages[publication.message_id] = (publication.id, likes)
        await self._step("edited")

    async def delete(self, publication: Publication, message: PostedMessage) -> None:
        await self._step("delete")
        self.messages.pop(message.message_id, None)
        await self._step("deleted")

    async def post_board(self, board: GalleryBoard, content: BoardContent) -> PostedMessage:
        await self._step("post")
        message = next(self.ids)
        self.boards[message] = content
        await self._step("posted")
        return PostedMessage(board.channel_id, message)

    async def find_board(self, board: GalleryBoard) -> PostedMessage | None:
        await self._step("find")
        return PostedMessage(board.channel_id, next(iter(self.boards))) if self.boards else None

    async def is_wanted(self, board: GalleryBoard) -> bool:
        return board.channel_id not in self.closed_channels

    async def delete_board(self, board: GalleryBoard, message: PostedMessage) -> None:
        await self._step("delete")
        self.boards.pop(message.message_id, None)
        await self._step("deleted")

    async def edit_board(self, board: GalleryBoard, content: BoardContent) -> None:
        await self._step("edit")
        if board.message_id not in self.boards:
            raise MessageGone
        if self.closed:
            raise MessageClosed
        self.edits += 1
        self.boards[board.message_id] = content
        await self._step("edited")


@dataclass
class Seconds:
    """A clock that stands until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Community:
    """The services of a running program."""

    db: Database
    services: ServerServices
    lookups: Lookups
    discord: Discord
    publishing: Publishing
    likes: LikeCounts
    boards: Boards
    pacer_clock: Seconds
    publishing_clock: Seconds
    boards_clock: Seconds


@asynccontextmanager
async def community(folder: Path, discord: Discord, **settings: object) -> AsyncIterator[Community]:
    """A program on the database in `folder`, whose server has an art channel."""
    async with open_database(folder / "easel.sqlite3", clock=lambda: 0.0) as db:
        await db.connection.execute("PRAGMA synchronous = OFF")
        here = ServerSettings(art_channels=(ArtChannel(channel_id=ART),))
        await save_server_settings(db, SERVER, here.model_copy(update=settings))
        lookups, clock, publishing_clock, boards_clock = Lookups(), Seconds(), Seconds(), Seconds()
        services = server_services(db, Settings, declarer=lookups)
        services.connect(lookups)
        rules = PublishingRules(
            db, services.servers, services.rights, services.checks, services.content,
            PictureVerdicts(db), base_model_of=lambda _: ILLUSTRIOUS,
        )  # fmt: skip
        pacer = EditPacer(clock)

        async def places() -> list[BoardPlace]:
            return [HERE]

        yield Community(
            db, services, lookups, discord,
            Publishing(db, rules, discord, clock=publishing_clock),
            LikeCounts(db, discord, pacer, every=0),
            Boards(db, discord, pacer, places, every=0, clock=boards_clock),
            clock, publishing_clock, boards_clock,
        )  # fmt: skip


@dataclass
class World:
    """What survives a kill: the database, and Discord."""

    folder: Path
    discord: Discord = field(default_factory=Discord)

    def copy(self, to: Path) -> World:
        shutil.copytree(self.folder, to)
        return World(to, copy.deepcopy(self.discord))

    def key(self) -> str:
        """Worlds with the same key have the same future."""
        held = hashlib.sha256(repr((self.discord.messages, self.discord.boards)).encode())
        for path in sorted(self.folder.iterdir()):
            if not path.name.endswith("-shm"):
                held.update(path.read_bytes())
        return held.hexdigest()

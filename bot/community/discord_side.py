"""What publishing asks of Discord, as Protocols, with what may come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.database.gallery.boards import GalleryBoard
from bot.database.gallery.features import Feature
from bot.database.gallery.publications import Publication


class ArtChannelUnreachable(Exception):
    """Discord does not answer now. What was asked for may have been done."""


class ChannelClosed(ArtChannelUnreachable):
    """The bot may not read what is in this channel. It may later, when staff let it."""


class PostRefused(Exception):
    """Discord refuses to post or to edit this here, and nothing was done; the text says why."""


class MessageGone(Exception):
    """The message was deleted, or its channel."""


class MessageClosed(Exception):
    """The message cannot be edited now: its thread is archived."""


@dataclass(frozen=True)
class PostedMessage:
    """Where a message is: in a forum, `channel_id` is the post."""

    channel_id: int
    message_id: int


@dataclass(frozen=True)
class BoardContent:
    """What a board shows: ids of LoRAs and of publications, and what staff have featured in the last week."""

    trending: list[int]
    most_liked: list[int]
    picked_pictures: list[Feature]
    picked_loras: list[Feature]

    @property
    def empty(self) -> bool:
        """Whether it shows nothing."""
        return not (self.trending or self.most_liked or self.picked_pictures or self.picked_loras)

    @property
    def publications(self) -> tuple[int, ...]:
        """All publications that it names, by their ids."""
        return (*self.most_liked, *(pick.target_id for pick in self.picked_pictures))


class PublicationSide(Protocol):
    """Posts, finds, edits and deletes the messages of publications. Each method raises ArtChannelUnreachable.

    `bot.ui.art_channels.posts` implements it.
    """

    async def post(self, publication: Publication) -> PostedMessage:
        """Post a picture; its buttons name the publication. Raises PostRefused when it surely was not posted."""
        ...

    async def find_posted(self, publication: Publication) -> PostedMessage | None:
        """Look for the message of a publication that may have been posted since `tried_at`, in a forum among active
        and archived posts."""
        ...

    async def show_likes(self, publication: Publication, likes: int) -> None:
        """Write the number of likes into its message. Raises MessageGone, MessageClosed or PostRefused."""
        ...

    async def delete(self, publication: Publication, message: PostedMessage) -> None:
        """Delete its message, in a forum the post where the bot may; gone before, or out of reach for good, is well."""
        ...


@dataclass(frozen=True)
class SeenMessages:
    """Ids of messages that are in an art channel, in a forum of its posts.

    There is no other one from the id `down_to` on, but for those of the pages before. `in_part`: of a forum, posts are
    known, and not whether their first messages are still in them.
    """

    message_ids: frozenset[int]
    down_to: int
    in_part: bool = False


class PostedSide(Protocol):
    """Looks which messages of publications are there. Each method raises ArtChannelUnreachable or ChannelClosed.

    `bot.ui.art_channels.posted` implements it.
    """

    async def messages_before(self, server_id: int, channel_id: int, before: int, newest: int) -> SeenMessages:
        """A page of messages with ids below `before`. Those above `newest` may be left out.

        Raises MessageGone when it is sure that the channel was deleted.
        """
        ...

    async def is_there(self, publication: Publication) -> bool:
        """Whether its message is there; False only when Discord says that it is not."""
        ...


class BoardSide(Protocol):
    """Posts, finds and edits the boards of art channels. Each method raises ArtChannelUnreachable."""

    async def post_board(self, board: GalleryBoard, content: BoardContent) -> PostedMessage:
        """Post a board. Raises PostRefused when it surely was not posted."""
        ...

    async def find_board(self, board: GalleryBoard) -> PostedMessage | None:
        """Look for a board that may have been posted."""
        ...

    async def edit_board(self, board: GalleryBoard, content: BoardContent) -> None:
        """Show something else. Raises MessageGone, MessageClosed or PostRefused."""
        ...

    async def is_wanted(self, board: GalleryBoard) -> bool:
        """Whether its channel is an art channel of its server still. Raises DatabaseError."""
        ...

    async def delete_board(self, board: GalleryBoard, message: PostedMessage) -> None:
        """Delete its message, as that of a publication."""
        ...

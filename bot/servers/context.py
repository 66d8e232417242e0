"""Who acts and where, as Discord tells it with an interaction or with *Get Guild Member*."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import discord
from pydantic import BaseModel, ConfigDict, Field

from bot.database.servers.settings import ArtChannel
from inference.queue.policy import EVERYWHERE


class ActionContext(BaseModel):
    """The person, the place and the roles of one action. Its JSON is stored with a job.

    `server_id` is None in direct messages. `parent_ids` are the channel of a thread and the category of a channel.
    `permissions` are Discord's bits for the person in this channel. `bot_in_server` is False where only the person has
    installed the bot. `age_restricted` is whether Discord opens the place to adults alone, as far as the interaction
    tells; `nsfw_command`, whether it is a command that Discord opens to adults alone, in a server or a direct message.
    `command` is the slash command that does the same as the action; `checked_by_discord` says that it is this very
    command, so that Discord has applied the server's command permissions.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    person_id: int
    server_id: int | None = None
    channel_id: int = 0
    parent_ids: frozenset[int] = frozenset()
    role_ids: frozenset[int] = frozenset()
    permissions: Annotated[int, Field(ge=0)] = 0
    joined_at: int | None = None  # unix ms
    bot_in_server: bool = True
    age_restricted: bool = False
    nsfw_command: bool = False
    command: str = "imagine"
    checked_by_discord: bool = False

    @property
    def place(self) -> int:
        """The server; EVERYWHERE stands for direct messages."""
        return EVERYWHERE if self.server_id is None else self.server_id

    @property
    def roles(self) -> frozenset[int]:
        """The roles with that of everybody, which has the id of the server."""
        return self.role_ids if self.server_id is None else self.role_ids | {self.server_id}

    @property
    def channels(self) -> frozenset[int]:
        """The channel with those that it belongs to."""
        return self.parent_ids | {self.channel_id}

    def is_in(self, channels: Collection[int]) -> bool:
        """Whether the channel is one of these, or belongs to one of them."""
        return not self.channels.isdisjoint(channels)

    @property
    def manages_server(self) -> bool:
        """Whether Discord gives the person *Manage Server*."""
        permissions = discord.Permissions(self.permissions)
        return permissions.manage_guild or permissions.administrator

    @property
    def is_administrator(self) -> bool:
        """Whether Discord gives the person *Administrator*, for whom no command is closed."""
        return discord.Permissions(self.permissions).administrator


def place_of(server_id: int, art: ArtChannel) -> ActionContext:
    """An art channel of a server as a place in which nobody in particular acts."""
    above = frozenset({art.parent_id} if art.parent_id else ())
    return ActionContext(person_id=0, server_id=server_id, channel_id=art.channel_id, parent_ids=above)


@dataclass(frozen=True)
class MemberFacts:
    """A member of a server as *Get Guild Member* tells it, with the permission bits of all roles. Times in unix ms."""

    role_ids: frozenset[int]
    permissions: int
    joined_at: int | None
    timed_out_until: int | None = None

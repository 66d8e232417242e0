"""A server's own settings for the bot's commands (Server Settings > Integrations), which hold for buttons too.

Discord applies them to commands alone. This is its rule: an overwrite of the command comes before one of the whole app;
an overwrite of the channel must be open, and so must the person's: their own first, then their roles' (one that opens
is enough), then everybody's. An overwrite of the command for the person replaces the command's default permissions; one
of the app does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from bot.servers.context import ActionContext
from bot.servers.lookups import LookupCache
from bot.servers.rights import CommandAccess


class OverwriteKind(IntEnum):
    """What an overwrite is about; the numbers are Discord's."""

    ROLE = 1
    USER = 2
    CHANNEL = 3


@dataclass(frozen=True)
class CommandOverwrite:
    """One entry: the role, person or channel of this id may use the command, or not.

    The role of everybody has the server's id, all channels together have the server's id less one.
    """

    kind: OverwriteKind
    target_id: int
    allowed: bool


@dataclass(frozen=True)
class CommandPermissions:
    """The overwrites of a server by the name of the command, those of the whole app, and the commands' defaults.

    `default_permissions` are the bits that a command asks for by default, by its name; 0 is administrators alone, a
    command that is missing asks for none.
    """

    of_commands: Mapping[str, Sequence[CommandOverwrite]] = field(default_factory=dict[str, Sequence[CommandOverwrite]])
    of_app: Sequence[CommandOverwrite] = ()
    default_permissions: Mapping[str, int] = field(default_factory=dict[str, int])


class CommandPermissionLookup(Protocol):
    """Asks Discord for command permissions."""

    async def command_permissions(self, server_id: int) -> CommandPermissions:
        """What *Get Guild Application Command Permissions* tells. Raises LookupFailed."""
        ...


class CommandGate:
    """Tells whether a server's settings let a person use a command; each server is looked up at most once a minute."""

    def __init__(self, lookup: CommandPermissionLookup, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.lookup = lookup
        self._cache = LookupCache[int, CommandPermissions](
            lambda server_id: self.lookup.command_permissions(server_id), clock=clock
        )

    async def access(self, who: ActionContext) -> CommandAccess:
        """Whether the person may use `who.command` in this channel.

        Discord itself has checked a command. Where the bot is not in the server, there are no such settings. When the
        look-up fails, the last answer holds; without one it is unknown.
        """
        if who.server_id is None or not who.bot_in_server or who.checked_by_discord:
            return CommandAccess.OPEN
        known = await self._cache.get(who.server_id)
        return CommandAccess.UNKNOWN if known is None else command_access(known.answer, who)

    async def look_up(self, who: ActionContext) -> None:
        """Ask Discord about the person's server now if it has to be asked, so that `access` need not wait."""
        if who.server_id is not None and who.bot_in_server:
            await self._cache.get(who.server_id)

    def forget(self, server_id: int) -> None:
        """Ask again the next time: Discord has told that the settings changed."""
        self._cache.forget(server_id)


def command_access(permissions: CommandPermissions, who: ActionContext) -> CommandAccess:
    """Discord's decision about a person and a command in a server."""
    if who.is_administrator:
        return CommandAccess.OPEN
    of_command, of_app = permissions.of_commands.get(who.command, ()), permissions.of_app
    if _first_said(_for_channel(of_command, who), _for_channel(of_app, who)) is False:
        return CommandAccess.CLOSED
    if (said := _for_person(of_command, who)) is not None:
        return CommandAccess.OPEN if said else CommandAccess.CLOSED
    if _for_person(of_app, who) is False:
        return CommandAccess.CLOSED
    needed = permissions.default_permissions.get(who.command)
    if needed is None or (needed and who.permissions & needed == needed):
        return CommandAccess.OPEN
    return CommandAccess.CLOSED_BY_DEFAULT


def _first_said(*answers: bool | None) -> bool | None:
    return next((answer for answer in answers if answer is not None), None)


def _for_channel(overwrites: Sequence[CommandOverwrite], who: ActionContext) -> bool | None:
    """What is said about this channel, else about that of the thread, else about all; None: nothing."""
    assert who.server_id is not None
    return _first_said(
        _said(overwrites, OverwriteKind.CHANNEL, {who.channel_id}),
        _said(overwrites, OverwriteKind.CHANNEL, who.parent_ids),
        _said(overwrites, OverwriteKind.CHANNEL, {who.server_id - 1}),
    )


def _for_person(overwrites: Sequence[CommandOverwrite], who: ActionContext) -> bool | None:
    """What is said about the person, else about their roles, else about everybody; None: nothing."""
    assert who.server_id is not None
    return _first_said(
        _said(overwrites, OverwriteKind.USER, {who.person_id}),
        _said(overwrites, OverwriteKind.ROLE, who.role_ids - {who.server_id}),
        _said(overwrites, OverwriteKind.ROLE, {who.server_id}),
    )


def _said(overwrites: Sequence[CommandOverwrite], kind: OverwriteKind, targets: Collection[int]) -> bool | None:
    """Whether any overwrite for these targets opens; None when there is none."""
    said = [each.allowed for each in overwrites if each.kind is kind and each.target_id in targets]
    return any(said) if said else None

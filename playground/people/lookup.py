"""Finds people, channels and roles by name or id."""

from collections.abc import Iterable
from typing import TypeVar

from playground import permissions
from playground.models import Channel, Guild, GuildRole, Message, User
from playground.people.action_refused import ActionRefused
from playground.wire import ChannelType
from playground.world import World


def user(world: World, key: str) -> User:
    """A person by id, user name or display name."""
    for one in world.users.values():
        if key in (one.id, one.username, one.global_name):
            return one
    raise ActionRefused(f"There is nobody called {key!r} here.")


def person(world: World, key: str) -> User:
    """A person by id or name; not the bot."""
    found = user(world, key)
    if found.bot:
        raise ActionRefused("Nobody acts as the bot but the bot.")
    return found


_Thing = TypeVar("_Thing", Channel, Guild, GuildRole)


def _called(key: str, things: Iterable[_Thing], otherwise: str) -> _Thing:
    """The one with this id or name."""
    for one in things:
        if key in (one.id, one.name):
            return one
    raise ActionRefused(f"{otherwise} called {key!r}.")


def channel(world: World, key: str, viewer: User) -> Channel:
    """A channel that the person sees, by id or name; `dm` is their DM with the bot."""
    if key == "dm":
        return world.dm(viewer.id)
    seen = (one for one in world.channels.values() if sees(world, one, viewer))
    return _called(key, seen, f"{viewer.global_name} sees no channel")


def any_channel(world: World, key: str) -> Channel:
    """A channel by id or name, whoever sees it."""
    return _called(key, world.channels.values(), "There is no channel")


def guild(world: World, key: str) -> Guild:
    """A server by id or name."""
    return _called(key, world.guilds.values(), "There is no server")


def role(home: Guild, key: str) -> GuildRole:
    """A role of a server by id or name."""
    return _called(key, home.roles.values(), f"{home.name} has no role")


def role_or_user(world: World, home: Guild, key: str) -> tuple[str, bool]:
    """The id of a role of a server, else of a person; and whether it is a person."""
    try:
        return role(home, key).id, False
    except ActionRefused:
        return user(world, key).id, True


def guild_channel(world: World, home: Guild, key: str) -> Channel:
    """A channel of a server by id or name, whoever sees it; no thread."""
    return _called(key, world.channels_of(home.id), f"{home.name} has no channel")


def message(world: World, message_id: str, viewer: User) -> Message:
    """A message that the person sees."""
    found = world.messages.get(message_id)
    if found is None or found.dismissed or found.visible_to not in (None, viewer.id):
        raise ActionRefused(f"{viewer.global_name} sees no message {message_id}.")
    if not sees(world, world.channels[found.channel_id], viewer):
        raise ActionRefused(f"{viewer.global_name} does not see the channel of message {message_id}.")
    return found


def sees(world: World, one: Channel, viewer: User) -> bool:
    """Whether the person may view a channel."""
    if one.type in (ChannelType.DM, ChannelType.GROUP_DM):
        return viewer.id in one.recipients
    return bool(world.permissions(one, viewer.id) & permissions.VIEW_CHANNEL)

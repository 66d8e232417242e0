"""What a person sees: people, places, commands and messages, as JSON for the page and for tests."""

from collections.abc import Sequence
from dataclasses import asdict

from playground import message_shapes, permissions, shapes
from playground.gateway.hub import Hub
from playground.models import Channel, Guild, Interaction, Message, User
from playground.people import lookup
from playground.people.membership import membership
from playground.wire import ChannelType, Json, MessageFlag
from playground.world import World


def world(state: World, hub: Hub, viewer: User, suggestions: Sequence[str] = ()) -> Json:
    """Everything around the messages, for one person."""
    guilds = [guild for guild in state.guilds.values() if viewer.id in guild.members]
    people = [one for one in state.users.values() if not one.bot]
    direct = [
        c
        for c in state.channels.values()
        if c.type in (ChannelType.DM, ChannelType.GROUP_DM) and viewer.id in c.recipients
    ]
    return {
        "me": person(viewer),
        "bot": {**shapes.user(state.users[state.bot_id]), "online": hub.online},
        "people": [person(one) for one in people],
        "names": {one.id: one.global_name or one.username for one in state.users.values()},
        "guilds": [server(state, guild, viewer, people) for guild in guilds],
        "direct": [place(state, one, viewer) for one in direct],
        "application": state.application.id,
        "suggestions": list(suggestions),
        "clock": state.clock.now(),
    }


def server(state: World, guild: Guild, viewer: User, people: Sequence[User]) -> Json:
    """A server with its channels, and what people set in it."""
    commands = [one for one in state.commands.values() if one.guild_id in (None, guild.id)]
    return {
        "id": guild.id,
        "name": guild.name,
        "has_bot": state.bot_id in guild.members,
        "nsfw_level": guild.nsfw_level,
        "is_age_restricted": guild.is_age_restricted,
        "members": {one.id: membership(state, guild, one) for one in people},
        "roles": [shapes.role(one) for one in guild.roles.values()],
        "channels": [place(state, one, viewer) for one in _places(state, guild.id, viewer)],
        "commands": [{"id": one.id, "name": one.name} for one in commands],
        "command_permissions": {
            target: shapes.command_permissions(state, guild, target)["permissions"]
            for target in guild.command_permissions
        },
        "all_channels_id": guild.all_channels_id,
        "automod_rules": [shapes.automod_rule(guild, one) for one in guild.automod_rules.values()],
    }


def _places(state: World, guild_id: str, viewer: User) -> list[Channel]:
    """Channels with their threads below them, archived ones too."""
    found: list[Channel] = []
    threads = [one for one in state.channels.values() if one.guild_id == guild_id and one.is_thread]
    for channel in state.channels_of(guild_id):
        if lookup.sees(state, channel, viewer):
            found += [channel, *(thread for thread in threads if thread.parent_id == channel.id)]
    return found


def person(one: User) -> Json:
    """Somebody one can act as."""
    return {
        "id": one.id,
        "name": one.global_name or one.username,
        "username": one.username,
        "installed_app": one.installed_app,
        "sees_age_restricted": one.sees_age_restricted,
        "closed_dms": one.closed_dms,
        "locale": one.locale,
    }


def place(state: World, channel: Channel, viewer: User) -> Json:
    """A channel in the list."""
    others = [one for one in channel.recipients if one != viewer.id]
    held = state.permissions(channel, viewer.id)
    return {
        "id": channel.id,
        "type": channel.type,
        "name": channel.name or ", ".join(state.display_name(one) for one in others),
        "parent_id": channel.parent_id,
        "archived": channel.archived,
        "locked": channel.locked,
        "tags": [shapes.tag(one) for one in channel.available_tags],
        "applied_tags": list(channel.applied_tags),
        "can_use_moderated_tags": bool(held & permissions.MANAGE_THREADS),
        "topic": channel.topic,
        "nsfw": state.parent(channel).nsfw,
        "with_bot": state.bot_id in channel.recipients,
        "can_moderate": channel.guild_id is not None and bool(held & permissions.MANAGE_MESSAGES),
    }


def message(state: World, one: Message) -> Json:
    """A message with what only the playground knows: who sees it and whom it disturbed."""
    guild_id = state.channels[one.channel_id].guild_id
    return {
        **message_shapes.message(state, one),
        "author_name": state.display_name(one.author_id, guild_id),
        "visible_to": one.visible_to,
        "dismissed": one.dismissed,
        "ephemeral": one.has(MessageFlag.EPHEMERAL),
        "loading": one.has(MessageFlag.LOADING),
        "interaction_id": one.interaction_id,
        "pings": asdict(one.pings),
        "revision": one.revision,
    }


def interaction(world: World, one: Interaction) -> Json:
    """An interaction and what became of it; of its message, whether it was edited since."""
    source = world.messages.get(one.source_message_id or "")
    return asdict(one) | {"edited_source": source is not None and source.revision > one.source_revision}

"""Whom a message mentions, and whom it pings after `allowed_mentions`."""

import re

from playground import permissions
from playground.models import Channel, Pings
from playground.wire import Json, as_strings
from playground.world import World

USER = re.compile(r"<@!?(\d+)>")
ROLE = re.compile(r"<@&(\d+)>")
EVERYONE = re.compile(r"@(everyone|here)\b")


def mentioned(world: World, text: str) -> list[str]:
    """The people mentioned in a text, each once, in order, whether or not they are pinged."""
    return [user_id for user_id in dict.fromkeys(USER.findall(text)) if user_id in world.users]


def pings(world: World, channel: Channel, author_id: str, text: str, allowed: Json | None) -> Pings:
    """Whom the text pings; without `allowed_mentions` everybody that it mentions."""
    users, roles, everyone = mentioned(world, text), _roles(world, channel, text), bool(EVERYONE.search(text))
    may_all = bool(world.permissions(channel, author_id) & permissions.MENTION_EVERYONE)
    found = Pings(users, [role for role in roles if may_all or _mentionable(world, channel, role)], everyone)
    found.everyone = found.everyone and may_all and channel.guild_id is not None
    return found if allowed is None else _allow(found, allowed)


def _allow(found: Pings, allowed: Json) -> Pings:
    """Keep the mentions that `parse` allows by kind, or the lists by id."""
    parse = as_strings(allowed.get("parse"))
    users, roles = as_strings(allowed.get("users")), as_strings(allowed.get("roles"))
    return Pings(
        [one for one in found.users if "users" in parse or one in users],
        [one for one in found.roles if "roles" in parse or one in roles],
        found.everyone and "everyone" in parse,
    )


def _roles(world: World, channel: Channel, text: str) -> list[str]:
    guild = world.guilds.get(channel.guild_id or "")
    return [role for role in dict.fromkeys(ROLE.findall(text)) if guild is not None and role in guild.roles]


def _mentionable(world: World, channel: Channel, role_id: str) -> bool:
    guild = world.guilds.get(channel.guild_id or "")
    return guild is not None and guild.roles[role_id].mentionable

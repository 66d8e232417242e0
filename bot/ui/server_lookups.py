"""Asks Discord about members, command permissions, AutoMod and the age restriction of places, for `bot.servers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import discord

from bot.errors.words import AutoModClosed
from bot.servers.automod import AutoModRule, Trigger
from bot.servers.command_permissions import CommandOverwrite, CommandPermissions, OverwriteKind
from bot.servers.context import ActionContext, MemberFacts
from bot.servers.lookups import LookupFailed, NotConnected
from bot.ui.client import Client
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS

ADULT_SERVERS = frozenset({discord.NSFWLevel.explicit, discord.NSFWLevel.age_restricted})
UNKNOWN_MEMBER = 10007  # Discord's code for a person who is not in the server


class ServerLookups:
    """Implements `bot.servers.services.DiscordLookup`. `commands` gives the registered commands each time."""

    def __init__(self, client: Client, commands: Callable[[], Sequence[discord.app_commands.AppCommand]]) -> None:
        self._client = client
        self._commands = commands

    async def member(self, server_id: int, person_id: int) -> MemberFacts | None:
        """The member by *Get Guild Member*; None when the person is none. Raises LookupFailed."""
        guild = self._client.get_guild(server_id)
        if guild is None and not self._client.is_ready():
            raise NotConnected
        if guild is None or guild.unavailable:
            raise LookupFailed(f"server {server_id} is not available")
        try:
            member = await guild.fetch_member(person_id)
        except discord.NotFound as problem:
            if problem.code == UNKNOWN_MEMBER:
                return None
            raise LookupFailed(str(problem)) from problem
        except DISCORD_ERRORS as problem:
            raise LookupFailed(str(problem)) from problem
        joined, timed_out = member.joined_at, member.timed_out_until
        return MemberFacts(
            role_ids=frozenset(role.id for role in member.roles),
            permissions=member.guild_permissions.value,
            joined_at=None if joined is None else int(joined.timestamp() * 1000),
            timed_out_until=None if timed_out is None else int(timed_out.timestamp() * 1000),
        )

    def age_restricted(self, where: ActionContext) -> bool | None:
        """Whether the channel, that of the thread or the server is for adults alone, as the gateway told last.

        Raises LookupFailed before it has told anything.
        """
        if not self._client.is_ready():
            raise NotConnected
        guild = None if where.server_id is None else self._client.get_guild(where.server_id)
        if guild is None or guild.unavailable:
            return None
        found = (guild.get_channel_or_thread(channel_id) for channel_id in (where.channel_id, *where.parent_ids))
        # A category restricts nothing, and an archived thread is not told, but its channel is.
        channel = next((each for each in found if each and not isinstance(each, discord.CategoryChannel)), None)
        return is_for_adults(channel, guild)

    async def automod_rules(self, server_id: int) -> tuple[AutoModRule, ...]:
        """What *List Auto Moderation Rules* tells.

        Raises AutoModClosed where the bot lacks *Manage Server*, and LookupFailed.
        """
        guild = self._client.get_guild(server_id)
        if guild is None or guild.unavailable:
            raise NotConnected
        try:
            told = await guild.fetch_automod_rules()
        except discord.Forbidden:
            raise AutoModClosed from None
        except DISCORD_ERRORS as problem:
            raise LookupFailed(str(problem)) from problem
        return tuple(map(_automod_rule, told))

    async def command_permissions(self, server_id: int) -> CommandPermissions:
        """What *Get Guild Application Command Permissions* tells. Raises LookupFailed."""
        application_id, commands = self._client.application_id, self._commands()
        if application_id is None or not commands:
            raise NotConnected
        try:
            told = await self._client.http.get_guild_application_command_permissions(application_id, server_id)
        except DISCORD_ERRORS as problem:
            raise LookupFailed(str(problem)) from problem
        by_id = {int(each["id"]): _overwrites(each["permissions"]) for each in told}
        return CommandPermissions(
            of_commands={command.name: by_id[command.id] for command in commands if command.id in by_id},
            of_app=by_id.get(application_id, ()),
            default_permissions={
                command.name: command.default_member_permissions.value
                for command in commands
                if command.default_member_permissions is not None
            },
        )


def is_for_adults(channel: object, guild: discord.Guild | None) -> bool | None:
    """Whether Discord opens a channel to adults alone, by its parent or its server too; None where it does not tell."""
    if guild is not None and guild.nsfw_level in ADULT_SERVERS:
        return True
    parent = channel.parent if isinstance(channel, discord.Thread) else channel
    told: object = getattr(parent, "nsfw", None)
    return told if isinstance(told, bool) else None


def _automod_rule(told: discord.AutoModRule) -> AutoModRule:
    trigger = told.trigger
    kind = Trigger.PRESET if trigger.type is discord.AutoModRuleTriggerType.keyword_preset else Trigger.OTHER
    if trigger.type in {discord.AutoModRuleTriggerType.keyword, discord.AutoModRuleTriggerType.member_profile}:
        kind = Trigger.WORDS
    return AutoModRule(
        told.id,
        told.name,
        kind,
        told.enabled,
        tuple(trigger.keyword_filter),
        tuple(trigger.regex_patterns),
        tuple(trigger.allow_list),
    )


def _overwrites(told: Sequence[Mapping[str, object]]) -> tuple[CommandOverwrite, ...]:
    """The overwrites as Discord tells them; one of a kind that is not known yet is left out."""
    known = set(OverwriteKind)
    return tuple(
        CommandOverwrite(OverwriteKind(each["type"]), int(str(each["id"])), bool(each["permission"]))
        for each in told
        if each["type"] in known
    )

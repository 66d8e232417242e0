"""The commands that a person can use in a channel, and who installed the app there."""

from playground.models import Channel, Command, User
from playground.people.command_permissions import lacking_permission
from playground.rules import commands as rules
from playground.wire import ChannelType, Context
from playground.world import World

GUILD_INSTALL, USER_INSTALL = 0, 1


def context_of(world: World, channel: Channel) -> int:
    """The context of a channel: server, DM with the bot, or private channel without it."""
    if channel.guild_id is not None:
        return Context.GUILD
    return Context.BOT_DM if world.bot_id in channel.recipients else Context.PRIVATE_CHANNEL


def available_commands(world: World, person: User, channel: Channel) -> list[Command]:
    """The commands that a client lists; a server's commands hide global ones of the same name."""
    usable = [c for c in world.commands.values() if unavailable_reason(world, person, channel, c) is None]
    own = {(c.type, c.name) for c in usable if c.guild_id is not None}
    kept = [c for c in usable if c.guild_id is not None or (c.type, c.name) not in own]
    return sorted(kept, key=lambda command: (command.type, command.name))


def unavailable_reasons(world: World, person: User, channel: Channel) -> dict[str, str]:
    """Why the other slash commands are not listed, by name."""
    listed = {command.name for command in available_commands(world, person, channel) if not is_menu(command)}
    reasons = {c.name: unavailable_reason(world, person, channel, c) for c in world.commands.values() if not is_menu(c)}
    return {name: reason for name, reason in reasons.items() if reason is not None and name not in listed}


def unavailable_reason(world: World, person: User, channel: Channel, command: Command) -> str | None:
    """The reason why a command is not available, or None."""
    if command.guild_id not in (None, channel.guild_id):
        return "it belongs to another server"
    if channel.type == ChannelType.FORUM:
        return "a forum holds posts, not commands"
    if context_of(world, channel) not in _contexts(command):
        return "it is not offered in this kind of place"
    if not owners(world, person, channel, command):
        return "the app is installed neither here nor for this person"
    if command.body.get("nsfw") and not person.is_adult:
        return "it is for adults"
    if command.body.get("nsfw") and not _age_restricted(world, person, channel):
        return "it is age-restricted and this place is not"
    return lacking_permission(world, person, channel, command)


def owners(world: World, person: User, channel: Channel, command: Command | None) -> dict[str, str]:
    """The integration owners: the server ("0") and the person ("1"), as far as the command allows."""
    allowed = _install_types(command)
    found: dict[str, str] = {}
    if GUILD_INSTALL in allowed:
        if channel.guild_id is not None and world.bot_id in world.guilds[channel.guild_id].members:
            found["0"] = channel.guild_id
        if context_of(world, channel) == Context.BOT_DM and world.shares_guild(person.id):
            found["0"] = "0"
    if USER_INSTALL in allowed and person.installed_app:
        found["1"] = person.id
    return found


def _install_types(command: Command | None) -> list[int]:
    if command is None:
        return [GUILD_INSTALL, USER_INSTALL]
    if command.guild_id is not None:
        return [GUILD_INSTALL]
    return command.body.get("integration_types") or [GUILD_INSTALL, USER_INSTALL]


def _contexts(command: Command) -> list[int]:
    if command.guild_id is not None:
        return [Context.GUILD]
    everywhere = [Context.GUILD, Context.BOT_DM, Context.PRIVATE_CHANNEL]
    if command.body.get("dm_permission") is False:
        everywhere = [Context.GUILD]
    return command.body.get("contexts") or everywhere


def _age_restricted(world: World, person: User, channel: Channel) -> bool:
    """Age-restricted channels, their threads, and DMs of people who opted in; all channels of an age-restricted server.

    Discord's reference names the channels and the DMs. That the level of a server counts for all of its channels is not
    written there, and was not tried on Discord.
    """
    if channel.guild_id is None:
        return person.sees_age_restricted
    return world.parent(channel).nsfw or world.guilds[channel.guild_id].is_age_restricted


def is_menu(command: Command) -> bool:
    """Whether it is a context menu command."""
    return command.type in (rules.USER_MENU, rules.MESSAGE_MENU)

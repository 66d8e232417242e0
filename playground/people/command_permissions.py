"""A server's own settings for commands (Server Settings > Integrations): who may use them where, and who may set it.

The order of the checks is that of the flowchart in Discord's change log of 17 November 2022. Administrators pass all of
them.
"""

from collections.abc import Collection, Mapping, Sequence

from playground import permissions
from playground.models import Channel, Command, CommandPermission, CommandPermissionType, Guild, User
from playground.people import lookup
from playground.people.action_refused import ActionRefused
from playground.world import World

MOST_OVERWRITES = 100  # of one command, or of the application
ALL_CHANNELS = "*"


def lacking_permission(world: World, person: User, channel: Channel, command: Command) -> str | None:
    """The reason why a server does not let a person use a command in a channel, or None."""
    if channel.guild_id is None:
        return None
    held = world.permissions(channel, person.id)
    if not held & permissions.USE_APPLICATION_COMMANDS:
        return "this person may not use commands here"
    if held == permissions.ALL:
        return None
    guild = world.guilds[channel.guild_id]
    of_command = guild.command_permissions.get(command.id, [])
    of_app = guild.command_permissions.get(world.application.id, [])
    place = world.parent(channel).id  # threads have what their channel has
    if _first_said(_for_channel(guild, of_command, place), _for_channel(guild, of_app, place)) is False:
        return "the server closed it in this channel"
    said = _for_person(guild, of_command, person)
    if said is None and _for_person(guild, of_app, person) is not False:
        return _lacking_default(held, command)
    return None if said else "the server closed it for this person"


def _lacking_default(held: int, command: Command) -> str | None:
    needed = command.body.get("default_member_permissions")
    if needed is None:
        return None
    bits = int(needed)
    enough = bits != 0 and held & bits == bits
    return None if enough else "this person lacks the permission that the command asks for"


def _for_channel(guild: Guild, overwrites: Sequence[CommandPermission], channel_id: str) -> bool | None:
    """What is said about the channel, else about all channels; None: nothing."""
    kind = CommandPermissionType.CHANNEL
    return _first_said(_said(overwrites, kind, [channel_id]), _said(overwrites, kind, [guild.all_channels_id]))


def _for_person(guild: Guild, overwrites: Sequence[CommandPermission], person: User) -> bool | None:
    """What is said about the person, else about their roles, else about everybody; None: nothing."""
    return _first_said(
        _said(overwrites, CommandPermissionType.USER, [person.id]),
        _said(overwrites, CommandPermissionType.ROLE, guild.members[person.id].roles),
        _said(overwrites, CommandPermissionType.ROLE, [guild.id]),
    )


def _said(overwrites: Sequence[CommandPermission], kind: int, targets: Collection[str]) -> bool | None:
    """Whether any overwrite for these targets allows; None when there is none."""
    said = [each.allowed for each in overwrites if each.type == kind and each.target_id in targets]
    return any(said) if said else None


def _first_said(*answers: bool | None) -> bool | None:
    return next((answer for answer in answers if answer is not None), None)


def change(world: World, person: User, guild: Guild, name: str | None, allowed: Mapping[str, bool]) -> str:
    """Let a person set who may use a command where, or all commands without a name. The id that the settings are of.

    The keys of `allowed` are roles, people and channels by name or id, channels with `#` before; `#*` is all channels.
    """
    target_id = world.application.id if name is None else _command(world, guild, name).id
    _check_rights(world, person, guild)
    if len(allowed) > MOST_OVERWRITES:
        raise ActionRefused(f"A command takes {MOST_OVERWRITES} overwrites, not {len(allowed)}.")
    found = [_overwrite(world, guild, key, value) for key, value in allowed.items()]
    guild.command_permissions.pop(target_id, None)
    if found:
        guild.command_permissions[target_id] = found
    return target_id


def _command(world: World, guild: Guild, name: str) -> Command:
    for command in world.commands.values():
        if name.removeprefix("/") in (command.id, command.name) and command.guild_id in (None, guild.id):
            return command
    raise ActionRefused(f"{guild.name} has no command called {name!r}.")


def _check_rights(world: World, person: User, guild: Guild) -> None:
    """Discord also asks that the person may use the command and manage each role and channel; that is not checked."""
    if world.bot_id not in guild.members:
        raise ActionRefused(f"{guild.name} does not have the bot.")
    member = guild.members.get(person.id)
    needed = permissions.MANAGE_GUILD | permissions.MANAGE_ROLES
    if member is None or permissions.in_guild(guild, member) & needed != needed:
        raise ActionRefused(f"{person.global_name} needs Manage Server and Manage Roles in {guild.name}.")


def _overwrite(world: World, guild: Guild, key: str, allowed: bool) -> CommandPermission:
    if key.startswith("#"):
        everywhere = key[1:] in (ALL_CHANNELS, guild.all_channels_id)
        place = guild.all_channels_id if everywhere else lookup.guild_channel(world, guild, key[1:]).id
        return CommandPermission(place, CommandPermissionType.CHANNEL, allowed)
    target, is_person = lookup.role_or_user(world, guild, key)
    kind = CommandPermissionType.USER if is_person else CommandPermissionType.ROLE
    return CommandPermission(target, kind, allowed)

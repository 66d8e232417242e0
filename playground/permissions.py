"""Permission bits, and the permissions of a member in a channel."""

from playground.models import Channel, Guild, Member

ADMINISTRATOR = 1 << 3
MANAGE_CHANNELS = 1 << 4
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
MANAGE_ROLES = 1 << 28
USE_APPLICATION_COMMANDS = 1 << 31
MANAGE_THREADS = 1 << 34
CREATE_PUBLIC_THREADS = 1 << 35
SEND_MESSAGES_IN_THREADS = 1 << 38
USE_EXTERNAL_APPS = 1 << 50
ALL = (1 << 53) - 1

EVERYBODY = (
    VIEW_CHANNEL
    | SEND_MESSAGES
    | ADD_REACTIONS
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_APPLICATION_COMMANDS
    | CREATE_PUBLIC_THREADS
    | SEND_MESSAGES_IN_THREADS
    | USE_EXTERNAL_APPS
)
IN_DM = EVERYBODY & ~CREATE_PUBLIC_THREADS
IN_TIME_OUT = VIEW_CHANNEL | READ_MESSAGE_HISTORY
IN_LOCKED_THREAD = VIEW_CHANNEL | READ_MESSAGE_HISTORY | ADD_REACTIONS  # for all who do not manage threads


def in_guild(guild: Guild, member: Member) -> int:
    """The permissions of a member in a server, without channel overwrites."""
    if member.user_id == guild.owner_id:
        return ALL
    bits = guild.roles[guild.id].permissions
    for role_id in member.roles:
        bits |= guild.roles[role_id].permissions
    return ALL if bits & ADMINISTRATOR else bits


def in_channel(guild: Guild, channel: Channel, member: Member) -> int:
    """The permissions of a member in a channel; for a thread pass its parent."""
    bits = in_guild(guild, member)
    if bits & ADMINISTRATOR:
        return ALL
    everyone = channel.overwrites.get(guild.id)
    if everyone is not None:
        bits = bits & ~everyone.deny | everyone.allow
    bits = _with_role_overwrites(channel, member, bits)
    own = channel.overwrites.get(member.user_id)
    if own is not None:
        bits = bits & ~own.deny | own.allow
    return bits if bits & VIEW_CHANNEL else 0


def _with_role_overwrites(channel: Channel, member: Member, bits: int) -> int:
    """Denials of all roles first, then what any of them allows."""
    overwrites = [channel.overwrites[role] for role in member.roles if role in channel.overwrites]
    for overwrite in overwrites:
        bits &= ~overwrite.deny
    for overwrite in overwrites:
        bits |= overwrite.allow
    return bits

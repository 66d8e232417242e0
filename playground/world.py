"""The state of the playground, in memory, with its look-ups."""

import base64
import secrets
from dataclasses import dataclass, field

from playground import errors, permissions
from playground.clock import Clock
from playground.files import FileLinks, FileStore
from playground.models import Channel, Command, Guild, Interaction, Member, Message, User
from playground.snowflake import Snowflakes
from playground.wire import ChannelType

FILE_SECONDS = 60.0  # how long a file is there after its message shows it no more


@dataclass
class Application:
    """The one application that may log in here."""

    id: str
    name: str
    token: str
    privileged_intents: bool = False


def new_token(application_id: str) -> str:
    """A bot token in the usual three parts; the first is the application's id, which hikari reads out of it."""
    owner = base64.urlsafe_b64encode(application_id.encode()).decode().rstrip("=")
    return f"{owner}.playground.{secrets.token_urlsafe(24)}"


@dataclass
class World:
    """People, servers, channels, messages, commands and interactions."""

    clock: Clock
    application: Application
    files: FileStore
    links: FileLinks
    ids: Snowflakes = field(init=False)
    users: dict[str, User] = field(default_factory=dict[str, User])
    guilds: dict[str, Guild] = field(default_factory=dict[str, Guild])
    channels: dict[str, Channel] = field(default_factory=dict[str, Channel])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    commands: dict[str, Command] = field(default_factory=dict[str, Command])
    interactions: dict[str, Interaction] = field(default_factory=dict[str, Interaction])

    def __post_init__(self) -> None:
        self.ids = Snowflakes(self.clock)

    @property
    def bot_id(self) -> str:
        """The bot's user id, which is the application's id."""
        return self.application.id

    def bot_guilds(self) -> list[Guild]:
        """Servers the bot was added to."""
        return [guild for guild in self.guilds.values() if self.bot_id in guild.members]

    def guild(self, guild_id: str) -> Guild:
        """A server the bot is in; others are unknown to it."""
        guild = self.guilds.get(guild_id)
        if guild is None:
            raise errors.unknown("Guild")
        if self.bot_id not in guild.members:
            raise errors.missing_access()
        return guild

    def channel(self, channel_id: str) -> Channel:
        """A channel by id, whoever may see it."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise errors.unknown("Channel")
        return channel

    def parent(self, channel: Channel) -> Channel:
        """The channel whose permissions count: a thread's parent, else itself."""
        return self.channels[channel.parent_id] if channel.is_thread and channel.parent_id else channel

    def channels_of(self, guild_id: str) -> list[Channel]:
        """A server's channels without its threads, in order."""
        own = [c for c in self.channels.values() if c.guild_id == guild_id and not c.is_thread]
        return sorted(own, key=lambda channel: (channel.position, int(channel.id)))

    def threads_of(self, guild_id: str) -> list[Channel]:
        """A server's threads that are not archived."""
        return [c for c in self.channels.values() if c.guild_id == guild_id and c.is_thread and not c.archived]

    def archived_threads_of(self, channel: Channel) -> list[Channel]:
        """A channel's archived threads, the latest archived first."""
        found = [c for c in self.channels.values() if c.parent_id == channel.id and c.archived]
        return sorted(found, key=lambda thread: (thread.archived_at or thread.created_at, int(thread.id)), reverse=True)

    def member(self, guild_id: str | None, user_id: str) -> Member | None:
        """The membership of a person, if there is one."""
        guild = self.guilds.get(guild_id or "")
        return guild.members.get(user_id) if guild else None

    def permissions(self, channel: Channel, user_id: str) -> int:
        """The permissions of a person in a channel; 0 when they cannot see it."""
        if channel.guild_id is None:
            return permissions.IN_DM if user_id in channel.recipients else 0
        member = self.member(channel.guild_id, user_id)
        if member is None:
            return 0
        held = permissions.in_channel(self.guilds[channel.guild_id], self.parent(channel), member)
        if channel.locked and not held & permissions.MANAGE_THREADS:
            held &= permissions.IN_LOCKED_THREAD
        return held & permissions.IN_TIME_OUT if self.is_timed_out(member) and held != permissions.ALL else held

    def is_timed_out(self, member: Member) -> bool:
        """Whether a member is in a time-out, which owners and administrators do not feel."""
        return member.timed_out_until is not None and member.timed_out_until > self.clock.now()

    def require(self, channel: Channel, needed: int) -> None:
        """Refuse what the bot may not do in a channel."""
        held = self.permissions(channel, self.bot_id)
        if not held & permissions.VIEW_CHANNEL:
            raise errors.missing_access()
        if held & needed != needed:
            raise errors.missing_permissions()

    def dm(self, user_id: str) -> Channel:
        """The DM channel between the bot and a person, made when first needed."""
        wanted = {self.bot_id, user_id}
        for channel in self.channels.values():
            if channel.type == ChannelType.DM and set(channel.recipients) == wanted:
                return channel
        channel = Channel(
            self.ids.new(), ChannelType.DM, recipients=[user_id, self.bot_id], created_at=self.clock.now()
        )
        self.channels[channel.id] = channel
        return channel

    def shares_guild(self, user_id: str) -> bool:
        """Whether the person and the bot share a server."""
        return any(user_id in guild.members for guild in self.bot_guilds())

    def message(self, channel_id: str, message_id: str, viewer: str | None) -> Message:
        """A message of a channel; an ephemeral one exists for its person only."""
        message = self.messages.get(message_id)
        if message is None or message.channel_id != channel_id:
            raise errors.unknown("Message")
        if message.visible_to is not None and message.visible_to != viewer:
            raise errors.unknown("Message")
        return message

    def messages_of(self, channel_id: str, viewer: str | None = None) -> list[Message]:
        """A channel's messages that `viewer` sees, oldest first."""
        found = [message for message in self.messages.values() if message.channel_id == channel_id]
        return [one for one in found if one.visible_to in (None, viewer) and not one.dismissed]

    def keep(self, message: Message) -> None:
        """Remember a new message."""
        self.messages[message.id] = message
        if message.visible_to is None:
            self.channels[message.channel_id].last_message_id = message.id

    def forget_command(self, command_id: str) -> None:
        """Drop a command, and what servers set for it."""
        del self.commands[command_id]
        for guild in self.guilds.values():
            guild.command_permissions.pop(command_id, None)

    def forget(self, message: Message) -> None:
        """Drop a message and the files that came with it."""
        self.messages.pop(message.id, None)
        for attachment in message.attachments:
            self.forget_file(attachment.id)

    def forget_file(self, file_id: str) -> None:
        """Drop a file a while after its message shows it no more, like Discord: pages may just be about to load it."""
        self.clock.call_at(self.clock.now() + FILE_SECONDS, lambda: self.files.drop(file_id))

    def forget_channel(self, channel: Channel) -> None:
        """Drop a channel, its threads, and their messages."""
        for thread in [one for one in self.channels.values() if one.parent_id == channel.id]:
            self.forget_channel(thread)
        for message in [one for one in self.messages.values() if one.channel_id == channel.id]:
            self.forget(message)
        self.channels.pop(channel.id, None)

    def display_name(self, user_id: str, guild_id: str | None = None) -> str:
        """The name people see."""
        member = self.member(guild_id, user_id)
        user = self.users[user_id]
        return (member.nick if member else None) or user.global_name or user.username

"""Publishes events to the bot (gateway) and to people (open pages)."""

from dataclasses import dataclass

from playground import message_shapes, permissions, shapes
from playground.change_notifier import ChangeNotifier
from playground.gateway.hub import Hub
from playground.models import Channel, Guild, GuildRole, Interaction, Member, Message, User
from playground.wire import Json
from playground.world import World


@dataclass
class EventPublisher:
    """One method per kind of event."""

    world: World
    hub: Hub
    changes: ChangeNotifier

    def message_created(self, message: Message) -> None:
        """A new message; the gateway gets no event for ephemeral ones and for channels without access."""
        self._message_event("MESSAGE_CREATE", message)

    def message_updated(self, message: Message) -> None:
        """A message changed."""
        message.revision += 1
        self._message_event("MESSAGE_UPDATE", message)

    def message_deleted(self, message: Message) -> None:
        """A message was deleted."""
        channel = self.world.channels[message.channel_id]
        gone: Json = {"id": message.id, "channel_id": channel.id}
        if channel.guild_id is not None:
            gone["guild_id"] = channel.guild_id
        if message.visible_to is None and self._bot_sees(channel):
            self.hub.dispatch("MESSAGE_DELETE", gone)
        self.changes.notify({"type": "message_deleted", **gone}, message.visible_to)

    def reaction(self, message: Message, user_id: str, emoji: str, *, added: bool) -> None:
        """Somebody put a reaction on a message or took it off."""
        channel = self.world.channels[message.channel_id]
        event: Json = {
            "user_id": user_id,
            "channel_id": channel.id,
            "message_id": message.id,
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if channel.guild_id is not None:
            event["guild_id"] = channel.guild_id
        if added:
            event["message_author_id"] = message.author_id
        self.hub.dispatch("MESSAGE_REACTION_ADD" if added else "MESSAGE_REACTION_REMOVE", event)
        self._tell_message(message)

    def channel(self, event: str, channel: Channel) -> None:
        """A channel or thread was made or changed; `event` is CREATE, UPDATE or DELETE."""
        if channel.is_thread and self._bot_sees(channel):
            created = {"newly_created": True} if event == "CREATE" else {}
            self.hub.dispatch(f"THREAD_{event}", {**shapes.channel(self.world, channel), **created})
        elif not channel.is_thread and self.world.member(channel.guild_id or "", self.world.bot_id):
            self.hub.dispatch(f"CHANNEL_{event}", shapes.seen_by_bot(self.world, channel))
        self.world_changed()

    def guild_updated(self, guild: Guild) -> None:
        """A server's settings changed."""
        if self.world.bot_id in guild.members:
            self.hub.dispatch("GUILD_UPDATE", shapes.guild(guild))
        self.world_changed()

    def role(self, guild: Guild, role: GuildRole) -> None:
        """A role changed."""
        self._guild_event("GUILD_ROLE_UPDATE", guild, {"role": shapes.role(role)})
        self.world_changed()

    def member_joined(self, guild: Guild, member: Member) -> None:
        """Somebody joined a server; the bot is told of its own joining by the whole server.

        Unlike for a server that it knew before, that event has no `unavailable`.
        """
        if member.user_id == self.world.bot_id:
            joined = shapes.guild_create(self.world, guild)
            del joined["unavailable"]
            self.hub.dispatch("GUILD_CREATE", joined)
        else:
            self._guild_event("GUILD_MEMBER_ADD", guild, shapes.member(self.world, member))
        self.world_changed()

    def member_updated(self, guild: Guild, member: Member) -> None:
        """A member changed; the bot always gets events about itself."""
        data = shapes.member(self.world, member)
        self._guild_event("GUILD_MEMBER_UPDATE", guild, data, always=member.user_id == self.world.bot_id)
        self.world_changed()

    def member_left(self, guild: Guild, user: User) -> None:
        """Somebody left a server, or was removed; the bot hears of its own leaving."""
        if user.id == self.world.bot_id:
            self.hub.dispatch("GUILD_DELETE", {"id": guild.id})
        else:
            self._guild_event("GUILD_MEMBER_REMOVE", guild, {"user": shapes.user(user)})
        self.world_changed()

    def command_permissions(self, guild: Guild, target_id: str) -> None:
        """The overwrites of a command changed, or with the application's id those of all commands."""
        permissions = shapes.command_permissions(self.world, guild, target_id)
        self._guild_event("APPLICATION_COMMAND_PERMISSIONS_UPDATE", guild, permissions)
        self.world_changed()

    def typing(self, channel: Channel) -> None:
        """The bot shows that it types."""
        self.changes.notify({"type": "typing", "channel_id": channel.id})

    def interaction(self, interaction: Interaction) -> None:
        """An interaction was created, answered, or failed; only its person gets the event."""
        state: Json = {
            "type": "interaction",
            "id": interaction.id,
            "channel_id": interaction.channel_id,
            "source_message_id": interaction.source_message_id,
            "answer_type": interaction.answer_type,
            "failed": interaction.failed,
            "modal": interaction.modal,
        }
        self.changes.notify(state, interaction.user_id)

    def world_changed(self) -> None:
        """Channels, people, commands or the bot's presence changed."""
        self.changes.notify({"type": "world"})

    def _guild_event(self, event: str, guild: Guild, data: Json, *, always: bool = False) -> None:
        """An event of a server, for the bot if it is in it."""
        if self.world.bot_id in guild.members:
            self.hub.dispatch(event, {"guild_id": guild.id, **data}, always=always)

    def _bot_sees(self, channel: Channel) -> bool:
        return bool(self.world.permissions(channel, self.world.bot_id) & permissions.VIEW_CHANNEL)

    def _message_event(self, event: str, message: Message) -> None:
        channel = self.world.channels[message.channel_id]
        if message.visible_to is None and self._bot_sees(channel):
            data = message_shapes.gateway_message(self.world, message)
            data["channel_type"] = channel.type
            self.hub.dispatch(event, data)
        self._tell_message(message)

    def _tell_message(self, message: Message) -> None:
        self.changes.notify({"type": "message", "channel_id": message.channel_id, "id": message.id}, message.visible_to)

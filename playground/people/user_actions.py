"""One method per action of a person: command, autocomplete, button, select, modal, message."""

from dataclasses import dataclass

from playground import component_shapes, message_shapes, permissions
from playground.gateway.hub import Hub
from playground.interactions import Interactions
from playground.message_writer import MessageWriter, Submission, Upload
from playground.models import Channel, Command, Interaction, Message, User
from playground.people import fields
from playground.people.action_refused import ActionRefused
from playground.people.command_availability import available_commands, is_menu, owners, unavailable_reason
from playground.people.options import Reader
from playground.people.payload import interaction_create
from playground.rules import answers
from playground.rules import commands as rules
from playground.rules import components as kinds
from playground.threads import Threads
from playground.wire import ChannelType, Json, MessageFlag, as_objects
from playground.world import World


@dataclass
class UserActions:
    """The actions that people can take towards the bot."""

    world: World
    hub: Hub
    interactions: Interactions
    message_writer: MessageWriter
    threads: Threads

    def slash(self, person: User, channel: Channel, name: str, values: Json, uploads: list[Upload]) -> Interaction:
        """Send a slash command; `name` may go on with subcommands ("stack save")."""
        command, path = self._command(person, channel, name)
        data, reader = self._command_data(command, channel, uploads)
        data["options"] = reader.slash(command, path, values, focused=None)
        return self._send(answers.COMMAND, person, channel, _with(data, reader), command)

    def autocomplete(self, person: User, channel: Channel, name: str, values: Json, focused: str) -> Interaction:
        """Ask for suggestions while typing into an option."""
        command, path = self._command(person, channel, name)
        data, reader = self._command_data(command, channel, [])
        data["options"] = reader.slash(command, path, values, focused)
        return self._send(answers.AUTOCOMPLETE, person, channel, _with(data, reader), command)

    def message_command(self, person: User, message: Message, name: str) -> Interaction:
        """Choose a command from a message's menu."""
        channel = self.world.channels[message.channel_id]
        command = self._menu_command(person, channel, name, rules.MESSAGE_MENU)
        data, _ = self._command_data(command, channel, [])
        shape = message_shapes.message(self.world, message)
        data |= {"target_id": message.id, "resolved": {"messages": {message.id: shape}}}
        return self._send(answers.COMMAND, person, channel, data, command)

    def user_command(self, person: User, channel: Channel, target: User, name: str) -> Interaction:
        """Choose a command from a person's menu."""
        command = self._menu_command(person, channel, name, rules.USER_MENU)
        data, reader = self._command_data(command, channel, [])
        data["target_id"] = reader.user(target.id)
        return self._send(answers.COMMAND, person, channel, _with(data, reader), command)

    def press(self, person: User, message: Message, custom_id: str) -> Interaction:
        """Press a button."""
        button = self._component(message, custom_id)
        if button["type"] != kinds.BUTTON:
            raise ActionRefused(f"{custom_id!r} is no button.")
        data: Json = {"custom_id": button["custom_id"], "component_type": kinds.BUTTON, "id": button["id"]}
        return self._use_component(person, message, data)

    def select(self, person: User, message: Message, custom_id: str, chosen: list[str]) -> Interaction:
        """Choose in a select menu."""
        menu = self._component(message, custom_id)
        if menu["type"] not in kinds.SELECTS:
            raise ActionRefused(f"{custom_id!r} is no select menu.")
        fields.check_count(menu, len(chosen))
        known = [option["value"] for option in as_objects(menu.get("options"))]
        unknown = [one for one in chosen if menu["type"] == kinds.STRING_SELECT and one not in known]
        if unknown:
            raise ActionRefused(f"{unknown[0]!r} is none of the choices of {custom_id!r}.")
        reader = Reader(self.world, self.message_writer, self.world.channels[message.channel_id], [])
        if menu["type"] in fields.SELECT_KINDS:
            chosen = [reader.named(fields.SELECT_KINDS[menu["type"]], one) for one in chosen]
        data: Json = {"custom_id": custom_id, "component_type": menu["type"], "id": menu["id"]}
        return self._use_component(person, message, _with({**data, "values": chosen}, reader))

    def submit_modal(self, person: User, opener: Interaction, values: Json, uploads: list[Upload]) -> Interaction:
        """Send a modal that an interaction opened."""
        if opener.modal is None or opener.user_id != person.id:
            raise ActionRefused("This interaction opened no modal for that person.")
        channel = self.world.channels[opener.channel_id]
        reader = Reader(self.world, self.message_writer, channel, uploads)
        components = fields.submitted(opener.modal, values, reader)
        data: Json = {"custom_id": opener.modal["custom_id"], "components": components}
        made = self.interactions.open(answers.MODAL_SUBMIT, person.id, channel, _with(data, reader), opener.owners)
        made.opened_by, made.source_message_id = opener.id, opener.source_message_id
        source = self.world.messages.get(opener.source_message_id or "")
        made.source_revision = 0 if source is None else source.revision
        made.ephemeral_only = opener.ephemeral_only
        return self._dispatch(made)

    def say(self, person: User, channel: Channel, content: str, uploads: list[Upload]) -> Message:
        """Write an ordinary message."""
        if channel.type == ChannelType.FORUM:
            raise ActionRefused("A forum holds posts; open one to write in it.")
        needed = permissions.SEND_MESSAGES_IN_THREADS if channel.is_thread else permissions.SEND_MESSAGES
        if self.world.permissions(channel, person.id) & needed != needed:
            raise ActionRefused(f"{person.global_name} may not write in this channel.")
        draft = Message(self.world.ids.new(), channel.id, person.id, self.world.clock.now())
        message = self.message_writer.create(draft, Submission({"content": content}, uploads))
        self.threads.note_message(channel)
        self.interactions.events.message_created(message)
        return message

    def delete(self, person: User, message: Message) -> None:
        """Delete a message: one's own, or any with the permission. An ephemeral one is only dismissed:
        the bot gets no event and may still edit it."""
        channel = self.world.channels[message.channel_id]
        if message.visible_to == person.id:
            message.dismissed = True
            self.interactions.events.message_deleted(message)
            return
        held = self.world.permissions(channel, person.id) if channel.guild_id is not None else 0
        if person.id != message.author_id and not held & permissions.MANAGE_MESSAGES:
            raise ActionRefused(f"{person.global_name} may not delete this message.")
        self.interactions.delete(message)

    def _command(self, person: User, channel: Channel, name: str) -> tuple[Command, list[str]]:
        first, *path = name.removeprefix("/").split()
        for command in available_commands(self.world, person, channel):
            if command.name == first and not is_menu(command):
                return command, path
        raise ActionRefused(self._missing_reason(person, channel, first))

    def _menu_command(self, person: User, channel: Channel, name: str, kind: int) -> Command:
        for command in available_commands(self.world, person, channel):
            if command.name == name and command.type == kind:
                return command
        raise ActionRefused(self._missing_reason(person, channel, name))

    def _missing_reason(self, person: User, channel: Channel, name: str) -> str:
        for command in self.world.commands.values():
            if command.name == name:
                reason = unavailable_reason(self.world, person, channel, command)
                return f"{person.global_name} is not offered {name!r} here: {reason}."
        return f"No command called {name!r} is registered."

    def _command_data(self, command: Command, channel: Channel, uploads: list[Upload]) -> tuple[Json, Reader]:
        data: Json = {"id": command.id, "name": command.name, "type": command.type}
        if command.guild_id is not None:
            data["guild_id"] = command.guild_id
        return data, Reader(self.world, self.message_writer, channel, uploads)

    def _component(self, message: Message, custom_id: str) -> Json:
        """A component by custom_id, or a button by its label; not a disabled one."""
        if message.has(MessageFlag.LOADING):
            raise ActionRefused("The message is still being thought about.")
        for part in component_shapes.walk(message.components):
            if custom_id in (part.get("custom_id"), part.get("label")) and part.get("custom_id"):
                if part.get("disabled"):
                    raise ActionRefused(f"{custom_id!r} is disabled.")
                return part
        raise ActionRefused(f"The message has no component {custom_id!r}.")

    def _use_component(self, person: User, message: Message, data: Json) -> Interaction:
        channel = self.world.channels[message.channel_id]
        if channel.archived:
            raise ActionRefused(f"{channel.name} is archived: not every client lets people use the buttons in it.")
        found = owners(self.world, person, channel, None) or self._owners_of(message)
        if not found:
            raise ActionRefused(f"Unknown integration: the app is neither in this place nor {person.global_name}'s.")
        made = self.interactions.open(answers.COMPONENT, person.id, channel, data, found)
        made.source_message_id, made.source_revision = message.id, message.revision
        return self._dispatch(made)

    def _owners_of(self, message: Message) -> dict[str, str]:
        """Who installed the app for the interaction of a message; a server that the bot has left not any more."""
        source = self.world.interactions.get(message.interaction_id or "")
        installed = source.owners if source else {}
        servers = {"0", *(guild.id for guild in self.world.bot_guilds())}
        return {kind: owner for kind, owner in installed.items() if kind != "0" or owner in servers}

    def _send(self, kind: int, person: User, channel: Channel, data: Json, command: Command) -> Interaction:
        found = owners(self.world, person, channel, command)
        made = self.interactions.open(kind, person.id, channel, data, found)
        made.name = _full_name(command, data)
        return self._dispatch(made)

    def _dispatch(self, made: Interaction) -> Interaction:
        channel = self.world.channels[made.channel_id]
        if made.user_install_only and channel.guild_id is not None:
            held = self.world.permissions(channel, made.user_id)
            made.ephemeral_only = not held & permissions.USE_EXTERNAL_APPS
        self.interactions.start_waiting(made)
        self.hub.interaction(interaction_create(self.world, made))
        return made


def _with(data: Json, reader: Reader) -> Json:
    """`data` with the resolved objects, if there are any."""
    return {**data, "resolved": reader.resolved} if reader.resolved else data


def _full_name(command: Command, data: Json) -> str:
    """The command's name with its subcommands."""
    words, options = [command.name], as_objects(data.get("options"))
    while options and options[0]["type"] in (rules.SUBCOMMAND, rules.GROUP):
        words.append(options[0]["name"])
        options = as_objects(options[0].get("options"))
    return " ".join(words)

"""The life cycle of an interaction: created by a person, answered within 3 s, follow-ups for 15 min."""

import secrets
from dataclasses import dataclass, field

from playground import errors, message_shapes
from playground.component_shapes import modal_shape
from playground.event_publisher import EventPublisher
from playground.message_writer import MessageWriter, Submission
from playground.models import Channel, Interaction, Message
from playground.rules import answers, modals
from playground.threads import Threads
from playground.wire import Context, Json, MessageFlag, as_int, as_object
from playground.world import World

ANSWER_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60.0
FOLLOWUPS_WITHOUT_SERVER = 5  # for apps that only the person installed

CHAT_INPUT_REPLY, REPLY, MENU_REPLY = 20, 19, 23  # message types


@dataclass
class Interactions:
    """Creates interactions and processes the bot's responses."""

    world: World
    events: EventPublisher
    message_writer: MessageWriter
    threads: Threads
    _by_token: dict[str, Interaction] = field(default_factory=dict[str, Interaction])

    def open(self, kind: int, user_id: str, channel: Channel, data: Json, owners: dict[str, str]) -> Interaction:
        """Create an interaction with a new token; the caller completes and sends it."""
        interaction = Interaction(
            self.world.ids.new(),
            secrets.token_urlsafe(48),
            kind,
            self.world.clock.now(),
            user_id,
            channel.id,
            channel.guild_id,
            self._context(channel),
            owners,
            data,
        )
        self.world.interactions[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        return interaction

    def start_waiting(self, interaction: Interaction) -> None:
        """Start the deadline of three seconds."""
        due = interaction.created_at + ANSWER_SECONDS
        self.world.clock.call_at(due, lambda: self._expire(interaction))
        self.events.interaction(interaction)

    def answer(self, interaction_id: str, token: str, submission: Submission) -> Interaction:
        """Process the bot's first response."""
        interaction = self.world.interactions.get(interaction_id)
        if interaction is None or interaction.token != token or self._late(interaction):
            raise errors.unknown("Interaction")
        if interaction.answer_type is not None:
            raise errors.already_acknowledged()
        kind = answers.check_type(interaction, submission.body.get("type"))
        data = as_object(submission.body.get("data"))
        inner = Submission(data, submission.uploads, prefix=("data",))
        self._carry_out(interaction, kind, inner)
        interaction.answer_type = kind
        self.events.interaction(interaction)
        return interaction

    def by_webhook(self, application_id: str, token: str) -> Interaction:
        """The interaction of a webhook URL; unknown before its first response, expired after 15 minutes."""
        interaction = self._by_token.get(token)
        if interaction is None or application_id != self.world.application.id:
            raise errors.unknown("Webhook")
        if interaction.answer_type is None:
            raise errors.unknown("Webhook")
        if self.world.clock.now() > interaction.created_at + TOKEN_SECONDS:
            raise errors.invalid_webhook_token()
        return interaction

    def message(self, interaction: Interaction, message_id: str) -> Message:
        """A message that this interaction posted, or `@original`."""
        if message_id == "@original":
            message_id = interaction.original_id or ""
        message = self.world.messages.get(message_id)
        if message is None or message_id not in (*interaction.message_ids, interaction.original_id):
            raise errors.unknown("Message")
        return message

    def follow_up(self, interaction: Interaction, submission: Submission) -> Message:
        """Post a follow-up; the first one after a deferral replaces "thinking…"."""
        original = self.world.messages.get(interaction.original_id or "")
        if original is not None and original.has(MessageFlag.LOADING):
            self.edit(original, submission)
            return original
        if interaction.user_install_only and interaction.followups >= FOLLOWUPS_WITHOUT_SERVER:
            raise errors.too_many_followups()
        message = self._draft(interaction, submission.body)
        if interaction.original_id is not None:
            message.type, message.reply_to = REPLY, interaction.original_id
        self._publish(interaction, message, submission)
        interaction.followups += 1
        return message

    def edit(self, message: Message, submission: Submission) -> None:
        """Edit a message through the interaction's token."""
        if message.visible_to is None and not message.has(MessageFlag.LOADING):
            self.threads.check_open(self.world.channels[message.channel_id])
        self.message_writer.edit(message, submission)
        self.events.message_updated(message)

    def delete(self, message: Message) -> None:
        """Delete a message through the interaction's token."""
        self.world.forget(message)
        self.events.message_deleted(message)

    def _carry_out(self, interaction: Interaction, kind: int, submission: Submission) -> None:
        if kind == answers.MESSAGE:
            message = self._original(interaction, submission.body)
            self._publish(interaction, message, submission)
        elif kind == answers.DEFER_MESSAGE:
            self._defer(interaction, submission.body)
        elif kind in (answers.DEFER_UPDATE, answers.UPDATE):
            self._update(interaction, kind, submission)
        elif kind == answers.CHOICES:
            interaction.choices = answers.check_choices(submission.body, focused_type(interaction.data))
        else:
            modals.check(submission.body)
            interaction.modal = modal_shape(submission.body)

    def _update(self, interaction: Interaction, kind: int, submission: Submission) -> None:
        """Change the message whose component was used."""
        interaction.original_id = interaction.source_message_id
        source = self.world.messages.get(interaction.source_message_id or "")
        if kind == answers.DEFER_UPDATE:
            return
        if source is None:
            raise errors.unknown("Message")
        self.edit(source, submission)

    def _defer(self, interaction: Interaction, data: Json) -> None:
        """Show "thinking…"; of the flags only EPHEMERAL counts here."""
        message = self._original(interaction, data)
        message.flags |= MessageFlag.LOADING
        self._keep(interaction, message)
        interaction.original_id = message.id
        self.events.message_created(message)

    def _original(self, interaction: Interaction, data: Json) -> Message:
        message = self._draft(interaction, data)
        if interaction.source_message_id is not None:
            message.type, message.reply_to = REPLY, interaction.source_message_id
        elif interaction.type == answers.COMMAND:
            message.type = CHAT_INPUT_REPLY if interaction.data.get("type") == 1 else MENU_REPLY
        return message

    def _draft(self, interaction: Interaction, body: Json) -> Message:
        private = bool(as_int(body.get("flags")) & MessageFlag.EPHEMERAL) or interaction.ephemeral_only
        metadata = message_shapes.interaction_metadata(self.world, interaction)
        if interaction.original_id is not None:
            metadata["original_response_message_id"] = interaction.original_id
        return Message(
            self.world.ids.new(),
            interaction.channel_id,
            self.world.bot_id,
            self.world.clock.now(),
            flags=MessageFlag.EPHEMERAL if private else 0,
            visible_to=interaction.user_id if private else None,
            interaction_id=interaction.id,
            interaction_metadata=metadata,
        )

    def _publish(self, interaction: Interaction, message: Message, submission: Submission) -> None:
        self.message_writer.create(message, submission)
        self._keep(interaction, message)
        interaction.original_id = interaction.original_id or message.id
        self.events.message_created(message)

    def _keep(self, interaction: Interaction, message: Message) -> None:
        self.world.keep(message)
        if message.visible_to is None:
            self.threads.note_message(self.world.channels[message.channel_id])
        interaction.message_ids.append(message.id)

    def _context(self, channel: Channel) -> int:
        if channel.guild_id is not None:
            return Context.GUILD
        return Context.BOT_DM if self.world.bot_id in channel.recipients else Context.PRIVATE_CHANNEL

    def _late(self, interaction: Interaction) -> bool:
        late = self.world.clock.now() > interaction.created_at + ANSWER_SECONDS
        return interaction.answer_type is None and late

    def _expire(self, interaction: Interaction) -> None:
        """The deadline has passed: the person is told that the application did not respond."""
        if interaction.answer_type is None:
            interaction.failed = True
            self.events.interaction(interaction)


def focused_type(data: Json) -> int:
    """The type of the option being typed into, for autocomplete."""
    options = list(data.get("options") or [])
    while options:
        option = as_object(options.pop())
        if option.get("focused"):
            return as_int(option.get("type"))
        options += option.get("options") or []
    return 0

"""/channels/{id}/messages: reading and writing messages with the bot's own token."""

from playground import errors, message_shapes
from playground import permissions as may
from playground.event_publisher import EventPublisher
from playground.limits import Limits
from playground.message_writer import MessageWriter
from playground.models import Channel, Message
from playground.rest.endpoint import NOTHING, Call, Endpoint, EndpointAnswer
from playground.rules.form import FormErrors
from playground.threads import Threads
from playground.wire import ChannelType, Json, as_int, as_object, as_strings
from playground.world import World

NONCE_SECONDS = 5 * 60.0  # how long enforce_nonce applies
OLD_SECONDS = 60 * 60.0  # the age from which on edits of a message are limited


def endpoints(
    world: World, events: EventPublisher, message_writer: MessageWriter, threads: Threads, limits: Limits
) -> list[Endpoint]:
    """The routes of this noun."""
    handlers = MessageEndpoints(world, events, message_writer, threads, limits)
    base = "/channels/{channel_id}/messages"
    return [
        Endpoint("GET", base, handlers.listing),
        Endpoint("POST", base, handlers.create),
        Endpoint("POST", f"{base}/bulk-delete", handlers.bulk_delete),
        Endpoint("GET", f"{base}/{{message_id}}", handlers.get),
        Endpoint("PATCH", f"{base}/{{message_id}}", handlers.edit),
        Endpoint("DELETE", f"{base}/{{message_id}}", handlers.delete),
    ]


class MessageEndpoints:
    """Reads and writes a channel's messages as the bot."""

    def __init__(
        self, world: World, events: EventPublisher, message_writer: MessageWriter, threads: Threads, limits: Limits
    ) -> None:
        self._world = world
        self._events = events
        self._message_writer = message_writer
        self._threads = threads
        self._limits = limits

    def listing(self, call: Call) -> EndpointAnswer:
        """The latest messages, newest first."""
        channel = self._readable(call)
        limit = as_int(call.query.get("limit"), 50)
        form = FormErrors()
        form.within(("limit",), limit, 1, 100)
        form.refuse()
        found = _select(self._world.messages_of(channel.id), call.query, limit)
        return EndpointAnswer(json=[message_shapes.message(self._world, message) for message in found])

    def get(self, call: Call) -> EndpointAnswer:
        """One message."""
        return self._shown(self._found(call))

    def create(self, call: Call) -> EndpointAnswer:
        """Post as the bot; with enforce_nonce the same nonce returns the existing message."""
        channel = self._world.channel(call.path["channel_id"])
        self._check_may_post(channel, call)
        known = self._by_nonce(call.body)
        if known is not None:
            return self._shown(known)
        message = self._message_writer.create(self._draft(channel, call.body), call.submission)
        self._threads.note_message(channel)
        self._events.message_created(message)
        return self._shown(message)

    def edit(self, call: Call) -> EndpointAnswer:
        """Edit one of the bot's own messages."""
        message = self._found(call)
        if message.author_id != self._world.bot_id:
            raise errors.foreign_message()
        self._threads.check_open(self._world.channel(message.channel_id))
        self._check_old_edit(message)
        self._message_writer.edit(message, call.submission)
        self._events.message_updated(message)
        return self._shown(message)

    def _check_old_edit(self, message: Message) -> None:
        """Messages older than an hour are edited a few times only; edits by an interaction are not counted."""
        if message.timestamp < self._world.clock.now() - OLD_SECONDS:
            wait = self._limits.spend_old_edit(message.channel_id)
            if wait is not None:
                raise errors.too_many_old_edits(wait)

    def delete(self, call: Call) -> EndpointAnswer:
        """Delete a message; other people's need the permission."""
        message = self._found(call)
        self._remove(message)
        return NOTHING

    def bulk_delete(self, call: Call) -> EndpointAnswer:
        """Delete several messages at once."""
        channel = self._world.channel(call.path["channel_id"])
        self._world.require(channel, may.VIEW_CHANNEL | may.MANAGE_MESSAGES)
        for message in [self._world.messages.get(one) for one in as_strings(call.body.get("messages"))]:
            if message is not None and message.channel_id == channel.id:
                self._remove(message)
        return NOTHING

    def _remove(self, message: Message) -> None:
        if message.author_id != self._world.bot_id:
            self._world.require(self._world.channel(message.channel_id), may.MANAGE_MESSAGES)
        self._world.forget(message)
        self._events.message_deleted(message)

    def _shown(self, message: Message) -> EndpointAnswer:
        return EndpointAnswer(json=message_shapes.message(self._world, message))

    def _readable(self, call: Call) -> Channel:
        channel = self._world.channel(call.path["channel_id"])
        self._world.require(channel, may.VIEW_CHANNEL | may.READ_MESSAGE_HISTORY)
        return channel

    def _found(self, call: Call) -> Message:
        return self._world.message(self._readable(call).id, call.path["message_id"], viewer=None)

    def _check_may_post(self, channel: Channel, call: Call) -> None:
        if channel.type == ChannelType.FORUM:
            raise errors.not_a_text_channel()
        self._threads.check_may_write(channel, self._world.bot_id)
        needed = may.SEND_MESSAGES_IN_THREADS if channel.is_thread else may.SEND_MESSAGES
        needed |= may.ATTACH_FILES if call.uploads else 0
        self._world.require(channel, needed)
        if channel.type == ChannelType.DM:
            self._check_may_dm(channel)

    def _check_may_dm(self, channel: Channel) -> None:
        person = self._world.users[next(one for one in channel.recipients if one != self._world.bot_id)]
        reachable = person.installed_app or self._world.shares_guild(person.id)
        if person.closed_dms or not reachable:
            raise errors.cannot_message_user()

    def _by_nonce(self, body: Json) -> Message | None:
        """Find the bot's recent message with this nonce, in any channel: Discord checks a nonce per author."""
        nonce = body.get("nonce")
        if nonce is None or not body.get("enforce_nonce"):
            return None
        since = self._world.clock.now() - NONCE_SECONDS
        return next(
            (
                message
                for message in reversed(self._world.messages.values())
                if message.nonce == nonce and message.author_id == self._world.bot_id and message.timestamp >= since
            ),
            None,
        )

    def _draft(self, channel: Channel, body: Json) -> Message:
        message = Message(self._world.ids.new(), channel.id, self._world.bot_id, self._world.clock.now())
        message.nonce = body.get("nonce")
        target = str(as_object(body.get("message_reference")).get("message_id") or "")
        if target:
            message.type, message.reply_to = 19, self._reply_target(channel, body, target)
        return message

    def _reply_target(self, channel: Channel, body: Json, target: str) -> str | None:
        """A reply to a deleted message is refused, unless `fail_if_not_exists` is false."""
        if target in self._world.messages and self._world.messages[target].channel_id == channel.id:
            return target
        if as_object(body["message_reference"]).get("fail_if_not_exists") is False:
            return None
        form = FormErrors()
        form.fault(("message_reference",), "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
        form.refuse()
        return None


def _select(messages: list[Message], query: dict[str, str], limit: int) -> list[Message]:
    """Newest first, before, after or around an id."""
    if "around" in query:
        middle = as_int(query["around"])
        near = sorted(messages, key=lambda message: abs(int(message.id) - middle))[:limit]
        return sorted(near, key=lambda message: -int(message.id))
    if "after" in query:
        after = as_int(query["after"])
        return [message for message in messages if int(message.id) > after][:limit][::-1]
    before = as_int(query.get("before"), 1 << 63)
    return [message for message in messages if int(message.id) < before][::-1][:limit]

"""/channels/{id}/messages/{id}/reactions, and pins."""

from urllib.parse import unquote

from playground import message_shapes
from playground import permissions as may
from playground.event_publisher import EventPublisher
from playground.models import Message
from playground.rest.endpoint import NOTHING, Call, Endpoint, EndpointAnswer
from playground.threads import Threads
from playground.wire import Json, iso
from playground.world import World


def endpoints(world: World, events: EventPublisher, threads: Threads) -> list[Endpoint]:
    """The routes of this noun."""
    handlers = Reactions(world, events, threads)
    messages = "/channels/{channel_id}/messages"
    mine = messages + "/{message_id}/reactions/{emoji_name}/@me"
    return [
        Endpoint("PUT", mine, handlers.react),
        Endpoint("DELETE", mine, handlers.take_back),
        Endpoint("GET", f"{messages}/pins", handlers.pins),
        Endpoint("PUT", messages + "/pins/{message_id}", handlers.pin),
        Endpoint("DELETE", messages + "/pins/{message_id}", handlers.unpin),
    ]


class Reactions:
    """The bot's own reactions, and pins."""

    def __init__(self, world: World, events: EventPublisher, threads: Threads) -> None:
        self._world = world
        self._events = events
        self._threads = threads

    def react(self, call: Call) -> EndpointAnswer:
        """Put a reaction on a message."""
        message, emoji = self._found(call, may.VIEW_CHANNEL | may.ADD_REACTIONS), unquote(call.path["emoji_name"])
        people = message.reactions.setdefault(emoji, [])
        if self._world.bot_id not in people:
            people.append(self._world.bot_id)
            self._events.reaction(message, self._world.bot_id, emoji, added=True)
        return NOTHING

    def take_back(self, call: Call) -> EndpointAnswer:
        """Remove the bot's own reaction."""
        message, emoji = self._found(call, may.VIEW_CHANNEL), unquote(call.path["emoji_name"])
        people = message.reactions.get(emoji, [])
        if self._world.bot_id in people:
            people.remove(self._world.bot_id)
            if not people:
                del message.reactions[emoji]
            self._events.reaction(message, self._world.bot_id, emoji, added=False)
        return NOTHING

    def pins(self, call: Call) -> EndpointAnswer:
        """The pinned messages of a channel."""
        channel = self._world.channel(call.path["channel_id"])
        self._world.require(channel, may.VIEW_CHANNEL)
        items: list[Json] = [
            {"pinned_at": iso(message.timestamp), "message": message_shapes.message(self._world, message)}
            for message in self._world.messages_of(channel.id)
            if message.pinned
        ]
        return EndpointAnswer(json={"items": items, "has_more": False})

    def pin(self, call: Call) -> EndpointAnswer:
        """Pin a message."""
        self._found(call, may.MANAGE_MESSAGES).pinned = True
        return NOTHING

    def unpin(self, call: Call) -> EndpointAnswer:
        """Unpin a message."""
        self._found(call, may.MANAGE_MESSAGES).pinned = False
        return NOTHING

    def _found(self, call: Call, needed: int) -> Message:
        channel = self._world.channel(call.path["channel_id"])
        self._world.require(channel, needed)
        self._threads.check_open(channel)
        return self._world.message(channel.id, call.path["message_id"], viewer=None)

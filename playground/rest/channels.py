"""/channels/{id}: channels themselves, typing, and making threads."""

from playground import errors, message_shapes, shapes
from playground import permissions as may
from playground.event_publisher import EventPublisher
from playground.message_writer import MessageWriter, Submission
from playground.models import Channel, Message
from playground.rest.endpoint import NOTHING, Call, Endpoint, EndpointAnswer
from playground.rules.form import FormErrors
from playground.wire import ChannelType, as_int, as_object
from playground.world import World


def endpoints(world: World, events: EventPublisher, message_writer: MessageWriter) -> list[Endpoint]:
    """The routes of this noun."""
    handlers = ChannelEndpoints(world, events, message_writer)
    base = "/channels/{channel_id}"
    return [
        Endpoint("GET", base, handlers.get),
        Endpoint("PATCH", base, handlers.change),
        Endpoint("POST", f"{base}/typing", handlers.typing),
        Endpoint("POST", f"{base}/threads", handlers.start_thread),
        Endpoint("POST", f"{base}/messages/{{message_id}}/threads", handlers.start_thread),
        Endpoint("PUT", f"{base}/thread-members/@me", handlers.join),
        Endpoint("DELETE", f"{base}/thread-members/@me", handlers.join),
    ]


class ChannelEndpoints:
    """What the bot does with channels."""

    def __init__(self, world: World, events: EventPublisher, message_writer: MessageWriter) -> None:
        self._world = world
        self._events = events
        self._message_writer = message_writer

    def get(self, call: Call) -> EndpointAnswer:
        """One channel."""
        return EndpointAnswer(json=shapes.channel(self._world, self._visible(call)))

    def change(self, call: Call) -> EndpointAnswer:
        """Rename a channel, or archive and lock a thread."""
        channel = self._visible(call)
        own_thread = channel.is_thread and channel.owner_id == self._world.bot_id
        if not own_thread:
            self._world.require(channel, may.MANAGE_CHANNELS)
        body = call.body
        form = FormErrors()
        if "name" in body:
            form.length(("name",), body["name"], 1, 100)
        form.refuse()
        channel.name = body.get("name", channel.name)
        channel.topic = body.get("topic", channel.topic)
        channel.nsfw = body.get("nsfw", channel.nsfw)
        channel.archived = body.get("archived", channel.archived)
        channel.locked = body.get("locked", channel.locked)
        self._events.channel("UPDATE", channel)
        return EndpointAnswer(json=shapes.channel(self._world, channel))

    def typing(self, call: Call) -> EndpointAnswer:
        """Show that the bot types."""
        channel = self._visible(call)
        self._world.require(channel, may.SEND_MESSAGES)
        self._events.typing(channel)
        return NOTHING

    def join(self, call: Call) -> EndpointAnswer:
        """Join or leave a thread; membership changes nothing here."""
        if not self._visible(call).is_thread:
            raise errors.wrong_channel_type()
        return NOTHING

    def start_thread(self, call: Call) -> EndpointAnswer:
        """A thread in a text channel, from a message, or a forum post with its first message."""
        parent = self._visible(call)
        self._world.require(parent, may.CREATE_PUBLIC_THREADS)
        if parent.type not in (ChannelType.TEXT, ChannelType.FORUM):
            raise errors.wrong_channel_type()
        form = FormErrors()
        form.length(("name",), call.body.get("name"), 1, 100)
        form.refuse()
        thread_id = call.path.get("message_id") or self._world.ids.new()
        thread = make_thread(self._world, parent, str(call.body["name"]), self._world.bot_id, thread_id)
        thread.auto_archive_duration = as_int(call.body.get("auto_archive_duration"), 1440)
        return self._open_post(thread, call) if parent.type == ChannelType.FORUM else self._opened(thread)

    def _opened(self, thread: Channel) -> EndpointAnswer:
        self._world.channels[thread.id] = thread
        self._events.channel("CREATE", thread)
        return EndpointAnswer(201, shapes.thread(self._world, thread))

    def _open_post(self, post: Channel, call: Call) -> EndpointAnswer:
        """A forum post and its first message share their id."""
        first = Message(post.id, post.id, self._world.bot_id, self._world.clock.now())
        submission = Submission(as_object(call.body.get("message")), call.uploads, prefix=("message",))
        self._world.channels[post.id] = post
        try:
            self._message_writer.create(first, submission)
        except errors.ApiError:
            del self._world.channels[post.id]
            raise
        self._events.channel("CREATE", post)
        self._events.message_created(first)
        shape = shapes.thread(self._world, post)
        return EndpointAnswer(201, {**shape, "message": message_shapes.message(self._world, first)})

    def _visible(self, call: Call) -> Channel:
        channel = self._world.channel(call.path["channel_id"])
        self._world.require(channel, may.VIEW_CHANNEL)
        return channel


def make_thread(world: World, parent: Channel, name: str, owner_id: str, thread_id: str) -> Channel:
    """A thread under a channel, not yet announced."""
    return Channel(
        thread_id,
        ChannelType.PUBLIC_THREAD,
        name,
        parent.guild_id,
        parent.id,
        owner_id=owner_id,
        created_at=world.clock.now(),
    )

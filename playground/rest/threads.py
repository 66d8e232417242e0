"""/channels/{id}/threads: making threads and forum posts, and listing the archived ones."""

from datetime import UTC, datetime

from playground import errors, message_shapes, shapes
from playground import permissions as may
from playground.event_publisher import EventPublisher
from playground.message_writer import MessageWriter, Submission
from playground.models import Channel, Message
from playground.rest.endpoint import NOTHING, Call, Endpoint, EndpointAnswer
from playground.rules import forum
from playground.rules.form import FormErrors, refuse_one
from playground.threads import Threads
from playground.wire import ChannelType, as_int, as_object
from playground.world import World

ARCHIVE_MINUTES = (60, 1440, 4320, 10080)


def endpoints(world: World, events: EventPublisher, message_writer: MessageWriter, threads: Threads) -> list[Endpoint]:
    """The routes of this noun."""
    handlers = ThreadEndpoints(world, events, message_writer, threads)
    base = "/channels/{channel_id}"
    return [
        Endpoint("POST", f"{base}/threads", handlers.start),
        Endpoint("POST", f"{base}/messages/{{message_id}}/threads", handlers.start),
        Endpoint("GET", f"{base}/threads/archived/public", handlers.archived),
        Endpoint("PUT", f"{base}/thread-members/@me", handlers.join),
        Endpoint("DELETE", f"{base}/thread-members/@me", handlers.join),
    ]


class ThreadEndpoints:
    """What the bot does with threads and forum posts."""

    def __init__(self, world: World, events: EventPublisher, message_writer: MessageWriter, threads: Threads) -> None:
        self._world = world
        self._events = events
        self._message_writer = message_writer
        self._threads = threads

    def start(self, call: Call) -> EndpointAnswer:
        """A thread in a text channel, from a message, or a forum post with its first message.

        Posts need the permission to write in the forum, other threads that to make threads.
        """
        parent = self._visible(call)
        is_post = parent.type == ChannelType.FORUM
        needed = may.SEND_MESSAGES if is_post else may.CREATE_PUBLIC_THREADS
        self._world.require(parent, needed | (may.ATTACH_FILES if call.uploads else 0))
        if parent.type not in (ChannelType.TEXT, ChannelType.FORUM):
            raise errors.wrong_channel_type()
        form = FormErrors()
        form.length(("name",), call.body.get("name"), 1, 100)
        check_archive_minutes(form, call.body.get("auto_archive_duration"))
        form.refuse()
        thread_id = call.path.get("message_id") or self._world.ids.new()
        thread = make_thread(self._world, parent, str(call.body["name"]), self._world.bot_id, thread_id)
        thread.auto_archive_duration = as_int(call.body.get("auto_archive_duration"), 1440)
        return self._open_post(thread, parent, call) if is_post else self._opened(thread)

    def archived(self, call: Call) -> EndpointAnswer:
        """The archived threads of a channel, the latest archived first; `before` is the time of archiving."""
        channel = self._visible(call)
        self._world.require(channel, may.READ_MESSAGE_HISTORY)
        limit = as_int(call.query.get("limit"), 50)
        form = FormErrors()
        form.within(("limit",), limit, 2, 100)
        form.refuse()
        found = self._world.archived_threads_of(channel)
        if "before" in call.query:
            before = _moment(call.query["before"])
            found = [one for one in found if _archived(one) < before]
        shown = [shapes.thread(self._world, one) for one in found[:limit]]
        return EndpointAnswer(json={"threads": shown, "members": [], "has_more": len(found) > limit})

    def join(self, call: Call) -> EndpointAnswer:
        """Join or leave a thread; membership changes nothing here."""
        thread = self._visible(call)
        if not thread.is_thread:
            raise errors.wrong_channel_type()
        self._threads.check_open(thread)
        return NOTHING

    def _opened(self, thread: Channel) -> EndpointAnswer:
        self._world.channels[thread.id] = thread
        self._threads.watch(thread)
        self._events.channel("CREATE", thread)
        return EndpointAnswer(201, shapes.thread(self._world, thread))

    def _open_post(self, post: Channel, parent: Channel, call: Call) -> EndpointAnswer:
        """A forum post and its first message share their id. A nonce is ignored, so a second request posts again."""
        moderates = bool(self._world.permissions(parent, self._world.bot_id) & may.MANAGE_THREADS)
        post.applied_tags = forum.check_applied(parent, call.body.get("applied_tags"), [], moderates=moderates)
        first = Message(post.id, post.id, self._world.bot_id, self._world.clock.now())
        submission = Submission(as_object(call.body.get("message")), call.uploads, prefix=("message",))
        self._world.channels[post.id] = post
        try:
            self._message_writer.create(first, submission)
        except errors.ApiError:
            del self._world.channels[post.id]
            raise
        self._events.channel("CREATE", post)
        self._threads.note_message(post)
        self._events.message_created(first)
        shape = shapes.thread(self._world, post)
        return EndpointAnswer(201, {**shape, "message": message_shapes.message(self._world, first)})

    def _visible(self, call: Call) -> Channel:
        channel = self._world.channel(call.path["channel_id"])
        self._world.require(channel, may.VIEW_CHANNEL)
        return channel


def check_archive_minutes(form: FormErrors, minutes: object) -> None:
    """The minutes without messages after which a thread is archived; the default when there are none."""
    if minutes is not None:
        form.choice(("auto_archive_duration",), minutes, ARCHIVE_MINUTES)


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


def _archived(thread: Channel) -> datetime:
    """When a thread was archived, to the microsecond, as its timestamp says it."""
    return datetime.fromtimestamp(thread.archived_at or thread.created_at, UTC)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise refuse_one(("before",), "DATE_TIME_TYPE_PARSE", f"Could not parse {text}.") from None

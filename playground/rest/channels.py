"""/channels/{id}: channels and threads themselves, and typing."""

from playground import errors, shapes
from playground import permissions as may
from playground.event_publisher import EventPublisher
from playground.models import Channel, ForumTag
from playground.rest.endpoint import NOTHING, Call, Endpoint, EndpointAnswer
from playground.rest.threads import check_archive_minutes
from playground.rules import forum
from playground.rules.form import FormErrors
from playground.threads import Threads
from playground.wire import ChannelType, Json, as_int, as_objects
from playground.world import World


def endpoints(world: World, events: EventPublisher, threads: Threads) -> list[Endpoint]:
    """The routes of this noun."""
    handlers = ChannelEndpoints(world, events, threads)
    base = "/channels/{channel_id}"
    return [
        Endpoint("GET", base, handlers.get),
        Endpoint("PATCH", base, handlers.change),
        Endpoint("DELETE", base, handlers.delete),
        Endpoint("POST", f"{base}/typing", handlers.typing),
    ]


class ChannelEndpoints:
    """What the bot does with channels."""

    def __init__(self, world: World, events: EventPublisher, threads: Threads) -> None:
        self._world = world
        self._events = events
        self._threads = threads

    def get(self, call: Call) -> EndpointAnswer:
        """One channel."""
        return EndpointAnswer(json=shapes.channel(self._world, self._visible(call)))

    def change(self, call: Call) -> EndpointAnswer:
        """Change a channel, or archive and lock a thread."""
        channel = self._visible(call)
        if channel.is_thread:
            self._change_thread(channel, call.body)
        else:
            self._change_channel(channel, call.body)
        return EndpointAnswer(json=shapes.channel(self._world, channel))

    def delete(self, call: Call) -> EndpointAnswer:
        """Delete a channel, or a thread with all that is in it; also its owner needs the permission for that."""
        channel = self._visible(call)
        self._world.require(channel, may.MANAGE_THREADS if channel.is_thread else may.MANAGE_CHANNELS)
        shape = shapes.channel(self._world, channel)
        self._events.channel("DELETE", channel)
        self._world.forget_channel(channel)
        return EndpointAnswer(json=shape)

    def _change_channel(self, channel: Channel, body: Json) -> None:
        self._world.require(channel, may.MANAGE_CHANNELS)
        self._check_name(body)
        if channel.type == ChannelType.FORUM and body.get("available_tags") is not None:
            forum.check_available(FormErrors(), as_objects(body["available_tags"]))
            channel.available_tags = [self._tag(entry) for entry in as_objects(body["available_tags"])]
        channel.name = body.get("name", channel.name)
        channel.topic = body.get("topic", channel.topic)
        channel.nsfw = body.get("nsfw", channel.nsfw)
        self._events.channel("UPDATE", channel)

    def _tag(self, entry: Json) -> ForumTag:
        """A tag that has an id keeps it, also when it is renamed."""
        tag_id = str(entry.get("id") or self._world.ids.new())
        return ForumTag(tag_id, str(entry["name"]), bool(entry.get("moderated")), entry.get("emoji_name"))

    def _change_thread(self, thread: Channel, body: Json) -> None:
        """An archived thread is opened before, or by the same request that changes it."""
        self._check_may_change(thread, body)
        archived = bool(body.get("archived", thread.archived))
        if thread.archived and archived and set(body) - {"archived"}:
            raise errors.archived_thread()
        self._check_name(body)
        if "applied_tags" in body:
            parent, moderates = self._world.parent(thread), self._manages_threads(thread)
            wanted, before = body["applied_tags"], thread.applied_tags
            thread.applied_tags = forum.check_applied(parent, wanted, before, moderates=moderates)
        thread.name = body.get("name", thread.name)
        thread.locked = bool(body.get("locked", thread.locked))
        thread.auto_archive_duration = as_int(body.get("auto_archive_duration"), thread.auto_archive_duration)
        if archived == thread.archived:
            self._events.channel("UPDATE", thread)
        else:
            self._threads.set_archived(thread, archived)

    def _check_may_change(self, thread: Channel, body: Json) -> None:
        """Everybody who writes may open a thread that is not locked; its owner may change it while it is not locked."""
        if self._manages_threads(thread):
            return
        opens = body.get("archived") is False and set(body) == {"archived"}
        if thread.locked or not (opens or thread.owner_id == self._world.bot_id):
            raise errors.missing_permissions()
        self._world.require(thread, may.SEND_MESSAGES_IN_THREADS)

    def _manages_threads(self, thread: Channel) -> bool:
        return bool(self._world.permissions(thread, self._world.bot_id) & may.MANAGE_THREADS)

    @staticmethod
    def _check_name(body: Json) -> None:
        form = FormErrors()
        if "name" in body:
            form.length(("name",), body["name"], 1, 100)
        check_archive_minutes(form, body.get("auto_archive_duration"))
        form.refuse()

    def typing(self, call: Call) -> EndpointAnswer:
        """Show that the bot types."""
        channel = self._visible(call)
        self._world.require(channel, may.SEND_MESSAGES)
        self._events.typing(channel)
        return NOTHING

    def _visible(self, call: Call) -> Channel:
        channel = self._world.channel(call.path["channel_id"])
        self._world.require(channel, may.VIEW_CHANNEL)
        return channel

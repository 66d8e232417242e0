"""The life of threads and forum posts: they are archived after a while without messages, and opened again by one."""

from dataclasses import dataclass

from playground import errors, permissions
from playground.event_publisher import EventPublisher
from playground.models import Channel
from playground.world import World

MINUTE = 60.0


@dataclass
class Threads:
    """Archives and opens threads, and says what an archived or locked one refuses."""

    world: World
    events: EventPublisher

    def note_message(self, channel: Channel) -> None:
        """A message that everybody sees opens an archived thread, and starts the time until it is archived."""
        if not channel.is_thread:
            return
        channel.active_at = self.world.clock.now()
        if channel.archived:
            self.set_archived(channel, False)
        self.watch(channel)

    def watch(self, thread: Channel) -> None:
        """Archive a thread when nobody has written in it for its time."""
        due = (thread.active_at or thread.created_at) + thread.auto_archive_duration * MINUTE
        self.world.clock.call_at(due, lambda: self._archive_if_idle(thread, due))

    def set_archived(self, thread: Channel, archived: bool) -> None:
        """Archive a thread or open it, and tell everybody."""
        if thread.archived != archived:
            thread.archived, thread.archived_at = archived, self.world.clock.now()
            self.events.channel("UPDATE", thread)

    def check_may_write(self, channel: Channel, user_id: str) -> None:
        """A thread that is archived and locked is opened by those only who manage threads."""
        if channel.archived and channel.locked and not self._manages(channel, user_id):
            raise errors.archived_thread(403)

    def check_open(self, channel: Channel) -> None:
        """In an archived thread nothing is edited."""
        if channel.archived:
            raise errors.archived_thread()

    def _manages(self, channel: Channel, user_id: str) -> bool:
        return bool(self.world.permissions(channel, user_id) & permissions.MANAGE_THREADS)

    def _archive_if_idle(self, thread: Channel, due: float) -> None:
        """Only the timer of the last message archives; a thread that was deleted stays so."""
        idle_since = (thread.active_at or thread.created_at) + thread.auto_archive_duration * MINUTE
        if idle_since <= due and self.world.channels.get(thread.id) is thread:
            self.set_archived(thread, True)

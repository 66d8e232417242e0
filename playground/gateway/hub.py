"""All sessions of the gateway: opens them, dispatches events, drops connections for tests."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from playground import message_shapes
from playground.clock import Clock
from playground.gateway import intents
from playground.gateway.heartbeats import HeartbeatStats
from playground.gateway.session import Session
from playground.gateway.shard import Shard
from playground.wire import Json

RESUME_SECONDS = 180.0  # how long a lost session can be resumed
EVENTS_OF_WHOLE_SERVERS = ("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE")  # their `id` is that of the server


@dataclass
class Hub:
    """The sessions and their connections."""

    bot_id: str
    clock: Clock
    heartbeats: HeartbeatStats = field(default_factory=HeartbeatStats)
    sessions: dict[str, Session] = field(default_factory=dict[str, Session])
    connections: dict[str, Callable[[int], None]] = field(default_factory=dict[str, Callable[[int], None]])
    """Closes the connection of a session with a code, by session id."""
    on_presence: Callable[[], None] = lambda: None
    """Called when the bot connects or disconnects."""
    extra_copies: int = 0
    """How many times more each event of an interaction is sent."""
    _held: list[Json] | None = None

    def open(self, wanted: int, shard: Shard) -> Session:
        """Start a session for a bot that identified."""
        session = Session(secrets.token_hex(16), wanted, shard)
        self.sessions[session.id] = session
        return session

    @property
    def online(self) -> bool:
        """Whether a bot is connected with all of its shards."""
        connected = {one.shard for one in self.sessions.values() if one.id in self.connections}
        return any(all(Shard(index, one.count) in connected for index in range(one.count)) for one in connected)

    def connected(self, session: Session, close: Callable[[int], None]) -> None:
        """A connection was attached to a session."""
        self.connections[session.id] = close
        self.on_presence()

    def disconnected(self, session: Session, *, closed_by_client: bool) -> None:
        """The connection was closed. Unless the client closed it, the session can be resumed for a while."""
        self.connections.pop(session.id, None)
        session.send = None
        if closed_by_client:
            self.forget(session.id)
        else:
            self.clock.call_at(self.clock.now() + RESUME_SECONDS, lambda: self._expire(session))
        self.on_presence()

    def _expire(self, session: Session) -> None:
        if session.send is None:
            self.forget(session.id)

    def forget(self, session_id: str) -> None:
        """End a session, so that it can no longer be resumed."""
        self.sessions.pop(session_id, None)

    def dispatch(self, event: str, data: Json, *, always: bool = False) -> None:
        """Send an event to every session of its shard that has the intent.

        `always` ignores intents, for events about the bot itself.
        """
        guild_id = data.get("guild_id") or (data["id"] if event in EVENTS_OF_WHOLE_SERVERS else None)
        need = intents.ALWAYS if always else intents.needed(event, in_guild=guild_id is not None)
        for session in self.sessions.values():
            if session.shard.receives(guild_id) and (session.intents & need or need == intents.ALWAYS):
                session.dispatch(event, self._as_seen_by(session, event, data))

    def interaction(self, data: Json) -> None:
        """Send the event of an interaction, unless interactions are held back."""
        if self._held is not None:
            self._held.append(data)
            return
        for _ in range(1 + self.extra_copies):
            self.dispatch("INTERACTION_CREATE", data)

    def hold_interactions(self) -> None:
        """Keep the events of interactions until they are released, as a slow network does."""
        self._held = self._held or []

    def release_interactions(self) -> None:
        """Send the events that were held back, in order."""
        held, self._held = self._held or [], None
        for data in held:
            self.interaction(data)

    def drop(self, how: str, code: int = 4000) -> int:
        """Drop all connections: `close` (can resume, unless `code` forbids it), `reconnect` or `invalidate`."""
        cut = 0
        for session_id, close in list(self.connections.items()):
            session = self.sessions[session_id]
            if how == "reconnect" and session.send is not None:
                session.send({"op": 7, "d": None, "s": None, "t": None})
                cut += 1
                continue
            if how == "invalidate":
                self.forget(session_id)
            close(code)
            cut += 1
        return cut

    def _as_seen_by(self, session: Session, event: str, data: Json) -> Json:
        """Without the message content intent, other people's messages arrive empty, DMs and mentions apart."""
        if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or "guild_id" not in data:
            return data
        mentioned = any(user["id"] == self.bot_id for user in data["mentions"])
        own = data["author"]["id"] == self.bot_id
        if own or mentioned or session.intents & intents.MESSAGE_CONTENT:
            return data
        return message_shapes.without_content(data)

"""One login of the bot: its numbered events, kept so that a lost connection can resume."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from playground.gateway.shard import Shard
from playground.wire import Json

REPLAY_LIMIT = 2000  # events kept for a resume


@dataclass(eq=False)
class Session:
    """The events of one login; `send` is the current connection, None without one."""

    id: str
    intents: int
    shard: Shard
    sequence: int = 0
    send: Callable[[Json], None] | None = None
    _sent: deque[Json] = field(default_factory=lambda: deque[Json](maxlen=REPLAY_LIMIT))

    def dispatch(self, event: str, data: Json) -> None:
        """Number an event, keep it, and send it if there is a connection."""
        self.sequence += 1
        payload: Json = {"op": 0, "s": self.sequence, "t": event, "d": data}
        self._sent.append(payload)
        if self.send is not None:
            self.send(payload)

    def after(self, sequence: int) -> list[Json] | None:
        """Events newer than `sequence`, or None when it is too old or never was."""
        oldest = self._sent[0]["s"] if self._sent else self.sequence + 1
        if sequence > self.sequence or sequence < oldest - 1:
            return None
        return [payload for payload in self._sent if payload["s"] > sequence]

"""Records requests and responses, for tests and for debugging a bot."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from playground.wire import Json

KEPT = 5000  # exchanges


@dataclass(frozen=True)
class Exchange:
    """One request of the bot and its response."""

    number: int
    at: float
    method: str
    path: str
    route: str | None
    """The path's template, None when there is no such route."""
    query: dict[str, str]
    request: object
    """The JSON of the body; in a multipart request that of `payload_json`."""
    files: list[str]
    status: int
    answer: object
    injected: bool = False
    """The response was an injected fault."""

    def as_json(self) -> Json:
        """The exchange for the control interface."""
        return asdict(self)


@dataclass
class Recorder:
    """The latest exchanges, oldest first, and counts of all."""

    exchanges: deque[Exchange] = field(default_factory=lambda: deque[Exchange](maxlen=KEPT))
    on_note: Callable[[], None] = lambda: None
    total: int = 0
    by_status: Counter[int] = field(default_factory=Counter[int])

    def note(self, exchange: Exchange) -> None:
        """Keep an exchange."""
        self.exchanges.append(exchange)
        self.total += 1
        self.by_status[exchange.status] += 1
        self.on_note()

    @property
    def invalid_requests(self) -> int:
        """Answers that Discord counts towards banning an address: 401, 403 and 429."""
        return self.by_status[401] + self.by_status[403] + self.by_status[429]

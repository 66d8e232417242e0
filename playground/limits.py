"""Rate limits: buckets per route and major parameter, and the headers that tell a client about them."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token", "interaction_id")
WIDE = (50, 1.0)  # requests and seconds; wide enough that fast tests are not limited
POSTING = (5, 5.0)  # the limit observed on Discord for writing messages; used when strict
OLD_EDITS = (3, 20.0)  # edits of messages older than an hour in a channel, as bots have observed it
EVERYTHING = (50, 1.0)  # the global limit of all requests with the bot's token; used when strict
WITHOUT_HEADERS = "/interactions/"  # first responses are not limited and have no bucket headers


@dataclass
class Window:
    """The requests of a bucket in its current window; in real time, because clients sleep in real time."""

    limit: int
    seconds: float
    began: float
    used: int = 0

    def rest(self, now: float) -> float:
        """Seconds until the window ends."""
        return max(0.0, self.began + self.seconds - now)

    def take(self) -> bool:
        """Use one request; False when none is left."""
        if self.used >= self.limit:
            return False
        self.used += 1
        return True


@dataclass(frozen=True)
class RateLimitVerdict:
    """Whether a request passes, and the rate limit headers of its response."""

    passes: bool
    retry_after: float
    headers: dict[str, str]
    everywhere: bool = False
    """The global limit was exceeded."""


@dataclass
class Limits:
    """All buckets; `strict` uses the limits observed on Discord, `now` returns the time in seconds."""

    strict: bool = False
    now: Callable[[], float] = time.time
    _windows: dict[str, Window] = field(default_factory=dict[str, Window])

    def spend(self, method: str, template: str, path: dict[str, str], *, with_token: bool) -> RateLimitVerdict:
        """Count a request. Requests of interactions have no bot token and do not count for the global limit."""
        if template.startswith(WITHOUT_HEADERS):
            return RateLimitVerdict(True, 0.0, {})
        now = self.now()
        if self.strict and with_token:
            everything = self._window("everything", EVERYTHING, now)
            if not everything.take():
                return RateLimitVerdict(False, everything.rest(now), {}, everywhere=True)
        bucket = hashlib.sha256(f"{method} {template}".encode()).hexdigest()[:32]
        key = ":".join([bucket, *(path[name] for name in MAJOR if name in path)])
        window = self._window(key, self._allowance(method, template), now)
        passes = window.take()
        return RateLimitVerdict(passes, window.rest(now), _headers(bucket, window, now))

    def spend_old_edit(self, channel_id: str) -> float | None:
        """Count an edit of a message older than an hour; the seconds to wait when the channel allows no more."""
        now = self.now()
        window = self._window(f"old edits:{channel_id}", OLD_EDITS, now)
        return None if window.take() else window.rest(now)

    def _window(self, key: str, allowance: tuple[int, float], now: float) -> Window:
        window = self._windows.get(key)
        if window is None or window.rest(now) == 0:
            if len(self._windows) > 5000:  # interaction tokens make a bucket each
                self._windows.clear()
            window = self._windows[key] = Window(*allowance, began=now)
        return window

    def _allowance(self, method: str, template: str) -> tuple[int, float]:
        writes = method in ("POST", "PATCH") and ("messages" in template or "webhooks" in template)
        return POSTING if self.strict and writes else WIDE


def _headers(bucket: str, window: Window, now: float) -> dict[str, str]:
    rest = window.rest(now)
    return {
        "X-RateLimit-Limit": str(window.limit),
        "X-RateLimit-Remaining": str(window.limit - window.used),
        "X-RateLimit-Reset": f"{now + rest:.3f}",
        "X-RateLimit-Reset-After": f"{rest:.3f}",
        "X-RateLimit-Bucket": bucket,
    }

"""Rate limits: buckets per route and major parameter, and the headers that tell a client about them."""

import hashlib
import time
from dataclasses import dataclass, field

MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token", "interaction_id")
WIDE = (50, 1.0)  # requests and seconds; so that a fast test is never held up
POSTING = (5, 5.0)  # what Discord was seen to allow for writing messages; used when strict


@dataclass
class Window:
    """Requests of one bucket since its window began; real time, because clients sleep in real time."""

    limit: int
    seconds: float
    began: float
    used: int = 0


@dataclass(frozen=True)
class Verdict:
    """May the request pass, and what the headers say."""

    passes: bool
    retry_after: float
    headers: dict[str, str]


@dataclass
class Limits:
    """All buckets; `strict` uses Discord's observed numbers for writing messages."""

    strict: bool = False
    _windows: dict[str, Window] = field(default_factory=dict[str, Window])

    def spend(self, method: str, template: str, path: dict[str, str]) -> Verdict:
        """Count a request."""
        bucket = hashlib.sha256(f"{method} {template}".encode()).hexdigest()[:32]
        key = ":".join([bucket, *(path[name] for name in MAJOR if name in path)])
        now = time.time()
        window = self._window(key, method, template, now)
        passes = window.used < window.limit
        window.used += passes
        rest = max(0.0, window.began + window.seconds - now)
        return Verdict(passes, rest, _headers(bucket, window, rest, now))

    def _window(self, key: str, method: str, template: str, now: float) -> Window:
        window = self._windows.get(key)
        if window is None or now >= window.began + window.seconds:
            if len(self._windows) > 5000:  # interaction tokens make a bucket each
                self._windows.clear()
            limit, seconds = self._allowance(method, template)
            window = self._windows[key] = Window(limit, seconds, now)
        return window

    def _allowance(self, method: str, template: str) -> tuple[int, float]:
        writes = method in ("POST", "PATCH") and ("messages" in template or "webhooks" in template)
        return POSTING if self.strict and writes else WIDE


def _headers(bucket: str, window: Window, rest: float, now: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(window.limit),
        "X-RateLimit-Remaining": str(window.limit - window.used),
        "X-RateLimit-Reset": f"{now + rest:.3f}",
        "X-RateLimit-Reset-After": f"{rest:.3f}",
        "X-RateLimit-Bucket": bucket,
    }

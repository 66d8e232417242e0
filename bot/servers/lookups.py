"""Answers of Discord that are kept for a minute; when a look-up fails, the last answer is all that is known."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

KeyT = TypeVar("KeyT", bound=Hashable)
AnswerT = TypeVar("AnswerT")

FRESH_SECONDS = 60.0
RETRY_SECONDS = 5.0  # after a failure nobody asks again for so long
PATIENCE_SECONDS = 2.0  # a look-up that takes longer has failed …
PAUSE_SECONDS = 15.0  # … and nothing is looked up for so long, so that not everybody waits for a Discord that hangs
MOST_ANSWERS = 20_000
_LONG_AGO = float("-inf")


class LookupFailed(Exception):
    """Discord could not be asked, or gave no usable answer."""


class NotConnected(LookupFailed):
    """Nobody was asked yet, since there is no connection. It is not remembered: the next one to want to know asks."""


@dataclass(frozen=True)
class Known(Generic[AnswerT]):
    """An answer; `fresh` says whether it holds now or is only the last one that was had."""

    answer: AnswerT
    fresh: bool


@dataclass
class _Kept(Generic[AnswerT]):
    answer: AnswerT | None = None
    at: float | None = None  # when it was answered
    failed_at: float | None = None
    changes: int = 0  # how often it became known that the answer is old


class LookupCache(Generic[KeyT, AnswerT]):
    """Asks once for each key in FRESH_SECONDS, however many want to know. `ask` raises LookupFailed."""

    def __init__(
        self, ask: Callable[[KeyT], Awaitable[AnswerT]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._kept: OrderedDict[KeyT, _Kept[AnswerT]] = OrderedDict()
        self._pending: dict[KeyT, asyncio.Task[None]] = {}
        self._timed_out_at: float | None = None

    async def get(self, key: KeyT) -> Known[AnswerT] | None:
        """The answer for `key`; None when there was none yet and the look-up fails."""
        kept = self._kept.get(key)
        for _time in range(2):  # what was asked before a change and answered after it is old already
            if self._paused() or (kept is not None and self._settled(kept)):
                break
            pending = self._pending.get(key)
            if pending is None:
                pending = self._pending[key] = asyncio.create_task(self._renew(key))
                pending.add_done_callback(lambda _: self._pending.pop(key, None))
            await asyncio.shield(pending)  # one of several who want to know may be cancelled
            kept = self._kept.get(key)
        return self.last(key)

    def forget(self, key: KeyT) -> None:
        """Ask again the next time: the answer is known to have changed."""
        kept = self._kept.get(key)
        if kept is not None:
            kept.changes, kept.failed_at = kept.changes + 1, None
            kept.at = None if kept.at is None else _LONG_AGO  # it stays the last one that was had

    def last(self, key: KeyT) -> Known[AnswerT] | None:
        """The last answer that was had, without asking; None without one."""
        kept = self._kept.get(key)
        if kept is None or kept.at is None:
            return None
        return Known(kept.answer, fresh=self._is_fresh(kept))  # pyright: ignore[reportReturnType] (answered)

    def learn(self, key: KeyT, answer: AnswerT) -> None:
        """Take what Discord has told unasked as the last answer, and ask again the next time."""
        kept = self._kept.setdefault(key, _Kept())
        kept.answer, kept.at, kept.changes = answer, _LONG_AGO, kept.changes + 1

    def _is_fresh(self, kept: _Kept[AnswerT]) -> bool:
        return kept.at is not None and self._clock() - kept.at < FRESH_SECONDS

    def _settled(self, kept: _Kept[AnswerT]) -> bool:
        lately_failed = kept.failed_at is not None and self._clock() - kept.failed_at < RETRY_SECONDS
        return self._is_fresh(kept) or lately_failed

    def _paused(self) -> bool:
        return self._timed_out_at is not None and self._clock() - self._timed_out_at < PAUSE_SECONDS

    async def _renew(self, key: KeyT) -> None:
        kept = self._kept.setdefault(key, _Kept())
        self._kept.move_to_end(key)
        changes = kept.changes
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await self._ask(key)
        except NotConnected:
            pass
        except (LookupFailed, TimeoutError) as problem:
            # Not about whom: the key may be a person's id.
            log.warning("Discord did not respond: %s", str(problem) or type(problem).__name__)
            kept.failed_at = self._clock()
            if isinstance(problem, TimeoutError):
                self._timed_out_at = kept.failed_at
        else:
            if kept.changes == changes:
                kept.answer, kept.at = answer, self._clock()
            elif kept.at is None:  # better than none
                kept.answer, kept.at = answer, _LONG_AGO
        while len(self._kept) > MOST_ANSWERS:
            self._kept.popitem(last=False)

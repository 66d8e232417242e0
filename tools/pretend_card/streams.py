"""Streams and events of the pretend card, with vector clocks: what is known to be done before what.

A clock holds for each stream the number of its last kernel that is known to be done before whatever comes next.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any

Clock = dict[int, int]

# Around all that threads note of streams and blocks: a kernel is launched in one while another waits for a new stream.
NOTES = threading.RLock()


def join(clock: Clock, other: Mapping[int, int]) -> None:
    """Let `clock` know all that `other` knows."""
    with NOTES:
        for stream, kernel in other.items():
            clock[stream] = max(clock.get(stream, 0), kernel)


class Stream:
    """A queue of kernels, like `torch.cuda.Stream`. `wait` is called when the host waits for it."""

    _ids = itertools.count()
    wait: Callable[[Clock, str], None]  # set by the card

    def __init__(self, device: Any = None, priority: int = 0, **_options: Any) -> None:
        self.device = device
        self.priority = priority
        self.id = next(self._ids)
        self.clock: Clock = {self.id: 0}

    def launch(self, host: Clock) -> int:
        """One kernel more, after all that the host has waited for; its number."""
        with NOTES:
            join(self.clock, host)
            self.clock[self.id] += 1
            return self.clock[self.id]

    def record_event(self, event: Event | None = None) -> Event:
        """An event after all kernels so far."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Let later kernels wait for an event; the host does not."""
        join(self.clock, event.clock)

    def wait_stream(self, other: Stream) -> None:
        """Let later kernels wait for all kernels of another stream so far."""
        join(self.clock, other.clock)

    def synchronize(self) -> None:
        """Let the host wait for all kernels so far."""
        Stream.wait(self.clock, "a stream")

    def query(self) -> bool:
        """Whether all is done: on this card, a kernel is done when it is launched."""
        return True


class Event:
    """A point in a stream, like `torch.cuda.Event`."""

    def __init__(self, **_options: Any) -> None:
        self.clock: Clock = {}

    def record(self, stream: Stream | None = None) -> None:
        """Mark the point after all kernels of the stream so far."""
        with NOTES:
            self.clock = dict((stream or current()).clock)

    def wait(self, stream: Stream | None = None) -> None:
        """Let later kernels of the stream wait for it."""
        (stream or current()).wait_event(self)

    def synchronize(self) -> None:
        """Let the host wait for it."""
        Stream.wait(self.clock, "an event")

    def query(self) -> bool:
        """Whether it is reached: on this card, a kernel is done when it is launched."""
        return True


DEFAULT = Stream()
_local = threading.local()


def current(_device: Any = None) -> Stream:
    """The stream into which this thread launches kernels."""
    return getattr(_local, "stream", None) or DEFAULT


class use:  # noqa: N801 (stands for `torch.cuda.stream`)
    """Around code whose kernels go into a stream; None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self._stream = stream
        self._before: Stream | None = None

    def __enter__(self) -> None:
        self._before = getattr(_local, "stream", None)
        if self._stream is not None:
            _local.stream = self._stream

    def __exit__(self, *_: object) -> None:
        _local.stream = self._before

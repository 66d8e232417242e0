"""Memory of the pretend card: blocks, which stream uses them, and whether that is safe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from tools.pretend_card.streams import NOTES, Clock, Stream


@dataclass
class Memory:
    """All blocks together; `capacity` in bytes, None for endless.

    `races` are uses that no order makes safe, `unguarded` blocks that were given back while another stream may still
    use them, each with the place in the engine.
    """

    host: Clock
    where: Callable[[], str]
    capacity: int | None = None
    used: int = 0
    peak: int = 0
    races: Counter[str] = field(default_factory=Counter[str])
    unguarded: Counter[str] = field(default_factory=Counter[str])

    def take(self, size: int) -> None:
        """Raises torch's error when there is not as much."""
        with NOTES:
            if self.capacity is not None and self.used + size > self.capacity:
                wanted = size / 2**20
                raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {wanted:.2f} MiB (pretended).")
            self.used += size
            self.peak = max(self.peak, self.used)

    def give_back(self, size: int) -> None:
        """It is free again."""
        with NOTES:
            self.used -= size


class Block:
    """The memory of one storage, taken on `owner`."""

    def __init__(self, memory: Memory, size: int, owner: Stream) -> None:
        self._memory = memory
        self._size = 0
        memory.take(size)
        self._size = size
        self._owner = owner
        self._written: Clock = {}
        self._read: Clock = {}
        self._recorded: set[int] = set()  # streams that it was recorded for: it is kept until they are done
        self._place = ""  # where another stream than the owner used it last

    def record(self, stream: Stream) -> None:
        """`Tensor.record_stream`."""
        self._recorded.add(stream.id)

    def read(self, stream: Stream) -> None:
        """The newest kernel of a stream reads it."""
        with NOTES:
            self._check(stream, self._written, "reads what stream {other} may still write")
            self._note(stream, self._read)

    def write(self, stream: Stream) -> None:
        """The newest kernel of a stream writes it."""
        with NOTES:
            self._check(stream, self._written, "writes what stream {other} may still write")
            self._check(stream, self._read, "writes what stream {other} may still read")
            self._note(stream, self._written)

    def _check(self, stream: Stream, others: Clock, what: str) -> None:
        for other, kernel in others.items():
            if other != stream.id and stream.clock.get(other, 0) < kernel:
                place = self._memory.where()
                self._memory.races[f"{place}: stream {stream.id} {what.format(other=other)}"] += 1

    def _note(self, stream: Stream, uses: Clock) -> None:
        uses[stream.id] = stream.clock[stream.id]
        if stream is not self._owner:
            self._place = self._memory.where()

    def __del__(self) -> None:
        self._memory.give_back(self._size)
        with NOTES:
            for uses in (self._read, self._written) if self._size else ():
                for other, kernel in uses.items():
                    known = max(self._owner.clock.get(other, 0), self._memory.host.get(other, 0))
                    if other != self._owner.id and other not in self._recorded and known < kernel:
                        self._memory.unguarded[f"{self._place}: of stream {self._owner.id}, used on {other}"] += 1

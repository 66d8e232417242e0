"""Keeps what is dear to make, up to a limit of bytes; what was not used for longest goes first."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import torch

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# What a tensor that is kept takes beside its numbers: its objects in Python and in torch, its place in dictionaries,
# and what the allocator rounds up. Nothing beside SDXL's numbers, as much as its numbers for LoRAs of a tiny network.
TENSOR_BYTES = 2**10


def memory_of(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes that it costs to keep these."""
    return sum(tensor.nbytes + TENSOR_BYTES for tensor in tensors)


class Tally:
    """How often something was looked for in each cache, by its name, and whether it was there. For several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, bool]] = Counter()

    def count(self, name: str, *, hit: bool) -> None:
        """Once more."""
        with self._lock:
            self._counts[name, hit] += 1

    def take(self) -> dict[str, tuple[int, int]]:
        """Hits and misses since the last call."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return {name: (counts[name, True], counts[name, False]) for name, _hit in counts}


LOOKUPS = Tally()  # of this process


class ByteCache(Generic[Key, Value]):
    """Values by key. What is larger than the whole limit is made, handed out and not kept.

    Look-ups are counted under `name`, which several caches of one kind may share.
    """

    def __init__(self, limit: int, size: Callable[[Value], int], name: str = "other") -> None:
        self.limit = limit
        self._name = name
        self.nbytes = 0
        self._size = size
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Key) -> Value | None:
        """The value of `key`, None when it is not kept."""
        value = self._kept.get(key)
        LOOKUPS.count(self._name, hit=value is not None)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of `key`, made now when it is not kept."""
        value = self.find(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keep `value`, and let go of others until all fit."""
        self.drop(key)
        if (size := self._size(value)) > self.limit:
            return
        self._kept[key] = value
        self.nbytes += size
        while self.nbytes > self.limit and self._kept:
            self.drop(next(iter(self._kept)))

    def drop(self, key: Key) -> None:
        """Forget the value of `key`."""
        value = self._kept.pop(key, None)
        if value is not None:
            self.nbytes -= self._size(value)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self.nbytes = 0


class Turns(Generic[Key]):
    """Threads that want the same thing take turns: the first one makes it, and the others find it kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns = WeakValueDictionary[Key, threading.Lock]()

    def of(self, key: Key) -> threading.Lock:
        """To be held by whoever makes what belongs to `key`."""
        with self._lock:
            turn = self._turns.get(key)
            if turn is None:
                turn = self._turns[key] = threading.Lock()
            return turn

"""An LRU cache bounded by bytes, its hit and miss counts, and locks by key."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable
from itertools import islice
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import torch

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# The memory of a cached tensor beside its data: objects of Python and torch, entries of dictionaries, rounding by the
# allocator. That is nothing beside SDXL's weights, and as much as the data of a LoRA for a tiny network.
TENSOR_BYTES = 2**10


def memory_of(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes that these tensors take in a cache."""
    return sum(tensor.nbytes + TENSOR_BYTES for tensor in tensors)


class Tally:
    """Counts hits and misses of look-ups, by cache name. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, bool]] = Counter()

    def count(self, name: str, *, hit: bool) -> None:
        """Count one look-up."""
        with self._lock:
            self._counts[name, hit] += 1

    def take(self) -> dict[str, tuple[int, int]]:
        """Hits and misses since the last call."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return {name: (counts[name, True], counts[name, False]) for name, _hit in counts}


LOOKUPS = Tally()  # of this process


class ByteCache(Generic[Key, Value]):
    """Values by key, least recently used ones dropped first. A value larger than the limit is returned but not kept.

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

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def newest(self, count: int) -> list[Key]:
        """The keys that were used last, at most so many."""
        return list(islice(reversed(self._kept), count))

    def find(self, key: Key) -> Value | None:
        """The value of `key`; None when it is not cached."""
        value = self._kept.get(key)
        LOOKUPS.count(self._name, hit=value is not None)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of `key`, made now when it is not cached."""
        value = self.find(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Cache `value`, and drop others until all fit."""
        self.drop(key)
        if (size := self._size(value)) > self.limit:
            return
        self._kept[key] = value
        self.nbytes += size
        while self.nbytes > self.limit and self._kept:
            self.drop(next(iter(self._kept)))

    def drop(self, key: Key) -> None:
        """Drop the value of `key`."""
        value = self._kept.pop(key, None)
        if value is not None:
            self.nbytes -= self._size(value)

    def clear(self) -> None:
        """Drop every value."""
        self._kept.clear()
        self.nbytes = 0


class KeyLocks(Generic[Key]):
    """One lock per key: of several threads that need the same value the first makes it, the others find it cached."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks = WeakValueDictionary[Key, threading.Lock]()

    def of(self, key: Key) -> threading.Lock:
        """The lock to hold while the value of `key` is looked up or made."""
        with self._lock:
            lock = self._locks.get(key)
            if lock is None:
                lock = self._locks[key] = threading.Lock()
            return lock

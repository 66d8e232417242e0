"""Splits items into chunks of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def chunked(items: Iterable[T], size: Callable[[T], int], limit: int) -> Iterator[list[T]]:
    """Neighbours together, up to a size of `limit`; a larger item is a chunk of its own."""
    chunk, total = list[T](), 0
    for item in items:
        own = size(item)
        if chunk and total + own > limit:
            yield chunk
            chunk, total = [], 0
        chunk.append(item)
        total += own
    if chunk:
        yield chunk

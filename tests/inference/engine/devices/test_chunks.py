"""Items in chunks of bounded size."""

from __future__ import annotations

import pytest

from inference.engine.devices.chunks import chunked


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([3], [[3]]),
        ([4, 6], [[4, 6]]),
        ([4, 6, 1], [[4, 6], [1]]),
        ([1, 99, 1], [[1], [99], [1]]),
        ([99, 1, 9, 5, 0], [[99], [1, 9], [5, 0]]),
    ],
)
def test_neighbours_share_a_chunk_up_to_the_limit(sizes: list[int], expected: list[list[int]]) -> None:
    assert list(chunked(sizes, lambda size: size, 10)) == expected

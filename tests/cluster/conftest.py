"""What tests with real Ray share: one cluster with a head, whose nodes each test starts and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from benchmarks._ray_nodes import RayNodes, ray_nodes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes() -> AsyncIterator[RayNodes]:
    """A cluster without nodes."""
    async with ray_nodes() as cluster:
        yield cluster

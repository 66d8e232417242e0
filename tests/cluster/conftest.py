"""What tests with real Ray share: one cluster with a head, whose nodes each test starts and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from benchmarks._ray_nodes import RayNodes, ray_nodes
from bot.config import Settings
from bot.config.cluster import ClusterSettings
from bot.config.worker import Backend


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes() -> AsyncIterator[RayNodes]:
    """A cluster without nodes."""
    async with ray_nodes() as cluster:
        yield cluster


def on_ray(settings: Settings, nodes: RayNodes, **cluster: object) -> Settings:
    """The settings, but for workers on this cluster."""
    section = ClusterSettings.model_validate(
        {
            "address": nodes.address,
            "token_file": nodes.token,
            "cache_gigabytes": 1,
            "unreachable_seconds": 10,
            **cluster,
        }
    )
    worker = settings.worker.model_copy(update={"backend": Backend.RAY})
    return settings.model_copy(update={"worker": worker, "cluster": section})

"""The checks of jobs on a local worker, run unchanged on a worker of a cluster, also when it is killed or hangs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from benchmarks._ray_nodes import RayNodes
from bot.app.assembly import Easel, open_easel
from tests.bot.jobs.test_service import (
    PATIENCE,
    poisoned,
)
from tests.bot.jobs.test_service import (
    pytestmark as pytestmark,
)
from tests.bot.jobs.test_service import (
    test_a_job_that_kills_the_worker_three_times_fails_and_the_next_is_painted as test_a_deadly_job_fails,
)
from tests.bot.jobs.test_service import (
    test_a_lora_with_a_number_that_is_none_is_refused_by_the_worker as test_a_poisoned_lora_is_refused,
)
from tests.bot.jobs.test_service import (
    test_a_picture_that_cannot_be_copied_to_where_the_command_line_wants_it_is_kept as test_a_picture_is_kept,
)
from tests.bot.jobs.test_service import (
    test_a_request_becomes_one_picture_of_the_size_asked_for as test_a_request_becomes_one_picture,
)
from tests.bot.jobs.test_service import (
    test_a_running_job_is_cancelled_and_the_next_is_painted as test_a_running_job_is_cancelled,
)
from tests.bot.jobs.test_service import (
    test_a_worker_killed_in_the_middle_of_a_picture_costs_nobody_a_picture as test_a_killed_engine_costs_no_picture,
)
from tests.bot.jobs.test_service import (
    test_a_worker_that_hangs_in_the_middle_of_a_picture_is_ended_and_costs_nobody_a_picture as test_a_hung_engine,
)
from tests.house import House

__all__ = [
    "test_a_deadly_job_fails",
    "test_a_hung_engine",
    "test_a_killed_engine_costs_no_picture",
    "test_a_picture_is_kept",
    "test_a_poisoned_lora_is_refused",
    "test_a_request_becomes_one_picture",
    "test_a_running_job_is_cancelled",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def easel(shared_house: House, nodes: RayNodes) -> AsyncIterator[Easel]:
    """In place of the one with a local worker."""
    poisoned(shared_house.library / "poison.safetensors")
    await nodes.add()
    async with open_easel(nodes.settings(shared_house.settings, unreachable_seconds=PATIENCE)) as running:
        yield running

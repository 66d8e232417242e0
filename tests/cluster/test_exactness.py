"""A machine of a cluster paints the same picture to the byte as the bot's own, also when the engine dies there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks._ray_nodes import RayNodes
from bot.app.assembly import open_catalogue
from bot.app.from_settings import driver_options, make_pool, worker_options
from inference.workers.driver_process import DriverProcess
from inference.workers.ray import RayPool
from inference.workers.storage import SpoolFolder
from tests.bot.jobs.test_distant_worker import PATIENCE, asked, dies_once, painted, went_on
from tests.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_engine_elsewhere_is_killed_and_goes_on_to_the_same_picture(
    house: House, nodes: RayNodes, tmp_path: Path
) -> None:
    settings = house.settings
    machine = await nodes.add()
    async with open_catalogue(settings) as found:
        request = await asked(found, house)
        specs = found.configuration.checkpoints.specs
        here, _ = await painted(found, house, make_pool(settings, specs), tmp_path / "a", request)
        driver = driver_options(nodes.settings(settings, unreachable_seconds=PATIENCE).cluster)
        deadly = driver.cluster.model_copy(update={"engine": tuple(dies_once(tmp_path / "died"))})
        (options,) = worker_options(settings, specs)
        spool = SpoolFolder(settings.storage.spool)
        pool = RayPool(options, spool, DriverProcess(replace(driver, cluster=deadly)))
        far, updates = await painted(found, house, pool, tmp_path / "b", request)
    assert far == here
    assert went_on(updates)
    assert list(spool.folder.iterdir()) == []
    async with asyncio.timeout(PATIENCE):  # they end with the bot's pool, as soon as Ray has killed them
        while machine.engines or machine.actors:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

"""What is set in a server is read once, and never older than what was written."""

from __future__ import annotations

import asyncio

from bot.database.servers.settings import ServerSettings, save_server_settings
from tests.bot.servers.world import ELSEWHERE, SERVER, ServerWorld

NEW = ServerSettings(language="ja")


async def test_a_setup_is_read_once(world: ServerWorld) -> None:
    first = await world.services.servers.of(SERVER)
    assert await world.services.servers.of(SERVER) is first
    world.services.servers.forget(ELSEWHERE)
    assert await world.services.servers.of(SERVER) is first


async def test_what_was_read_before_a_change_is_not_kept(world: ServerWorld) -> None:
    cache = world.services.servers
    for turns in range(12):  # the change comes after none, the first, the second or all of the reads
        await world.db.write("DELETE FROM server_settings")
        cache.forget(SERVER)
        reading = asyncio.create_task(cache.of(SERVER))
        for _ in range(turns):
            await asyncio.sleep(0)
        await save_server_settings(world.db, SERVER, NEW)
        cache.forget(SERVER)
        await reading
        assert (await cache.of(SERVER)).settings == NEW

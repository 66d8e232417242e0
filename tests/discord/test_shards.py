"""The bot with two shards, each with a server of its own: commands, buttons, results and direct messages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from playground import default_world
from tests.discord.conftest import PROMPT, Scene, open_scene
from tests.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVERS = {"general": default_world.WORKSHOP, "tea-table": default_world.TEA_ROOM}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sharded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    house = House(tmp_path_factory.mktemp("shards") / "house")
    async with open_scene(house, shards=2) as scene:
        await scene.control.set_roles("Easel", [], guild="Tea Room")
        async with scene.bot():
            yield scene


async def test_each_server_is_on_a_shard_of_its_own(sharded: Scene) -> None:
    sessions = sharded.playground.hub.sessions.values()
    servers = {one.shard.index: [s for s in SERVERS.values() if one.shard.receives(s)] for one in sessions}
    assert sorted(servers) == [0, 1]
    assert all(len(found) == 1 for found in servers.values())


async def test_operators_see_the_shards_and_which_one_a_server_is_on(sharded: Scene) -> None:
    sessions = sharded.playground.hub.sessions.values()
    (mine,) = (one.shard.index for one in sessions if one.shard.receives(SERVERS["general"]))
    seen = await (await sharded.control.person("Margaret").slash("status")).reply()
    assert f"2 of 2 shards are connected. This server is on shard {mine}." in seen.text


@pytest.mark.parametrize("channel", [*SERVERS, "dm"])
async def test_commands_buttons_and_results_work_on_every_shard(sharded: Scene, channel: str) -> None:
    picture = await sharded.painted(await sharded.ada.slash("imagine", prompt=PROMPT, in_=channel))
    details = await (await sharded.ada.press(picture, "Details")).reply()
    assert details.ephemeral and PROMPT in details.text
    again = await sharded.painted(await sharded.ada.press(picture, "Again"))
    assert again.json["channel_id"] == picture.json["channel_id"]
    history = await (await sharded.ada.slash("history", in_=channel)).reply()
    assert PROMPT in history.text


@pytest.mark.parametrize("channel", [*SERVERS])
async def test_a_result_is_posted_after_its_interaction_has_expired(sharded: Scene, channel: str) -> None:
    before = [one.id for one in await sharded.pictures(channel)]
    order = await (await sharded.ada.slash("imagine", prompt=PROMPT, steps=150, in_=channel)).reply()
    await sharded.until_painting(order)
    await sharded.control.advance_clock(16 * 60)
    await sharded.ended(order)
    assert len(await sharded.pictures(channel)) == len(before) + 1

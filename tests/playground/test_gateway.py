"""The gateway: lost connections, replay, refusals."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from playground import Playground, default_world, permissions
from playground.control import Control
from playground.gateway.heartbeats import HeartbeatStats

from .conftest import TIMEOUT_SECONDS, Rest, Stage

IDENTIFY = {"intents": 1 << 9, "properties": {}}
ROOMS = 1 << 0 | 1 << 9 | 1 << 12  # guilds, messages of guilds, direct messages


async def test_lost_connection_resumes_and_replays(stage: Stage) -> None:
    await stage.start()
    session = stage.bot.ws.session_id
    assert await stage.control.drop_gateway("close") == 1
    await stage.ada.say("while you were away")
    await stage.bot.until("resumed")
    (message,) = await stage.bot.until("message")
    assert message.author.name == "ada"
    assert stage.bot.ws.session_id == session


async def test_heartbeats_are_counted(stage: Stage) -> None:
    await stage.start()  # discord.py sends the first at once
    await stage.control.drop_gateway("reconnect")
    await stage.bot.until("resumed")
    beats, late = await stage.control.heartbeats()
    assert beats == 2 and late == 0.0


def test_the_delay_of_a_heartbeat_is_recorded() -> None:
    stats = HeartbeatStats(seconds=10.0)
    for after in (0.1, 10.25, 10.0, 11.5, 10.75):
        stats.record(after)
    assert (stats.count, stats.late) == (5, 1.5)


async def test_bot_reconnects_when_asked(stage: Stage) -> None:
    await stage.start()
    session = stage.bot.ws.session_id
    await stage.control.drop_gateway("reconnect")
    await stage.bot.until("resumed")
    assert stage.bot.ws.session_id == session


async def test_invalid_session_identifies_anew(stage: Stage) -> None:
    await stage.start()
    session = stage.bot.ws.session_id
    await stage.control.drop_gateway("invalidate")
    await stage.bot.until("ready", 2)
    assert stage.bot.ws.session_id != session


async def test_a_reset_token_is_rejected(stage: Stage, raw: "Raw") -> None:
    await raw.identify()
    before = stage.playground.token
    await stage.control.reset_token()
    assert await raw.close_code() == 4004
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bot {before}"}) as session,
        session.get(stage.playground.api_url + "/users/@me") as answer,
    ):
        assert answer.status == 401
    await stage.start()  # with the new one


async def test_a_normal_close_ends_the_session(raw: "Raw", playground: Playground, control: Control) -> None:
    await raw.identify()
    await raw.receive()
    assert len(playground.hub.sessions) == 1
    await raw.socket.close(code=1000)
    await control.wait_online(False)
    assert playground.hub.sessions == {}


async def test_lost_session_is_kept_for_three_minutes(raw: "Raw", playground: Playground, control: Control) -> None:
    await raw.identify()
    session = (await raw.receive())["d"]["session_id"]
    await raw.socket.close(code=4000)
    await control.wait_online(False)
    assert session in playground.hub.sessions
    await control.advance_clock(181)
    await control.wait(
        lambda since: control.get("world", as_="Ada", since=since),
        lambda _: None if session in playground.hub.sessions else True,
    )


class Raw:
    """A websocket by hand."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, token: str) -> None:
        self.socket = socket
        self.token = token

    async def send(self, op: int, data: Any) -> None:
        await self.socket.send_json({"op": op, "d": data})

    async def identify(self, **change: Any) -> None:
        await self.send(2, {"token": self.token, **IDENTIFY, **change})

    async def receive(self) -> Any:
        return await self.socket.receive_json(timeout=TIMEOUT_SECONDS)

    async def close_code(self) -> int | None:
        while True:
            message = await self.socket.receive(timeout=TIMEOUT_SECONDS)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                return self.socket.close_code


@asynccontextmanager
async def connected(playground: Playground) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as session, session.ws_connect(playground.gateway_url) as socket:
        opened = Raw(socket, playground.token)
        assert (await opened.receive())["op"] == 10
        yield opened


@pytest.fixture
async def raw(playground: Playground) -> AsyncIterator[Raw]:
    async with connected(playground) as opened:
        yield opened


async def test_hello_heartbeat_and_ready(raw: Raw) -> None:
    await raw.send(1, None)
    assert (await raw.receive())["op"] == 11
    await raw.identify()
    ready = await raw.receive()
    assert (ready["t"], ready["s"], ready["d"]["user"]["id"]) == ("READY", 1, default_world.APPLICATION_ID)


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (2, {"token": "wrong", **IDENTIFY}, 4004),
        (8, {}, 4003),
        (6, {"token": "wrong", "session_id": "x", "seq": 1}, 4004),
    ],
)
async def test_close_codes(raw: Raw, op: int, data: Any, code: int) -> None:
    await raw.send(op, data)
    assert await raw.close_code() == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"intents": 1 << 60}, 4013),
        ({"intents": 1 << 15}, 4014),
        ({"shard": [2, 2]}, 4010),
        ({"shard": [-1, 2]}, 4010),
        ({"shard": [0]}, 4010),
        ({"shard": ["0", "2"]}, 4010),
        ({"shard": "0"}, 4010),
    ],
)
async def test_identify_is_validated(raw: Raw, change: dict[str, Any], code: int) -> None:
    await raw.identify(**change)
    assert await raw.close_code() == code


async def test_each_shard_receives_the_events_of_its_servers(playground: Playground, control: Control) -> None:
    await control.set_roles("Easel", [], guild="Tea Room")
    indices = {guild: (int(guild) >> 22) % 2 for guild in (default_world.WORKSHOP, default_world.TEA_ROOM)}
    assert sorted(indices.values()) == [0, 1]
    async with connected(playground) as first, connected(playground) as second:
        shards = [first, second]
        await first.identify(shard=[0, 2], intents=ROOMS)
        first_seen = [await first.receive() for _ in range(2)]
        assert not playground.hub.online, "one shard is missing"
        await second.identify(shard=[1, 2], intents=ROOMS)
        seen = [first_seen, [await second.receive() for _ in range(2)]]
        assert playground.hub.online
        for index, (ready, guild) in enumerate(seen):
            assert ready["d"]["shard"] == [index, 2]
            assert [one["id"] for one in ready["d"]["guilds"]] == [guild["d"]["id"]]
            assert indices[guild["d"]["id"]] == index

        ada = control.person("Ada")
        for channel, guild in (("general", default_world.WORKSHOP), ("tea-table", default_world.TEA_ROOM)):
            await ada.say(f"in {channel}", channel)
            event = await shards[indices[guild]].receive()
            assert event["d"]["content"] == "" and event["d"]["guild_id"] == guild
        await ada.say("in private", "dm")
        assert (await first.receive())["d"]["content"] == "in private"

        await control.remove_member("Easel", guild="Tea Room")
        event = await shards[indices[default_world.TEA_ROOM]].receive()
        assert (event["t"], event["d"]["id"]) == ("GUILD_DELETE", default_world.TEA_ROOM)
        await control.set_roles("Easel", [], guild="Tea Room")
        event = await shards[indices[default_world.TEA_ROOM]].receive()
        assert (event["t"], event["d"]["id"]) == ("GUILD_CREATE", default_world.TEA_ROOM)


async def test_a_shard_resumes_as_itself(playground: Playground, control: Control) -> None:
    await control.set_roles("Easel", [], guild="Tea Room")
    async with connected(playground) as raw:
        await raw.identify(shard=[(int(default_world.WORKSHOP) >> 22) % 2, 2])
        session = (await raw.receive())["d"]["session_id"]
        await raw.socket.close(code=4000)
    await control.person("Ada").say("for the other shard", "tea-table")
    await control.person("Ada").say("while you were away")
    async with connected(playground) as raw:
        await raw.send(6, {"token": raw.token, "session_id": session, "seq": 1})
        message, resumed = [await raw.receive() for _ in range(2)]
    assert (message["t"], message["d"]["guild_id"]) == ("MESSAGE_CREATE", default_world.WORKSHOP)
    assert resumed["t"] == "RESUMED"


async def test_the_recommended_number_of_shards_is_configurable() -> None:
    async with Playground.serve(shards=3) as playground, aiohttp.ClientSession() as session:
        _, answer = await Rest(playground, session)("GET", "/gateway/bot")
    assert answer["shards"] == 3


async def test_identify_twice_and_invalid_payloads(raw: Raw) -> None:
    await raw.identify()
    await raw.identify()
    assert await raw.close_code() == 4005


async def test_invalid_payloads_close_the_connection(raw: Raw) -> None:
    await raw.socket.send_str("{")
    assert await raw.close_code() == 4002


async def test_unknown_session_is_invalid(raw: Raw) -> None:
    await raw.send(6, {"token": raw.token, "session_id": "nobody", "seq": 3})
    answer = await raw.receive()
    assert (answer["op"], answer["d"]) == (9, False)


async def test_too_many_payloads(raw: Raw) -> None:
    for _ in range(121):
        await raw.send(1, None)
    assert await raw.close_code() == 4008


async def test_only_wanted_events_arrive(raw: Raw, control: Control) -> None:
    await raw.identify(intents=1 << 12)  # direct messages only
    await raw.receive()
    await control.person("Ada").say("in a server")
    await control.person("Ada").say("in private", "dm")
    event = await raw.receive()
    assert (event["t"], event["d"]["content"]) == ("MESSAGE_CREATE", "in private")
    assert "guild_id" not in event["d"] and "member" not in event["d"]


async def test_zlib_stream_is_one_stream(playground: Playground) -> None:
    inflate = zlib.decompressobj()
    url = f"{playground.gateway_url}?v=10&encoding=json&compress=zlib-stream"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            hello = await socket.receive_bytes()
            await socket.send_json({"op": 1, "d": None})
            ack = await socket.receive_bytes()
    assert hello.endswith(b"\x00\x00\xff\xff") and ack.endswith(b"\x00\x00\xff\xff")
    assert [json.loads(inflate.decompress(part))["op"] for part in (hello, ack)] == [10, 11]


async def test_members_can_be_asked_for(stage: Stage) -> None:
    await stage.start()
    guild = stage.bot.guilds[0]
    found = await guild.query_members("gra")
    assert [member.name for member in found] == ["grace"]
    found = await guild.query_members(user_ids=[int(default_world.ADA), 1])
    assert [member.name for member in found] == ["ada"]


async def test_the_bot_gets_events_about_its_own_roles(stage: Stage) -> None:
    await stage.start()
    guild = stage.bot.guilds[0]
    assert not guild.me.guild_permissions.manage_messages
    await stage.control.set_roles("Easel", ["Easel", "Staff"])
    await stage.bot.until("member_update")
    assert guild.me.guild_permissions.manage_messages


async def test_a_channel_that_the_bot_may_not_view_is_told_without_what_it_is(stage: Stage) -> None:
    await stage.start()
    bot, (workshop,) = stage.bot, stage.bot.guilds
    channel = workshop.get_channel(int(default_world.STAFF_ROOM))
    assert channel is not None and channel.name == "___hidden___"
    assert not channel.permissions_for(workshop.me).view_channel
    allowed = permissions.VIEW_CHANNEL | permissions.SEND_MESSAGES
    await stage.control.set_channel("staff-room", overwrite=default_world.APPLICATION_ID, allow=allowed)
    _, seen = await bot.until("guild_channel_update")
    assert seen.name == "staff-room" and seen.permissions_for(workshop.me).send_messages


async def test_two_programs_with_one_token_both_receive_an_interaction(
    playground: Playground, control: Control, rest: Rest
) -> None:
    await rest("PUT", "/applications/{app}/commands", [{"name": "do", "description": "Does it"}])
    async with connected(playground) as first, connected(playground) as second:
        for raw in (first, second):
            await raw.identify()
            assert (await raw.receive())["t"] == "READY"
        await control.person("Ada").slash("do")
        seen = [(await raw.receive())["d"] for raw in (first, second)]
        assert seen[0] == seen[1]
        path = f"/interactions/{seen[0]['id']}/{seen[0]['token']}/callback"
        assert (await rest("POST", path, {"type": 5}))[0] == 204
        status, refused = await rest("POST", path, {"type": 5})
        assert (status, refused["code"]) == (400, 40060)


async def test_interactions_arrive_late_or_twice(playground: Playground, control: Control, rest: Rest) -> None:
    await rest("PUT", "/applications/{app}/commands", [{"name": "do", "description": "Does it"}])
    async with connected(playground) as raw:
        await raw.identify()
        assert (await raw.receive())["t"] == "READY"
        async with control.late_interactions():
            await control.person("Ada").slash("do")
            await control.person("Ada").say("in between", "general")
        assert [(await raw.receive())["t"] for _ in range(2)] == ["MESSAGE_CREATE", "INTERACTION_CREATE"]
        async with control.duplicate_interactions():
            await control.person("Ada").slash("do")
        first, second = [await raw.receive() for _ in range(2)]
        assert first["d"] == second["d"] and first["s"] != second["s"]

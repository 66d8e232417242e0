"""Fault injection, rate limits, and the recorder."""

import aiohttp
import discord
import pytest

from playground import Playground, default_world
from playground.control import Control, ControlError
from playground.faults import Fault
from playground.limits import Limits

from .conftest import Rest, Stage

MESSAGES = f"/channels/{default_world.ART}/messages"


async def test_discord_py_retries_a_429(stage: Stage) -> None:
    await stage.start()
    await stage.control.fault("/messages$", method="POST", status=429, retry_after=0.01, count=2)
    await stage.bot.get_channel(int(default_world.ART)).send("in the end")
    posts = [one for one in stage.playground.exchanges if one.path == MESSAGES]
    assert [(one.status, one.injected) for one in posts] == [(429, True), (429, True), (200, False)]


async def test_without_via_it_would_be_a_ban(playground: Playground, rest: Rest) -> None:
    playground.faults.inject(Fault("/users/@me", status=429))
    async with (
        aiohttp.ClientSession(headers=rest.headers) as session,
        session.get(playground.api_url + "/users/@me") as response,
    ):
        assert (response.status, "Via" in response.headers) == (429, True)
        assert response.headers["Content-Type"] == "application/json"
        assert (await response.json())["retry_after"] == 0.1


async def test_server_errors_come_and_go(rest: Rest, control: Control) -> None:
    await control.fault("/users/@me", status=503)
    assert (await rest("GET", "/users/@me"))[0] == 503
    assert (await rest("GET", "/users/@me"))[0] == 200


async def test_a_late_fault_carries_the_request_out(rest: Rest, control: Control) -> None:
    await control.fault("/messages", kind="late", status=500)
    assert (await rest("POST", MESSAGES, {"content": "there"}))[0] == 500
    assert [one.content for one in await control.messages("art")] == ["there"]


async def test_slow_requests_are_carried_out(rest: Rest, control: Control) -> None:
    await control.fault("/users/@me", kind="slow", seconds=0.05)
    assert (await rest("GET", "/users/@me"))[0] == 200


async def test_hanging_requests_are_released(rest: Rest, control: Control, playground: Playground) -> None:
    await control.fault("/users/@me", kind="hang", seconds=0.05, status=504)
    assert (await rest("GET", "/users/@me"))[0] == 504
    await control.fault("/users/@me", kind="hang", seconds=60)
    with pytest.raises(TimeoutError):
        await rest("GET", "/users/@me", timeout=aiohttp.ClientTimeout(total=0.05))
    await control.clear_faults()
    assert playground.faults.waiting == []


async def test_a_cut_connection(rest: Rest, control: Control) -> None:
    await control.fault("/messages", kind="cut")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await rest("POST", MESSAGES, {"content": "lost"})  # a GET would be asked again by aiohttp itself
    assert await control.messages("art") == []


async def test_unknown_fields_of_a_fault_are_refused(control: Control) -> None:
    with pytest.raises(ControlError, match="A fault has no 'stauts'"):
        await control.fault("/x", stauts=500)


async def test_buckets_and_headers(playground: Playground, rest: Rest) -> None:
    playground.limits.now = lambda: 1000.0  # all within one window, however slow the machine
    async with aiohttp.ClientSession(headers=rest.headers) as session:
        statuses: list[int] = []
        for _ in range(51):
            async with session.get(playground.api_url + "/users/@me") as response:
                statuses.append(response.status)
                headers, body = response.headers, await response.json()
            if len(statuses) == 50:
                assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Bucket"} <= set(headers)
        assert statuses == [200] * 50 + [429]
        assert body["global"] is False and 0 < body["retry_after"] <= 1
        assert headers["Via"]


async def test_strict_limits_delay_a_bot() -> None:
    async with Playground.serve(strict_limits=True) as playground, aiohttp.ClientSession() as session:
        playground.limits.now = lambda: 1000.0
        rest = Rest(playground, session)
        statuses = [(await rest("POST", MESSAGES, {"content": "x"}))[0] for _ in range(6)]
    assert statuses == [200] * 5 + [429]


def test_strict_global_limit() -> None:
    limits = Limits(strict=True, now=lambda: 1000.0)
    paths = [{"channel_id": str(number)} for number in range(51)]
    verdicts = [limits.spend("GET", "/channels/{channel_id}", path, with_token=True) for path in paths]
    assert [verdict.passes for verdict in verdicts] == [True] * 50 + [False]
    assert verdicts[-1].everywhere
    assert limits.spend("POST", "/interactions/{interaction_id}/x", {}, with_token=False).headers == {}


async def test_exchanges_are_recorded(stage: Stage) -> None:
    await stage.start()
    await stage.bot.get_channel(int(default_world.ART)).send("hello", file=discord.File(__file__, "a.txt"))
    last = await stage.control.wait_exchange(lambda one: one["path"] == MESSAGES)
    assert (last["route"], last["method"], last["status"]) == ("/channels/{channel_id}/messages", "POST", 200)
    assert (last["request"]["content"], last["files"]) == ("hello", ["a.txt"])
    assert last["answer"]["content"] == "hello"
    assert stage.playground.recorder.invalid_requests == 0

"""When Discord rejects the bot, the program ends with a message, and jobs are delivered later."""

from __future__ import annotations

import asyncio

import pytest

from bot.cli import REFUSED
from bot.cli.demo import stay_in
from bot.cli.run import Unreachable, serve
from bot.config import ConfigError
from tests.bot.cli.commands import bot
from tests.discord.conftest import PATIENCE, PROMPT, Scene
from tests.discord.test_queue import QUARTER, paused

WITH_ITS_TOKEN = "channels/.*/messages|users/"


async def ends(serving: asyncio.Task[None]) -> str:
    """The message of the program after it has ended by itself."""
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ConfigError) as told:
            await serving
    return str(told.value)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (4004, "no longer accepts the bot token"),
        (4010, "shards"),
        (4011, "shards"),
        (4012, "Update Easel"),
        (4013, "intents"),
        (4014, "intents"),
    ],
)
async def test_a_permanent_gateway_close_ends_the_program_with_a_message(empty: Scene, code: int, words: str) -> None:
    serving = asyncio.create_task(serve(empty.settings))
    await empty.control.wait_online(seconds=PATIENCE)
    await empty.control.drop_gateway("close", code)
    assert words in await ends(serving)


async def test_a_token_reset_while_painting_loses_no_picture(empty: Scene) -> None:
    serving = asyncio.create_task(serve(empty.settings))
    await empty.control.wait_online(seconds=PATIENCE)
    async with paused(empty):
        slip = await (await empty.ada.slash("imagine", prompt=PROMPT)).reply()
        await empty.control.advance_clock(QUARTER)  # so that the bot's own token has to do
        await empty.control.fault(WITH_ITS_TOKEN, status=401)  # a slip of Discord's, which is no reset
    assert (await empty.ended(slip)).attachments
    late = await empty.begun()
    await empty.control.advance_clock(QUARTER)
    await empty.control.reset_token(quietly=True)  # only the next request tells
    assert "no longer accepts the bot token" in await ends(serving)
    serving = asyncio.create_task(serve(empty.settings))
    await empty.control.wait_online(seconds=PATIENCE)
    assert (await empty.ended(late)).attachments
    early = await empty.begun()
    await empty.control.reset_token()
    assert "no longer accepts the bot token" in await ends(serving)
    told = await empty.control.message(early.id)
    assert told and "restart" in told.text, "the answer's own token still holds"
    async with empty.bot():
        assert (await empty.ended(early)).attachments
    assert len(await empty.pictures()) == 3


DISCORD_PYS_TRIES = 5  # of one request


async def test_an_unreachable_discord_at_the_start_ends_with_a_message(empty: Scene) -> None:
    await empty.control.fault("users/@me", kind="cut", count=9)
    there = {"EASEL_DISCORD__TOKEN": empty.playground.token, "EASEL_DISCORD__API_URL": empty.playground.api_url}
    said = await asyncio.to_thread(bot, "run", "--config", empty.house.config, **there)
    assert said.code == REFUSED and "Traceback" not in said.err
    assert said.err.splitlines()[-1].startswith("Discord cannot be reached")


@pytest.mark.parametrize("route", ["users/@me", "commands", "gateway/bot"])
async def test_the_bot_retries_when_discord_is_down_at_the_start(
    empty: Scene, route: str, caplog: pytest.LogCaptureFixture
) -> None:
    await empty.control.fault(route, status=429, retry_after=0.1, count=DISCORD_PYS_TRIES)
    async with empty.bot():
        pass
    assert [r.levelname for r in caplog.records if "refuses requests" in r.getMessage()] == ["WARNING"]
    assert "Unclosed" not in caplog.text


async def test_a_demo_without_its_playground_ends_with_a_message(empty: Scene) -> None:
    await empty.control.fault("users/@me", kind="cut", count=9)
    with pytest.raises(Unreachable, match="cannot be reached"):
        await stay_in(empty.playground, empty.house.data, browser=False)

"""Operators read of damage, a removed file, a silent worker and a second program, in a direct message and elsewhere."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import psutil

from playground import default_world
from playground.rules import answers
from playground.visible_message import VisibleMessage
from playground.wire import Json, as_objects
from tests.bot.app.test_watchman import damage_page
from tests.bot.test_metrics import free_port
from tests.discord.conftest import PATIENCE, PROMPT, Scene
from tests.discord.test_restarts import bot_process

OPERATOR = "Margaret"


async def notice(scene: Scene, words: str) -> VisibleMessage:
    """Wait for a direct message to the operator with these words."""

    async def ask(since: int | None) -> Json:
        return await scene.control.get("messages", channel="dm", as_=OPERATOR, since=since, timeout=PATIENCE)

    def found(answer: Json) -> VisibleMessage | None:
        seen = map(VisibleMessage, as_objects(answer["messages"]))
        return next((one for one in seen if words in one.text), None)

    return await scene.control.wait(ask, found, PATIENCE)


async def command(scene: Scene, *words: str) -> str:
    """The output of a command beside the running bot, or what it says of an error."""
    line = [sys.executable, "-m", "bot", *words, "--config", str(scene.house.config)]
    process = await asyncio.create_subprocess_exec(
        *line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    out, problem = await process.communicate()
    return (out or problem).decode()


async def test_what_happens_to_a_running_bot_is_told_to_its_operator(empty: Scene) -> None:
    port = free_port()
    async with bot_process(empty, METRICS__PORT=str(port)) as bot:
        order = await empty.begun()
        (worker,) = psutil.Process(bot.pid).children()
        worker.suspend()
        await notice(empty, "has reported no progress")
        worker.resume()
        await empty.ended(order)

        damage_page(empty.settings.storage.database, "audit")
        await notice(empty, "The database is damaged")
        seen = await (await empty.control.person(OPERATOR).slash("status", in_="dm")).reply()
        assert "Needs attention" in seen.text and "The database is damaged" in seen.text
        url = f"http://127.0.0.1:{port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert 'easel_finding{grade="problem",what="database"} 1.0' in await answer.text()
        told = json.loads(await command(empty, "status", "--json"))["findings"]
        assert "database" in {finding["what"] for finding in told}

        empty.settings.storage.database.unlink()
        text = (await notice(empty, "was removed")).text
        assert "easel restore" in text or "could not save a backup" in text
        assert "was removed" in await command(empty, "doctor", "--json")
        assert "was removed" in await command(empty, "status")


async def test_a_second_program_with_the_token_is_told(empty: Scene) -> None:
    async with empty.opened() as (easel, _bot):
        async with empty.control.late_interactions():
            await empty.ada.slash("imagine", prompt=PROMPT)
            (made,) = empty.playground.world.interactions.values()
            url = f"{empty.playground.api_url}/interactions/{made.id}/{made.token}/callback"
            async with aiohttp.ClientSession() as other, other.post(url, json={"type": answers.DEFER_MESSAGE}) as taken:
                assert taken.status == 204
        await empty.control.wait_exchange(lambda one: "40060" in str(one), PATIENCE)
        await easel.watchman.look()
        await notice(empty, "Another program is using the bot's token")


async def test_an_operator_who_is_named_later_is_told(empty: Scene) -> None:
    empty.operators = ()
    async with empty.opened() as (easel, bot):
        await bot.wait_until_ready()
        easel.watchman.note_shared_token()
        await easel.watchman.look()
        empty.operators = (default_world.MARGARET,)
        easel.configuration.settings = empty.settings
        await easel.watchman.look()
        assert any("bot's token" in seen.text for seen in await empty.control.messages("dm", OPERATOR))


async def test_a_repeated_event_or_request_is_no_second_program(empty: Scene) -> None:
    async with empty.opened() as (easel, _bot):
        async with empty.control.duplicate_interactions():
            await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        await empty.control.fault(r"/callback$", kind="late", status=500)
        await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        await easel.watchman.look()
        assert "token" not in {finding.what for finding in easel.watchman.findings}

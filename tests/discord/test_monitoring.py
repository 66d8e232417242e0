"""Monitoring of a running bot: metrics over HTTP, a log with job ids, automatic backups."""

from __future__ import annotations

import asyncio
import json
import platform
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import pytest
import pytest_asyncio

from bot.database.storage.backup import check, copies
from tests.bot.test_metrics import free_port
from tests.discord.conftest import PATIENCE, PROMPT, Scene, open_scene
from tests.discord.test_restarts import bot_process
from tests.discord.test_status import at_rest
from tests.house import PASTEL, VIVID, House

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = 1 / 3600  # hours


@dataclass
class RunningBot:
    """A running bot, the address of its metrics, and its log."""

    scene: Scene
    bot: asyncio.subprocess.Process
    url: str
    log: Path

    async def numbers(self) -> dict[str, float]:
        """Each sample by name and labels."""
        async with aiohttp.ClientSession() as session, session.get(self.url) as answer:
            text = await answer.text()
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    async def until(self, accept: Callable[[dict[str, float]], bool]) -> dict[str, float]:
        """Read the metrics again until they are accepted."""
        async with asyncio.timeout(PATIENCE):
            while not accept(found := await self.numbers()):
                pass
        return found

    def words(self, job: int) -> list[str]:
        """The first word of each line about a job."""
        return [str(line["message"]).split()[0] for line in self.lines(job)]

    def lines(self, job: int | None = None) -> list[dict[str, object]]:
        """The log lines of one job."""
        whole = self.log.read_bytes().rpartition(b"\n")[0].decode()  # of the last line half may be there
        found = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in found if job is None or line["job"] == job]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningBot]:
    """One bot, as an operator starts it, for all tests here."""
    folder, port = tmp_path_factory.mktemp("operating"), free_port()
    house, log = House(folder / "house"), folder / "log"
    settings = {"LOGS__FORMAT": "json", "METRICS__PORT": str(port), "BACKUP__EVERY_HOURS": str(SECOND)}
    with log.open("wb") as stderr:
        async with open_scene(house) as scene, bot_process(scene, stderr=stderr, **settings) as bot:
            yield RunningBot(scene, bot, f"http://127.0.0.1:{port}/metrics", log)


async def test_metrics_follow_the_events(running: RunningBot) -> None:
    scene = running.scene
    before = await running.numbers()
    painting = await (await scene.ada.slash("imagine", prompt=PROMPT, steps=150, checkpoint=VIVID)).reply()
    waiting = await scene.ada.slash("imagine", prompt=PROMPT, checkpoint=PASTEL)  # which is loaded after the other
    await scene.until_painting(painting)
    (worker,) = psutil.Process(running.bot.pid).children()
    worker.suspend()  # else it might be done before we look
    meanwhile = await running.numbers()
    worker.resume()
    assert (meanwhile["easel_jobs_running"], meanwhile["easel_jobs_waiting"]) == (1, 1)
    await scene.control.fault("webhooks/.*@original", method="PATCH", status=429, retry_after=0.1, count=2)
    await scene.ended(painting)
    await scene.painted(waiting)
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, checkpoint=PASTEL))
    deliveries = 'easel_deliveries_total{way="answer"}'
    memory = 'easel_worker_resident_memory_bytes{device="cpu",node=""}'  # observed every few seconds
    after = await running.until(
        lambda found: found.get(deliveries, 0) - before.get(deliveries, 0) == 3 and memory in found
    )

    def moved(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert (after["easel_jobs_running"], after["easel_jobs_waiting"]) == (0, 0)
    assert moved('easel_jobs_ended_total{state="succeeded"}') == 3
    assert moved("easel_wait_seconds_count") == moved("easel_batch_jobs_count") == 3
    assert moved(f'easel_paint_seconds_count{{checkpoint="{PASTEL}"}}') == 2
    assert moved(f'easel_step_seconds_count{{checkpoint="{VIVID}"}}') >= 100
    assert moved(f'easel_checkpoint_swaps_total{{checkpoint="{PASTEL}"}}') == 1
    assert moved('easel_cache_lookups_total{cache="embedding",outcome="hit"}') > 0
    steps = 150 + 2 * next(each.steps for each in scene.settings.checkpoints if each.name == PASTEL)
    assert moved('easel_worker_steps_total{device="cpu",node=""}') == steps
    assert after['easel_worker_deaths_total{device="cpu",node=""}'] == 0
    assert after["process_resident_memory_bytes"] > 10_000_000
    assert after[memory] > 10_000_000
    (built,) = [name for name in after if name.startswith("easel_build_info{")]
    assert f'python="{platform.python_version()}"' in built and 'version=""' not in built
    assert moved("easel_discord_rate_limited_total") == 2


async def test_every_step_of_a_job_is_logged_with_its_id(running: RunningBot) -> None:
    scene = running.scene
    painted = await scene.painted(await scene.grace.slash("imagine", prompt=PROMPT))
    order = await (await scene.grace.slash("imagine", prompt=PROMPT, steps=150, count=4)).reply()
    await scene.grace.press(order, "Cancel")
    cancelled = await scene.ended(order)
    numbers = [_job_of(message.buttons["Again"]) for message in (painted, cancelled)]
    await running.until(lambda _: all(running.words(number)[-1] == "delivered" for number in numbers))
    whole, cut = map(running.words, numbers)
    assert whole == ["ordered", "started,", "finished", "delivered"]
    assert cut[0] == "ordered" and cut[-2:] == ["cancelled", "delivered"]
    words = [line for line in running.lines() if re.search(r"\bjob \d", str(line["message"])) and line["job"] is None]
    assert words == [], "lines that are about a job name it in a field of its own"
    assert PROMPT not in running.log.read_text("utf-8") and scene.playground.token not in running.log.read_text("utf-8")


async def test_worker_errors_are_logged_with_the_job(running: RunningBot) -> None:
    scene = running.scene
    before = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))
    number = _job_of(before.buttons["Again"]) + 1
    in_the_way = scene.settings.storage.spool / f"job{number}-1-preview.part"  # a preview has this name at first
    in_the_way.mkdir()
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, steps=20))
    in_the_way.rmdir()
    told = [line for line in running.lines(number) if line["logger"] == "inference.engine.process.job_runner"]
    assert told and all("preview cannot be made" in str(line["message"]) for line in told)


async def test_the_database_is_backed_up_while_the_bot_runs(running: RunningBot) -> None:
    settings = running.scene.settings
    await running.until(lambda _: len(copies(settings.backup_folder)) >= 2)
    newest = copies(settings.backup_folder)[0]
    check(newest)
    assert newest.stat().st_mode & 0o077 == 0, "what people wrote is for the operator's eyes alone"
    assert any("backed up the database" in str(line["message"]) for line in running.lines())


async def test_status_agrees_with_the_metrics(running: RunningBot) -> None:
    seen = await at_rest(running.scene)
    for told in ("idle for", "0 jobs queued", "MB"):
        assert told in seen.text, seen.text


def _job_of(button: dict[str, object]) -> int:
    return int(str(button["custom_id"]).split(":")[1])

"""The numbers are served on this machine, and Discord's refusals are counted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import pytest
from aiohttp import web
from prometheus_client import generate_latest

from bot import metrics
from bot.app.health_report import observe
from bot.config import ConfigError
from bot.jobs.worker_slots import UNKNOWN_DEVICE, WorkerState, WorkerStatus
from inference.messages.events import Capacity, CardMemory, Failed, Lookups, Progress, Ready, Started
from tests.bot.jobs.test_dispatching import open_rig


def free_port() -> int:
    """Of those that the system gives to nobody who asks for any; another process looks elsewhere."""
    for port in range(10_000 + os.getpid() % 1000 * 20, 32_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


async def test_numbers_are_served_while_inside_and_no_longer() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    with metrics.served(port):
        metrics.DELIVERIES.labels("carrier pigeon").inc(3)
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            text = await answer.text()
        assert 'easel_deliveries_total{way="carrier pigeon"} 3.0' in text
        with pytest.raises(ConfigError, match=str(port)), metrics.served(port):
            pass
    with pytest.raises(aiohttp.ClientConnectorError):
        async with aiohttp.ClientSession() as session, session.get(url):
            pass


def test_port_zero_opens_nothing() -> None:
    with metrics.served(0):
        pass


async def test_every_refusal_for_haste_is_counted() -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=429)

    application = web.Application()
    application.router.add_get("/", refuse)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    before = metrics.REGISTRY.get_sample_value("easel_discord_rate_limited_total") or 0
    async with aiohttp.ClientSession(trace_configs=[metrics.http_trace()]) as session:
        for _ in range(3):
            async with session.get(f"http://127.0.0.1:{port}/"):
                pass
    await runner.cleanup()
    assert metrics.REGISTRY.get_sample_value("easel_discord_rate_limited_total") == before + 3


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_what_happens_to_jobs_and_workers_is_counted(tmp_path: Path) -> None:
    place = {"node": "", "device": UNKNOWN_DEVICE}
    ended, deaths = value("easel_jobs_ended_total", state="succeeded"), value("easel_worker_deaths_total", **place)
    waits, swaps = value("easel_wait_seconds_count"), value("easel_checkpoint_swaps_total", checkpoint="vivid")
    async with open_rig(tmp_path) as rig:
        first, _second = await rig.order(), await rig.order(person=2)
        handed = await rig.worker.job()
        rig.worker.begin(handed)
        rig.worker.say(Capacity(places=1, loaded=("vivid",)))
        await rig.worker.heard()
        assert (value("easel_jobs_running"), value("easel_jobs_waiting")) == (1, 1), "whether here or at the worker"
        rig.worker.finish(handed)
        await rig.end(first)
        rig.worker.die()
        await rig.worker.heard()
    assert value("easel_jobs_ended_total", state="succeeded") == ended + 1
    assert value("easel_wait_seconds_count") == waits + 1
    assert value("easel_checkpoint_swaps_total", checkpoint="vivid") == swaps + 1
    assert value("easel_worker_deaths_total", **place) == deaths + 1


async def test_every_step_counts_and_none_of_an_earlier_attempt(tmp_path: Path) -> None:
    place = {"node": "", "device": UNKNOWN_DEVICE}
    before = value("easel_worker_steps_total", **place)
    async with open_rig(tmp_path) as rig:
        for reported in (range(3), range(3), range(5, 9)):  # the last one resumes at its fifth step
            job = await rig.order()
            handed = await rig.worker.job()
            about = {"job_id": handed.job_id, "attempt": handed.attempt}
            rig.worker.say(Started(**about))
            rig.worker.say(*(Progress(**about, step=step, steps=reported[-1]) for step in reported))
            rig.worker.finish(handed)
            await rig.end(job)
    assert value("easel_worker_steps_total", **place) == before + 2 + 2 + 3


async def test_deaths_and_steps_of_a_worker_are_zero_before_the_first(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        rig.worker.say(Ready(device="cuda:7", pid=os.getpid()))
        await rig.worker.heard()
        for name in ("easel_worker_deaths_total", "easel_worker_steps_total"):
            for device in (UNKNOWN_DEVICE, "cuda:7"):
                assert metrics.REGISTRY.get_sample_value(name, {"node": "", "device": device}) is not None
        assert value("easel_worker_deaths_total", node="", device="cuda:7") == 0
        rig.worker.die()
        await rig.worker.heard()
    assert value("easel_worker_deaths_total", node="", device="cuda:7") == 1


def test_every_end_and_way_of_delivery_is_zero_before_the_first() -> None:
    command = "from prometheus_client import generate_latest; from bot import metrics; "
    command += "print(generate_latest(metrics.REGISTRY).decode())"
    page = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    for state in ("succeeded", "failed", "cancelled"):
        assert f'easel_jobs_ended_total{{state="{state}"}} 0.0' in page
    for way in ("answer", "channel", "direct", "nowhere"):
        assert f'easel_deliveries_total{{way="{way}"}} 0.0' in page
    assert "\neasel_backup_age_seconds " not in page, "nobody has looked yet"


async def test_failures_are_counted_by_code(tmp_path: Path) -> None:
    failed, lost = (value("easel_job_failures_total", code=code) for code in ("lora_file_changed", "worker_failed"))
    async with open_rig(tmp_path) as rig:
        for code in ("lora_file_changed", "no such code"):
            job = await rig.order()
            handed = await rig.worker.job()
            detail = {"lora": "Bat"} if code == "lora_file_changed" else {}
            rig.worker.say(Failed(job_id=handed.job_id, attempt=handed.attempt, code=code, detail=detail))
            await rig.end(job)
    assert value("easel_job_failures_total", code="lora_file_changed") == failed + 1
    assert value("easel_job_failures_total", code="worker_failed") == lost + 1, "a code of another version"
    assert metrics.REGISTRY.get_sample_value("easel_job_failures_total", {"code": "no such code"}) is None


async def test_the_memory_of_a_card_is_told_while_its_worker_lives(tmp_path: Path) -> None:
    card = {"node": "", "device": "cuda:8"}

    def told() -> tuple[float | None, ...]:
        observe(True, rig.jobs.workers)
        names = ("easel_gpu_memory_used_bytes", "easel_gpu_memory_size_bytes")
        return tuple(metrics.REGISTRY.get_sample_value(name, card) for name in names)

    async with open_rig(tmp_path) as rig:
        rig.worker.say(Ready(device="cuda:8", pid=os.getpid()))
        await rig.worker.heard()
        assert told() == (None, None), "it has not said anything, as a worker without a card"
        rig.worker.say(CardMemory(used=3 * 2**30, size=24 * 2**30))
        await rig.worker.heard()
        assert told() == (3 * 2**30, 24 * 2**30)
        rig.worker.die()
        await rig.worker.heard()
        assert told() == (None, None)
    observe(True, [])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
async def test_memory_and_cpu_time_of_bot_and_worker_are_told(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        rig.worker.say(Ready(device="cpu", pid=os.getpid()))
        await rig.worker.heard()
        observe(True, rig.jobs.workers)
        place = {"node": "", "device": "cpu"}
        assert value("easel_worker_resident_memory_bytes", **place) > 10_000_000
        assert value("easel_worker_cpu_seconds_total", **place) > 0
    observe(True, [])
    assert value("process_resident_memory_bytes") > 10_000_000
    assert value("process_cpu_seconds_total") > 0
    assert abs(value("process_start_time_seconds") - psutil.Process().create_time()) < 2


def test_each_worker_is_told_by_node_and_device_while_it_is_there() -> None:
    there = [
        WorkerStatus("gpu 0", WorkerState.PAINTING, 5, ("vivid",), 3, node="two", distance=0.002),
        WorkerStatus("gpu 1", WorkerState.AWAY, 5, (), 0, 3.0, node="two", distance=0.004),
        WorkerStatus(UNKNOWN_DEVICE, WorkerState.STARTING, 5, (), 0),
        WorkerStatus(UNKNOWN_DEVICE, WorkerState.STARTING, 5, (), 0),
    ]
    first, second = {"node": "two", "device": "gpu 0"}, {"node": "two", "device": "gpu 1"}
    observe(True, there)
    assert (value("easel_worker_jobs", **first), value("easel_worker_ready", **first)) == (3, 1)
    assert (value("easel_worker_jobs", **second), value("easel_worker_ready", **second)) == (0, 0)
    assert value("easel_worker_distance_seconds", **second) == 0.004
    page = generate_latest(metrics.REGISTRY).decode()
    assert page.count('easel_worker_ready{device="?",node=""} 0.0') == 1
    observe(True, there[1:])
    assert metrics.REGISTRY.get_sample_value("easel_worker_jobs", first) is None, "it has left"
    observe(True, [])


async def test_what_the_worker_found_in_its_caches_is_counted(tmp_path: Path) -> None:
    hits, misses = (value("easel_cache_lookups_total", cache="embedding", outcome=o) for o in ("hit", "miss"))
    async with open_rig(tmp_path) as rig:
        job = await rig.order()
        handed = await rig.worker.job()
        rig.worker.finish(handed, lookups={"embedding": Lookups(hits=3, misses=2)})
        await rig.end(job)
    assert value("easel_cache_lookups_total", cache="embedding", outcome="hit") == hits + 3
    assert value("easel_cache_lookups_total", cache="embedding", outcome="miss") == misses + 2

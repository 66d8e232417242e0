"""Jobs over three checkpoints, painted by the job service on nodes of a Ray cluster on this machine; for fleet.py.

Two checkpoints are the demo's, the third is the first of them with other weights. Loads are counted by what the workers
report; `dispatcher_ms_per_job` is the processor time of the dispatch loop and of all the tasks that it starts, and
`bot_ms_per_job` that of the whole process, both from the first order to the last end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from safetensors.numpy import load_file, save_file

from benchmarks._ray_nodes import ray_nodes
from benchmarks._task_times import TaskTimes
from bot import metrics
from bot.app.assembly import open_easel
from bot.app.demo_settings import copy_demo, demo_checkpoint
from bot.config import Settings, settings_from
from bot.database.database import Database
from inference.demo import CHECKPOINTS
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from inference.queue.waiting_jobs import Waiting

STEPS, SIDE = 8, 64
DISPATCHER = "dispatcher"  # the name of its task
READY_SECONDS = 300.0


async def painted_on_ray(workers: int, jobs: Sequence[Waiting], folder: Path) -> dict[str, float]:
    """Order a picture for each of the jobs, all at once; what it took, and what came of it."""
    times = TaskTimes(DISPATCHER)
    asyncio.get_running_loop().set_task_factory(times.factory)
    settings = _settings(folder)
    names = dict(zip(sorted({job.checkpoint for job in jobs}), (c.name for c in settings.checkpoints), strict=True))
    async with ray_nodes() as nodes:
        for _ in range(workers):
            await nodes.add()
        async with open_easel(nodes.settings(settings)) as easel:
            async with asyncio.timeout(READY_SECONDS):
                while sum(each.device != "?" for each in easel.jobs.workers) != workers:
                    await asyncio.sleep(0.2)
            began, used, dispatched = time.perf_counter(), time.process_time(), times.seconds[DISPATCHER]
            for job in jobs:
                made = _request(names[job.checkpoint], job.job_id)
                await easel.jobs.order(made, person_id=job.person_id, channel_id=1)
            ordered = time.perf_counter() - began
            for row in await easel.db.fetch("SELECT id FROM job"):
                await easel.jobs.until_gone(row["id"])
            took, used = time.perf_counter() - began, time.process_time() - used
            return {
                **await _found(easel.db, easel.configuration.settings.storage.pictures, len(jobs)),
                "workers": workers,
                "jobs": len(jobs),
                "loads": sum(_loads(name) for name in names.values()),
                "seconds_of_orders": round(ordered, 1),
                "seconds": round(took, 1),
                "jobs_per_s": round(len(jobs) / took, 2),
                "dispatcher_ms_per_job": round(1000 * (times.seconds[DISPATCHER] - dispatched) / len(jobs), 2),
                "bot_ms_per_job": round(1000 * used / len(jobs), 2),
            }


def _settings(folder: Path) -> Settings:
    checkpoints = copy_demo(folder)
    first, copied = CHECKPOINTS[0], copy_demo(folder / "third")
    (network,) = (folder / "third" / copied[0]["path"] / "unet").glob("*.safetensors")
    save_file({name: tensor * 1.01 for name, tensor in load_file(network).items()}, network, {"format": "pt"})
    checkpoints.append(demo_checkpoint(first, Path("third") / copied[0]["path"]) | {"name": "third"})
    values = {
        "checkpoints": checkpoints,
        "library": {"folder": folder / "loras", "samples": 0},
        "storage": {"folder": folder / "data"},
        "worker": {"threads": 1},
    }
    return settings_from(values, folder)


def _request(checkpoint: str, seed: int) -> GenerationRequest:
    return GenerationRequest(
        checkpoint=checkpoint, prompt="a red circle on a blue background", width=SIDE, height=SIDE, steps=STEPS,
        guidance_scale=2.0, sampler=Sampler.DPMPP_2M, seed=seed,
    )  # fmt: skip


def _loads(checkpoint: str) -> int:
    return int(metrics.REGISTRY.get_sample_value("easel_checkpoint_swaps_total", {"checkpoint": checkpoint}) or 0)


async def _found(db: Database, folder: Path, ordered: int) -> dict[str, float]:
    """Jobs without a picture, and pictures beyond the first of each, as rows and as files."""
    rows = await db.fetch("SELECT job_id, path FROM picture")
    files = {path.relative_to(folder).as_posix() for path in await asyncio.to_thread(lambda: [*folder.rglob("*.png")])}
    painted = {row["job_id"] for row in rows if row["path"] in files}
    return {"lost": ordered - len(painted), "doubled": max(len(rows), len(files)) - len(painted)}

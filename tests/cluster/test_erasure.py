"""Whoever has all deleted leaves nothing on the nodes that painted for them."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from benchmarks._ray_nodes import RayNodes
from bot.app.assembly import Easel, open_easel
from bot.database.jobs.jobs import Job, JobState
from bot.database.privacy.erasure_leftovers import LeftMessage
from bot.privacy.erasing import Erasures
from inference.messages.request import GenerationRequest
from inference.messages.spool import state_file
from tests.bot.jobs.test_service import end, order, until_painting
from tests.house import PASTEL, VIVID, House
from tests.inference.requests import request

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADA, GRACE = 7, 8
SECRET = "quetzalcoatlus"


class NoDiscord:
    """Implements `DiscordSide` where nothing was ever posted."""

    async def until_answered(self, person_id: int) -> None:
        """Nothing was asked."""

    async def stop_delivering(self, person_id: int) -> None:
        """Nothing is delivered."""

    async def direct_channel(self, person_id: int) -> int | None:
        return None

    async def own_messages(self, channel_id: int) -> list[LeftMessage]:
        return []

    async def write_report(self, report_id: int) -> bool:
        return True

    async def delete_message(self, message: LeftMessage) -> bool:
        return True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def easel(shared_house: House, nodes: RayNodes) -> AsyncIterator[Easel]:
    await nodes.add()
    async with open_easel(nodes.settings(shared_house.settings)) as running:
        yield running


async def started_from(easel: Easel, checkpoint: str, prompt: str) -> tuple[GenerationRequest, bytes]:
    """A request for a picture that starts from another one, and bytes that this one alone has."""
    start = io.BytesIO()
    Image.frombytes("RGB", (256, 256), os.urandom(3 * 256 * 256)).save(start, "PNG")
    kept = await easel.inputs.keep(start.getvalue())
    data = easel.inputs.path(kept.sha256).read_bytes()
    made = request(
        checkpoint=checkpoint, prompt=prompt, steps=80, sampler="euler", width=128, height=128, image=kept.at(1.0)
    )
    return made, data[len(data) // 2 :][:64]


def made_from(asked: GenerationRequest) -> str:
    """The name that the picture has on a node which a request starts from."""
    assert asked.image
    return asked.image.sha256


def files_with(folder: Path, traces: list[bytes], jobs: list[Job]) -> Iterator[Path]:
    """Files below `folder` that hold any of the bytes, or are of the jobs by their names."""
    names = tuple(f"job{job.id}{mark}" for job in jobs for mark in "-.")
    for path in folder.rglob("*"):
        with suppress(OSError):  # it is gone meanwhile
            if path.is_file() and (path.name.startswith(names) or any(trace in path.read_bytes() for trace in traces)):
                yield path


@pytest.mark.parametrize("lost", [None, "engine", "actor", "network"])
async def test_an_erasure_leaves_nothing_on_a_node(easel: Easel, nodes: RayNodes, lost: str | None) -> None:
    """While one job of hers is painted and one waits; a picture that is painted beside them is not disturbed."""
    (machine,) = nodes.machines
    hers, trace = await started_from(easel, VIVID, SECRET)
    waits, other = await started_from(easel, PASTEL, SECRET)
    theirs, beside = await started_from(easel, VIVID, "a star")
    jobs, grace = [await order(easel, hers, ADA)], await order(easel, theirs, GRACE)
    async with easel.jobs.following(jobs[0].id) as updates:
        await until_painting(updates, 1)
        jobs.append(await order(easel, waits, ADA))
        traces = [SECRET.encode(), trace, other]
        wanted = {state_file(jobs[0].id), made_from(hers)}  # found where they are
        while not wanted <= {path.name for path in files_with(machine.folder, traces, jobs)}:
            assert not (await updates.get()).job.state.final
    for process in {"engine": machine.engines, "actor": machine.actors}.get(lost or "", []):
        process.kill()
    if lost == "network":
        machine.cut()
    erasures = Erasures(easel.db, easel.configuration, easel.jobs, easel.additions, easel.files, NoDiscord())
    ended = await erasures.request(ADA)
    await erasures.carry_out_all()
    assert ended.done() and ended.result().jobs == 2
    machine.mend()
    if lost in {"actor", "network"}:  # until its next worker is there, which paints this one
        assert (await end(easel, await order(easel, theirs, GRACE))).job.state is JobState.SUCCEEDED
    assert not list(files_with(nodes.folder, traces, jobs)), "caches, spools, what Ray spilled, and its logs"
    assert not list(files_with(easel.configuration.settings.storage.folder, traces, jobs))
    assert (await end(easel, grace)).job.state is JobState.SUCCEEDED
    await easel.jobs.until_gone(grace.id)
    assert not list(files_with(machine.folder, [beside], [grace]))

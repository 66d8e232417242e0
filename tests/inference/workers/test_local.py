"""The supervisor of the worker process: it starts again what died, and keeps secrets to itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inference.errors import WorkerUnavailable
from inference.messages.commands import Generate
from inference.messages.events import Capacity, Event, Finished, Progress, Ready
from inference.processes.logs import BUDGET_SECONDS, MAX_CHARACTERS, MAX_LINE_CHARACTERS, MAX_LINES, LineBudget
from inference.workers import WorkerDied, local
from inference.workers.local import LocalWorker
from tests.house import VIVID, House
from tests.inference.requests import request

MAX_WAIT = 300.0  # seconds


async def heard(events: AsyncIterator[Event | WorkerDied], kind: type) -> object:
    async with asyncio.timeout(MAX_WAIT):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError("the worker was closed")


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes() if sys.platform == "linux" else b""


@pytest.fixture
async def worker(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalWorker]:
    worker = LocalWorker(house.options, house.folders)
    for name in ("EASEL_DISCORD__TOKEN", "EASEL_Discord__token", "easel_discord__token", "EASEL_SOURCES__CIVITAI_KEY"):
        monkeypatch.setenv(name, "the-secret")
    await worker.start()
    yield worker
    await worker.close()


@pytest.mark.parametrize(
    ("wanted", "system", "own", "given"),
    [
        (True, "linux", {}, "expandable_segments:True"),
        (False, "linux", {}, None),
        (True, "win32", {}, None),
        (True, "linux", {"PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:64"}, None),
    ],
)
def test_torchs_allocator_grows_its_blocks_unless_the_operator_says_otherwise(
    house: House, monkeypatch: pytest.MonkeyPatch, wanted: bool, system: str, own: dict[str, str], given: str | None
) -> None:
    for name in ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"):
        monkeypatch.delenv(name, raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    found = local.environment_of(house.options.model_copy(update={"expandable_segments": wanted}))
    assert found.get("PYTORCH_ALLOC_CONF") == given


async def test_a_worker_that_dies_is_reported_and_started_again(worker: LocalWorker) -> None:
    events = worker.events()
    first = await heard(events, Ready)
    assert isinstance(first, Ready) and first.pid == worker.pid
    assert b"the-secret" not in environment_of(first.pid)
    await heard(events, Capacity)
    long = request(checkpoint=VIVID, steps=150, sampler="euler")
    assert await worker.submit(Generate(job_id=1, attempt=1, request=long), {})
    await heard(events, Progress)
    os.kill(first.pid, signal.SIGKILL)
    death = await heard(events, WorkerDied)
    assert isinstance(death, WorkerDied)
    assert (death.exit_code, death.failures, death.was_ready) == (-signal.SIGKILL, 1, True)
    assert death.shortage is not None and death.shortage.files[VIVID] > 10**6, "somebody else killed it"
    again = await heard(events, Ready)
    assert isinstance(again, Ready) and again.pid != first.pid
    assert await worker.submit(Generate(job_id=1, attempt=2, request=request(checkpoint=VIVID)), {})
    assert await heard(events, Finished)


READY_ONCE = """
import pathlib, sys
there, ready = pathlib.Path(sys.argv[1]), sys.argv[2]
if not there.exists():
    there.touch()
    print(ready, flush=True)
sys.stdin.read()
"""


async def test_a_worker_takes_nothing_before_it_is_ready_nor_once_it_has_died(house: House) -> None:
    ready = Ready(device="cpu", pid=1).model_dump_json()
    worker = LocalWorker(
        house.options, house.folders, [sys.executable, "-c", READY_ONCE, str(house.folder / "there"), ready]
    )
    await worker.start()
    events, job = worker.events(), Generate(job_id=1, attempt=1, request=request(checkpoint=VIVID))
    await heard(events, Ready)
    assert await worker.submit(job, {})
    await worker.restart()
    death = await heard(events, WorkerDied)
    assert isinstance(death, WorkerDied) and death.shortage is None, "it was us"
    assert not await worker.submit(job, {})
    await worker.close()
    late = LocalWorker(house.options, house.folders, worker._command)
    await late.start()
    assert not await late.submit(job, {})
    await late.close()


async def test_a_worker_that_cannot_be_started_says_so(house: House) -> None:
    with pytest.raises(WorkerUnavailable, match="No such file"):
        await LocalWorker(house.options, house.folders, ["/nowhere/python"]).start()


TALKER = "import sys; print('x' * 5_000_000, file=sys.stderr, flush=True); print('x' * 5_000_000, flush=True); input()"


async def test_a_worker_that_writes_nonsense_is_killed_and_its_stderr_is_reported(house: House) -> None:
    worker = LocalWorker(house.options, house.folders, [sys.executable, "-c", TALKER])
    await worker.start()
    death = await heard(worker.events(), WorkerDied)
    assert isinstance(death, WorkerDied) and death.exit_code
    await worker.close()


async def test_a_worker_that_dies_at_its_start_is_reported_with_its_stderr(house: House) -> None:
    worker = LocalWorker(house.options, house.folders, [sys.executable, "-c", "raise SystemExit('no graphics card')"])
    await worker.start()
    events = worker.events()
    deaths = [await heard(events, WorkerDied) for _ in range(3)]
    assert [death.failures for death in deaths if isinstance(death, WorkerDied)] == [1, 2, 3]
    assert all(isinstance(death, WorkerDied) and "no graphics card" in death.stderr_tail for death in deaths)
    await worker.close()


async def test_a_worker_that_ends_by_itself_just_when_it_is_to_be_killed_is_no_error(house: House) -> None:
    worker = LocalWorker(house.options, house.folders, [sys.executable, "-c", ""])
    await worker.start()
    process = worker._process
    assert process
    await process.wait()
    await worker._shut_down(process)
    await worker.close()


async def test_closing_ends_the_events_and_leaves_no_process(house: House) -> None:
    worker = LocalWorker(house.options, house.folders)
    await worker.start()
    pid = worker.pid
    await worker.close()
    assert [event async for event in worker.events()] == []
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


MAD = """
import sys
from inference.processes.logs import Line
from inference.messages.events import BadCommand
line = Line(level=40, logger="inference.engine", job=None, message="mad " * 100).model_dump_json()
long = Line(level=40, logger="inference.engine", job=None, message="mad " * 100_000).model_dump_json()
print(long, file=sys.stderr)
for _ in range(5000):
    print(line, file=sys.stderr)
    print("this is no event " * 20)
    print(BadCommand(problem="I do not understand").model_dump_json())
sys.exit(1)
"""


async def test_a_mad_worker_does_not_fill_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    worker = LocalWorker(house.options, house.folders, [sys.executable, "-c", MAD])
    await worker.start()
    death = await heard(worker.events(), WorkerDied)
    await worker.close()
    assert isinstance(death, WorkerDied) and death.exit_code == 1
    said = [record.getMessage() for record in caplog.records]
    assert sum(map(len, said)) < 2 * MAX_CHARACTERS, "15,000 lines and one of 400,000 characters"
    assert max(map(len, said)) < MAX_LINE_CHARACTERS + 100
    assert any("the worker logs too many lines" in line for line in said)


def test_a_worker_that_calms_down_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    budget = LineBudget("the worker", lambda: now)
    assert sum(budget.admits("line") for _ in range(MAX_LINES + 7)) == MAX_LINES
    assert not budget.admits("line")
    now += BUDGET_SECONDS
    assert budget.admits("line")
    assert caplog.messages[-1] == "dropped 8 more lines of the worker"

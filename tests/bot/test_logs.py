"""Every line that is about a job says which, also from tasks that are started for it."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

import pytest

from bot import logs
from bot.logs import LogFormat
from inference.messages.options import Folders, WorkerOptions
from inference.processes.logs import about
from inference.workers import WorkerDied
from inference.workers.local import LocalWorker
from tests.bot.jobs.test_dispatching import open_rig


async def paint(name: str) -> None:
    await asyncio.sleep(0)
    logging.getLogger("bot.test").warning("step of %s", name)


async def two_jobs_at_once() -> None:
    tasks: list[asyncio.Task[None]] = []
    for job in (7, 8):
        with about(job):
            tasks.append(asyncio.create_task(paint(f"job {job}")))
    await asyncio.gather(*tasks)
    await paint("nobody")


async def test_text_names_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(logging.INFO)
    await two_jobs_at_once()
    lines = capsys.readouterr().err.splitlines()
    endings = ["bot.test job=7: step of job 7", "bot.test job=8: step of job 8", "bot.test: step of nobody"]
    assert len(lines) == 3 and all(line.endswith(end) for line, end in zip(lines, endings, strict=True))


FORGED = "Owl\n2026-01-01 00:00:00,000 ERROR bot: forged\r\x1b[2J\u2028end"


async def test_an_event_is_one_line_whatever_strangers_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(logging.INFO)
    logging.getLogger("bot.test").warning("the name %s", FORGED)
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("bot.test").exception("broke", stack_info=True)
    first, second, *traceback = capsys.readouterr().err.splitlines()
    assert "Owl\\n2026" in first and "\\x1b[2J\\u2028end" in first and second.endswith("bot.test: broke")
    assert len(traceback) > 5 and all(line.startswith("    ") and line.isprintable() for line in traceback)


async def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(logging.INFO, LogFormat.JSON)
    await two_jobs_at_once()
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("bot.test").exception("broke 絵")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["job"] for line in lines] == [7, 8, None, None]
    assert all("about" not in line for line in lines)
    assert lines[0]["level"] == "WARNING" and lines[0]["logger"] == "bot.test" and lines[0]["time"]
    assert lines[3]["message"] == "broke 絵" and "two\nlines" in lines[3]["exc_info"]


async def test_all_that_happens_to_a_job_is_written_down_with_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up(logging.INFO, LogFormat.JSON)
    async with open_rig(tmp_path, max_attempts=2) as rig:
        painted, died = await rig.order(), await rig.order()
        rig.worker.finish(await rig.worker.job())
        for _ in range(2):
            rig.worker.begin(await rig.worker.job())
            rig.worker.die()
            await rig.worker.start()
        await rig.end(died)
        lost = await rig.order()
        rig.worker.finish(await rig.worker.job(), write=False)
        await rig.end(lost)
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    steps = {
        job.id: [line["message"] for line in told if line["job"] == job.id and line["logger"] == "bot.jobs.outcomes"]
        for job in (painted, died, lost)
    }
    assert [step.split()[0] for step in steps[painted.id]] == ["started,", "finished"]
    failure = steps[died.id].pop()
    assert failure.startswith("failed: worker_crashed: ") and "attempts: 2" in failure
    assert steps[died.id] == [
        "started, attempt 1",
        "attempt 1 ended without a result; requeued",
        "started, attempt 2",
    ]
    assert "cannot save its pictures" in steps[lost.id][1]
    assert steps[lost.id][2].startswith("failed: picture_not_saved: ")


async def test_what_a_worker_logs_comes_with_its_job(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(logging.INFO, LogFormat.JSON)
    logging.getLogger("bot.test").warning("before")
    program = """
import logging, sys
from inference.processes.logs import about, write_lines
write_lines(logging.INFO)
with about(7):
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("inference.test").exception("it broke: %s", "絵")
print("what a library prints", file=sys.stderr)
"""
    worker = LocalWorker(
        WorkerOptions(checkpoints=()), Folders(library=".", spool="."), (sys.executable, "-c", program)
    )
    await worker.start()
    death = await anext(aiter(worker.events()))
    await worker.close()
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = [line for line in told if line["logger"] == "inference.test"]
    assert (line["job"], line["level"]) == (7, "ERROR")
    assert line["message"].startswith("it broke: 絵") and "ZeroDivisionError" in line["message"]
    assert isinstance(death, WorkerDied)
    assert death.stderr_tail.splitlines()[-2:] == ["ZeroDivisionError: division by zero", "what a library prints"]

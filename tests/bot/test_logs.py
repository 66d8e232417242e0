"""Every line that is about a job says which, also from tasks that are started for it."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from bot import logs
from bot.logs import LogFormat


async def paint(name: str) -> None:
    await asyncio.sleep(0)
    logging.getLogger("bot.test").warning("step of %s", name)


async def two_jobs_at_once() -> None:
    tasks: list[asyncio.Task[None]] = []
    for job in (7, 8):
        with logs.about(job):
            tasks.append(asyncio.create_task(paint(f"job {job}")))
    await asyncio.gather(*tasks)
    await paint("nobody")


async def test_text_names_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(logging.INFO)
    await two_jobs_at_once()
    lines = capsys.readouterr().err.splitlines()
    endings = ["bot.test job=7: step of job 7", "bot.test job=8: step of job 8", "bot.test: step of nobody"]
    assert len(lines) == 3 and all(line.endswith(end) for line, end in zip(lines, endings, strict=True))


async def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(logging.INFO, LogFormat.JSON)
    await two_jobs_at_once()
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("bot.test").exception("broke 絵")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["job"] for line in lines] == [7, 8, None, None]
    assert lines[0]["level"] == "WARNING" and lines[0]["logger"] == "bot.test" and lines[0]["time"]
    assert lines[3]["message"] == "broke 絵" and "two\nlines" in lines[3]["exc_info"]

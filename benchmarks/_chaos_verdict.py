"""Checks what people see after a chaos run against what they ordered."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from benchmarks._town import Town
from bot.jobs.background_jobs import FIRST_BACKGROUND_ID
from playground.visible_message import VisibleMessage

ENDED = re.compile(r"^(?:again|edit):(\d+)$")  # a button of a message that tells of a job's end
WAITS = re.compile(r"^cancel:(\d+)$")  # and one of a message that tells that it waits
SAMPLE_SECONDS = 60.0  # that a sample's files may stay


@dataclass(frozen=True)
class Order:
    """What somebody asked for; its seed is its own."""

    options: dict[str, Any]
    interaction_id: str


@dataclass
class _Job:
    """A job, and what people were told of it."""

    job_id: int
    person_id: str
    channel_id: str
    private: bool
    order: Order | None
    results: int = 0
    apologies: int = 0
    still_waiting: list[str] = field(default_factory=list[str])

    @property
    def told(self) -> int:
        return self.results + self.apologies


async def judge(here: Town, names: list[str], orders: list[Order]) -> dict[str, object]:
    """The figures; `wrong` says what was shown and is not what was asked for, `stale` counts messages that still say
    that a job waits although it has ended (nobody but the person sees them)."""
    jobs, wrong = _jobs(here, orders), list[str]()
    promised = set[int]()
    async with aiohttp.ClientSession() as session:
        for channel, name in [("general", None), ("art", None), *(("dm", name) for name in names)]:
            for seen in await here.control.messages(channel, name):
                promised |= {int(found[1]) for found in _numbers(seen, WAITS)}
                for found in _numbers(seen, ENDED):
                    job = jobs.get(int(found[1]))
                    problem = "no such job" if job is None else await _take(job, seen, channel, session)
                    wrong += [f"{found[0]}: {problem}"] if problem else []
                for found in _numbers(seen, WAITS):
                    if job := jobs.get(int(found[1])):
                        job.still_waiting.append(seen.id)
    orphans = await _orphans(here)
    kept = Counter(job.told for job in jobs.values())
    broken_promises = sorted(promised - jobs.keys())
    lost = [job.job_id for job in jobs.values() if not job.told] + broken_promises
    return {
        "jobs": len(jobs),
        "results": sum(job.results for job in jobs.values()),
        "apologies": sum(job.apologies for job in jobs.values()),
        "lost": len(lost),
        "doubled": sum(number for told, number in kept.items() if told > 1),
        "orphans": here.owed() + len(orphans),
        "database_ok": _whole(here),
        "stale": sum(len(job.still_waiting) for job in jobs.values() if job.told),
        "wrong": wrong[:20],
        "lost_jobs": lost[:20],
        "doubled_jobs": [job.job_id for job in jobs.values() if job.told > 1][:20],
        "orphans_found": orphans[:20],
    }


def _jobs(here: Town, orders: list[Order]) -> dict[int, _Job]:
    by_seed = {order.options["seed"]: order for order in orders}
    sql = "SELECT id, person_id, channel_id, private, request FROM job LEFT JOIN delivery ON job_id = id"
    with here.reading() as connection:
        return {
            job_id: _Job(job_id, str(person), str(channel), bool(private), by_seed.get(json.loads(request)["seed"]))
            for job_id, person, channel, private, request in connection.execute(sql)
        }


def _numbers(seen: VisibleMessage, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """Matches of the buttons, one for each job."""
    matches = [pattern.match(str(button.get("custom_id") or "")) for button in seen.buttons.values()]
    return list({match[1]: match for match in matches if match}.values())


async def _take(job: _Job, seen: VisibleMessage, channel: str, session: aiohttp.ClientSession) -> str | None:
    """Count what the message shows; what is wrong with it, if something is."""
    if job.order is None:
        return "nobody asked for it"
    if job.private and not (channel == "dm" or seen.visible_to == job.person_id):
        return "a private result that everybody sees"
    if seen.json["channel_id"] != job.channel_id and channel != "dm":
        return "in another channel"
    if f"seed {job.order.options['seed']}" not in seen.text:
        return "of another order"
    if not seen.attachments:
        job.apologies += 1
        return None if "Not generated" in seen.text else f"neither picture nor apology: {seen.text[:80]}"
    if len(seen.attachments) != job.order.options["count"]:
        return f"{len(seen.attachments)} pictures"
    for attachment in seen.attachments:
        async with session.get(attachment["url"]) as response:
            data = await response.read()
        with Image.open(io.BytesIO(data)) as picture:
            one_colour = all(low == high for low, high in picture.convert("RGB").getextrema())
            if picture.size != (attachment["width"], attachment["height"]) or one_colour:
                return "an empty picture"
            told = str(getattr(picture, "text", {}))
        if f"Seed: {job.order.options['seed']}" not in told and attachment is seen.attachments[0]:
            return "a picture of another order"
    job.results += 1
    return None


async def _orphans(here: Town) -> list[str]:
    """Pictures without a row and rows without a picture, leftovers in the spool, workers without their bot."""
    with here.reading() as connection:
        paths = {row[0] for row in connection.execute("SELECT path FROM picture")}
    data = here.folder / "data"
    files = {str(file.relative_to(data / "pictures")) for file in (data / "pictures").rglob("*.png")}
    files = {file for file in files if not file.startswith("samples")}
    left = [file.name for file in (data / "spool").glob("job*") if not await _goes(file)]
    return [*sorted(files ^ paths), *left, *(f"process {process.pid}" for process in await here.abandoned())]


async def _goes(file: Path) -> bool:
    """Whether a file of a sample is gone within SAMPLE_SECONDS: an idle bot paints samples, and one may be running."""
    number = re.match(r"job(\d+)", file.name)
    if number is None or int(number[1]) < FIRST_BACKGROUND_ID:
        return False
    with suppress(TimeoutError):
        async with asyncio.timeout(SAMPLE_SECONDS):
            while await asyncio.to_thread(file.exists):
                await asyncio.sleep(0.1)
            return True
    return False


def _whole(here: Town) -> bool:
    with here.reading() as connection:
        whole = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return whole and not connection.execute("PRAGMA foreign_key_check").fetchall()

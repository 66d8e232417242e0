"""A database file for each test, and LoRAs in it without files."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.jobs.jobs import CANCEL_JOB, UNFINISHED_JOBS, FinishedJob, finish_job, record_painted
from bot.database.loras.catalogue import Lora, find_lora_by_name
from bot.database.loras.records import record_found
from bot.database.pictures.pictures import NewPicture
from bot.database.privacy.erased_rows import ENDED_JOBS, erase_jobs, erase_person
from bot.database.privacy.erasure_leftovers import LEFT_FILES
from bot.database.privacy.erasures import UNFINISHED_ERASURES, request_erasure
from inference.base_models import BaseModelId
from inference.lora.beside.sidecar import Sidecar
from inference.lora.knowledge import Knowledge
from inference.lora.library import FileStamp, FoundLora
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler

ILLUSTRIOUS = BaseModelId("sdxl/illustrious")
PONY = BaseModelId("sdxl/pony")
NOBODY = 10**18  # a person whom no test makes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "easel.sqlite3"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[Database]:
    async with open_database(path, clock=lambda: 0.0) as opened:
        yield opened


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def found_lora(name: str, *, path: str | None = None, content: str | None = None, **sidecar: object) -> FoundLora:
    """What a scan would find; `content` stands for the file's bytes."""
    where = path or f"{name}.safetensors"
    return FoundLora(
        path=where,
        stamp=FileStamp(size=1, mtime_ns=1),
        sha256=sha(content or where),
        sidecar=Sidecar.model_validate({"name": name, **sidecar}),
    )


async def add_lora(db: Database, name: str, **fields: object) -> Lora:
    found = found_lora(name, **fields)  # type: ignore[arg-type]
    await record_found(db, found, found.judge(Knowledge()), last_word=True)
    lora = await find_lora_by_name(db, name)
    assert lora is not None
    return lora


def request_for(*loras: LoraUse, prompt: str = "a lighthouse") -> GenerationRequest:
    return GenerationRequest(
        checkpoint="demo",
        prompt=prompt,
        loras=loras,
        width=64,
        height=64,
        steps=4,
        guidance_scale=5,
        sampler=Sampler.EULER,
        seed=7,
    )


async def finish(
    db: Database,
    job_id: int,
    attempt: int,
    pictures: Sequence[NewPicture],
    *,
    seconds: float = 1,
    peak_memory: int = 0,
) -> FinishedJob | None:
    """End a job that paints with these pictures."""
    return await finish_job(
        db, job_id, attempt, lambda job: record_painted(db, job, pictures),
        seconds=seconds, peak_memory=peak_memory,
    )  # fmt: skip


async def erase(db: Database, person_id: int) -> tuple[str, ...]:
    """Delete all rows of a person, as an erasure does; the files that are still to be removed."""
    database = Path((await db.fetch("PRAGMA database_list"))[0]["file"])
    await asyncio.to_thread(request_erasure, database, person_id, by_operator=False)
    (erasure,) = [one for one in await db.all(UNFINISHED_ERASURES) if one.person_id == person_id]
    for job in await db.all(UNFINISHED_JOBS, person_id):
        await db.one(CANCEL_JOB, now=now_ms(), id=job.id)
    await erase_jobs(db, erasure, await db.all(ENDED_JOBS, person=person_id, limit=1000))
    assert await erase_person(db, erasure)
    return tuple(file.path for file in await db.all(LEFT_FILES, erasure=erasure.id, held_since=2**62, limit=1000))

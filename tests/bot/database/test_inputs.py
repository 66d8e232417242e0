"""Pictures to start from stay as long as a job needs them."""

from __future__ import annotations

import io

from PIL import Image

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.pictures.inputs import IS_INPUT_OF_JOB
from bot.database.pictures.pictures import NewPicture
from bot.database.privacy.deletions import begin_deletion
from inference.messages.request import SourceImage
from tests.bot.database.conftest import finish, request_for


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


async def test_a_picture_stays_while_a_job_needs_it(db: Database) -> None:
    sha256 = "d" * 64
    assert not await db.get(IS_INPUT_OF_JOB, sha256)
    request = request_for().model_copy(update={"image": SourceImage(sha256=sha256, strength=0.5)})
    job = await create_job(db, request, person_id=1, channel_id=1)
    assert await db.get(IS_INPUT_OF_JOB, sha256), "it waits"
    await db.one(START_JOB, now=now_ms(), id=job.id)
    new = [NewPicture(path="0/a.png", width=64, height=64, seed=7)]
    await finish(db, job.id, 1, new, seconds=1, peak_memory=0)
    assert await db.get(IS_INPUT_OF_JOB, sha256), "*Again* needs it"
    await begin_deletion(db, job.id, None, None)
    assert not await db.get(IS_INPUT_OF_JOB, sha256), "its picture was deleted"

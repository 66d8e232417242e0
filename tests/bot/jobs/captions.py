"""A kind of job that is no picture: it leaves a text. All of it stands here; nothing of the bot knows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bot.database.database import Database
from bot.database.jobs.jobs import StoredJob
from bot.database.pictures.pictures import Picture
from bot.jobs.kinds import Cost, JobKind
from inference.errors import WorkerFailed
from inference.messages.commands import JobCommand
from inference.messages.request import JobRequest

WORK_PER_WORD = 64.0 * 64  # what a worker does in the time of a step of a picture of 64x64 without guidance
MAX_SILENCE = 100.0  # seconds
TABLE = "CREATE TABLE IF NOT EXISTS caption (job_id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"


class CaptionRequest(JobRequest):
    """How many words to say."""

    kind: Literal["caption"] = "caption"
    words: int
    alone: bool = False


class Caption(JobCommand):
    """Say them."""

    type: Literal["caption"] = "caption"
    request: CaptionRequest


class Captioning(JobKind[CaptionRequest]):
    """Texts are kept in a table of their own."""

    request = CaptionRequest

    def cost(self, request: CaptionRequest) -> Cost:
        return Cost(request.words * WORK_PER_WORD, exclusive=request.alone)

    def steps(self, request: CaptionRequest) -> int:
        return request.words

    def command(self, row: StoredJob[CaptionRequest]) -> JobCommand:
        return Caption(job_id=row.id, attempt=row.attempt, request=row.request)

    def max_silence(self, request: CaptionRequest, usual_step: float | None) -> float:
        return MAX_SILENCE

    async def record(
        self, db: Database, row: StoredJob[CaptionRequest], folder: Path, paths: Sequence[str]
    ) -> Sequence[Picture]:
        text = " ".join((folder / path).read_text("utf-8") for path in paths)
        if len(text.split()) != row.request.words:
            raise WorkerFailed(reason="a text of another length")
        await db.write(TABLE)
        await db.write("INSERT INTO caption VALUES (?, ?)", (row.id, text))
        return ()

"""The queue as `easel status` shows it: unfinished jobs by checkpoint, and the last failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Json

from bot.database.query import Query
from inference.errors import InferenceError


@dataclass(frozen=True)
class CheckpointLoad:
    """The unfinished jobs for a checkpoint: how many wait, since when (unix ms), and how many a worker has begun.

    `deaths` is how often a worker died at one of them.
    """

    checkpoint: str
    waiting: int
    begun: int
    oldest: int | None
    deaths: int


@dataclass(frozen=True)
class FailedJob:
    """A job that failed at `finished_at` (unix ms)."""

    id: int
    checkpoint: str
    finished_at: int
    failure_code: str
    failure_detail: Json[dict[str, Any]]

    @property
    def failure(self) -> InferenceError:
        """The error with which the job failed."""
        return InferenceError.from_failed(self.failure_code, self.failure_detail)


# A job that was assigned to a worker and not begun waits there.
CHECKPOINT_LOADS = Query(
    CheckpointLoad,
    """
    SELECT checkpoint, sum(begun_at IS NULL) AS waiting, sum(begun_at IS NOT NULL) AS begun,
        min(CASE WHEN begun_at IS NULL THEN created_at END) AS oldest, sum(deaths) AS deaths
    FROM job WHERE state IN ('queued', 'running') GROUP BY checkpoint
    """,
)
LAST_FAILED = Query(
    FailedJob,
    """
    SELECT id, checkpoint, finished_at, failure_code, failure_detail
    FROM job WHERE state = 'failed' ORDER BY id DESC LIMIT ?
    """,
)

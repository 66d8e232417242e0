"""Queue state for `easel status`: unfinished jobs by checkpoint, and the last failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Json

from bot.database.query import Query
from inference.errors import InferenceError


@dataclass(frozen=True)
class CheckpointLoad:
    """Numbers of unfinished jobs for a checkpoint: `waiting`, and `begun` by a worker.

    `oldest` is the creation time (unix ms) of the oldest waiting job. `deaths` counts the worker crashes during all
    these jobs.
    """

    checkpoint: str
    waiting: int
    begun: int
    oldest: int | None
    deaths: int


@dataclass(frozen=True)
class FailedJob:
    """Failed job. `finished_at` is in unix ms."""

    id: int
    checkpoint: str
    finished_at: int
    failure_code: str
    failure_detail: Json[dict[str, Any]]

    @property
    def failure(self) -> InferenceError:
        """The error with which the job failed."""
        return InferenceError.from_failed(self.failure_code, self.failure_detail)


# A job that was assigned to a worker counts as waiting until the worker begins it.
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

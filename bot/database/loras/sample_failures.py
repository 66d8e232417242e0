"""LoRA files whose samples failed, and the reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import Json

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from inference.errors import (
    Detail,
    InferenceError,
    LoraFileRefused,
    LoraNotAtWork,
    LoraUnusable,
    ModuleMismatch,
    NotANumberPicture,
)

# Failures that a file causes. Another try fails too.
FAULTS = (NotANumberPicture, LoraFileRefused, LoraUnusable, LoraNotAtWork, ModuleMismatch)
MAX_TRIES = 3  # failures of a file after which it is not tried again until its base model changes

RECORD_SAMPLE_FAILURE = SqlStatement("""
    INSERT INTO sample_failure (version_id, code, detail, failed_at) VALUES (:version, :code, :detail, :now)
    ON CONFLICT (version_id) DO UPDATE
    SET code = excluded.code, detail = excluded.detail, failed_at = excluded.failed_at
""")
FORGET_SAMPLE_FAILURE = SqlStatement("DELETE FROM sample_failure WHERE version_id = ?")


@dataclass(frozen=True)
class FailedSamples:
    """A file whose samples failed, and the reason."""

    path: str
    code: str
    detail: Json[Detail]
    tries: int

    @property
    def failure(self) -> InferenceError:
        """The last error."""
        return InferenceError.from_failed(self.code, self.detail)

    @property
    def is_fault(self) -> bool:
        """Whether that is the file's fault: it cannot be used, or the pictures had no numbers."""
        return isinstance(self.failure, FAULTS)

    @property
    def is_suspect(self) -> bool:
        """Whether no other try will end otherwise, or none of several did."""
        return self.is_fault or self.tries >= MAX_TRIES


# The newest failure of an entry.
LATEST_FAILURE = Query(
    FailedSamples,
    """
    SELECT path, code, detail, sample_tries AS tries
    FROM sample_failure JOIN lora_version ON lora_version.id = version_id
    WHERE lora_id = ? AND usable = 1 ORDER BY failed_at DESC LIMIT 1
    """,
)
ALL_FAILURES = Query(
    FailedSamples,
    """
    SELECT path, code, detail, sample_tries AS tries
    FROM sample_failure CROSS JOIN lora_version ON lora_version.id = version_id
    WHERE usable = 1 ORDER BY version_id LIMIT 1000
    """,
)


async def record_failure(db: Database, version_id: int, problem: InferenceError) -> None:
    """Note why samples of a version could not be painted."""
    await db.run(
        RECORD_SAMPLE_FAILURE, version=version_id, code=problem.code, detail=json.dumps(problem.detail), now=now_ms()
    )


async def suspects(db: Database) -> list[FailedSamples]:
    """The files whose samples failed by their own fault, or each time."""
    return [each for each in await db.all(ALL_FAILURES) if each.is_suspect]

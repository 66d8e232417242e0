"""LoRA files whose samples failed, and the reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from inference.errors import (
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

FAIL = """
    INSERT INTO sample_failure (version_id, code, detail, failed_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (version_id) DO UPDATE
    SET code = excluded.code, detail = excluded.detail, failed_at = excluded.failed_at
"""
PARDON = "DELETE FROM sample_failure WHERE version_id = ?"
FAILURE_OF = """
    SELECT code, detail FROM sample_failure JOIN lora_version ON lora_version.id = version_id
    WHERE lora_id = ? AND usable = 1 ORDER BY failed_at DESC LIMIT 1
"""
FAILURES = """
    SELECT path, code, detail, sample_tries FROM sample_failure CROSS JOIN lora_version ON lora_version.id = version_id
    WHERE usable = 1 ORDER BY version_id LIMIT 1000
"""


@dataclass(frozen=True)
class FailedSamples:
    """A file whose samples failed, and the reason."""

    path: str
    failure: InferenceError
    tries: int

    @property
    def is_suspect(self) -> bool:
        """Whether that is the file's fault: no other try will end otherwise, or none of several did."""
        return isinstance(self.failure, FAULTS) or self.tries >= MAX_TRIES


async def fails_by_itself(db: Database, lora_id: int) -> bool:
    """Whether samples of some version failed by its own fault: its file cannot be used, or the pictures had no numbers.

    Raises DatabaseError.
    """
    row = await db.fetch_one(FAILURE_OF, (lora_id,))
    return row is not None and isinstance(_failure(row["code"], row["detail"]), FAULTS)


async def record_failure(db: Database, version_id: int, problem: InferenceError) -> None:
    """Note why samples of a version could not be painted. Raises DatabaseError."""
    await db.write(FAIL, (version_id, problem.code, json.dumps(problem.detail), now_ms()))


async def suspects(db: Database) -> list[FailedSamples]:
    """The files whose samples failed by their own fault, or each time. Raises DatabaseError."""
    failed = [
        FailedSamples(row["path"], _failure(row["code"], row["detail"]), row["sample_tries"])
        for row in await db.fetch(FAILURES)
    ]
    return [each for each in failed if each.is_suspect]


def _failure(code: str, detail: str) -> InferenceError:
    return InferenceError.from_failed(code, json.loads(detail))

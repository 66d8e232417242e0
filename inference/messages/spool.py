"""The names of the files that a worker leaves in the spool."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

SpoolName = Annotated[str, Field(pattern=r"^[\w\-][\w.\-]{0,199}$")]  # of a file that lies in the spool itself

_OF_JOB = re.compile(r"job(\d+)[-.]")


def state_file(job_id: int) -> str:
    """The name that the state of an unfinished job has in the spool."""
    return f"job{job_id}.state.safetensors"


def attempt_files(job_id: int, attempt: int) -> str:
    """The beginning of the name of every file that an attempt at a job leaves in the spool."""
    return f"job{job_id}-{attempt}-"


def job_of_file(name: str) -> int | None:
    """The job that a file in the spool is of."""
    match = _OF_JOB.match(name)
    return int(match[1]) if match else None

"""What the job service asks about a job of one kind: its cost, its command, its files, and what becomes of its result.

The queue and the moves of a job look into no request, so another kind of job needs no change of them. Forecasts measure
painting alone, and `record` and background jobs are for painting alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic

from bot.database.database import Database
from bot.database.jobs.jobs import Job, RequestT, StoredJob, record_painted
from bot.database.loras.records import DOUBT_FILE
from bot.database.pictures.pictures import NewPicture, Picture
from inference.errors import InferenceError, LoraFileChanged, WorkerFailed
from inference.messages.commands import Generate, JobCommand
from inference.messages.events import lora_key
from inference.messages.request import GenerationRequest, JobRequest
from inference.queue.request_cost import passes, slots, work
from inference.workers.storage import JobFiles, StoredFile

SILENCE_SECONDS, SILENT_STEPS = 120.0, 20  # a worker that reports no step for the longer of the two has hung

_KINDS: dict[type[JobRequest], JobKind[Any]] = {}


@dataclass(frozen=True)
class Cost:
    """What a job costs, as the queue counts it: see `inference.queue.scheduler.Waiting`."""

    work: float
    places: int = 1
    exclusive: bool = False
    loras: frozenset[str] = frozenset()


class JobKind(ABC, Generic[RequestT]):
    """A kind of job. Defining a subclass registers it for the jobs whose request is of the class `request`."""

    request: ClassVar[type[JobRequest]]
    classified: ClassVar[bool] = False  # whether the worker's classifier looks at what the job has made

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _KINDS[cls.request] = cls()

    @abstractmethod
    def cost(self, request: RequestT) -> Cost:
        """What it costs."""

    @abstractmethod
    def steps(self, request: RequestT) -> int:
        """How many steps workers will report in all."""

    @abstractmethod
    def command(self, row: StoredJob[RequestT]) -> JobCommand:
        """The command of the attempt that `row` tells, without files."""

    async def files(self, request: RequestT, store: JobFiles) -> Mapping[str, StoredFile]:
        """The files that the request names by SHA-256 and that can still be used. Raises DatabaseError."""
        return {}

    def max_silence(self, request: RequestT, usual_step: float | None) -> float:
        """For how many seconds a worker may report no step, once it has reported one.

        `usual_step` is what a step takes here, in seconds, where that was measured.
        """
        return SILENCE_SECONDS

    @abstractmethod
    async def record(
        self, db: Database, row: StoredJob[RequestT], folder: Path, paths: Sequence[str]
    ) -> tuple[Picture, ...]:
        """Store what the job has made, in the transaction in which it succeeds; returns its pictures, if it has any.

        The files that the worker has left lie at `paths` below `folder` by now. Raises WorkerFailed if they are not
        what the job was to make, and DatabaseError, after which it is called again.
        """

    async def note_failure(self, db: Database, request: RequestT, problem: InferenceError) -> None:
        """Note what a failure tells of other things than the job. Raises DatabaseError, and is called again."""


def kind_of(request: JobRequest) -> JobKind[Any]:
    """The kind of a job with this request."""
    return _KINDS[type(request)]


class PaintingJobs(JobKind[GenerationRequest]):
    """Jobs that paint pictures."""

    request = GenerationRequest
    classified = True

    def cost(self, request: GenerationRequest) -> Cost:
        """The work of all passes; each picture takes a place, with regions one for each of its slots."""
        loras = frozenset(lora_key(use.sha256) for use in request.loras)
        return Cost(float(work(request)), slots(request), loras=loras)

    def steps(self, request: GenerationRequest) -> int:
        """The number of forward passes."""
        return passes(request)

    def command(self, row: Job) -> JobCommand:
        """Paint it."""
        return Generate(job_id=row.id, attempt=row.attempt, request=row.request)

    async def files(self, request: GenerationRequest, store: JobFiles) -> Mapping[str, StoredFile]:
        """The files of its LoRAs, and of the picture to start from."""
        loras = [(use.sha256, await store.lora(use.sha256)) for use in request.loras]
        files = {sha256: file for sha256, file in loras if file is not None}
        if request.image is not None:
            files[request.image.sha256] = store.source_image(request.image.sha256)
        return files

    def max_silence(self, request: GenerationRequest, usual_step: float | None) -> float:
        """A slow machine is no dead one."""
        return max(SILENCE_SECONDS, SILENT_STEPS * (usual_step or 0.0))

    async def record(self, db: Database, row: Job, folder: Path, paths: Sequence[str]) -> tuple[Picture, ...]:
        """Store its pictures, each with its seed."""
        request = row.request
        if len(paths) != request.count:
            raise WorkerFailed(reason=f"{len(paths)} pictures instead of {request.count}")
        new = [
            NewPicture(path=path, width=request.width, height=request.height, seed=seed)
            for path, seed in zip(paths, request.seeds, strict=True)
        ]
        return await record_painted(db, row, new)

    async def note_failure(self, db: Database, request: GenerationRequest, problem: InferenceError) -> None:
        """A LoRA file whose bytes have changed is marked, so that the next scan reads it again."""
        for use in request.loras:
            if isinstance(problem, LoraFileChanged) and problem.lora == use.name:
                await db.run(DOUBT_FILE, use.sha256)

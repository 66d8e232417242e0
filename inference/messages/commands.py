"""The commands that the bot gives to a worker."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter

from inference.bounds import MAX_LORAS
from inference.messages.options import Folders, WorkerOptions
from inference.messages.request import GenerationRequest
from inference.messages.values import Attempt, FrozenModel, JobId, Sha256

MAX_TEXTS = 256  # maximum number of texts of one job that the text judge reads
MAX_TEXT = 2**19  # maximum length of such a text, in characters: a prompt with the trigger words of all LoRAs
MAX_FILES = MAX_LORAS + 1  # that one job may need: its LoRAs, and a picture to start from

JudgedText = Annotated[str, Field(max_length=MAX_TEXT)]


class Configure(WorkerOptions, Folders):
    """Before anything else, and again when the settings change: what a worker process may load, read and write.

    A worker that is configured again returns the jobs it has and drops what it has loaded.
    """

    type: Literal["configure"] = "configure"

    @classmethod
    def of(cls, options: WorkerOptions, folders: Folders) -> Self:
        """The configuration of a worker with these options whose files lie in these folders."""
        return cls(**dict(options), **dict(folders))


class JobCommand(FrozenModel):
    """Do a job.

    `files` says where each file that the request names by its SHA-256 lies in the worker's own folders. The worker that
    submits the command to its process fills it in.
    """

    job_id: JobId
    attempt: Attempt
    files: Annotated[dict[Sha256, str], Field(max_length=MAX_FILES)] = {}


class Generate(JobCommand):
    """Paint a job, after the text judge has read `texts`."""

    type: Literal["generate"] = "generate"
    request: GenerationRequest
    texts: Annotated[tuple[JudgedText, ...], Field(max_length=MAX_TEXTS)] = ()


class Cancel(FrozenModel):
    """Stop a job before its next step."""

    type: Literal["cancel"] = "cancel"
    job_id: JobId


class Shutdown(FrozenModel):
    """Finish nothing, leave."""

    type: Literal["shutdown"] = "shutdown"


Command = Annotated[Configure | Generate | Cancel | Shutdown, Field(discriminator="type")]
COMMANDS: TypeAdapter[Command] = TypeAdapter(Command)

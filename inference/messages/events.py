"""The events with which a worker answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from inference.bounds import MAX_LORAS, MAX_PICTURES
from inference.errors import Detail
from inference.messages.options import MAX_CLASSES
from inference.messages.spool import SpoolName
from inference.messages.values import Attempt, FrozenModel, JobId, Name, Score, ShortHash

MAX_CACHED_LORAS = 256  # that a worker reports to have cached
Note = Annotated[str, Field(max_length=500)]
Scores = Annotated[dict[Name, Score], Field(max_length=MAX_CLASSES)]  # of one picture or text, by class


class Ready(FrozenModel):
    """The worker is configured and waits for jobs. While it compiles, it is silent for minutes.

    `text_seconds` is the time that the text judge needed for a short text; None without a text judge.
    `watermark_seconds` is the time that the watermark needed for a megapixel; None without a watermark.
    """

    type: Literal["ready"] = "ready"
    device: str
    pid: Annotated[int, Field(ge=1, lt=2**31)]
    compiles: bool = False
    text_seconds: Annotated[float, Field(ge=0, le=1e4, allow_inf_nan=False)] | None = None
    watermark_seconds: Annotated[float, Field(ge=0, le=1e4, allow_inf_nan=False)] | None = None


def lora_key(sha256: str) -> str:
    """The short form of a SHA-256 by which workers report cached LoRAs: enough to prefer one, and to trust nothing."""
    return sha256[:8]


class Capacity(FrozenModel):
    """How many pictures the worker paints at once, as it is asked now, and what it holds in memory.

    `loaded` are checkpoints. `loras` are the files of LoRAs that it used last, each by its `lora_key`.
    """

    type: Literal["capacity"] = "capacity"
    places: Annotated[int, Field(ge=0, le=1000)]
    loaded: tuple[Name, ...] = ()
    loras: Annotated[tuple[ShortHash, ...], Field(max_length=MAX_CACHED_LORAS)] = ()


class CardMemory(FrozenModel):
    """The bytes in use on the worker's graphics card, by all programs, and the size of its memory.

    A worker without an NVIDIA card or one of AMD sends none.
    """

    type: Literal["card_memory"] = "card_memory"
    used: Annotated[int, Field(ge=0, lt=2**53)]
    size: Annotated[int, Field(ge=0, lt=2**53)]


class _JobEvent(FrozenModel):
    job_id: JobId
    attempt: Attempt


class Started(_JobEvent):
    """The worker has begun with the job (the checkpoint may still have to be loaded). Until then it waits there."""

    type: Literal["started"] = "started"


class Progress(_JobEvent):
    """`step` of `steps` is done, whatever a step is of this kind; `preview` is a small picture in the spool, or None.

    A job that takes steps is alive for the bot only as long as it reports them.
    """

    type: Literal["progress"] = "progress"
    step: Annotated[int, Field(ge=0, le=1000)]
    steps: Annotated[int, Field(ge=1, le=1000)]
    preview: SpoolName | None = None


class Lookups(FrozenModel):
    """How often a cache of the worker had what was looked for, and how often not."""

    hits: Annotated[int, Field(ge=0, lt=2**53)] = 0
    misses: Annotated[int, Field(ge=0, lt=2**53)] = 0


class Finished(_JobEvent):
    """What the job was to make lies in the spool: pictures in their order. `seconds` of work, `peak_memory` in bytes.

    `notes` are sentences for the person: nothing went wrong, but the picture may not be what they expect; one for each
    LoRA and six about the checkpoint at most. `lookups` are all of the worker's since it last finished a job, by cache.
    `scores` are the classifier's, by class, for each picture with the one that it started from; none without a
    classifier. `text_scores` are the highest of the text judge, by class; None if it read no text of the job.
    """

    type: Literal["finished"] = "finished"
    files: Annotated[tuple[SpoolName, ...], Field(max_length=MAX_PICTURES)]
    seconds: Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
    peak_memory: Annotated[int, Field(ge=0, lt=2**63)]
    notes: Annotated[tuple[Note, ...], Field(max_length=MAX_LORAS + 6)] = ()
    lookups: Annotated[dict[Name, Lookups], Field(max_length=32)] = {}
    scores: Annotated[tuple[Scores, ...], Field(max_length=MAX_PICTURES)] = ()
    text_scores: Scores | None = None


class Failed(_JobEvent):
    """The job ended without pictures; see `inference.errors`."""

    type: Literal["failed"] = "failed"
    code: Annotated[str, Field(max_length=64)]
    detail: Detail = {}


class Cancelled(_JobEvent):
    """The job was stopped because somebody asked for it."""

    type: Literal["cancelled"] = "cancelled"


class BadCommand(FrozenModel):
    """A line arrived that is no command; the worker goes on."""

    type: Literal["bad_command"] = "bad_command"
    problem: Annotated[str, Field(max_length=2000)]


JobEvent = Started | Progress | Finished | Failed | Cancelled
Event = Annotated[
    Ready | Capacity | CardMemory | BadCommand | Started | Progress | Finished | Failed | Cancelled,
    Field(discriminator="type"),
]
EVENTS: TypeAdapter[Event] = TypeAdapter(Event)

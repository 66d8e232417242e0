"""What the bot, the driver process and the actors say to each other: headers of frames, JSON with a `type`.

Workers have numbers that the driver process gives. It reads the headers, and passes the frames on as they are.
`deaths` is how often a worker has died as the sender knows: a job that was sent to a worker before the bot knew that it
had died is dropped, since the bot submits it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from inference.cluster.files import PIECE_BYTES, FileRef
from inference.cluster.worker_folder import Manifest
from inference.messages.commands import MAX_FILES
from inference.messages.options import WorkerOptions
from inference.messages.spool import SpoolName
from inference.messages.values import JobId, Sha256
from inference.workers import WorkerDied

WorkerNumber = Annotated[int, Field(ge=1, lt=2**53)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
ShortText = Annotated[str, Field(max_length=1000)]
Labels = Annotated[dict[ShortText, ShortText], Field(max_length=200)]


class _Header(BaseModel):
    """A header."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataPart(_Header):
    """A file within the data of a frame: its name, and its length in bytes. Parts follow each other."""

    name: Annotated[str, Field(min_length=1, max_length=1024)]
    size: Count


class _WorkerMessage(_Header):
    worker: WorkerNumber


# --- bot -> driver process ------------------------------------------------------------------------------------------


class ConfigureWorker(_WorkerMessage):
    """Its options; the first start its engine.

    A source of files that `manifests` has is not a path but the SHA-256 of its manifest.
    """

    type: Literal["configure"] = "configure"
    options: WorkerOptions
    manifests: dict[Sha256, Manifest] = {}


class SubmitJob(_WorkerMessage):
    """A job, as JSON, with the files that it needs. The data are the contents of all parts, in their order.

    `beside` are the sidecars of LoRAs by SHA-256, `known` what is known of all LoRAs where the worker does not have it
    yet, `state` is that in which the last attempt was left.
    """

    type: Literal["submit"] = "submit"
    deaths: Count
    job: str
    loras: Annotated[tuple[FileRef, ...], Field(max_length=MAX_FILES)] = ()
    inputs: Annotated[tuple[FileRef, ...], Field(max_length=MAX_FILES)] = ()
    beside: dict[Sha256, tuple[DataPart, ...]] = {}
    known: tuple[DataPart, ...] = ()
    state: DataPart | None = None


class CancelJob(_WorkerMessage):
    """Stop a job."""

    type: Literal["cancel"] = "cancel"
    job_id: JobId


class RestartWorker(_WorkerMessage):
    """Kill the engine, which does not answer."""

    type: Literal["restart"] = "restart"


class PieceFound(_WorkerMessage):
    """The data are the piece that was asked for."""

    type: Literal["piece"] = "piece"
    call: Count


class PieceMissing(_WorkerMessage):
    """The piece cannot be had; `gone` says that the bot's machine does not have the file any more."""

    type: Literal["no_piece"] = "no_piece"
    call: Count
    reason: ShortText
    gone: bool = False


class CloseWorkers(_Header):
    """Shut all workers down; they leave the states of their jobs. Then the connection is closed."""

    type: Literal["close"] = "close"


ToDriver = Annotated[
    ConfigureWorker | SubmitJob | CancelJob | RestartWorker | PieceFound | PieceMissing | CloseWorkers,
    Field(discriminator="type"),
]

# --- driver process -> bot ------------------------------------------------------------------------------------------


class ClusterSettingsSent(_Header):
    """What the driver process has to know; the bot sends it first. `engine` is a command in place of the engine's."""

    type: Literal["cluster"] = "cluster"
    address: ShortText
    unreachable_seconds: Annotated[float, Field(gt=0, le=3600)]
    cache_bytes: Count
    shared: Annotated[str, Field(max_length=4096)] = ""
    engine: tuple[str, ...] = ()


class ClusterReached(_Header):
    """The driver process has joined the cluster."""

    type: Literal["reached"] = "reached"
    ray: ShortText


class ClusterUnreachable(_Header):
    """The driver process cannot join the cluster, or has lost it, and ends."""

    type: Literal["unreachable"] = "unreachable"
    reason: ShortText


class Heartbeat(_Header):
    """The driver process runs, and has nothing else to say."""

    type: Literal["heartbeat"] = "heartbeat"


class WorkerStarting(_WorkerMessage):
    """A worker is started on a node for the first time; that it has joined, is refused or has left follows."""

    type: Literal["starting"] = "starting"
    node: ShortText
    labels: Labels = {}


class WorkerUp(_WorkerMessage):
    """A worker has joined, and waits for its options; a second one of a worker tells what has changed."""

    type: Literal["joined"] = "joined"
    node: ShortText
    device: ShortText
    labels: Labels = {}
    memory: Count | None = None
    distance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class WorkerGone(_WorkerMessage):
    """A worker has left for good."""

    type: Literal["left"] = "left"
    reason: ShortText


class WorkerRenewed(_WorkerMessage):
    """A worker that died is there again, and waits for its options."""

    type: Literal["renewed"] = "renewed"


class WorkerRefused(_WorkerMessage):
    """A node does not fit, or its worker does not start; it gets no work until that has changed."""

    type: Literal["refused"] = "refused"
    node: ShortText
    labels: Labels = {}
    reason: ShortText


class FileLeft(_WorkerMessage):
    """The data are a file for the bot's spool."""

    type: Literal["file"] = "file"
    name: SpoolName


class EventReported(_WorkerMessage):
    """The data are an event, as JSON."""

    type: Literal["event"] = "event"


class DeathReported(_WorkerMessage):
    """The data are a `WorkerDied`, as JSON."""

    type: Literal["died"] = "died"


class PieceWanted(_WorkerMessage):
    """The worker asks for a piece of a file of the bot's machine."""

    type: Literal["fetch"] = "fetch"
    call: Count
    sha256: Sha256
    offset: Count
    size: Annotated[int, Field(ge=1, le=PIECE_BYTES)]


OfWorker = WorkerGone | WorkerRenewed | FileLeft | EventReported | DeathReported | PieceWanted
ToBot = Annotated[
    ClusterReached | ClusterUnreachable | Heartbeat | WorkerStarting | WorkerRefused | WorkerUp | OfWorker,
    Field(discriminator="type"),
]

TO_DRIVER: TypeAdapter[ToDriver] = TypeAdapter(ToDriver)
TO_BOT: TypeAdapter[ToBot] = TypeAdapter(ToBot)
DEATHS: TypeAdapter[WorkerDied] = TypeAdapter(WorkerDied)


def packed(files: Mapping[str, bytes]) -> tuple[DataPart, ...]:
    """The parts of these files; their data are the contents in the same order."""
    return tuple(DataPart(name=name, size=len(data)) for name, data in files.items())


def unpacked(parts: Iterable[DataPart], data: bytes, offset: int = 0) -> tuple[dict[str, bytes], int]:
    """The files by their names, and where the next parts begin. Raises ValueError when the data end before."""
    files: dict[str, bytes] = {}
    for part in parts:
        if offset + part.size > len(data):
            raise ValueError("the data of the frame end before its parts do")
        files[part.name] = data[offset : offset + part.size]
        offset += part.size
    return files, offset

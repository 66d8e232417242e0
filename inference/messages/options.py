"""What a worker may load, where its files lie, and how it paints."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import Field

from inference.base_models import BaseModelId
from inference.bounds import MAX_STEPS
from inference.messages.checkpoints import CheckpointSpec, UnknownPrediction
from inference.messages.values import FrozenModel, Name, Score, Sha256

MAX_DENSE_BYTES = 2**30  # what a LoRA without a low-rank form may take in memory, unless the operator says otherwise
LORA_CACHE_BYTES = 2 * 2**30  # of LoRAs kept in host memory, unless the operator says otherwise
LORA_SET_BYTES = 2**30  # of folded sets of LoRAs kept in host memory, unless the operator says otherwise
EMBEDDING_CACHE_BYTES = 2**28  # of encoded prompts kept on the device, unless the operator says otherwise
MAX_CLASSES = 32  # of a classifier or the text judge, whose scores are reported
MAX_PLACES = 64  # pictures that an operator may have painted together
STATE_STEPS = 5  # between two states of a job that are kept, unless the operator says otherwise


class Offload(StrEnum):
    """When the networks of a checkpoint share the device in turns, and wait in host memory in between."""

    NEVER = "never"
    WHEN_SHORT = "when_short"
    ALWAYS = "always"


class ClassifierSpec(FrozenModel):
    """The classifier of pictures: a folder, with `repository` the id of a hub repository, with `package` opennsfw.

    The worker reports the scores of `classes`. It runs on the CPU, or `on_device`: on that of the worker.
    """

    source: Annotated[str, Field(min_length=1, max_length=4096)]
    repository: bool = False
    package: bool = False
    classes: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_CLASSES)]
    on_device: bool = False


class TextJudgeSpec(FrozenModel):
    """The text judge: a folder with a model of transformers, which runs on the CPU.

    The worker reports the scores of `classes`. It refuses a request if a class of `minors` reaches its threshold.
    """

    source: Annotated[str, Field(min_length=1, max_length=4096)]
    classes: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_CLASSES)]
    minors: Annotated[dict[Name, Score], Field(max_length=MAX_CLASSES)] = {}


class WatermarkModel(StrEnum):
    """Models that embed a watermark: variants of TrustMark."""

    TRUSTMARK_P = "trustmark-p"
    TRUSTMARK_Q = "trustmark-q"


class WatermarkSpec(FrozenModel):
    """The watermark: a folder with the weights of `model`.

    If `sha256` is set, weights with another SHA-256 are refused. `installation` goes into each payload. It runs on the
    CPU, or `on_device`: on that of the worker.
    """

    source: Annotated[str, Field(min_length=1, max_length=4096)]
    model: WatermarkModel = WatermarkModel.TRUSTMARK_P
    sha256: Sha256 | None = None
    strength: Annotated[float, Field(ge=0.1, le=2, allow_inf_nan=False)] = 1.0
    installation: Annotated[int, Field(ge=0, lt=2**24)] = 0
    on_device: bool = False


# A model beside the checkpoints, whose files a worker needs.
ModelSpec = TypeVar("ModelSpec", ClassifierSpec, TextJudgeSpec, WatermarkSpec)


class Folders(FrozenModel):
    """Where a worker reads and writes, on the machine that it runs on.

    The library has the LoRA files and what is known of them, `inputs` the pictures to start from, each named by its
    SHA-256 and nothing else. Finished pictures, previews and states go into the spool. `caps` is the file of measured
    places; without one they are not kept. `embeddings` is the folder of encoded prompts, if they are kept in files.
    """

    library: Annotated[str, Field(min_length=1, max_length=4096)]
    spool: str
    inputs: Annotated[str, Field(max_length=4096)] = ""
    caps: Annotated[str, Field(max_length=4096)] = ""
    embeddings: Annotated[str, Field(max_length=4096)] = ""


class WorkerOptions(FrozenModel):
    """What a worker may load and how it paints, on whatever machine.

    Every `state_steps` steps (0: never) the state of a job goes into the spool, where the next worker that gets the job
    finds it. As many pictures as `places` are painted together; None: as many as pay, which is measured.
    """

    checkpoints: Annotated[tuple[CheckpointSpec, ...], Field(max_length=1000)]
    device: Annotated[str, Field(max_length=32)] = "auto"
    threads: Annotated[int, Field(ge=1, le=256)] | None = None
    allowed_pairs: tuple[tuple[BaseModelId, BaseModelId], ...] = ()
    allow_v_on_epsilon: bool = False
    unknown_prediction: UnknownPrediction = UnknownPrediction.TELL
    trust_tags: bool = False
    max_lora_bytes: Annotated[int, Field(ge=1, le=2**40)] = 4 * 2**30
    max_dense_bytes: Annotated[int, Field(ge=0, le=2**40)] = MAX_DENSE_BYTES
    lora_cache_bytes: Annotated[int, Field(ge=0, le=2**44)] = LORA_CACHE_BYTES
    lora_set_bytes: Annotated[int, Field(ge=0, le=2**44)] = LORA_SET_BYTES
    embedding_cache_bytes: Annotated[int, Field(ge=0, le=2**44)] = EMBEDDING_CACHE_BYTES
    embedding_file_bytes: Annotated[int, Field(ge=0, le=2**44)] = 0
    state_steps: Annotated[int, Field(ge=0, le=MAX_STEPS)] = STATE_STEPS
    offload: Offload = Offload.WHEN_SHORT
    compiled: bool = False
    expandable_segments: bool = True
    places: Annotated[int, Field(ge=1, le=MAX_PLACES)] | None = None
    classifier: ClassifierSpec | None = None
    text_judge: TextJudgeSpec | None = None
    watermark: WatermarkSpec | None = None

"""A checkpoint as the worker is told of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from inference.base_models import BaseModelId
from inference.messages.values import FrozenModel, Label, Name, Sha256, ShortHash


class PredictionType(StrEnum):
    """What a checkpoint's denoiser predicts."""

    EPSILON = "epsilon"
    V_PREDICTION = "v_prediction"


class UnknownPrediction(StrEnum):
    """Treatment of a LoRA of unknown prediction type on an epsilon checkpoint, if it may have learnt v."""

    TELL = "tell"
    REFUSE = "refuse"


class NumberFormat(StrEnum):
    """The format of a checkpoint's numbers on an accelerator; `auto` is half precision."""

    AUTO = "auto"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


class Quantisation(StrEnum):
    """How the weights of a denoiser are packed while it is loaded."""

    NONE = "none"
    NF4 = "nf4"  # bitsandbytes, 4 bits
    INT8 = "int8"  # bitsandbytes, 8 bits
    TORCHAO_INT8 = "torchao_int8"  # torchao, 8 bits of weights alone


class CheckpointSpec(FrozenModel):
    """A checkpoint as the operator declared it: what the worker loads, and what it is.

    `source` is a folder or a `.safetensors` file; with `repository` it is the id of a hub repository. `sha256` is that
    of the file it came in, `folder_sha256` that of a folder converted from it. `size` is that of the bytes that were
    hashed where `source` is a file, which may have been changed since. `prediction_type` is the operator's word;
    `predicts` is what is known before loading, for early refusals, and None where nothing tells. So is
    `guidance_is_input`: whether the denoiser takes the guidance as a number, and then no negative prompt.
    `preview_decoder` is a folder or the hub's id of a tiny autoencoder (TAESD) that knows the same latents. `dtype` is
    the format of its numbers, where the device computes it without emulation; a CPU paints in single precision.
    `node_labels` are those of the nodes of a cluster that have the memory for it.
    `denoiser` is a GGUF file whose transformer takes the place of that in `source`; `quantise` packs that in `source`.
    """

    name: Name
    source: Annotated[str, Field(min_length=1, max_length=4096)]
    repository: bool = False
    base_model: BaseModelId
    prediction_type: PredictionType | None = None
    sha256: Sha256 | None = None
    short_hash: ShortHash | None = None
    folder_sha256: Sha256 | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    predicts: PredictionType | None = None
    guidance_is_input: bool = False
    preview_decoder: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    dtype: NumberFormat = NumberFormat.AUTO
    node_labels: Annotated[tuple[tuple[Label, Label], ...], Field(max_length=20)] = ()
    denoiser: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    quantise: Quantisation = Quantisation.NONE

"""The types of fields with their bounds, and the base class of all messages.

Every number is bounded: an unbounded float lets `inf` in, which JSON writes as `null` and cannot read back.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from inference.bounds import (
    MAX_CLIP_SKIP,
    MAX_FLOW_SHIFT,
    MAX_GUIDANCE,
    MAX_PROMPT,
    MAX_SIDE,
    MAX_STEPS,
    MAX_TRIGGER_GROUP,
    MAX_WEIGHT,
    MIN_CLIP_SKIP,
    MIN_GUIDANCE,
    MIN_STEPS,
    MIN_WEIGHT,
    SEEDS,
    SIZE_STEP,
)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ShortHash = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
Label = Annotated[str, Field(min_length=1, max_length=100)]  # of a node of a cluster: its name, or its value
Name = Annotated[str, Field(min_length=1, max_length=100)]
TriggerGroup = Annotated[str, Field(min_length=1, max_length=MAX_TRIGGER_GROUP)]
Prompt = Annotated[str, Field(max_length=MAX_PROMPT)]
Side = Annotated[int, Field(ge=16, le=MAX_SIDE, multiple_of=SIZE_STEP)]
Steps = Annotated[int, Field(ge=MIN_STEPS, le=MAX_STEPS)]
Guidance = Annotated[float, Field(ge=MIN_GUIDANCE, le=MAX_GUIDANCE, allow_inf_nan=False)]
FlowShift = Annotated[float, Field(gt=0, le=MAX_FLOW_SHIFT, allow_inf_nan=False)]
ClipSkip = Annotated[int, Field(ge=MIN_CLIP_SKIP, le=MAX_CLIP_SKIP)]
Weight = Annotated[float, Field(ge=MIN_WEIGHT, le=MAX_WEIGHT, allow_inf_nan=False)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=SEEDS)]
JobId = Annotated[int, Field(ge=1, lt=2**63)]
Attempt = Annotated[int, Field(ge=1, le=1000)]


class FrozenModel(BaseModel):
    """The base class of all messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

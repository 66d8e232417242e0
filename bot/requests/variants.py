"""One request, several weights: a sweep shows what a LoRA's weight does, a comparison what each LoRA does.

Each variant is a picture of one job, painted with the same seed; see `GenerationRequest.variants`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from bot.i18n import _
from inference.bounds import MAX_PICTURES, MAX_WEIGHT, MIN_WEIGHT
from inference.errors import InvalidRequest
from inference.messages.request import GenerationRequest, LoraUse

FEWEST, MOST = 3, 5  # weights of a sweep
STEP = 0.3  # between the weights of a sweep that nobody chose
Variants = tuple[tuple[float, ...], ...]


class Sweep(BaseModel):
    """Try the LoRA at `position` of a draft at these weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    position: int
    weights: tuple[float, ...]


def swept(loras: Sequence[LoraUse], sweep: Sweep) -> Variants:
    """The variants of a sweep, the weights in ascending order. Raises InvalidRequest."""
    weights = sorted(set(sweep.weights))
    if not FEWEST <= len(weights) <= MOST:
        problem = _("must be {least} to {most} different numbers").format(least=FEWEST, most=MOST)
        raise InvalidRequest(what=_("The weights to try"), problem=problem)
    if not 0 <= sweep.position < len(loras):
        raise InvalidRequest(what=_("The LoRA to try"), problem=_("is not one of the chosen LoRAs"))
    usual = [use.weight for use in loras]
    return tuple((*usual[: sweep.position], weight, *usual[sweep.position + 1 :]) for weight in weights)


def compared(loras: Sequence[LoraUse]) -> Variants:
    """The variants of a comparison: all LoRAs, all but one, and none where there is room. Raises InvalidRequest."""
    if loras and not any(use.weight for use in loras):
        raise InvalidRequest(what=_("The comparison"), problem=_("needs a LoRA with a weight other than 0"))
    if not 1 <= len(loras) < MAX_PICTURES:
        problem = _("must be between 1 and {most}").format(most=MAX_PICTURES - 1)
        raise InvalidRequest(what=_("The number of LoRAs to compare"), problem=problem)
    usual = tuple(use.weight for use in loras)
    without = [(*usual[:i], 0.0, *usual[i + 1 :]) for i in range(len(usual)) if usual[i]]
    none = (0.0,) * len(usual)
    with_none = [none] if none not in without and len(without) + 2 <= MAX_PICTURES else []
    return (usual, *without, *with_none)


def usual_weights(around: float) -> tuple[float, ...]:
    """Weights to try where nobody chose any: from weaker to stronger than `around`, as far as a weight may go."""
    weaker, stronger = -2, 1
    middle = min(max(around, MIN_WEIGHT - STEP * weaker), MAX_WEIGHT - STEP * stronger)
    return tuple(round(middle + STEP * step, 2) for step in range(weaker, stronger + 1))


def read_weights(typed: str) -> tuple[float, ...]:
    """The numbers in `0.4 0.6, 0.8` or `0,4 0,6 0,8`. Raises InvalidRequest."""
    decimal_commas = "." not in typed and re.search(r"\d,\d+(?:[\s;]|,\s|$)", typed) and re.search(r"[\s;]", typed)
    pieces = re.split(r"[\s;]+", typed.strip()) if decimal_commas else re.split(r"[\s;,]+", typed.strip())
    try:
        return tuple(float(piece.strip(",").replace(",", ".")) for piece in pieces if piece.strip(","))
    except ValueError:
        problem = _("must be numbers such as 0.4 0.6 0.8 1.0")
        raise InvalidRequest(what=_("The weights to try"), problem=problem) from None


@dataclass(frozen=True)
class VariantName:
    """What tells a variant from the others: the weight of the swept LoRA, or the LoRAs that are left out.

    `lora` is the one that a sweep is about, None in a comparison.
    """

    lora: str | None
    weight: float
    without: tuple[str, ...]
    everything: bool = False  # whether nothing is left


def names_of(request: GenerationRequest) -> list[VariantName]:
    """The names of a request's variants, in their order. Where one LoRA alone differs, it is a sweep of that one."""
    varying = [i for i, weights in enumerate(zip(*request.variants, strict=True)) if len(set(weights)) > 1]
    if len(varying) == 1:
        (at,) = varying
        return [VariantName(request.loras[at].name, weights[at], ()) for weights in request.variants]
    return [_left_out(request.loras, weights) for weights in request.variants]


def _left_out(loras: Sequence[LoraUse], weights: Sequence[float]) -> VariantName:
    without = tuple(use.name for use, weight in zip(loras, weights, strict=True) if not weight)
    return VariantName(None, 0.0, without, everything=not any(weights))

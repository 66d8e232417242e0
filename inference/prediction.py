"""What a denoiser predicts, the noise (epsilon) or the velocity (v), and how we know it of a checkpoint and a LoRA.

A checkpoint sampled by the wrong rule paints noise, and single files rarely say what they are: diffusers takes them
all for epsilon. So several sources are asked, in a fixed order. No torch here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from inference.errors import PredictionMismatch
from inference.messages import PredictionType

# The names under which single files carry the marks that ComfyUI introduced: empty tensors beside the weights.
V_MARK, ZERO_SNR_MARK = "v_pred", "ztsnr"

# What trainers write into `modelspec.prediction_type`.
_SPELLINGS = {
    "epsilon": PredictionType.EPSILON,
    "eps": PredictionType.EPSILON,
    "v": PredictionType.V_PREDICTION,
    "v_prediction": PredictionType.V_PREDICTION,
    "velocity": PredictionType.V_PREDICTION,
}


@dataclass(frozen=True)
class Prediction:
    """What is predicted. With `zero_snr` the noise schedule ends in pure noise, which needs its own sampling."""

    type: PredictionType
    zero_snr: bool = False


def checkpoint_prediction(
    setting: PredictionType | None, names: Collection[str], metadata: Mapping[str, str], scheduler: Mapping[str, object]
) -> Prediction:
    """Of a checkpoint: the operator's setting, else the marks among its tensors' `names`, else its `metadata`, else
    the configuration of its `scheduler`, else epsilon. `names` and `metadata` are empty for a folder."""
    marked = PredictionType.V_PREDICTION if V_MARK in names else None
    configured = _SPELLINGS.get(str(scheduler.get("prediction_type")))
    found = setting or marked or _specified(metadata) or configured or PredictionType.EPSILON
    # Where nothing of the signal is left, the noise says nothing of it: only v can be sampled from there.
    zero_snr = ZERO_SNR_MARK in names or scheduler.get("rescale_betas_zero_snr") is True
    return Prediction(found, zero_snr and found is PredictionType.V_PREDICTION)


def lora_prediction(metadata: Mapping[str, str]) -> PredictionType | None:
    """Of a LoRA, from its file's metadata; None when it says nothing. If anything says v, it is v."""
    said = {_specified(metadata), _flag(metadata.get("ss_v_parameterization"))}
    if metadata.get("ss_zero_terminal_snr") == "True":
        said.add(PredictionType.V_PREDICTION)
    return next((kind for kind in (PredictionType.V_PREDICTION, PredictionType.EPSILON) if kind in said), None)


def _specified(metadata: Mapping[str, str]) -> PredictionType | None:
    return _SPELLINGS.get(metadata.get("modelspec.prediction_type", "").strip().lower())


def _flag(value: str | None) -> PredictionType | None:
    return {"True": PredictionType.V_PREDICTION, "False": PredictionType.EPSILON}.get(value or "")


def note_on_prediction(
    lora: str, trained: PredictionType | None, checkpoint: str, prediction: PredictionType, *, allow_v_on_epsilon: bool
) -> str | None:
    """What to tell about a LoRA on a checkpoint of the other kind, None when there is nothing to tell.

    Raises PredictionMismatch for a v LoRA on an epsilon checkpoint, unless the operator allows it: the pictures
    break. The other way round works in practice, somewhat weaker.
    """
    if trained is None or trained is prediction:
        return None
    if trained is PredictionType.V_PREDICTION and not allow_v_on_epsilon:
        raise PredictionMismatch(lora=lora, checkpoint=checkpoint)
    kinds = {PredictionType.V_PREDICTION: "v-prediction", PredictionType.EPSILON: "epsilon prediction"}
    return (
        f"{lora} was trained for {kinds[trained]} and {checkpoint} uses {kinds[prediction]}, so it may look different."
    )

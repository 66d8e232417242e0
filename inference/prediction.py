"""What a denoiser predicts, the noise (epsilon) or the velocity (v), and how we know it of a checkpoint.

A checkpoint sampled by the wrong rule paints noise, and single files rarely say what they are: diffusers takes them
all for epsilon. So several sources are asked, in a fixed order. LoRAs have a ladder of their own
(`inference.lora.prediction_evidence`). No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inference.base_models import Architecture, BaseModelId
from inference.checkpoints.files import CheckpointSays
from inference.messages.checkpoints import PredictionType

# The names under which single files carry the marks that ComfyUI introduced: empty tensors beside the weights.
V_MARK, ZERO_SNR_MARK = "v_pred", "ztsnr"

EDM_MARKS = (frozenset({"edm_mean", "edm_std"}), frozenset({"edm_vpred.sigma_max"}))
_V_SPREAD = 0.09  # standard deviation; the threshold is ComfyUI's (comfy/supported_models.py)

# What trainers write into `modelspec.prediction_type`.
_SPELLINGS = {
    "epsilon": PredictionType.EPSILON,
    "eps": PredictionType.EPSILON,
    "v": PredictionType.V_PREDICTION,
    "v_prediction": PredictionType.V_PREDICTION,
    "v_pred": PredictionType.V_PREDICTION,
    "vpred": PredictionType.V_PREDICTION,
    "velocity": PredictionType.V_PREDICTION,
}


# Lineages with published checkpoints of both kinds: NoobAI-XL V-Pred, Illustrious XL 3.5 vpred, SD 2.1 for 768 pixels.
# Of a LoRA for one of these the base model alone does not tell the prediction type.
OF_BOTH_KINDS = frozenset(map(BaseModelId, ("sdxl/noobai", "sdxl/illustrious", "sd2/base")))


class EdmCheckpoint(ValueError):
    """It is an EDM checkpoint (Playground 2.5, CosXL), which needs another way of sampling and is not painted with."""

    def __str__(self) -> str:
        return str(self.__doc__).removesuffix(".")


@dataclass(frozen=True)
class Prediction:
    """What is predicted. With `zero_snr` the noise schedule ends in pure noise, which needs its own sampling."""

    type: PredictionType
    zero_snr: bool = False


def checkpoint_prediction(
    setting: PredictionType | None, architecture: Architecture, said: CheckpointSays, scheduler: Mapping[str, object]
) -> Prediction:
    """Of a checkpoint: the operator's setting, else what its files say, else the `scheduler` it is loaded with.

    In its files: the marks among the tensors, else the metadata, else of SD 2 a norm that only v-prediction spreads,
    else a folder's scheduler; and epsilon when nothing speaks. Raises EdmCheckpoint.
    """
    _refuse_edm(said, scheduler)
    marked = PredictionType.V_PREDICTION if V_MARK in said.names else None
    spread = _by_spread(said.norm_spread) if architecture is Architecture.SD2 else None
    configured = _SPELLINGS.get(str(scheduler.get("prediction_type")))
    found = setting or marked or _specified(said.metadata) or spread or configured or PredictionType.EPSILON
    # Where nothing of the signal is left, the noise says nothing of it: only v can be sampled from there.
    zero_snr = ZERO_SNR_MARK in said.names or scheduler.get("rescale_betas_zero_snr") is True
    return Prediction(found, zero_snr and found is PredictionType.V_PREDICTION)


def _refuse_edm(said: CheckpointSays, scheduler: Mapping[str, object]) -> None:
    by_class = str(scheduler.get("_class_name")).startswith("EDM")
    if by_class or any(marks <= said.names for marks in EDM_MARKS):
        raise EdmCheckpoint


def _by_spread(spread: float | None) -> PredictionType | None:
    if spread is None:
        return None
    return PredictionType.V_PREDICTION if spread > _V_SPREAD else PredictionType.EPSILON


def _specified(metadata: Mapping[str, str]) -> PredictionType | None:
    return named_prediction(metadata.get("modelspec.prediction_type", ""))


def named_prediction(value: str) -> PredictionType | None:
    """Return the prediction type that a field for it names; None for any other word."""
    return _SPELLINGS.get(value.strip().lower().replace("-", "_"))

"""Does this LoRA go on this checkpoint? If not, the refusal: both sides named, and where the LoRA does fit.

The bot asks early with what the catalogue knows; the worker asks again with what it read from the very bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from inference.base_models import BaseModelId, Compatibility, CompatibilityTable
from inference.errors import (
    ArchitectureMismatch,
    BaseModelMismatch,
    BaseModelUnknown,
    LayersUnknown,
    LoraMisfit,
    PredictionMismatch,
    PredictionUnknown,
)
from inference.lora.tensors.tables import title
from inference.lora.verdict import Layers
from inference.messages.checkpoints import CheckpointSpec, PredictionType, UnknownPrediction
from inference.notes import OTHER_PREDICTION, UNKNOWN_PREDICTION
from inference.prediction import OF_BOTH_KINDS
from inference.regions import RegionName

_PREDICTIONS = {PredictionType.V_PREDICTION: "v-prediction", PredictionType.EPSILON: "epsilon prediction"}
DECLARE = "easel library declare FILE --base … --reason …"
DECLARE_PREDICTION = "easel library declare FILE --prediction … --reason …"


@dataclass(frozen=True)
class KnownLora:
    """What matching needs of a LoRA: its name for people, its base model (None: unknown) and how we know it.

    `prediction` is what it learnt to predict, `layers` what its header tells of them; None: nobody says. `region` is
    the region that it was chosen for; None: the whole picture. `allowed_on` are further base models on which the
    operator lets this file go.
    """

    name: str
    base_model: BaseModelId | None
    evidence: str
    prediction: PredictionType | None = None
    layers: Layers | None = None
    region: RegionName | None = None
    allowed_on: Collection[BaseModelId] = ()


@dataclass(frozen=True)
class Matcher:
    """The installed checkpoints and the operator's table of what goes together."""

    checkpoints: tuple[CheckpointSpec, ...]
    table: CompatibilityTable = field(default_factory=CompatibilityTable)
    allow_v_on_epsilon: bool = False
    unknown_prediction: UnknownPrediction = UnknownPrediction.TELL

    def fits(self, lora: KnownLora, checkpoint: CheckpointSpec) -> bool:
        """Whether `lora` may be applied to `checkpoint`."""
        return self._same_base(lora, checkpoint) and not self._breaks(lora, checkpoint)

    def fitting_checkpoints(self, lora: KnownLora) -> list[str]:
        """Names of the installed checkpoints that `lora` fits."""
        return [checkpoint.name for checkpoint in self.checkpoints if self.fits(lora, checkpoint)]

    def misfit(self, lora: KnownLora, checkpoint: CheckpointSpec) -> LoraMisfit | None:
        """None when `lora` goes on `checkpoint`, else the refusal (a value: raise it or show it).

        All regions of a picture are painted by one checkpoint: it does not matter for which one the LoRA is.
        """
        if self.fits(lora, checkpoint):
            return None
        refusal = self._refusal(lora, checkpoint)
        refusal.region = lora.region.value if lora.region else ""
        return refusal

    def _refusal(self, lora: KnownLora, checkpoint: CheckpointSpec) -> LoraMisfit:
        sides = {"lora": lora.name, "checkpoint": checkpoint.name, "checkpoint_base": checkpoint.base_model.label}
        if lora.base_model is None:
            made_for = lora.layers.base if lora.layers else None
            if made_for and lora.layers and checkpoint.base_model.architecture not in lora.layers.fit.possible:
                return ArchitectureMismatch(**sides, fitting_checkpoints=[], lora_architecture=title(made_for))
            named = lora.layers.quoted if lora.layers else ""
            if lora.layers and lora.layers.fit.strange:
                return LayersUnknown(**sides, fitting_checkpoints=[], named=named)
            return BaseModelUnknown(**sides, fitting_checkpoints=[], remedy=DECLARE, named=named)
        fitting = self.fitting_checkpoints(lora)
        if self._same_base(lora, checkpoint):
            if lora.prediction is None:
                return PredictionUnknown(**sides, fitting_checkpoints=fitting, remedy=DECLARE_PREDICTION)
            return PredictionMismatch(**sides, fitting_checkpoints=fitting)
        return BaseModelMismatch(
            **sides, fitting_checkpoints=fitting, lora_base=lora.base_model.label, evidence=lora.evidence
        )

    def misfits(self, loras: Iterable[KnownLora], checkpoint: CheckpointSpec) -> list[LoraMisfit]:
        """The refusals of all `loras` that do not go on `checkpoint`."""
        return [refusal for lora in loras if (refusal := self.misfit(lora, checkpoint)) is not None]

    def note(self, lora: KnownLora, checkpoint: CheckpointSpec) -> str | None:
        """A warning of a LoRA that fits and yet learnt to predict something else, or may have."""
        trained, predicts = lora.prediction, checkpoint.predicts
        if trained is None and predicts is not None and lora.base_model in OF_BOTH_KINDS:
            return UNKNOWN_PREDICTION.format(lora=lora.name, checkpoint=checkpoint.name)
        if trained is None or predicts is None or trained is predicts:
            return None
        return OTHER_PREDICTION.format(
            lora=lora.name,
            trained=_PREDICTIONS[trained],
            checkpoint=checkpoint.name,
            predicted=_PREDICTIONS[predicts],
        )

    def _same_base(self, lora: KnownLora, checkpoint: CheckpointSpec) -> bool:
        """Whether the base models go together, or the operator lets this one file go there.

        No allowance makes foreign shapes fit, and none helps a LoRA of unknown base model.
        """
        compared = self.table.compare(lora.base_model, checkpoint.base_model)
        allowed = compared is Compatibility.OTHER_LINEAGE and checkpoint.base_model in lora.allowed_on
        return compared.fits or allowed

    def _breaks(self, lora: KnownLora, checkpoint: CheckpointSpec) -> bool:
        """A v LoRA breaks the pictures of an epsilon checkpoint; the other way round works in practice.

        One that may be of either kind counts as v where the operator refuses what is unknown.
        """
        if checkpoint.predicts is not PredictionType.EPSILON or self.allow_v_on_epsilon:
            return False
        refused = self.unknown_prediction is UnknownPrediction.REFUSE and lora.base_model in OF_BOTH_KINDS
        return lora.prediction is PredictionType.V_PREDICTION or (lora.prediction is None and refused)

"""Does this LoRA go on this checkpoint? If not, the refusal: both sides named, and where the LoRA does fit.

The bot asks early with what the catalogue knows; the worker asks again with what it read from the very bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from inference.base_models import BaseModelId, CompatibilityTable
from inference.errors import BaseModelMismatch, BaseModelUnknown, LoraMisfit
from inference.messages import CheckpointSpec

DECLARE = "python -m bot library declare FILE --base … --reason …"


@dataclass(frozen=True)
class KnownLora:
    """What matching needs of a LoRA: its name for people, its base model (None: unknown) and how we know it."""

    name: str
    base_model: BaseModelId | None
    evidence: str


@dataclass(frozen=True)
class Matcher:
    """The installed checkpoints and the operator's table of what goes together."""

    checkpoints: tuple[CheckpointSpec, ...]
    table: CompatibilityTable = field(default_factory=CompatibilityTable)

    def fits(self, base_model: BaseModelId | None, checkpoint: CheckpointSpec) -> bool:
        """Whether a LoRA of `base_model` may be applied to `checkpoint`."""
        return self.table.compare(base_model, checkpoint.base_model).fits

    def fitting_checkpoints(self, base_model: BaseModelId | None) -> list[str]:
        """Names of the installed checkpoints that a LoRA of `base_model` fits."""
        return [checkpoint.name for checkpoint in self.checkpoints if self.fits(base_model, checkpoint)]

    def misfit(self, lora: KnownLora, checkpoint: CheckpointSpec) -> LoraMisfit | None:
        """None when `lora` goes on `checkpoint`, else the refusal (a value: raise it or show it)."""
        if self.fits(lora.base_model, checkpoint):
            return None
        if lora.base_model is None:
            return BaseModelUnknown(
                lora=lora.name,
                checkpoint=checkpoint.name,
                checkpoint_base=checkpoint.base_model.label,
                fitting_checkpoints=[],
                remedy=DECLARE,
            )
        return BaseModelMismatch(
            lora=lora.name,
            checkpoint=checkpoint.name,
            checkpoint_base=checkpoint.base_model.label,
            fitting_checkpoints=self.fitting_checkpoints(lora.base_model),
            lora_base=lora.base_model.label,
            evidence=lora.evidence,
        )

    def misfits(self, loras: Iterable[KnownLora], checkpoint: CheckpointSpec) -> list[LoraMisfit]:
        """The refusals of all `loras` that do not go on `checkpoint`."""
        return [refusal for lora in loras if (refusal := self.misfit(lora, checkpoint)) is not None]

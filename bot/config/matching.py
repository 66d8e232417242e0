"""The section of config.toml about which base models go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import model_validator

from bot.config.section import Section
from inference.base_models import BaseModelId, CompatibilityTable
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec, UnknownPrediction

_BaseModelPair = tuple[BaseModelId, BaseModelId]


class MatchingSettings(Section):
    """Pairs of base models that go together although they differ: [LoRA's, checkpoint's]."""

    allow: tuple[_BaseModelPair, ...] = ()
    """For example [["sdxl/illustrious", "sdxl/noobai"]]; never across architectures."""
    allow_v_on_epsilon: bool = False
    """Whether a LoRA trained for v-prediction may go on an epsilon checkpoint; the pictures mostly break."""
    unknown_prediction: UnknownPrediction = UnknownPrediction.TELL
    """What to do if nothing tells whether a LoRA for NoobAI, Illustrious or SD 2 learnt v-prediction or epsilon: "tell"
    the user, or "refuse" it on epsilon checkpoints, where one that learnt v-prediction gives broken pictures."""
    trust_tags: bool = False
    """Whether a LoRA's own title, output name or tag, such as "[Pony] Komori", tells its base model when its
    metadata name no training base. Anybody may choose such a name, and some LoRAs paint ponies."""

    @model_validator(mode="after")
    def _same_architecture(self) -> Self:
        CompatibilityTable.of(self.allow)
        return self

    @property
    def table(self) -> CompatibilityTable:
        """The base models that go together."""
        return CompatibilityTable.of(self.allow)

    def matcher(self, checkpoints: Sequence[CheckpointSpec]) -> Matcher:
        """Return the matcher of LoRAs for these checkpoints."""
        return Matcher(tuple(checkpoints), self.table, self.allow_v_on_epsilon, self.unknown_prediction)

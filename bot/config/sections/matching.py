"""The section of config.toml about which base models go together."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from bot.config.section import Section
from inference.base_models import BaseModelId, CompatibilityTable
from inference.messages.checkpoints import UnknownPrediction

_BaseModelPair = tuple[BaseModelId, BaseModelId]


class MatchingSettings(Section):
    """Exceptions of base model matching. Each pair is [base model of the LoRA, base model of the checkpoint]."""

    allow: tuple[_BaseModelPair, ...] = Field(default=(), examples=[[["sdxl/illustrious", "sdxl/noobai"]]])
    """Allowed pairs, such as [["sdxl/illustrious", "sdxl/noobai"]]. Pairs of different architectures are refused."""
    allow_v_on_epsilon: bool = False
    """Allow LoRAs trained with v-prediction on epsilon checkpoints. Most such pictures are broken."""
    unknown_prediction: UnknownPrediction = UnknownPrediction.TELL
    """What to do if the prediction type of a LoRA for NoobAI, Illustrious or SD 2 is unknown. "tell" warns the user.
    "refuse" refuses the LoRA on epsilon checkpoints, where a v-prediction LoRA gives broken pictures."""
    trust_tags: bool = False
    """If the metadata name no training base, trust the title, output name or tag of a LoRA, such as "[Pony] Komori".
    Anyone can choose such a name, and some LoRAs are about ponies."""

    @model_validator(mode="after")
    def _same_architecture(self) -> Self:
        CompatibilityTable.of(self.allow)
        return self

    @property
    def table(self) -> CompatibilityTable:
        """The base models that go together."""
        return CompatibilityTable.of(self.allow)

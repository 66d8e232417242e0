"""A version of a LoRA as the catalogue gives it, without a file."""

from __future__ import annotations

from bot.database.loras.catalogue import LoraVersion
from inference.base_models import BaseModelId
from inference.lora.evidence import Source


def version_of(words: tuple[str, ...] = ()) -> LoraVersion:
    """A usable one with these trigger words."""
    return LoraVersion(
        id=1,
        lora_id=1,
        sha256="0" * 64,
        name="v1",
        path="owl.safetensors",
        found=None,
        base_model=BaseModelId("demo/vivid"),
        evidence=Source.SIDECAR,
        contradictions=(),
        recommended_weight=None,
        trigger_words=words,
        problem=None,
        missing=False,
        created_at=0,
    )

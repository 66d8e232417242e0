"""The hashes of installed checkpoints, as LoRAs record them: by these a LoRA of a private checkpoint is recognised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from inference.base_models import BaseModelId
from inference.messages.checkpoints import CheckpointSpec, PredictionType

Fact = TypeVar("Fact", BaseModelId, PredictionType)


def installed_hashes(checkpoints: Iterable[CheckpointSpec]) -> dict[str, BaseModelId]:
    """The base models of `checkpoints` by SHA-256 and by short hash.

    A short hash that checkpoints of different base models share tells nothing and is left out.
    """
    return _by_hash((spec, spec.base_model) for spec in checkpoints)


def installed_predictions(checkpoints: Iterable[CheckpointSpec]) -> dict[str, PredictionType]:
    """Return the known prediction types of `checkpoints`, by the same hashes."""
    return _by_hash((spec, spec.predicts) for spec in checkpoints if spec.predicts is not None)


def _by_hash(facts: Iterable[tuple[CheckpointSpec, Fact]]) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    shared: set[str] = set()
    for spec, fact in facts:
        for full in (spec.sha256, spec.folder_sha256):
            if full is not None:
                found[full] = fact
        if spec.short_hash is not None and found.setdefault(spec.short_hash, fact) != fact:
            shared.add(spec.short_hash)
    return {key: fact for key, fact in found.items() if key not in shared}

"""The hashes of installed checkpoints, as LoRAs record them: by these a LoRA of a private checkpoint is recognised."""

from __future__ import annotations

from collections.abc import Iterable

from inference.base_models import BaseModelId
from inference.messages import CheckpointSpec


def installed_hashes(checkpoints: Iterable[CheckpointSpec]) -> dict[str, BaseModelId]:
    """The base models of `checkpoints` by SHA-256 and by short hash."""
    return by_hash((spec.sha256, spec.short_hash, spec.base_model) for spec in checkpoints)


def by_hash(checkpoints: Iterable[tuple[str | None, str | None, BaseModelId]]) -> dict[str, BaseModelId]:
    """(SHA-256, short hash, base model) of checkpoints as one table.

    A short hash that checkpoints of different base models share tells nothing and is left out.
    """
    found: dict[str, BaseModelId] = {}
    shared: set[str] = set()
    for full, short, base in checkpoints:
        if full is not None:
            found[full] = base
        if short is not None and found.setdefault(short, base) != base:
            shared.add(short)
    return {key: base for key, base in found.items() if key not in shared}

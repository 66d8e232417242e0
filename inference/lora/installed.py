"""The hashes of installed checkpoints, as LoRAs record them: by these a LoRA of a private checkpoint is recognised."""

from __future__ import annotations

from collections.abc import Iterable

from inference.base_models import BaseModelId
from inference.messages.checkpoints import CheckpointSpec


def installed_hashes(checkpoints: Iterable[CheckpointSpec]) -> dict[str, BaseModelId]:
    """The base models of `checkpoints` by SHA-256 and by short hash.

    A short hash that checkpoints of different base models share tells nothing and is left out.
    """
    found: dict[str, BaseModelId] = {}
    shared: set[str] = set()
    for spec in checkpoints:
        for full in (spec.sha256, spec.folder_sha256):
            if full is not None:
                found[full] = spec.base_model
        if spec.short_hash is not None and found.setdefault(spec.short_hash, spec.base_model) != spec.base_model:
            shared.add(spec.short_hash)
    return {key: base for key, base in found.items() if key not in shared}

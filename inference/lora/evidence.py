"""Which base model was a LoRA trained on, and how do we know? The first rung that speaks decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from inference.base_models import BaseModelId
from inference.lora.declarations import Declaration
from inference.lora.sidecar import Sidecar

# What trainers write for "no hash", in lower case: a missing file, a folder, and the SHA-256 of nothing.
_NO_HASH = frozenset({"", "nofile", "isadirectory", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"})


class Source(StrEnum):
    """Where a base model is known from, best first. The value is what people read."""

    TRAINING_BASE = "hash of its training base"
    DECLARATION = "declared by an operator"
    SIDECAR = "told by its sidecar"
    NONE = "nothing says it"


@dataclass(frozen=True)
class Evidence:
    """The base model (None: unknown, and so refused), the rung that decided, and what spoke against it."""

    base_model: BaseModelId | None
    source: Source
    contradictions: tuple[str, ...] = ()


def judge(
    sha256: str,
    metadata: Mapping[str, str],
    sidecar: Sidecar,
    declarations: Mapping[str, Declaration],
    installed: Mapping[str, BaseModelId],
) -> Evidence:
    """Climb the ladder for the file with this `sha256`. `installed` maps checkpoints' SHA-256 to base models."""
    said = [
        (source, base)
        for source, base in (
            (Source.TRAINING_BASE, _training_base(metadata, installed)),
            (Source.DECLARATION, _declared(sha256, declarations)),
            (Source.SIDECAR, _told(sha256, sidecar)),
        )
        if base is not None
    ]
    if not said:
        return Evidence(None, Source.NONE, _void_sidecar(sha256, sidecar))
    source, base_model = said[0]
    against = tuple(f"{other.value}: {base}" for other, base in said[1:] if base != base_model)
    return Evidence(base_model, source, against + _void_sidecar(sha256, sidecar))


def _training_base(metadata: Mapping[str, str], installed: Mapping[str, BaseModelId]) -> BaseModelId | None:
    recorded = metadata.get("ss_new_sd_model_hash", "").removeprefix("0x").lower()
    return None if recorded in _NO_HASH else installed.get(recorded)


def _declared(sha256: str, declarations: Mapping[str, Declaration]) -> BaseModelId | None:
    declaration = declarations.get(sha256)
    return declaration.base_model if declaration else None


def _told(sha256: str, sidecar: Sidecar) -> BaseModelId | None:
    return sidecar.base_model if sidecar.sha256 in {None, sha256} else None


def _void_sidecar(sha256: str, sidecar: Sidecar) -> tuple[str, ...]:
    if sidecar.sha256 in {None, sha256}:
        return ()
    return ("the sidecar is pinned to another file's SHA-256, so its base model does not count",)

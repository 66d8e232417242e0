"""Which version of a model to add for the checkpoints installed here, and what is not added at all."""

from __future__ import annotations

from enum import IntEnum

from bot.config.sections.sources import SourcesSettings
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.sources.downloads.placing import FOREIGN
from bot.sources.errors import (
    Archived,
    FileInfected,
    FileUnscanned,
    FitsNoCheckpoint,
    MinorAndMature,
    NoSafetensors,
    NotLora,
    RealPerson,
    SourceError,
)
from bot.sources.hubs.civitai import LORA_KINDS
from bot.sources.hubs.remote import RemoteModel, RemoteVersion
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating
from inference.lora.known.registry import named_base_model
from inference.lora.tensors.foreign_kinds import FileKind

# Kinds as Civitai calls them.
_KINDS = {
    "TextualInversion": FileKind.EMBEDDING,
    "Controlnet": FileKind.CONTROLNET,
    "Checkpoint": FileKind.CHECKPOINT,
    "VAE": FileKind.VAE,
    "TextEncoder": FileKind.TEXT_ENCODER,
}


class Suits(IntEnum):
    """How a version's claim stands to the checkpoints here, the best first."""

    FITS = 0
    UNKNOWN = 1  # the hub does not say, or not which lineage
    MISFIT = 2


def suits(version: RemoteVersion, checkpoints: InstalledCheckpoints) -> Suits:
    """How what a hub says of a version's base model stands to the checkpoints here. The file's own shapes decide."""
    return suits_base(claimed_base(version), checkpoints)


def bases_here(checkpoints: InstalledCheckpoints) -> list[str]:
    """Return the labels of the installed checkpoints' base models."""
    return [installed.label for installed in checkpoints.base_models]


def suits_base(base: BaseModelId | None, checkpoints: InstalledCheckpoints) -> Suits:
    """How a base model, if it is known, stands to the checkpoints here."""
    if base is None:
        return Suits.UNKNOWN
    fits = any(base in checkpoints.lora_bases_for(installed) for installed in checkpoints.base_models)
    return Suits.FITS if fits else Suits.MISFIT


def claimed_base(version: RemoteVersion) -> BaseModelId | None:
    """The base model that a hub claims; None: it names none, or one that leaves the lineage open."""
    return named_base_model(version.base_model or "")


def by_suitability(model: RemoteModel, checkpoints: InstalledCheckpoints) -> list[RemoteVersion]:
    """The versions that fit the checkpoints here first, and of those the newest first."""
    return sorted(model.versions, key=lambda version: suits(version, checkpoints))


def choose(model: RemoteModel, checkpoints: InstalledCheckpoints, settings: SourcesSettings) -> RemoteVersion:
    """The newest version for the checkpoints here that can be added. Raises the SourceError of the nearest one."""
    return addable(model, checkpoints, settings)[0]


def addable(model: RemoteModel, checkpoints: InstalledCheckpoints, settings: SourcesSettings) -> list[RemoteVersion]:
    """The versions that can be added as far as their page tells, those for the checkpoints here first.

    Raises the SourceError of the best version if none can be added.
    """
    versions = by_suitability(model, checkpoints)
    refusals = [why_not(version, checkpoints, settings) for version in versions]
    found = [version for version, refusal in zip(versions, refusals, strict=True) if refusal is None]
    if not found:
        raise next(refusal for refusal in refusals if refusal is not None)
    return found


def why_not(version: RemoteVersion, checkpoints: InstalledCheckpoints, settings: SourcesSettings) -> SourceError | None:
    """Why a version is not added; None when it may be."""
    if version.kind not in LORA_KINDS:
        kind = _KINDS.get(version.kind)
        return (FOREIGN[kind] if kind else NotLora)(name=version.name, kind=version.kind)
    if version.archived:
        return Archived(host=version.hub)
    if (refusal := refusal_of_subject(version, settings)) is not None:
        return refusal
    if (refusal := refusal_of_scan(version)) is not None:
        return refusal
    if version.file is None:
        return NoSafetensors(host=version.hub)
    base = claimed_base(version)
    if base is not None and suits(version, checkpoints) is Suits.MISFIT:
        return FitsNoCheckpoint(name=version.name, bases=[base.label], here=bases_here(checkpoints))
    return None


def refusal_of_scan(version: RemoteVersion) -> SourceError | None:
    """Return why the virus scan of its hub keeps a version out; None if it does not."""
    if version.infected:
        return FileInfected(host=version.hub, name=version.name)
    return FileUnscanned(host=version.hub, name=version.name) if version.unscanned else None


def refusal_of_subject(version: RemoteVersion, settings: SourcesSettings) -> SourceError | None:
    """Why a version is not added for whom it shows; None when it may be."""
    if version.real_person and not settings.real_people:
        return RealPerson(name=version.name)
    strictest = version.strictest_rating
    if version.minor and (strictest is None or strictest > ContentRating.TEEN):
        return MinorAndMature(name=version.name)
    return None

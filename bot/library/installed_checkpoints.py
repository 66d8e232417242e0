"""The installed checkpoints as one value: which there are, and which LoRAs fit them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bot.config import CheckpointSettings, Settings, Size
from bot.config.sections.matching import MatchingSettings
from bot.database.loras.catalogue import Lora, LoraVersion
from bot.library.catalogue import choose_version, known_lora
from inference.base_models import BaseModelId
from inference.errors import CheckpointNotFound, LoraFileRefused, LoraMisfit, LoraUnusable, NoCheckpoints
from inference.matching import KnownLora, Matcher
from inference.messages.checkpoints import CheckpointSpec


def matcher_of(settings: MatchingSettings, specs: Sequence[CheckpointSpec]) -> Matcher:
    """The matcher of LoRAs for these checkpoints, with the operator's table."""
    return Matcher(tuple(specs), settings.table, settings.allow_v_on_epsilon, settings.unknown_prediction)


class InstalledCheckpoints:
    """The checkpoints of some settings, in their order, and what the operator's table says of LoRAs.

    It does not change: a reload makes another, see `bot.library.configuration`.
    """

    def __init__(self, settings: Settings, specs: Sequence[CheckpointSpec]) -> None:
        self.specs = tuple(specs)
        self._specs = {spec.name: spec for spec in specs}
        known = ((each, self._specs.get(each.name)) for each in settings.checkpoints)
        checkpoints = tuple(each.identified(spec) if spec else each for each, spec in known)
        self._settings = settings.model_copy(update={"checkpoints": checkpoints})
        self._matcher = matcher_of(settings.matching, self.specs)

    def __iter__(self) -> Iterator[CheckpointSettings]:
        return iter(self._settings.checkpoints)

    def only(self, names: Sequence[str]) -> InstalledCheckpoints:
        """The checkpoints of these names, in this order."""
        checkpoints = tuple(checkpoint for name in names if (checkpoint := self.find(name)) is not None)
        settings = self._settings.model_copy(update={"checkpoints": checkpoints})
        return InstalledCheckpoints(settings, [self._specs[checkpoint.name] for checkpoint in checkpoints])

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [checkpoint.name for checkpoint in self]

    @property
    def base_models(self) -> dict[BaseModelId, list[str]]:
        """Their base models, each with the names of its checkpoints."""
        found: dict[BaseModelId, list[str]] = {}
        for checkpoint in self:
            found.setdefault(checkpoint.base_model, []).append(checkpoint.name)
        return found

    def find(self, name: str | None) -> CheckpointSettings | None:
        """The checkpoint of this name, compared without case; None if there is none."""
        return self._settings.checkpoint(name) if name else None

    def require(self, name: str | None) -> CheckpointSettings:
        """The checkpoint of this name; None: the first one. Raises CheckpointNotFound or NoCheckpoints."""
        found = next(iter(self), None) if name is None else self.find(name)
        if found is None:
            raise CheckpointNotFound(name=name[:100], installed=self.names) if name else NoCheckpoints
        return found

    def nearest_size(self, checkpoint: str | None, width: int, height: int) -> Size:
        """The offered size whose aspect ratio is nearest to width : height. Raises CheckpointNotFound."""
        shape = math.log(width / height)
        return min(self.require(checkpoint).sizes, key=lambda size: abs(math.log(size.width / size.height) - shape))

    def lora_bases_for(self, base_model: BaseModelId) -> frozenset[BaseModelId]:
        """The base models whose LoRAs fit a checkpoint of `base_model`."""
        return self._settings.matching.table.fitting(base_model)

    def fitting_first(self, lora: Lora, base_model: BaseModelId | None) -> Lora:
        """The entry with the versions that fit a checkpoint of `base_model` first."""
        if base_model is None or len(lora.versions) < 2:
            return lora
        bases = self.lora_bases_for(base_model)
        return replace(lora, versions=tuple(sorted(lora.versions, key=lambda version: version.base_model not in bases)))

    def names_fitting(self, lora: KnownLora) -> tuple[str, ...]:
        """Names of the checkpoints that a file fits."""
        return tuple(self._matcher.fitting_checkpoints(lora))

    def names_for(self, lora: Lora) -> list[str]:
        """Names of the checkpoints that some usable version of `lora` fits."""
        known = [known_lora("", version) for version in lora.usable]
        fitting = {name for version in known for name in self._matcher.fitting_checkpoints(version)}
        return [name for name in self._specs if name in fitting]

    def names_for_all(self, loras: Iterable[Lora]) -> list[str]:
        """Names of the checkpoints that each of `loras` fits with some usable version."""
        fitting = [self.names_for(lora) for lora in loras]
        return [name for name in self._specs if all(name in names for names in fitting)]

    def misfit(self, name: str, version: LoraVersion, checkpoint: CheckpointSettings) -> LoraMisfit | None:
        """The refusal of a version of the LoRA called `name`; None when it fits `checkpoint`."""
        return self._matcher.misfit(known_lora(name, version), self._specs[checkpoint.name])

    def note(self, lora: Lora, version: LoraVersion, checkpoint: CheckpointSettings) -> str | None:
        """A warning of a version that fits `checkpoint` but may look different there."""
        return self._matcher.note(known_lora(lora.name, version), self._specs[checkpoint.name])

    def version_for(self, lora: Lora, checkpoint: CheckpointSettings, named: LoraVersion | None = None) -> LoraVersion:
        """The version to use on `checkpoint`: the `named` one if it fits. Raises the refusal of the nearest version."""
        spec = self._specs[checkpoint.name]
        if named is not None and named.usable and self._matcher.fits(known_lora(lora.name, named), spec):
            return named
        version = choose_version(lora, spec, self._matcher)
        if version is not None:
            return version
        if not lora.usable:
            if refused := [f"{version.path}: {version.problem}" for version in lora.versions if version.problem]:
                raise LoraUnusable(lora=lora.name, files=refused)
            raise LoraFileRefused(lora=lora.name, reason="it is no longer in the library")
        # The refusal is of a version that fits some checkpoint, if there is one.
        known = [known_lora(lora.name, version) for version in lora.usable]
        told = max(known, key=lambda version: len(self._matcher.fitting_checkpoints(version)))
        refusal = self._matcher.misfit(told, spec)
        assert refusal is not None
        refusal.fitting_checkpoints = self.names_for(lora)
        raise refusal

"""What is known of LoRA files besides the files themselves, by which bot and worker judge alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

from inference.base_models import BaseModelId
from inference.lora.beside import declarations
from inference.lora.beside.declarations import BadDeclarations, Declaration, PredictionDeclaration, read_declarations
from inference.lora.few_steps import FewStepRecipe
from inference.lora.known import registry
from inference.lora.known.registry import RegistryAnswer, read_answers, read_repositories
from inference.messages.checkpoints import PredictionType

FILES = (declarations.FILE_NAME, registry.FILE_NAME)  # beside the library


@dataclass(frozen=True)
class Knowledge:
    """Declarations and registry's answers by a file's SHA-256, base models by the hashes of installed checkpoints.

    Checkpoints are known by their SHA-256 and by the old hash of eight digits. With `trust_tags` a LoRA's
    own names (title, output name, tag of the file) decide where no training base is named. `few_steps` are recipes of
    known files by SHA-256, which the operator gave. `repositories` are base models of hubs' repositories by id.
    `predictions` are declared prediction types, `installed_predictions` the types of installed checkpoints by
    hash. `allowed_on` are further base models on which the operator lets single files go.
    """

    declarations: Mapping[str, Declaration] = field(default_factory=dict[str, Declaration])
    installed: Mapping[str, BaseModelId] = field(default_factory=dict[str, BaseModelId])
    answers: Mapping[str, tuple[RegistryAnswer, ...]] = field(default_factory=dict[str, tuple[RegistryAnswer, ...]])
    trust_tags: bool = False
    few_steps: Mapping[str, FewStepRecipe] = field(default_factory=dict[str, FewStepRecipe])
    repositories: Mapping[str, BaseModelId] = field(default_factory=dict[str, BaseModelId])
    predictions: Mapping[str, PredictionDeclaration] = field(default_factory=dict[str, PredictionDeclaration])
    installed_predictions: Mapping[str, PredictionType] = field(default_factory=dict[str, PredictionType])
    allowed_on: Mapping[str, tuple[BaseModelId, ...]] = field(default_factory=dict[str, tuple[BaseModelId, ...]])

    @cached_property
    def answers_by_version(self) -> Mapping[int, tuple[RegistryAnswer, ...]]:
        """The registry's answers by its ids of versions: a version may have several files."""
        found: dict[int, tuple[RegistryAnswer, ...]] = {}
        for answer in chain.from_iterable(self.answers.values()):
            if answer.version_id is not None:
                found[answer.version_id] = (*found.get(answer.version_id, ()), answer)
        return found

    @classmethod
    def of(
        cls,
        library: Path,
        installed: Mapping[str, BaseModelId],
        *,
        trust_tags: bool,
        few_steps: Mapping[str, FewStepRecipe] | None = None,
        predictions: Mapping[str, PredictionType] | None = None,
    ) -> Knowledge:
        """Read the knowledge about `library`; `predictions` are the types of installed checkpoints by hash.

        Raises BadDeclarations.
        """
        try:
            answers, repositories = read_answers(library), read_repositories(library)
        except OSError as problem:
            raise BadDeclarations(f"{library / registry.FILE_NAME} cannot be read: {problem.strerror}") from None
        declared = read_declarations(library)
        return cls(
            declarations=declared.base_models,
            installed=installed,
            answers=answers,
            trust_tags=trust_tags,
            few_steps=few_steps or {},
            repositories=repositories,
            predictions=declared.predictions,
            installed_predictions=predictions or {},
            allowed_on=declared.allowances,
        )

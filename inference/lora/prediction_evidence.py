"""The prediction type of a LoRA and its evidence: a ladder of sources, as for the base model.

A LoRA that learnt v paints noise on an epsilon checkpoint, so what is uncertain counts as v. Bot and worker judge
alike: by the file's metadata, its sidecar and the same knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from pydantic import TypeAdapter

from inference.lora.beside.metadata import (
    base_names,
    civitai_version,
    merged_names,
    own_names,
    recorded_hash,
    recorded_old_hash,
    recorded_predictions,
    texts,
)
from inference.lora.beside.sidecar import Sidecar
from inference.lora.knowledge import Knowledge
from inference.lora.known.known_bases import (
    HASH_PREDICTIONS,
    REPOSITORY_PREDICTIONS,
    VERSION_PREDICTIONS,
    published_prediction_in_text,
    repository_id,
)
from inference.lora.known.registry import RegistryAnswer
from inference.lora.words.prediction_words import (
    prediction_in_checkpoint_name,
    prediction_in_name,
    prediction_in_text,
    prediction_on_page,
)
from inference.lora.words.texts import telling, told_of_training
from inference.messages.checkpoints import PredictionType

_V, _EPSILON = PredictionType.V_PREDICTION, PredictionType.EPSILON


class PredictionSource(StrEnum):
    """Sources of a prediction type, the best first. Operators read the value."""

    TRAINING_BASE = "hash of its training base"
    SHORT_HASH = "short hash of its training base"
    DECLARATION = "declared by an operator"
    BASE_ID = "public id of its training base"
    BASE_TOLD = "its training base, as a registry knows it"
    BASE_NAME = "name of its training base"
    SETTINGS = "settings of its trainer"
    SIDECAR = "told by its sidecar"
    REGISTRY = "told by a registry"
    OWN_NAME = "its own name"

    @property
    def plainly(self) -> str:
        """The text for everybody else."""
        return PLAINLY[self]


PLAINLY: dict[PredictionSource, str] = {
    PredictionSource.TRAINING_BASE: "confirmed by the LoRA's training record",
    PredictionSource.SHORT_HASH: "recorded during training",
    PredictionSource.DECLARATION: "declared by an operator",
    PredictionSource.BASE_ID: "identified in the LoRA's training record",
    PredictionSource.BASE_TOLD: "identified online from the LoRA's training record",
    PredictionSource.BASE_NAME: "named in the LoRA's training record",
    PredictionSource.SETTINGS: "recorded during training",
    PredictionSource.SIDECAR: "stated in the LoRA's description",
    PredictionSource.REGISTRY: "stated on the LoRA's web page",
    PredictionSource.OWN_NAME: "stated in the LoRA's name",
}


@dataclass(frozen=True)
class PredictionEvidence:
    """The prediction type (None: nothing says it), the source that decided, and what spoke against it."""

    type: PredictionType | None = None
    source: PredictionSource | None = None
    contradictions: tuple[str, ...] = ()

    def written(self) -> str:
        """Write it as JSON."""
        return _AS_JSON.dump_json(self).decode()


_AS_JSON = TypeAdapter(PredictionEvidence)
NO_PREDICTION = PredictionEvidence()


def judge_prediction(
    sha256: str, metadata: Mapping[str, str], sidecar: Sidecar, known: Knowledge, *, file_name: str = ""
) -> PredictionEvidence:
    """Climb the ladder for the file with this `sha256`; `metadata` is what `evidence_in` kept.

    The highest source that speaks decides. But a forced declaration stands above an exact hash. And an epsilon that
    the operator did not declare falls by any weaker word for v: its base is only where training began, and trainers
    write epsilon when nobody set the option (sd-scripts issue 1772).
    """
    said = _testimonies(sha256, metadata, sidecar, known, file_name)
    declaration = known.predictions.get(sha256)
    if not said:
        return NO_PREDICTION
    source = next(iter(said))
    if declaration is not None and declaration.force:
        source = PredictionSource.DECLARATION
    elif said[source] is _EPSILON and said.get(PredictionSource.DECLARATION) is not _EPSILON:
        source = next((other for other, kind in said.items() if kind is _V), source)
    decided = said[source]
    against = tuple(f"{other.value}: {kind.value}" for other, kind in said.items() if kind is not decided)
    return PredictionEvidence(decided, source, against)


def _testimonies(
    sha256: str, metadata: Mapping[str, str], sidecar: Sidecar, known: Knowledge, file_name: str
) -> dict[PredictionSource, PredictionType]:
    """Return the word of each source, the best first. A source that says both counts as v."""
    names, declaration = base_names(metadata), known.predictions.get(sha256)
    recorded, short = recorded_hash(metadata), recorded_old_hash(metadata)
    own = (*own_names(metadata), PurePosixPath(file_name).stem)
    written = (*merged_names(metadata), *texts(metadata))
    beside = sidecar.all_of(sha256)
    described = [text for each in beside for text in telling((each.description, *each.page_tags, *each.texts))]
    described += [sentence for text in described for sentence in told_of_training(text)]  # "works with epsilon too"
    named = [name for each in beside for name in (each.name, each.version, each.file_name, *each.tags) if name]
    said: dict[PredictionSource, Iterable[PredictionType | None]] = {
        PredictionSource.TRAINING_BASE: [
            known.installed_predictions.get(recorded or "") or HASH_PREDICTIONS.get(recorded or "")
        ],
        # As for the base model, the short hash says nothing beside a SHA-256.
        PredictionSource.SHORT_HASH: [known.installed_predictions.get(short or "")] if recorded is None else [],
        PredictionSource.DECLARATION: [declaration.prediction] if declaration else [],
        PredictionSource.BASE_ID: map(_by_id, names),
        PredictionSource.BASE_TOLD: map(_of_page, _pages_of_base(recorded, names, known)),
        PredictionSource.BASE_NAME: map(prediction_in_checkpoint_name, names),
        PredictionSource.SETTINGS: recorded_predictions(metadata),
        PredictionSource.SIDECAR: [
            *(each.prediction for each in beside),
            *map(prediction_in_text, described),
            *map(published_prediction_in_text, described),
            *map(prediction_in_name, named),
        ],
        PredictionSource.REGISTRY: map(_of_page, known.answers.get(sha256, ())),
        PredictionSource.OWN_NAME: [
            *map(prediction_in_name, own),
            *map(prediction_in_text, written),
            *map(published_prediction_in_text, written),
        ],
    }
    found = {source: set(kinds) for source, kinds in said.items()}
    return {source: _V if _V in kinds else _EPSILON for source, kinds in found.items() if kinds & {_V, _EPSILON}}


def _by_id(name: str) -> PredictionType | None:
    """Return the prediction type of a training base with a public id."""
    repository = (repository_id(name) or "").lower()
    return VERSION_PREDICTIONS.get(civitai_version(name) or 0) or REPOSITORY_PREDICTIONS.get(repository)


def _pages_of_base(recorded: str | None, names: Iterable[str], known: Knowledge) -> list[RegistryAnswer]:
    """Return the pages of the training base, which the metadata name by SHA-256 or by a hub's id."""
    pages = [*known.answers.get(recorded or "", ())]
    for name in names:
        pages += known.answers_by_version.get(civitai_version(name) or 0, ())
    return pages


def _of_page(answer: RegistryAnswer) -> PredictionType | None:
    return prediction_on_page(answer.base_model or "", answer.name)

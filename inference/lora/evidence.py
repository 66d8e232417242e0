"""Which base model was a LoRA trained on, and how do we know? A ladder of sources: the highest that speaks decides.

What its trainer recorded of the training base (hashes, ids, names, the lineage among the architecture) must agree:
two that name different base models leave it unknown, for a wrong lineage loads without a murmur and spoils the
picture. Names that somebody chose for the LoRA itself decide only where the operator trusts them. What a source says
never overrules the shapes of the layers: see `inference.lora.verdict`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum, StrEnum
from pathlib import PurePosixPath

from inference.base_models import BaseModelId
from inference.lora.beside.declarations import Declaration
from inference.lora.beside.metadata import (
    ARCHITECTURE_KEYS,
    air_ecosystem,
    base_names,
    civitai_version,
    comments,
    further_base_names,
    merged_names,
    own_names,
    pixai_version,
    recorded_hash,
    recorded_old_hash,
    texts,
    trained_on_day,
    written_tags,
)
from inference.lora.beside.sidecar import Sidecar
from inference.lora.few_steps import NOT_FEW, FewSteps
from inference.lora.knowledge import Knowledge
from inference.lora.known.known_bases import (
    CHECKPOINT_FILES,
    CIVITAI_VERSIONS,
    FULL_HASHES,
    OLD_HASHES,
    PIXAI_VERSIONS,
    bases_by_id_in_text,
    repository_base,
    repository_id,
)
from inference.lora.known.registry import RegistryAnswer
from inference.lora.prediction_evidence import NO_PREDICTION, PredictionEvidence, judge_prediction
from inference.lora.words.architecture_words import architectures_of, stated_lineages
from inference.lora.words.mentions import texts_of_other_files
from inference.lora.words.relatives import APART
from inference.lora.words.texts import clauses_about_base, plain, telling, told_of_base, told_of_training
from inference.lora.words.titles import (
    bases_in_checkpoint_name,
    bases_in_tag,
    bases_in_title,
    brands_in_sentence,
    families_claimed,
    families_hinted,
    families_in_text,
    last_part,
    without_asides,
    without_ponies,
)


class Rung(IntEnum):
    """How much a source's word counts; the lowest number most."""

    EXACT = 1  # the training base's SHA-256
    SHORT = 2  # its old hash of eight digits, which a few checkpoints share
    DECLARED = 3
    ID = 4  # a public id of the training base, or what a registry says of a base by its hash or id
    NAME = 5  # the training base's file name, or its lineage among the architecture
    TOLD = 6  # a sidecar or a registry
    TITLE = 7  # what the LoRA calls itself: counts only where the operator wants it to
    TAG = 8  # `[Illustrious] …` in front of the file's name: likewise


class Source(StrEnum):
    """Source of a base model. `RUNGS` ranks them. Operators read the value."""

    SHAPES = "its layers' shapes, which only this base model has"
    TRAINING_BASE = "hash of its training base"
    SHORT_HASH = "short hash of its training base"
    DECLARATION = "declared by an operator"
    BASE_ID = "public id of its training base"
    BASE_TOLD = "its training base, as a registry knows it"
    BASE_NAME = "name of its training base"
    TITLE = "title in its metadata"
    OUTPUT_NAME = "name in its metadata"
    ARCHITECTURE = "architecture in its metadata"
    SIDECAR = "told by its sidecar"
    REGISTRY = "told by a registry"
    MERGED = "what it was merged from, in its metadata"
    TAG = "tag in its file's name"
    COMMENT = "comment in its metadata"
    CONFLICT = "the sources disagree"
    NONE = "not stated by any source"

    @property
    def plainly(self) -> str:
        """What everybody else reads."""
        return PLAINLY[self]

    @property
    def grade(self) -> str:
        """The rung's name in lower case, as `library inspect` tells it."""
        return RUNGS[self].name.lower() if self in RUNGS else "shapes" if self is Source.SHAPES else "none"


PLAINLY: dict[Source, str] = {
    Source.SHAPES: "confirmed by the file itself",
    Source.TRAINING_BASE: "confirmed by the LoRA's training record",
    Source.SHORT_HASH: "recorded during training",
    Source.DECLARATION: "declared by an operator",
    Source.BASE_ID: "identified in the LoRA's training record",
    Source.BASE_TOLD: "identified online from the LoRA's training record",
    Source.BASE_NAME: "named in the LoRA's training record",
    Source.TITLE: "stated in the LoRA's title",
    Source.OUTPUT_NAME: "stated in the LoRA's name",
    Source.ARCHITECTURE: "recorded in the file",
    Source.SIDECAR: "stated in the LoRA's description",
    Source.REGISTRY: "stated on the LoRA's web page",
    Source.MERGED: "stated in the names of the merged models",
    Source.TAG: "stated in the file name",
    Source.COMMENT: "stated in a comment in the file",
    Source.CONFLICT: "the sources disagree",
    Source.NONE: "not stated by any source",
}

RUNGS: dict[Source, Rung] = {
    Source.TRAINING_BASE: Rung.EXACT,
    Source.SHORT_HASH: Rung.SHORT,
    Source.DECLARATION: Rung.DECLARED,
    Source.BASE_ID: Rung.ID,
    Source.BASE_TOLD: Rung.ID,
    Source.BASE_NAME: Rung.NAME,
    Source.ARCHITECTURE: Rung.NAME,
    Source.SIDECAR: Rung.TOLD,
    Source.REGISTRY: Rung.TOLD,
    Source.TITLE: Rung.TITLE,
    Source.OUTPUT_NAME: Rung.TITLE,
    Source.MERGED: Rung.TITLE,
    Source.TAG: Rung.TAG,
    Source.COMMENT: Rung.TITLE,
}
# What the trainer recorded of the training base.
RECORDED = frozenset(
    {
        Source.TRAINING_BASE,
        Source.SHORT_HASH,
        Source.BASE_ID,
        Source.BASE_TOLD,
        Source.BASE_NAME,
        Source.ARCHITECTURE,
    }
)
# What leads to one published or installed checkpoint; the others are words that anybody may choose.
HASHES = frozenset({Source.TRAINING_BASE, Source.SHORT_HASH})
IDENTITIES = HASHES | {Source.BASE_ID}
OWN_NAMES = frozenset({Source.TITLE, Source.OUTPUT_NAME, Source.MERGED, Source.TAG})
PAGES = frozenset({Source.SIDECAR, Source.REGISTRY})
# NoobAI grew from Illustrious, and authors test LoRAs of the one on the other.
_TESTED_ON = frozenset({BaseModelId("sdxl/illustrious"), BaseModelId("sdxl/noobai")})


@dataclass(frozen=True)
class Testimony:
    """One source's word."""

    source: Source
    says: BaseModelId


@dataclass(frozen=True)
class Evidence:
    """The base model (None: unknown, and so refused), the source that decided, and what spoke against it.

    Facts beside it: `few_steps`, whether the file is a few-step LoRA; `prediction`, what it learnt to predict;
    `allowed_on`, further base models on which the operator lets this file go; `names`, what it calls itself and others
    call it; `texts`, all that comes with it and may name a model; and `days`, on which it was trained or published.
    """

    base_model: BaseModelId | None
    source: Source
    contradictions: tuple[str, ...] = ()
    testimonies: tuple[Testimony, ...] = ()
    few_steps: FewSteps = NOT_FEW
    prediction: PredictionEvidence = NO_PREDICTION
    allowed_on: tuple[BaseModelId, ...] = ()
    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    days: tuple[date, ...] = ()


def judge(
    sha256: str, metadata: Mapping[str, str], sidecar: Sidecar, known: Knowledge, *, file_name: str = ""
) -> Evidence:
    """Climb the ladders for the file with this `sha256`; `metadata` is what `evidence_in` kept. A tag stands in its
    `file_name`."""
    judged = _judge_base_model(sha256, metadata, sidecar, known, file_name=file_name)
    tags = [] if judged.source in RECORDED else sidecar.all_of(sha256)  # a page's tags say nothing against a record
    filed = [", ".join(each.tags) for each in tags if each.tags]
    return replace(
        judged,
        prediction=judge_prediction(sha256, metadata, sidecar, known, file_name=file_name),
        allowed_on=known.allowed_on.get(sha256, ()),
        names=(*_names(sha256, metadata, sidecar, known, file_name), *map(plain, filed)),
        texts=(*texts(metadata), *_texts_beside(sha256, sidecar), *(tag for each in tags for tag in each.page_tags)),
        days=tuple(filter(None, (trained_on_day(metadata), *(each.published for each in sidecar.all_of(sha256))))),
    )


def _judge_base_model(
    sha256: str, metadata: Mapping[str, str], sidecar: Sidecar, known: Knowledge, *, file_name: str
) -> Evidence:
    said = collect_testimonies(sha256, metadata, sidecar, known, file_name=file_name)
    declaration = known.declarations.get(sha256)
    counting = [each for each in said if _counts(each.source, metadata, known)]
    deciding = _deciding(counting, declaration)
    words = _Words.of(sha256, metadata, sidecar, known, file_name)
    disputed = deciding and _disputed(deciding[0].source, metadata, said, known, words)
    void = _void_sidecar(sha256, sidecar)
    mixture = [each for each in said if each.source is Source.MERGED]
    declared = declaration and [each for each in deciding if each.says == declaration.base_model]
    if len(mixture) > 1 and not declared:
        return Evidence(None, Source.CONFLICT, _told_by([*deciding, *mixture]) + void, said)
    if not deciding:
        return Evidence(None, Source.NONE, void + _open_answers(known.answers.get(sha256, ())), said)
    if disputed or len({each.says for each in deciding}) > 1:
        both = _told_by([*deciding, *(disputed or ())])
        return Evidence(None, Source.CONFLICT, both + void, said)
    source, base_model = deciding[0].source, deciding[0].says
    against = _told_by(each for each in said if each.says != base_model)
    return Evidence(base_model, source, against + void, said)


def _told_by(said: Iterable[Testimony]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{each.source.value}: {each.says}" for each in said))


def _counts(source: Source, metadata: Mapping[str, str], known: Knowledge) -> bool:
    """Whether a source may decide; any may speak against what does.

    The LoRA's own names never where its training base is named, known to us or not. The short hash never beside a
    SHA-256, which would be known too if it were the same file: it covers 64 KiB, in SDXL's files of a text encoder's
    embeddings, which models share whose makers trained the denoiser alone.
    """
    if source is Source.MERGED and not all(map(_part_bases, merged_names(metadata))):
        return False  # a part that tells nothing may be of any family
    if source in OWN_NAMES:
        return known.trust_tags and not base_names(metadata)
    return source is not Source.SHORT_HASH or recorded_hash(metadata) is None


def _deciding(said: list[Testimony], declaration: Declaration | None) -> list[Testimony]:
    """Those on the highest rung that speaks. A forced declaration stands above even an exact hash."""
    forced = [each for each in said if each.source is Source.DECLARATION]
    if forced and declaration is not None and declaration.force:
        return forced
    highest = min((RUNGS[each.source] for each in said), default=None)
    return [each for each in said if RUNGS[each.source] is highest]


def _disputed(
    source: Source, metadata: Mapping[str, str], said: Iterable[Testimony], known: Knowledge, words: _Words
) -> list[Testimony]:
    """What speaks against `source` and weighs as much: one of the two is wrong, and nobody knows which.

    A page, a sidecar or the LoRA's own name falls by what the file calls itself, even by a word that could not decide.
    The hash of an installed checkpoint, which its operator has declared, stands against names. All else that was
    recorded falls by what else was, by the trainer's own words and by a clear name; a name of the training base falls
    by any word of another base model. An operator who declares the same ends the dispute.
    """
    says = {each.says for each in said if each.source is source}
    declared = {each.says for each in said if each.source is Source.DECLARATION}
    if source in PAGES | OWN_NAMES:
        spoken = [*(each for each in said if each.source in OWN_NAMES), *words.further]
        of_words = [*words.hinted, *words.stated]
        beside = [*words.beside, *(each for each in words.painted if not _tested_on(each.says, says))]
        of_words += beside if says.isdisjoint(each.says for each in beside) else []
        of_words += words.against(says, source)
    elif source not in RECORDED or declared == says:
        return []
    elif recorded_hash(metadata) in known.installed:
        spoken, of_words = [each for each in said if each.source in IDENTITIES], []
    else:
        weighing = RECORDED | {Source.MERGED} | (PAGES | OWN_NAMES if source not in IDENTITIES else set[Source]())
        spoken = [*(each for each in said if each.source in weighing), *words.further]
        of_words = [*words.claimed, *words.stated, *words.against(says, source)]
    records = [each for each in spoken if each.source not in OWN_NAMES]
    # A word for a family means another thing where the layers are of another architecture: a pony on SD 1.5.
    architectures = {base.architecture for base in says}
    of_words += [each for each in spoken if each.source in OWN_NAMES]
    alike = [each for each in of_words if each.says.architecture in architectures]
    return [each for each in dict.fromkeys((*records, *alike)) if each.says not in says]


def _tested_on(painted: BaseModelId, says: set[BaseModelId]) -> bool:
    """Whether authors of LoRAs for the page's base model also test them on the previews' base model."""
    return painted in _TESTED_ON and not says.isdisjoint(_TESTED_ON)


def collect_testimonies(
    sha256: str, metadata: Mapping[str, str], sidecar: Sidecar, known: Knowledge, *, file_name: str = ""
) -> tuple[Testimony, ...]:
    """Everything that says something of the base model, the strongest source first."""
    declaration, answers = known.declarations.get(sha256), known.answers.get(sha256, ())
    names = _told_names(metadata)
    said: list[tuple[Source, set[BaseModelId]]] = [
        (Source.TRAINING_BASE, _by_hash(recorded_hash(metadata), known.installed, FULL_HASHES)),
        (Source.SHORT_HASH, _by_hash(recorded_old_hash(metadata), known.installed, OLD_HASHES)),
        (Source.DECLARATION, {declaration.base_model} if declaration else set()),
        (Source.BASE_ID, _each(_by_id, names)),
        (Source.BASE_TOLD, _told_base(metadata, names, known)),
        (Source.BASE_NAME, _each(bases_in_checkpoint_name, names)),
        (Source.ARCHITECTURE, stated_lineages(metadata)),
        (Source.SIDECAR, _told(sha256, sidecar)),
        (Source.REGISTRY, _told_by_pages(answers)),
        (Source.TITLE, bases_in_title(metadata.get("modelspec.title", ""))),
        (Source.OUTPUT_NAME, bases_in_title(metadata.get("ss_output_name", ""))),
        (Source.MERGED, _each(_part_bases, merged_names(metadata))),
        (Source.TAG, bases_in_tag(file_name)),
    ]
    return tuple(Testimony(source, base) for source, bases in said for base in sorted(bases))


def _part_bases(name: str) -> set[BaseModelId]:
    """The base models that the name of a part of a merge, or its hash, may mean."""
    published = _by_hash(name, {}, FULL_HASHES) | _by_hash(name, {}, OLD_HASHES)
    last = last_part(name)
    return published | _by_id(name) | bases_in_checkpoint_name(last) | bases_in_title(last) | families_hinted(last)


def _further_bases(name: str) -> set[BaseModelId]:
    """The same for a field that may hold the name of an architecture: plain `SDXL 1.0` is one."""
    whole = PurePosixPath(name).suffix in CHECKPOINT_FILES or "/" in name
    return {base for base in _part_bases(name) if whole or base.lineage != "base"}


def _names(
    sha256: str, metadata: Mapping[str, str], sidecar: Sidecar, known: Knowledge, file_name: str
) -> tuple[str, ...]:
    """What the file is called: by itself, by what stands beside it, and by pages."""
    beside = [name for each in sidecar.all_of(sha256) for name in (each.name, each.version, each.file_name)]
    pages = [answer.name for answer in known.answers.get(sha256, ())]
    own = [*own_names(metadata), metadata.get("modelspec.tags"), *comments(metadata), PurePosixPath(file_name).stem]
    names = (name.split(APART) for name in (*own, *beside, *pages) if name)
    return tuple(dict.fromkeys(APART.join(map(plain, parts)) for parts in names))


def _texts_beside(sha256: str, sidecar: Sidecar) -> tuple[str, ...]:
    """All texts beside the file that may name a model."""
    return telling(text for each in sidecar.all_of(sha256) for text in (each.description, *each.texts))


def _versions(sha256: str, sidecar: Sidecar, known: Knowledge) -> list[str]:
    """The names of its version, which tell more than those of a page for several versions."""
    pages = [answer.name.rpartition(" · ")[2] for answer in known.answers.get(sha256, ()) if " · " in answer.name]
    return [*(each.version or "" for each in sidecar.all_of(sha256)), *pages]


@dataclass(frozen=True)
class _Words:
    """Families that words about a file may mean: they prove none, they stand against others.

    `hinted` by its own names, `claimed` where these mean hardly anything else, `stated` by what its trainer recorded,
    `beside` by names that others gave it, `painted` by previews. `further` are base models that other fields of the
    metadata name. `texts` and `texts_beside` are all that come with it, but for `page_tags`. `installed` are the base
    models of installed checkpoints by hash.
    """

    hinted: list[Testimony]
    claimed: list[Testimony]
    stated: list[Testimony]
    beside: list[Testimony]
    painted: list[Testimony]
    further: list[Testimony]
    texts: tuple[str, ...]
    texts_beside: tuple[str, ...]
    page_tags: tuple[str, ...]
    installed: Mapping[str, BaseModelId]

    @classmethod
    def of(cls, sha256: str, metadata: Mapping[str, str], sidecar: Sidecar, known: Knowledge, file_name: str) -> _Words:
        """Read the words in the metadata, in the names of the file, beside it and on its pages."""
        titles = [(Source.TITLE, name) for name in own_names(metadata)]
        kinds = [(Source.ARCHITECTURE, metadata.get(key, "")) for key in ARCHITECTURE_KEYS]
        files = [(Source.TAG, name) for name in (file_name, *(each.file_name or "" for each in sidecar.all_of(sha256)))]
        bases = [(Source.BASE_NAME, last_part(name)) for name in base_names(metadata)]
        further = [(Source.BASE_NAME, name) for name in further_base_names(metadata)]
        told = [(Source.COMMENT, without_asides(text)) for text in comments(metadata)]
        pages = [(Source.REGISTRY, answer.name) for answer in known.answers.get(sha256, ())]
        beside = [
            (Source.SIDECAR, text) for each in sidecar.all_of(sha256) for text in (each.name or "", each.version or "")
        ]
        hint = without_asides(metadata.get("modelspec.usage_hint", ""))
        written = [*written_tags(metadata), metadata.get("modelspec.trigger_phrase", ""), hint]
        tags = [(Source.TITLE, tag) for tag in written]
        filed = [
            (Source.SIDECAR, words) for each in sidecar.all_of(sha256) for words in (*each.trigger_words, *each.tags)
        ]
        previews = (each.previews for each in sidecar.all_of(sha256))
        painted = [Testimony(Source.SIDECAR, base) for base in previews if base is not None]
        return cls(
            [*_told_in(families_hinted, [*titles, *files]), *_told_in(families_claimed, tags)],
            _told_in(families_claimed, titles),
            _told_in(families_hinted, [*bases, *told, *kinds]),
            [*_told_in(families_hinted, [*pages, *beside]), *_told_in(families_claimed, filed)],
            painted,
            _told_in(_further_bases, further),
            texts(metadata),
            (
                *_texts_beside(sha256, sidecar),
                *telling([PurePosixPath(file_name).stem, *_versions(sha256, sidecar, known)]),
            ),
            tuple(tag for each in sidecar.all_of(sha256) for tag in each.page_tags),
            known.installed,
        )

    def against(self, says: set[BaseModelId], source: Source) -> list[Testimony]:
        """Return the families that a text names which does not also name `says`.

        A recorded base falls by clear names, and by any that a sentence of the training names; a public id or a hash
        by none beside the file. Tags of a page stand against none of both. A text that says where another file is
        stands against no page.
        """
        told = [(Source.COMMENT, text) for text in self.texts]
        told += [(Source.SIDECAR, text) for text in self.texts_beside if source not in IDENTITIES]
        told += [(Source.SIDECAR, tag) for tag in self.page_tags if source not in RECORDED]
        of_models = set(without_ponies([text for _, text in told]))
        told = [(which, text) for which, text in told if text in of_models]
        recorded = source in RECORDED
        if not recorded and len(says) == 1:
            of_others = texts_of_other_files([text for _, text in told], *says)
            told = [(which, text) for which, text in told if text not in of_others]
        read = [(which, families_in_text(text, clearly=recorded)) for which, text in told]
        sentences = [(which, each) for which, text in told for each in told_of_training(text)]
        if recorded:
            read += [(which, families_in_text(each, clearly=False)) for which, each in sentences]
        read += [
            (which, families_in_text(each, clearly=False)) for which, text in told for each in clauses_about_base(text)
        ]
        for which, text in told:
            if of_ids := bases_by_id_in_text(text, self.installed):
                read.append((which, of_ids | families_in_text(text, clearly=False)))
        for which, each in ((which, each) for which, text in told for each in told_of_base(text)):
            if brands := brands_in_sentence(each):
                read.append((which, brands | families_in_text(each, clearly=False)))
        against = ((which, families) for which, families in read if families and says.isdisjoint(families))
        return [Testimony(which, each) for which, families in against for each in sorted(families)]


def _told_in(read: Callable[[str], set[BaseModelId]], names: Iterable[tuple[Source, str]]) -> list[Testimony]:
    return [Testimony(source, base) for source, name in names for base in sorted(read(name))]


def _by_hash(
    recorded: str | None, installed: Mapping[str, BaseModelId], published: Mapping[str, BaseModelId]
) -> set[BaseModelId]:
    """An installed checkpoint is known better than a published one: its operator has declared it."""
    found = None if recorded is None else installed.get(recorded) or published.get(recorded)
    return set() if found is None else {found}


def _told_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the training base; none where they differ and one of them tells nothing."""
    names = base_names(metadata)
    return names if len(names) == 1 or all(_by_id(name) | bases_in_checkpoint_name(name) for name in names) else ()


def _each(read: Callable[[str], set[BaseModelId]], names: Iterable[str]) -> set[BaseModelId]:
    return {base for name in names for base in read(name)}


def _by_id(name: str) -> set[BaseModelId]:
    """The base model of a public id, whether it stands alone or as the name of a file in a folder."""
    last = PurePosixPath(name.replace("\\", "/")).name
    version = civitai_version(name)
    by_version = CIVITAI_VERSIONS.get(version) if version is not None else None
    ecosystem = architectures_of(air_ecosystem(name))
    if by_version and ecosystem and by_version.architecture not in ecosystem:
        return set()  # an id of another model
    found = by_version or PIXAI_VERSIONS.get(pixai_version(last) or 0) or repository_base(name)
    return set() if found is None else {found}


def _told_base(metadata: Mapping[str, str], names: Iterable[str], known: Knowledge) -> set[BaseModelId]:
    """What hubs say of the training base, which the metadata name by its SHA-256 or by a hub's own id.

    Only where nothing here knows that base: its uploader's word is worth less than ours.
    """
    recorded = recorded_hash(metadata)
    if recorded is not None and (recorded in known.installed or recorded in FULL_HASHES):
        return set()
    answers = [*known.answers.get(recorded or "", ())]
    for version in training_versions(names):
        answers += known.answers_by_version.get(version, ())
    repositories = (known.repositories.get(each.lower()) for each in training_repositories(names))
    return _told_by_pages(answers) | {base for base in repositories if base is not None}


def _told_by_pages(answers: Iterable[RegistryAnswer]) -> set[BaseModelId]:
    """What all pages say that have the same bytes."""
    return {base for answer in answers if (base := answer.known_base_model) is not None}


def unknown_bases(metadata: Mapping[str, str], known: Mapping[str, BaseModelId]) -> tuple[set[str], set[int]]:
    """The training bases that a registry may explain: those named by SHA-256, and by CivitAI's ids of versions.

    `known` are the installed checkpoints by hash.
    """
    recorded = recorded_hash(metadata)
    hashes = {recorded} - {None, *known, *FULL_HASHES}
    return {hash_ for hash_ in hashes if hash_}, training_versions(_told_names(metadata))


def unknown_repositories(metadata: Mapping[str, str], known: Mapping[str, BaseModelId]) -> set[str]:
    """The repositories that the training base is named by, and about which their hub may be asked; as above."""
    recorded = recorded_hash(metadata)
    return set() if recorded in known or recorded in FULL_HASHES else training_repositories(_told_names(metadata))


def training_repositories(names: Iterable[str]) -> set[str]:
    """Ids of training bases at a hub of repositories that are not known here."""
    ids = {repository_id(name) for name in names if repository_base(name) is None}
    return {each for each in ids if each is not None}


def training_versions(names: Iterable[str]) -> set[int]:
    """CivitAI's ids of training bases that are not known here."""
    ids = set(map(civitai_version, names))
    return {version for version in ids if version is not None and version not in CIVITAI_VERSIONS}


def _told(sha256: str, sidecar: Sidecar) -> set[BaseModelId]:
    """What the sidecar says, and with it what others say of the same bytes."""
    if sidecar.base_model is None or sidecar.sha256 not in {None, sha256}:
        return set()
    return {each.base_model for each in sidecar.all_of(sha256) if each.base_model is not None}


def _void_sidecar(sha256: str, sidecar: Sidecar) -> tuple[str, ...]:
    if sidecar.sha256 in {None, sha256}:
        return ()
    return ("the sidecar is pinned to another file's SHA-256, so its base model does not count",)


def _open_answers(answers: Iterable[RegistryAnswer]) -> tuple[str, ...]:
    """Registries' names for a base model that decide nothing, so that an operator can go by them."""
    names = dict.fromkeys(answer.base_model for answer in answers if answer.base_model and not answer.known_base_model)
    return tuple(f"a registry calls its base model {name!r}, which does not tell the lineage" for name in names)

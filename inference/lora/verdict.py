"""The verdict on a file: whose layers it has, which base model it was trained on, how we know, and what is odd.

Shapes and words are two kinds of evidence. Words (metadata, ids, an operator's declaration) tell the lineage, which
no shape shows; but a base model of an architecture that lacks even one of the file's layers is never believed.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from threading import Lock

from pydantic import BaseModel, ConfigDict

from inference.base_models import LINEAGE_TITLES, OPEN_LINEAGES, Architecture, BaseModelId
from inference.lora.beside.metadata import base_names, ecosystems_in_text, further_base_names, model_types, texts
from inference.lora.evidence import HASHES, OWN_NAMES, PAGES, RECORDED, Evidence, Source
from inference.lora.known.first_releases import EARLY_ACCESS, SLOW_CLOCK, is_older_than
from inference.lora.known.known_bases import is_strange_repository
from inference.lora.tensors.fit import Fit, Grade, fit, overlap
from inference.lora.tensors.formats import USABLE, ModuleTensors, Shaped, modules_of
from inference.lora.tensors.names import Part, read_name
from inference.lora.tensors.suffixes import Role
from inference.lora.tensors.tables import STRANGERS, VARIANTS, title
from inference.lora.words.architecture_words import (
    architectures_of,
    claimed_architectures,
    models_in_sentence,
    quoted_architecture,
    unknown_architectures,
    words_against,
)
from inference.lora.words.file_statements import statements_about_file
from inference.lora.words.mentions import other_models_mentioned
from inference.lora.words.relatives import (
    denies,
    names_no_version,
    plain_model_named,
    relatives_in_text,
    relatives_named,
    unpublished_version_for,
)
from inference.lora.words.texts import tells_of_mistake, told_of_base, told_of_training
from inference.lora.words.titles import families_denied, without_asides

_PROJECTION = re.compile(r"lora_unet_(?:down|mid|up)_block\w+_(attn[12]_to_(?:q|k|v|out_0))")
_PROJECTIONS = 8  # of a block: four for each of its two attentions
UNKNOWN, AMBIGUOUS = "unknown", "ambiguous"

# Makes of an architecture that only one lineage has.
_LINEAGE_OF_MAKE = {
    "chroma": BaseModelId("flux1/chroma"),
    "kolors": BaseModelId("sdxl/kolors"),
    "anima": BaseModelId("anima/base"),
    "cosmos-predict2": BaseModelId("anima/cosmos-predict2"),
}


class Layers(BaseModel):
    """What a file's header tells of its layers; kept by the catalogue, so that an unchanged file is not read again.

    `formats` are those it is written in, `rank` the largest bottleneck; the rest is `fit.Fit`. With a `doubt` the
    shapes alone prove no base model. With a `problem` no part of the file may be used. `quoted` is the name that the
    metadata has for a model without checkpoints.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    formats: tuple[str, ...] = ()
    rank: int | None = None
    modules: int = 0
    base: str | None = None
    grade: Grade = Grade.NONE
    shares: dict[str, float] = {}
    variants: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    doubt: str | None = None
    problem: str | None = None
    quoted: str = ""

    @property
    def fit(self) -> Fit:
        """Whose layers these are, as far as names and shapes tell."""
        return Fit(
            base=self.base,
            grade=self.grade,
            shares=self.shares,
            variants=self.variants,
            candidates=self.candidates,
            covered=self.covered,
            rivals=self.rivals,
            reasons=self.reasons,
        )

    def named(self, metadata: Mapping[str, str]) -> Layers:
        """The same with names for a refusal: if no model has these layers, the stranger that the metadata names."""
        claims, quoted = claimed_architectures(metadata), quoted_architecture(metadata) or ""
        if self.base is not None or self.candidates or len(claims) != 1 or not claims <= STRANGERS.keys():
            return self.model_copy(update={"quoted": quoted})
        (base,) = claims
        reasons = (*self.reasons, f"its metadata says {title(base)}")
        return self.model_copy(update={"base": base, "grade": Grade.MARKER, "reasons": reasons, "quoted": quoted})


def layers_of(tensors: Mapping[str, Shaped]) -> Layers:
    """Read a header's tensors: formats, rank, and the fit to every known base model.

    Only names and shapes count, and files of one trainer share them: the last few structures are remembered.
    """
    return _JUDGED.get(_structure(tensors), lambda: _layers_of(tensors))


def _structure(tensors: Mapping[str, Shaped]) -> bytes:
    """What `layers_of` goes by, all of it and nothing else, as a digest: headers are too large to be kept."""
    listing = repr([(name, *tensor.shape) for name, tensor in tensors.items()])
    return hashlib.sha256(listing.encode(errors="surrogatepass")).digest()


class _Judged:
    """The latest structures and what they mean. Threads share it; two may work out the same one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[bytes, Layers] = OrderedDict()
        self._lock = Lock()

    def get(self, structure: bytes, work_out: Callable[[], Layers]) -> Layers:
        """What is remembered of `structure`, else what `work_out` says."""
        with self._lock:
            if (known := self._known.get(structure)) is not None:
                self._known.move_to_end(structure)
                return known
        layers = work_out()
        with self._lock:
            self._known[structure] = layers
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return layers


_JUDGED = _Judged(most=256)  # of some KiB each


def _layers_of(tensors: Mapping[str, Shaped]) -> Layers:
    modules = modules_of(tensors)
    found = fit(modules)
    return Layers(
        formats=_formats(modules.values()),
        rank=max((module.rank for module in modules.values() if module.rank is not None), default=None),
        modules=len(modules),
        base=found.base,
        grade=found.grade,
        shares={base: round(share, 4) for base, share in found.shares.items()},
        variants=found.variants,
        candidates=found.candidates,
        covered=found.covered,
        rivals=found.rivals,
        reasons=found.reasons,
        doubt=_doubt(modules),
        problem=_problem(modules.values()) or _doubled(modules, found),
    )


def _doubt(modules: Mapping[str, ModuleTensors]) -> str | None:
    """Say why these layers may not be for a model that paints.

    A text encoder is a language model, which people also train for chat. The LoRA of an IP-Adapter FaceID changes the
    projections of attention alone (tencent-ailab/IP-Adapter). It has kohya's names without kohya's alpha.
    """
    if all(read_name(name).part is not Part.DENOISER for name in modules):
        return "it changes a text encoder alone, which other models read with too"
    found = [_PROJECTION.fullmatch(name) for name, module in modules.items() if Role.ALPHA not in module.keys]
    kinds = {match[1] for match in found if match is not None}
    companion = len(found) == len(modules) and None not in found and len(kinds) == _PROJECTIONS
    return "it may be the LoRA of an IP-Adapter FaceID, which paints with that adapter alone" if companion else None


def _formats(modules: Collection[ModuleTensors]) -> tuple[str, ...]:
    """The most frequent first."""
    counts: dict[str, int] = {}
    for module in modules:
        for name in (module.format.value, *(("DoRA",) if module.dora else ())):
            counts[name] = counts.get(name, 0) + 1
    return tuple(sorted(counts, key=lambda name: -counts[name]))


def _problem(modules: Collection[ModuleTensors]) -> str | None:
    if not modules:
        return "the file contains no LoRA weights"
    if strange := [module for module in modules if module.format not in USABLE]:
        kinds = ", ".join(dict.fromkeys(module.format.value for module in strange))
        return f"{strange[0].module} is of a kind that is not painted with ({kinds})"
    broken = next((module for module in modules if module.problem is not None), None)
    return f"of {broken.module}, {broken.problem}" if broken else None


def _doubled(modules: Mapping[str, ModuleTensors], found: Fit) -> str | None:
    """What is wrong with a file that changes a layer under two names, whichever of the makes that fit is meant."""
    doubles = [overlap(variant, modules) for variant in VARIANTS if variant.name in found.variants]
    pair = doubles[0] if doubles and all(doubles) else None
    return f"it changes one layer twice, as {pair[0]} and as {pair[1]}" if pair else None


@dataclass(frozen=True)
class Verdict:
    """What is known of a file. `evidence` has the base model, if any; `fit` has the architecture.

    `reasons` are sentences that lead to it.
    """

    layers: Layers
    fit: Fit
    evidence: Evidence
    reasons: tuple[str, ...]

    @property
    def base_model(self) -> BaseModelId | None:
        """The base model it was trained on; None: unknown, and so used nowhere."""
        return self.evidence.base_model

    @property
    def architecture(self) -> str:
        """The architecture, at whatever grade, or `unknown`, or `ambiguous`."""
        return self.fit.base or (AMBIGUOUS if self.fit.ambiguous else UNKNOWN)

    @property
    def lineage(self) -> str:
        """The lineage, or `unknown`."""
        return self.base_model.lineage if self.base_model else UNKNOWN


def decide(layers: Layers, evidence: Evidence, metadata: Mapping[str, str]) -> Verdict:
    """Bring shapes and words together: words may break ties between shapes, and never overrule them.

    `metadata` is what `evidence_in` kept of the file's.
    """
    found = _tie_broken(layers.fit, evidence, metadata)
    settled = _borne_out(_settle(evidence, found, layers.doubt, metadata), metadata)
    against = _metadata_against(found, claimed_architectures(metadata))
    settled = replace(settled, contradictions=tuple(dict.fromkeys(settled.contradictions + against)))
    return Verdict(layers, found, settled, (*found.reasons, _lineage_reason(settled, found)))


def _tie_broken(found: Fit, evidence: Evidence, metadata: Mapping[str, str]) -> Fit:
    """Which of several bases that fit is meant.

    Words alone break no tie: the file must have all blocks of the base that they name. Where it has those of one base
    only, one word for that base is enough; where of several, what is recorded of the training base must name it and
    the architecture in the metadata agree, which trainers' forks leave in place for other models. No word may name
    another base. An operator's declaration settles a tie.
    """
    if len(found.possible) < 2:
        return found
    said = evidence.base_model.architecture.value if evidence.base_model is not None else None
    if evidence.source is Source.DECLARATION and said in found.candidates:
        return found.settled_on(said)
    claims = claimed_architectures(metadata)
    stated = claims | _recorded(evidence)
    if found.ambiguous:
        borne_out = evidence.source in RECORDED and said in found.covered and said in claims and len(stated) == 1
        return found.settled_on(said) if said is not None and borne_out else found
    if stated & set(found.rivals):
        return found.disputed()
    return found.settled_on(found.base) if found.base in stated else found


def _recorded(evidence: Evidence) -> set[str]:
    """The architectures that records of the training base name, and whatever else decided."""
    said = {each.says for each in evidence.testimonies if each.source in RECORDED}
    decided = {evidence.base_model} if evidence.base_model is not None else set[BaseModelId]()
    return {base.architecture.value for base in said | decided}


def _settle(evidence: Evidence, found: Fit, doubt: str | None, metadata: Mapping[str, str]) -> Evidence:
    """The evidence as far as the shapes let it stand."""
    said = evidence.base_model
    if found.base is None or found.strange:
        return evidence if said is None else _withdrawn(evidence, _why_not_fit(found))
    if found.base in STRANGERS:
        return evidence if said is None else _withdrawn(evidence, f"its layers are {title(found.base)}'s")
    proven = _proven(found)
    if said is None:
        if proven is None or evidence.source is Source.CONFLICT:
            return evidence
        return _by_shapes(evidence, proven, doubt, metadata)
    if said.architecture != found.base:
        withdrawn = _withdrawn(evidence, f"its layers are {title(found.base)}'s")
        if proven is None or evidence.source in {Source.DECLARATION, *RECORDED}:
            return withdrawn
        return _by_shapes(withdrawn, proven, doubt, metadata)  # a misleading page or title proves nothing
    if not _possible(said, found):
        return _withdrawn(evidence, f"{said.label} lacks some of its layers")
    return evidence


def _by_shapes(evidence: Evidence, proven: BaseModelId, doubt: str | None, metadata: Mapping[str, str]) -> Evidence:
    """Return the evidence of the shapes, unless a word of the file names another architecture."""
    if words := words_against(metadata, proven.architecture):
        against = (*map(_named, words), *evidence.contradictions)
        return replace(evidence, base_model=None, source=Source.CONFLICT, contradictions=against)
    if doubt is None:
        return replace(evidence, base_model=proven, source=Source.SHAPES)
    if claimed_architectures(metadata) == frozenset({proven.architecture.value}):
        return replace(evidence, base_model=proven, source=Source.ARCHITECTURE)
    return replace(evidence, contradictions=(doubt, *evidence.contradictions))


def _borne_out(evidence: Evidence, metadata: Mapping[str, str]) -> Evidence:
    """The evidence, unless another word names a relative, or what Easel does not know.

    A hash falls only by the name of the training base, which says what was hashed.
    """
    base, source = evidence.base_model, evidence.source
    if source is Source.DECLARATION:
        return evidence
    words = unknown_architectures(metadata) if base is None else words_against(metadata, base.architecture)
    unknown = (*map(_named, () if source in HASHES else words), *_others_named(evidence, metadata))
    if not unknown:
        return evidence
    if base is None:
        return replace(evidence, contradictions=(*evidence.contradictions, *unknown))
    return _withdrawn(evidence, "; ".join(unknown))


def _others_named(evidence: Evidence, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """What names of the file and of its training base tell of other models than the one decided on."""
    base, source = evidence.base_model, evidence.source
    if base is None:
        return ()
    exact, by_names = source in HASHES, source in PAGES | OWN_NAMES
    trained_on = (*base_names(metadata), *further_base_names(metadata), *model_types(metadata))
    own = () if exact else evidence.names
    against = [
        f"its training base {name[:60]!r} is of no known version"
        for name in trained_on
        if not exact and names_no_version(name)
    ]
    told = (*trained_on, *(each for text in texts(metadata) for each in told_of_training(text)))
    itself = [each for text in evidence.texts for each in statements_about_file(text)] if not exact else []
    for name, hints in (*((name, by_names) for name in (*own, *itself)), *((name, not exact) for name in told)):
        against += [f"{name[:60]!r} names {each}" for each in relatives_named(name, base, hints=hints)]
    if not exact:
        sentences = (each for text in evidence.texts for each in told_of_base(text))
        against += [
            f"{sentence[:60]!r} names {model}" for sentence in sentences for model in _other_models(sentence, base)
        ]
        ecosystems = sorted({each for text in evidence.texts for each in ecosystems_in_text(text)})
        meant = ((each, architectures_of(each)) for each in ecosystems)
        against += [f"an AIR names {each!r}" for each, known in meant if known and base.architecture not in known]
        told = (without_asides(text) for text in evidence.texts)
        named = ((text, relatives_in_text(text, base, hints=by_names)) for text in told)
        against += [f"{text[:60]!r} names {each}" for text, relatives in named for each in relatives]
        against += [
            f"{text[:60]!r} denies {base}"
            for text in evidence.texts
            if base in families_denied(text) or denies(text, base)
        ]
    if by_names or source is Source.BASE_NAME:
        margin = EARLY_ACCESS if by_names else SLOW_CLOCK
        old = (day for day in evidence.days if is_older_than(day, base, margin))
        against += [f"a record of {day:%B %Y} is older than {base}" for day in old]
    if source not in RECORDED:
        versions = [(name, unpublished_version_for(name, base.architecture)) for name in own]
        against += [f"{name[:60]!r} names {each!r}, which is no known version" for name, each in versions if each]
    if by_names:
        mentioned = other_models_mentioned(evidence.texts, base)
        against += [f"{clause[:60]!r} names {each}" for clause, each in mentioned]
        strange = (name for name in base_names(metadata) if _is_strange(name, base))
        against += [f"its training base {name[:60]!r} is not known" for name in strange]
        against += [f"{text[:60]!r} says that a source is wrong" for text in evidence.texts if tells_of_mistake(text)]
        plain = [(name, plain_model_named(name, base)) for name in own]
        plain += [(name, plain_model_named(name, base, first=True)) for name in trained_on]
        against += [f"{name[:60]!r} names {each}" for name, each in plain if each]
    return tuple(dict.fromkeys(against))


def _is_strange(name: str, base: BaseModelId) -> bool:
    """Whether a training base is a hub's repository that says nothing about `base`."""
    if name.strip() == str(base):  # as the demo's trainer records it
        return False
    return is_strange_repository(name) and base.architecture not in architectures_of(name.rpartition("/")[2])


def _other_models(sentence: str, base: BaseModelId) -> list[str]:
    """The models of other architectures, or of no known version, that a sentence about the training names.

    None where the sentence also names one of the architecture of `base`.
    """
    models = models_in_sentence(sentence)
    if any(base.architecture in meant for meant in models.values()):
        return []
    return [title(meant[0]) if meant else f"{model!r}, which is no known version" for model, meant in models.items()]


def _named(word: str) -> str:
    return f"its metadata names the architecture {word!r}"


def _withdrawn(evidence: Evidence, why: str) -> Evidence:
    against = f"{evidence.source.value}: {evidence.base_model}, but {why}"
    return replace(
        evidence, base_model=None, source=Source.CONFLICT, contradictions=(against, *evidence.contradictions)
    )


def _why_not_fit(found: Fit) -> str:
    if found.ambiguous:
        return f"its layers fit {' and '.join(title(base) for base in found.candidates)} alike"
    return "no known model has all of its layers"


def _proven(found: Fit) -> BaseModelId | None:
    """The lineage that the shapes prove: where there is only one, or where only one has this make.

    None while a rival has the same layers.
    """
    if found.rivals:
        return None
    architecture = Architecture(found.base or "")
    makes = {_LINEAGE_OF_MAKE.get(make) for make in found.makes}
    if len(makes) == 1 and (only := makes.pop()) is not None:
        return only
    if architecture in OPEN_LINEAGES or architecture not in LINEAGE_TITLES:
        return BaseModelId(f"{architecture}/base")
    return None


def _possible(said: BaseModelId, found: Fit) -> bool:
    """Whether a make of the architecture that fits may be of this lineage."""
    makes = {_LINEAGE_OF_MAKE.get(make) for make in found.makes}
    return said in makes if said in _LINEAGE_OF_MAKE.values() else None in makes


def _metadata_against(found: Fit, claims: Collection[str]) -> tuple[str, ...]:
    if found.base is None or found.strange:
        return ()
    return tuple(
        f"its metadata says {title(base)}, its layers say {title(found.base)}"
        for base in sorted(claims)
        if base != found.base
    )


def _lineage_reason(evidence: Evidence, found: Fit) -> str:
    if evidence.base_model is not None:
        return f"{evidence.base_model}: {evidence.source.value}"
    if evidence.source is Source.CONFLICT:
        return "its sources contradict each other, so its base model is unknown"
    lineages = LINEAGE_TITLES.get(Architecture(found.base), {}) if found.base in set(Architecture) else {}
    if len(lineages) > 1 and not found.strange:
        return f"nothing says which of these with the same layers it was trained on: {', '.join(lineages.values())}"
    return "nothing says which base model it was trained on"

"""How many LoRAs are known for what they are, by trainer: from their metadata alone, and with what hubs answer.

The table is made up after what trainers are known to write, with merges and private names among the training bases. A
hub knows a training base by its SHA-256 or its own id, and answers with its own name of the base model, which for plain
SDXL tells no lineage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from inference.lora.beside.metadata import base_names, evidence_in, recorded_hash, recorded_old_hash
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import judge
from inference.lora.knowledge import Knowledge
from inference.lora.known.registry import REGISTRY_NAMES, RegistryAnswer
from inference.lora.verdict import decide
from inference.lora.words.architecture_words import stated_lineages
from tests.inference.lora.test_trainers import (
    AI_TOOLKIT,
    FOLDER,
    ONETRAINER,
    OPEN,
    TOLD,
    layers,
    onetrainer,
)
from tests.lies import FLUX_WORDS, SDXL_WORDS

FILE = "a" * 64
NAMES = {base: name for name, base in REGISTRY_NAMES.items()} | {"sdxl/base": "SDXL 1.0"}  # as a hub calls them


def merge(base_file: str, version: int | None = None) -> dict[str, str]:
    """What kohya's scripts record of a merge: its name and both hashes; of one from a hub's trainer the hub's id."""
    if version is not None:
        return SDXL_WORDS | {"ss_sd_model_name": f"{version}.safetensors"}
    whole = sha256(base_file.encode()).hexdigest()
    return SDXL_WORDS | {"ss_sd_model_name": base_file, "ss_new_sd_model_hash": whole, "ss_sd_model_hash": whole[:8]}


# (trainer, true base model, metadata, whether a hub knows the training base)
MERGES: list[tuple[str, str, Mapping[str, str], bool]] = [
    *(("kohya, merge", base, merge(name), True) for base, name in (
        ("sdxl/illustrious", "novaAnimeXL_v80.safetensors"), ("sdxl/illustrious", "prefectMix_v30.safetensors"),
        ("sdxl/illustrious", "obsession_v10.safetensors"), ("sdxl/illustrious", "hassakuXL_v21.safetensors"),
        ("sdxl/pony", "autismmixSDXL_autismmixConfetti.safetensors"), ("sdxl/pony", "cyberrealistic_v85.safetensors"),
        ("sdxl/noobai", "mistoon_v10.safetensors"), ("sdxl/base", "juggernautXL_ragnarok.safetensors"),
        ("sdxl/base", "dreamshaperXL_v21.safetensors"), ("sdxl/base", "realvisxlV50_v50.safetensors"),
    )),
    *(("kohya, private", base, merge(name), False) for base, name in (
        ("sdxl/illustrious", "my_mix_final2.safetensors"), ("sdxl/pony", "base.safetensors"),
    )),
    *(("CivitAI, merge", base, merge("", version), True) for base, version in (
        ("sdxl/illustrious", 1410435), ("sdxl/illustrious", 3459168), ("sdxl/pony", 914390),
        ("sdxl/base", 456194),
    )),
    ("kohya, folder", "sdxl/pony", SDXL_WORDS | FOLDER | {"ss_sd_model_name": "diffusers_out"}, False),
    ("OneTrainer", "sdxl/illustrious", onetrainer("D:/models/janku_v5.safetensors"), False),
]  # fmt: skip
TITLES: list[tuple[str, str, Mapping[str, str]]] = [
    ("kohya, title", "sdxl/illustrious", {"modelspec.title": "komori", "ss_base_model_version": "sdxl_base_v1-0"}),
    ("OneTrainer", "sdxl/pony", ONETRAINER),
    ("ai-toolkit", "sdxl/illustrious", AI_TOOLKIT | {"name": "komori_il"}),
    ("kohya, Flux", "flux1/dev", FLUX_WORDS),
    ("diffusers", "sdxl/noobai", {"format": "pt"}),
]


@dataclass(frozen=True)
class Case:
    """A file: what its trainer wrote, and what its base model is."""

    trainer: str
    base: str
    metadata: Mapping[str, str]
    answers: bool = False  # a hub knows its training base

    @property
    def names_more_than_a_title(self) -> bool:
        """Whether its metadata lead to a training base by anything but what it calls itself."""
        kept = evidence_in(self.metadata)
        found = recorded_hash(kept), recorded_old_hash(kept), *base_names(kept), *stated_lineages(kept)
        return any(found)

    def told(self, answers: Mapping[str, tuple[RegistryAnswer, ...]]) -> str | None:
        """What is said of it."""
        kept = evidence_in(self.metadata)
        return decide(layers(self.base), judge(FILE, kept, Sidecar(), Knowledge(answers=answers)), kept).base_model


CASES = [
    *(Case(*told) for told in (*TOLD, *OPEN, *TITLES)),
    *(Case(trainer, base, metadata, answers) for trainer, base, metadata, answers in MERGES),
]


def answer(sha256_: str, base: str, version: int | None = None) -> dict[str, tuple[RegistryAnswer, ...]]:
    said = RegistryAnswer(
        sha256=sha256_, registry="Civitai", when=datetime.now(UTC), base_model=NAMES[base], version_id=version
    )
    return {sha256_: (said,)}


def of_its_base(case: Case) -> dict[str, tuple[RegistryAnswer, ...]]:
    """What a hub answers about the training base of a file."""
    kept = evidence_in(case.metadata)
    version = case.metadata.get("ss_sd_model_name", "").partition(".")[0]
    if not case.answers:
        return {}
    return answer(recorded_hash(kept) or "b" * 64, case.base, int(version) if version.isdecimal() else None)


def test_nothing_is_told_wrongly_and_most_is_told() -> None:
    right, asked, named = Counter[str](), Counter[str](), Counter[str]()
    wrong: list[tuple[str, str, str]] = []
    for case in CASES:
        alone, with_answers = case.told({}), case.told(of_its_base(case))
        wrong += [(case.trainer, case.base, said) for said in (alone, with_answers) if said not in {None, case.base}]
        if case.names_more_than_a_title:
            named[case.trainer] += 1
            right[case.trainer] += alone is not None
            asked[case.trainer] += with_answers is not None
    assert wrong == []
    figures = {trainer: (named[trainer], right[trainer], asked[trainer]) for trainer in sorted(named)}
    print(
        f"{named.total()} name more than a title, {right.total()} told alone, {asked.total()} with answers: {figures}"
    )
    assert right.total() / named.total() >= 0.6
    assert asked.total() / named.total() >= 0.75


@pytest.mark.parametrize("base", ["sdxl/illustrious", "sdxl/pony", "sdxl/noobai", "flux1/dev"])
def test_a_stripped_file_is_known_by_its_own_hash(base: str) -> None:
    assert Case("stripped", base, {}).told(answer(FILE, base)) == base
    assert Case("stripped", base, {}).told({}) is None


def test_an_answer_that_stands_against_the_metadata_decides_nothing() -> None:
    case = Case("kohya", "sdxl/pony", merge("ponyDiffusionV6XL.safetensors"))
    against = answer(str(recorded_hash(evidence_in(case.metadata))), "sdxl/illustrious")
    assert case.told(against) is None

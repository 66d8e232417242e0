"""The matrix: headers of every base, part, spelling and format are never taken for another base's.

It shows that the bases can be told apart, not how well it goes in the wild: the headers come from the same tables.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import islice

import pytest

from inference.base_models import ARCHITECTURE_TITLES, BaseModelId
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import Evidence, Source, judge
from inference.lora.knowledge import Knowledge
from inference.lora.tensors.fit import Grade
from inference.lora.verdict import Layers, decide, layers_of
from tests.inference.lora.synthetic import Case, cases
from tests.lies import FLUX_HASH, FLUX_WORDS, PONY_BLOCK, PONY_HASH, SD1_WORDS, SD2_WORDS, SDXL_WORDS

EVERY = 47  # a prime, so that every base, subset and format is met


@cache
def judged() -> list[tuple[Case, Layers]]:
    return [(case, layers_of(case.tensors)) for case in islice(cases(ranks=(4,)), 0, None, EVERY)]


def test_no_header_is_taken_for_another_base() -> None:
    wrong = [(case.label, found.base) for case, found in judged() if found.base not in {None, case.base}]
    assert wrong == []


def test_where_the_base_is_not_told_the_right_one_is_among_the_candidates() -> None:
    lost = [case.label for case, found in judged() if found.base is None and case.base not in found.candidates]
    assert lost == []


def test_most_are_told() -> None:
    counts = Counter(found.base is not None for _, found in judged())
    # SD 1 and 2, SD 3 and 3.5 Medium, Sana and its video model share most of their layers
    assert counts[True] > 4 * counts[False], counts


def test_only_bases_that_are_ambiguous_by_nature_are_not_told() -> None:
    """All layers of a denoiser always tell, but for SD3, whose layers SD3.5 Medium has as well."""
    whole = [(case, found) for case, found in judged() if " · all · " in case.label and " · ia3 · " not in case.label]
    unsure = {case.base for case, found in whole if found.base is None and " · oft · " not in case.label}
    assert unsure == set()


def test_nothing_is_admitted_on_another_architecture_whatever_is_said() -> None:
    for case, found in judged():
        for base in ("sdxl/pony", "sd1/base", "flux1/dev", "demo/vivid"):
            said = BaseModelId(base)
            verdict = decide(found, Evidence(said, Source.DECLARATION), {})
            if said.architecture not in {case.base, *found.candidates}:
                assert verdict.base_model is None, case.label
            elif verdict.base_model is not None:
                assert found.grade is Grade.FIT, case.label


LIES = (
    *({"ss_base_model_version": version} for version in (
        "sd_v1", "sd_v2", "sdxl_base_v1-0", "flux1", "medium", "5-medium", "qwen_image", "hunyuan_video",
        "flux_2_klein_4b",
    )),
    {"ss_v2": "True"}, SD1_WORDS, SD2_WORDS, SDXL_WORDS, FLUX_WORDS, PONY_BLOCK,
    {"ss_new_sd_model_hash": PONY_HASH}, {"ss_new_sd_model_hash": FLUX_HASH}, {"ss_output_name": "pony_x"},
    {"ss_sd_model_name": "ponyDiffusionV6XL"}, {"ss_sd_model_name": "runwayml/stable-diffusion-v1-5"},
    {"ss_base_model_version": "5-medium", "modelspec.architecture": "stable-diffusion-3-5-medium/lora"},
    FLUX_WORDS | {"ss_new_sd_model_hash": FLUX_HASH},
)  # fmt: skip


@pytest.mark.parametrize("words", LIES, ids=str)
def test_words_of_another_base_admit_nothing_there(words: dict[str, str]) -> None:
    metadata = evidence_in(words)
    evidence = judge("a" * 64, metadata, Sidecar(), Knowledge())
    for case, found in judged():
        base = decide(found, evidence, metadata).base_model
        assert base is None or base.architecture == case.base, case.label


def test_a_marker_never_admits() -> None:
    for case, found in judged():
        if found.grade is Grade.MARKER and found.base in ARCHITECTURE_TITLES:
            said = Evidence(BaseModelId("sdxl/base"), Source.TRAINING_BASE)
            assert decide(found, said, {}).base_model is None, case.label


@pytest.mark.parametrize(
    ("said", "metadata", "base"),
    [
        (None, {}, None),
        (None, {"ss_base_model_version": "sd_v1"}, None),
        (None, {"ss_base_model_version": "sd_v1", "modelspec.architecture": "stable-diffusion-v1/lora"}, None),
        (None, {"ss_v2": "True"}, None),
        ("sd1/base", {}, "sd1/base"),
        (None, {"modelspec.architecture": "stable-diffusion-v1/lora", "ss_base_model_version": "sd_v2"}, None),
        ("sd1/my-merge", {"ss_base_model_version": "sd_v2"}, "sd1/my-merge"),
        ("sdxl/pony", {}, None),
    ],
)
def test_a_tie_is_broken_by_what_is_said(said: str | None, metadata: dict[str, str], base: str | None) -> None:
    tie = next(found for case, found in judged() if found.candidates == ("sd1", "sd2") and found.problem is None)
    evidence = Evidence(BaseModelId(said), Source.DECLARATION) if said else Evidence(None, Source.NONE)
    assert decide(tie, evidence, metadata).base_model == base

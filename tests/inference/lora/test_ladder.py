"""The ladder's other rungs: ids, names, titles, tags; and two sources of one rung that contradict each other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.declarations import Declaration
from inference.lora.beside.metadata import civitai_version, trigger_words
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import RUNGS, Evidence, Source, judge
from inference.lora.knowledge import Knowledge
from inference.lora.known.known_bases import CIVITAI_VERSIONS, FULL_HASHES, OLD_HASHES, repository_base
from inference.lora.known.registry import RegistryAnswer
from inference.lora.words.architecture_words import claimed_architectures

FILE = "a" * 64
PONY, ILLUSTRIOUS = BaseModelId("sdxl/pony"), BaseModelId("sdxl/illustrious")
PONY_HASH = "67ab2fd8ec439a89b3fedb15cc65f54336af163c7eb5e4f2acc98f090a29b0b3"


def judged(metadata: dict[str, str], **more: object) -> Evidence:
    name = str(more.pop("file_name", ""))
    return judge(FILE, metadata, Sidecar(), Knowledge(**more), file_name=name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metadata", "base", "source"),
    [
        ({"ss_new_sd_model_hash": PONY_HASH}, "sdxl/pony", Source.TRAINING_BASE),
        ({"ss_sd_model_hash": "e577480d"}, "sdxl/pony", Source.SHORT_HASH),
        ({"ss_sd_model_name": "290640.safetensors"}, "sdxl/pony", Source.BASE_ID),
        ({"ss_sd_model_name": "889818"}, "sdxl/illustrious", Source.BASE_ID),
        ({"ss_sd_model_name": "urn:air:sdxl:checkpoint:civitai:795765@889818"}, "sdxl/illustrious", Source.BASE_ID),
        ({"ss_sd_model_name": "Laxhar/noobai-XL-1.1"}, "sdxl/noobai", Source.BASE_ID),
        ({"ss_sd_model_name": "OnomaAIResearch/Illustrious-xl-early-release-v0"}, "sdxl/illustrious", Source.BASE_ID),
        ({"ss_sd_model_name": "stabilityai/stable-diffusion-xl-base-1.0"}, "sdxl/base", Source.BASE_ID),
        ({"ss_sd_model_name": "waiNSFWIllustrious_v140.safetensors"}, "sdxl/illustrious", Source.BASE_NAME),
        ({"modelspec.architecture": "Illustrious/lora"}, "sdxl/illustrious", Source.ARCHITECTURE),
        ({"modelspec.architecture": "Chroma1/lora"}, "flux1/chroma", Source.ARCHITECTURE),
        ({"ss_base_model_version": "flux_kontext"}, "flux1/kontext", Source.ARCHITECTURE),
    ],
)
def test_each_rung_speaks(metadata: dict[str, str], base: str, source: Source) -> None:
    evidence = judged(metadata)
    assert (evidence.base_model, evidence.source) == (base, source)


@pytest.mark.parametrize(
    "metadata",
    [
        {"ss_new_sd_model_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"ss_sd_model_hash": "e3b0c442"},
        {"ss_sd_model_hash": "NOFILE"},
        {"ss_sd_model_name": "123456.safetensors"},
        {"ss_sd_model_name": "privateMixXL.safetensors"},
        {"modelspec.architecture": "flux-1-dev/lora", "ss_base_model_version": "flux1"},
        {"modelspec.title": "[Pony] Komori", "ss_output_name": "komori_pony"},
        {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora", "ss_base_model_version": "sdxl_base_v1-0"},
        {"ss_training_comment": "illustrious pony"},
    ],
)
def test_what_tells_no_lineage_tells_none(metadata: dict[str, str]) -> None:
    assert judged(metadata).base_model is None


def page(base_model: str) -> dict[str, tuple[RegistryAnswer, ...]]:
    said = RegistryAnswer(sha256=FILE, registry="Civitai", when=datetime.now(UTC), base_model=base_model, version_id=7)
    return {FILE: (said,)}


@pytest.mark.parametrize(
    "metadata",
    [
        {"ss_output_name": "x_illustriousXL_v01"},
        {"modelspec.title": "[Illustrious] Komori"},
        {"ss_output_name": "chara-il-000010"},
        {"modelspec.title": "komori illustrious"},
        {"modelspec.title": "komori for Pony and Illustrious"},
        {"modelspec.merged_from": "komori_illustriousXL, detail"},
    ],
)
def test_a_page_or_a_sidecar_does_not_beat_the_files_own_title(metadata: dict[str, str]) -> None:
    told = judged(metadata, answers=page("Pony"))
    assert (told.base_model, told.source) == (None, Source.CONFLICT)
    assert any("sdxl/illustrious" in each for each in told.contradictions)
    sidecar = judge(FILE, metadata, Sidecar(base_model=PONY), Knowledge())
    assert (sidecar.base_model, sidecar.source) == (None, Source.CONFLICT)
    assert judged(metadata, answers=page("Pony"), declarations=declared(PONY)).base_model == PONY


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"ss_output_name": "x_ponyXL_v01"},
        {"modelspec.title": "[Pony] Komori"},
        {"ss_output_name": "illustration_villain_v2"},
        {"modelspec.title": "Illustrious (Azur Lane)"},
        {"modelspec.title": "Il Capitano"},
        {"modelspec.merged_from": "komori, detail"},
    ],
)
def test_a_page_decides_where_the_title_says_nothing_else(metadata: dict[str, str]) -> None:
    assert judged(metadata, answers=page("Pony")).base_model == PONY


@pytest.mark.parametrize("name", ["x_illustriousXL_v01.safetensors", "[Illustrious] x.safetensors"])
def test_the_files_own_name_stands_against_a_page_too(name: str) -> None:
    assert judged({}, answers=page("Pony"), file_name=name).source is Source.CONFLICT


@pytest.mark.parametrize(
    "more",
    [{}, {"ss_sd_model_name": "ponyDiffusionV6XL.safetensors"}, {"ss_new_sd_model_hash": PONY_HASH}],
)
def test_a_merge_of_two_families_is_a_mixture_until_an_operator_decides(more: dict[str, str]) -> None:
    metadata = {"modelspec.merged_from": "komori_pony_v1, komori_illustriousXL_v2"} | more
    told = judged(metadata)
    assert (told.base_model, told.source) == (None, Source.CONFLICT)
    assert judged(metadata, declarations=declared(PONY)).base_model == PONY
    assert judged(metadata, declarations=declared(ILLUSTRIOUS, force=True)).base_model == ILLUSTRIOUS


def test_what_a_lora_was_merged_from_decides_only_where_its_own_names_are_trusted() -> None:
    metadata = {"modelspec.merged_from": "komori_pony_v1, detail_pony"}
    assert judged(metadata).base_model is None
    assert judged(metadata, trust_tags=True).source is Source.MERGED
    assert judged({"modelspec.merged_from": "komori_pony_v1, detail"}, trust_tags=True).base_model is None


def test_a_higher_rung_decides_and_the_lower_one_is_kept_as_a_contradiction() -> None:
    evidence = judged({"ss_sd_model_name": "889818.safetensors", "modelspec.title": "Pony farm"})
    assert (evidence.base_model, evidence.source) == (ILLUSTRIOUS, Source.BASE_ID)
    evidence = judged({"ss_sd_model_name": "889818.safetensors", "modelspec.title": "Rainbow pony sky"})
    assert (evidence.base_model, evidence.contradictions) == (ILLUSTRIOUS, ("title in its metadata: sdxl/pony",))


@pytest.mark.parametrize(
    ("metadata", "base", "source"),
    [
        ({"modelspec.title": "[Pony] Komori"}, "sdxl/pony", Source.TITLE),
        ({"ss_output_name": "komori_illustriousXL"}, "sdxl/illustrious", Source.OUTPUT_NAME),
        ({"ss_output_name": "komori_pony", "ss_sd_model_name": "model.safetensors"}, "sdxl/pony", Source.OUTPUT_NAME),
        ({"ss_output_name": "komori_pony", "ss_sd_model_name": "privateMixXL.safetensors"}, None, Source.NONE),
        ({"modelspec.title": "Komori IllustriousXL", "ss_output_name": "komori_pony"}, None, Source.CONFLICT),
        ({"ss_output_name": "not_pony"}, None, Source.NONE),
    ],
)
def test_its_own_names_decide_only_where_they_are_trusted_and_no_base_is_named(
    metadata: dict[str, str], base: str | None, source: Source
) -> None:
    evidence = judged(metadata, trust_tags=True)
    assert (evidence.base_model, evidence.source) == (base, source)
    assert judged(metadata).base_model is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"ss_sd_model_name": "NoobAI-Pony-mix"},
        {"ss_new_sd_model_hash": PONY_HASH, "ss_sd_model_name": "illustriousXL_v01"},
        {"ss_sd_model_hash": "e577480d", "ss_sd_model_name": "889818.safetensors"},
        {"ss_sd_model_name": "ponyXL", "modelspec.architecture": "illustrious/lora"},
        {"ss_sd_model_name": "ponyXL", "modelspec.title": "Komori IllustriousXL"},
    ],
)
def test_records_of_the_training_base_that_differ_leave_it_unknown(metadata: dict[str, str]) -> None:
    evidence = judged(metadata)
    assert (evidence.base_model, evidence.source, len(evidence.contradictions)) == (None, Source.CONFLICT, 2)


def test_an_operator_ends_the_dispute() -> None:
    disputed = {"ss_new_sd_model_hash": PONY_HASH, "ss_sd_model_name": "illustriousXL_v01"}
    assert judged(disputed, declarations=declared(PONY)).base_model == PONY
    assert judged(disputed, declarations=declared(ILLUSTRIOUS)).base_model is None
    assert judged(disputed, declarations=declared(ILLUSTRIOUS, force=True)).base_model == ILLUSTRIOUS


def test_the_hash_of_an_installed_checkpoint_stands_against_its_file_name() -> None:
    metadata = {"ss_new_sd_model_hash": "c" * 64, "ss_sd_model_name": "illustriousXL_v01"}
    assert judged(metadata, installed={"c" * 64: PONY}).base_model == PONY
    assert judged(metadata | {"ss_sd_model_name": "889818"}, installed={"c" * 64: PONY}).base_model is None


def declared(base: BaseModelId, *, force: bool = False) -> dict[str, Declaration]:
    word = Declaration(sha256=FILE, base_model=base, who="me", when=datetime.now(UTC), reason="x", force=force)
    return {FILE: word}


def test_a_declaration_decides_over_all_but_an_exact_hash_and_over_that_when_forced() -> None:
    conflict = {"ss_sd_model_name": "NoobAI-Pony-mix"}
    assert judged(conflict, declarations=declared(ILLUSTRIOUS)).base_model == ILLUSTRIOUS
    exact = {"ss_new_sd_model_hash": PONY_HASH}
    assert judged(exact, declarations=declared(ILLUSTRIOUS)).base_model == PONY
    forced = judged(exact, declarations=declared(ILLUSTRIOUS, force=True))
    assert (forced.base_model, forced.source) == (ILLUSTRIOUS, Source.DECLARATION)
    assert forced.contradictions == ("hash of its training base: sdxl/pony",)


def test_an_installed_checkpoint_is_known_by_both_hashes_and_before_the_published_table() -> None:
    assert judged({"ss_sd_model_hash": "12345678"}, installed={"12345678": PONY}).base_model == PONY
    assert judged({"ss_new_sd_model_hash": PONY_HASH}, installed={PONY_HASH: ILLUSTRIOUS}).base_model == ILLUSTRIOUS


def test_a_tag_in_the_files_name_counts_only_where_the_operator_trusts_tags() -> None:
    name = "[Illustrious] Komori Met.safetensors"
    assert judged({}, file_name=name).base_model is None
    assert judged({}, file_name=name, trust_tags=True).source is Source.TAG
    assert judged({"ss_sd_model_name": "290640"}, file_name=name).contradictions == (
        "tag in its file's name: sdxl/illustrious",
    )


def test_the_tables_hold_what_they_should() -> None:
    assert all(len(digits) == 64 and int(digits, 16) for digits in FULL_HASHES)
    assert all(len(digits) == 8 and int(digits, 16) for digits in OLD_HASHES)
    assert set(RUNGS) == set(Source) - {Source.SHAPES, Source.CONFLICT, Source.NONE}
    assert CIVITAI_VERSIONS[290640] == PONY
    assert repository_base("stabilityai/stable-diffusion-xl-base-1.0-evil") is None


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("290640.safetensors", 290640), ("290640", 290640), ("civitai:257749@290640", 290640), ("290640.ckpt", None),
        ("v290640", None), ("290640_x.safetensors", None), ("12", None), ("", None),
    ],
)  # fmt: skip
def test_a_public_version_is_read_only_from_a_whole_name(name: str, version: int | None) -> None:
    assert civitai_version(name) == version


@pytest.mark.parametrize(
    ("metadata", "architectures"),
    [
        ({"ss_base_model_version": "sdxl_base_v1-0"}, {"sdxl"}),
        ({"ss_base_model_version": "5-large"}, {"sd35l"}),
        ({"ss_v2": "True"}, {"sd2"}),
        ({"ss_v2": "True", "ss_base_model_version": "sd_v1"}, {"sd1"}),
        ({"ss_base_model_version": "sd_1.5", "software": '{"name": "ai-toolkit"}'}, set()),
        ({"ss_base_model_version": "sd_v1", "software": '{"name": "ai-toolkit"}'}, set()),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, {"sd2"}),
        ({"modelspec.architecture": "Flux-1-dev/lora", "ss_base_model_version": "sd_v1"}, {"flux1", "sd1"}),
        ({"modelspec.architecture": "stable-diffusion-xl-v1-refiner"}, {"sdxl-refiner"}),
        ({"modelspec.architecture": ""}, set()),
    ],
)
def test_metadata_names_architectures(metadata: dict[str, str], architectures: set[str]) -> None:
    assert claimed_architectures(metadata) == architectures


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"modelspec.trigger_phrase": "komori, bat ears"}, ("komori", "bat ears")),
        ({"ss_tag_frequency": '{"img": {"cat": 3, "hat": 9}, "2_x": {"cat": 8}}'}, ("cat", "hat")),
        ({"ss_tag_frequency": "{'img': {':d': 3, 'it\\'s': 9}}"}, ("it's", ":d")),
        ({"modelspec.trigger_phrase": "None", "ss_tag_frequency": '{"img": {"a": 1}}'}, ("a",)),
        ({"ss_tag_frequency": '{"3_a girl\'s": {"cat": 3, "it\\"s": 9}}'}, ('it"s', "cat")),
        ({"ss_tag_frequency": "[" * 100_000}, ()),
        ({"ss_tag_frequency": '\\"' * 500_000}, ()),  # no string is closed
        ({"ss_tag_frequency": '{"x": -3, "y": "z", "w": null}'}, ()),
        ({}, ()),
    ],
)
def test_trigger_words_are_the_phrase_or_the_most_frequent_tags(
    metadata: dict[str, str], found: tuple[str, ...]
) -> None:
    assert trigger_words(metadata) == found

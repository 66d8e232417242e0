"""What other programs leave beside a file: read as far as it tells what a sidecar of ours would, and no further."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference.files.hashes import file_sha256
from inference.lora.beside.sidecar import Sidecar, foreign_sidecar, read_sidecar, sidecar_paths
from inference.lora.evidence import Source
from inference.lora.knowledge import Knowledge
from inference.lora.library import scan
from inference.messages.checkpoints import PredictionType
from tests.lora_files import write_lora

INFO = {
    "id": 1, "name": "v1", "baseModel": "Illustrious", "trainedWords": ["komori", "blue dress, hat"],
    "model": {"name": "Somebody's title", "type": "LORA", "tags": ["anime"]}, "description": "<p>An <b>owl</b></p>",
}  # fmt: skip
MANAGED = {
    "file_name": "komori", "model_name": "A title", "base_model": "Pony", "modelDescription": "An owl",
    "tags": ["anime"], "civitai": {"trainedWords": ["komori"]},
}  # fmt: skip
A1111 = {
    "description": "mine",
    "sd version": "SDXL",
    "activation text": "komori, hat",
    "preferred weight": 0.7,
    "notes": "",
}


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    return write_lora(tmp_path / "komori.safetensors")


def leave(lora: Path, suffix: str, told: object) -> None:
    lora.with_suffix(suffix).write_text(told if isinstance(told, str) else json.dumps(told), "utf-8")


def files(*hashes: str) -> dict[str, object]:
    return {"files": [{"name": "x.safetensors", "hashes": {"SHA256": hash_.upper()}} for hash_ in hashes]}


def test_civitai_s_words_and_base_model_are_read_for_the_file_that_they_name(lora: Path) -> None:
    leave(lora, ".civitai.info", {**INFO, **files(file_sha256(lora))})
    told = read_sidecar(lora)
    assert (told.name, told.trigger_words, told.tags) == (None, ("komori", "blue dress, hat"), ("anime",))
    assert (told.base_model, told.sha256, told.description) == ("sdxl/illustrious", file_sha256(lora), "An  owl")
    (found,) = scan(lora.parent, {})
    evidence = found.judge(Knowledge())
    assert (evidence.base_model, evidence.source) == ("sdxl/illustrious", Source.SIDECAR)
    assert found.name == "komori", "a title of somebody's does not name the entry"


@pytest.mark.parametrize("hashes", [("ab" * 32,), (), ("ab" * 32, "cd" * 32)], ids=["other", "none", "several"])
def test_one_of_other_bytes_says_nothing_of_the_base_model(lora: Path, hashes: tuple[str, ...]) -> None:
    leave(lora, ".civitai.info", {**INFO, **files(*hashes)})
    (found,) = scan(lora.parent, {})
    assert found.judge(Knowledge()).base_model is None
    assert found.sidecar.trigger_words == ("komori", "blue dress, hat")


@pytest.mark.parametrize(
    "told",
    [{"name": "v-pred 1.0"}, {"model": {"name": "Komori (vpred)"}}, {"baseModel": "SD 2.1 768"}],
    ids=["version", "model", "base"],
)
def test_the_prediction_type_is_read_for_the_file_that_they_name(lora: Path, told: dict[str, object]) -> None:
    leave(lora, ".civitai.info", {**INFO, **told, **files(file_sha256(lora))})
    assert read_sidecar(lora).prediction is PredictionType.V_PREDICTION
    leave(lora, ".civitai.info", {**INFO, **files(file_sha256(lora))})
    assert read_sidecar(lora).prediction is None
    managed = {"civitai": {"name": "vpred", "model": {"name": "Komori"}}, "sha256": file_sha256(lora)}
    leave(lora, ".metadata.json", {**MANAGED, **managed})
    assert read_sidecar(lora).prediction is PredictionType.V_PREDICTION


def test_lora_manager_s_file_is_read_by_its_hash(lora: Path) -> None:
    leave(lora, ".metadata.json", {**MANAGED, "sha256": file_sha256(lora)})
    leave(lora, ".civitai.info", {**INFO, **files(file_sha256(lora))})
    told = read_sidecar(lora)
    assert (told.base_model, told.trigger_words, told.tags) == ("sdxl/pony", ("komori",), ("anime",))
    leave(lora, ".metadata.json", {**MANAGED, "sha256": "ab" * 32})
    (found,) = scan(lora.parent, {})
    assert found.judge(Knowledge()).base_model is None


def test_a_name_that_leaves_the_lineage_open_says_nothing(lora: Path) -> None:
    leave(lora, ".metadata.json", {**MANAGED, "base_model": "SDXL 1.0", "sha256": file_sha256(lora)})
    assert read_sidecar(lora).base_model is None


def test_a1111_s_file_tells_words_and_weight_over_what_a_hub_says(lora: Path) -> None:
    leave(lora, ".json", A1111)
    told = read_sidecar(lora)
    assert (told.trigger_words, told.recommended_weight, told.base_model) == (("komori, hat",), 0.7, None)
    assert foreign_sidecar(lora) is None, "it is read"
    leave(lora, ".civitai.info", {**INFO, **files(file_sha256(lora))})
    both = read_sidecar(lora)
    assert (both.trigger_words, both.description, both.base_model) == (("komori, hat",), "mine", "sdxl/illustrious")


def test_a_sidecar_of_ours_stands_alone(lora: Path) -> None:
    leave(lora, ".toml", 'name = "Owl"')
    leave(lora, ".civitai.info", {**INFO, **files(file_sha256(lora))})
    told = read_sidecar(lora)
    assert told.model_copy(update={"others": ()}) == Sidecar(name="Owl")


@pytest.mark.parametrize(
    "told",
    [
        "", "[]", "[" * 100_000, '{"a": %s}' % ("9" * 5000), "\x00", "{" + " " * (5 * 2**20),
        {"baseModel": 7, "trainedWords": "x", "model": [], "files": {"a": 1}, "description": {}},
        {"baseModel": "Pony", "trainedWords": ["x" * 5000, None, {"a": 1}], "files": [None, {"hashes": []}]},
    ],
)  # fmt: skip
def test_what_is_not_of_the_form_says_nothing_and_breaks_nothing(lora: Path, told: object) -> None:
    leave(lora, ".civitai.info", told)
    (found,) = scan(lora.parent, {})
    assert found.problem is None and found.judge(Knowledge()).base_model is None


def test_a_change_of_such_a_file_is_noticed(lora: Path) -> None:
    (before,) = scan(lora.parent, {})
    leave(lora, ".civitai.info", {**INFO, **files(file_sha256(lora))})
    (after,) = scan(lora.parent, {before.path: before})
    assert before.stamp != after.stamp and after.sidecar.base_model == "sdxl/illustrious"
    assert sidecar_paths(lora) == [lora.with_suffix(".civitai.info")]


PONY_PICTURE = {
    "meta": {"Model": "ponyDiffusionV6XL_v6StartWithThisOne", "Model hash": "67AB2FD8EC", "prompt": "komori"}
}
BY_ID = {
    "meta": {
        "civitaiResources": [{"type": "checkpoint", "modelVersionId": 290640}, {"type": "lora", "modelVersionId": 1}]
    }
}
BY_RESOURCE = {"meta": {"resources": [{"type": "model", "name": "ponyRealism_V22", "hash": "0"}, {"type": "lora"}]}}
BY_LIST = {"meta": {"models": ["ponyDiffusionV6XL.safetensors"]}}
BY_HASH = {"meta": {"hashes": {"model": "67ab2fd8ec", "vae": "235745af8d"}}}
GRAPH = {
    "prompt": {"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "ponyDiffusionV6XL.safetensors"}}}
}
BY_GRAPH = {"meta": {"comfy": json.dumps(GRAPH)}}
OTHER_HASHES = {"meta": {"hashes": {"vae": "235745af8d"}, "comfy": "{", "models": 7}}
NOOBAI_PICTURE = {"meta": {"Model": "noobaiXLNAIXL_epsilonPred11Version"}}
ILLUSTRIOUS_PICTURE = {"meta": {"Model": "waiNSFWIllustrious_v140"}}
UNKNOWN_PICTURE, NO_WORDS = {"meta": {"Model": "myMerge_v3"}}, {"url": "x", "meta": None}


@pytest.mark.parametrize(
    ("pictures", "stands"),
    [
        ([PONY_PICTURE] * 3, False), ([PONY_PICTURE, BY_ID, BY_RESOURCE, NO_WORDS], False), ([PONY_PICTURE], True),
        ([BY_LIST] * 2, False), ([BY_HASH] * 2, False), ([BY_GRAPH] * 2, False),
        ([BY_LIST, BY_HASH, BY_GRAPH, OTHER_HASHES], False), ([BY_GRAPH, ILLUSTRIOUS_PICTURE], True),
        ([NOOBAI_PICTURE] * 3, True), ([{"meta": {"comfy": "[" * 100_000}}] * 2, True),
        ([PONY_PICTURE, PONY_PICTURE, ILLUSTRIOUS_PICTURE], True),
        ([PONY_PICTURE, PONY_PICTURE, UNKNOWN_PICTURE], True),
        ([ILLUSTRIOUS_PICTURE] * 2, True), ([NO_WORDS] * 3, True),
        ([None, 7, {"meta": {"resources": 7, "Model": {}}}], True),
        ([{"meta": {"resources": ["x"], "civitaiResources": {"a": 1}}}] * 2, True), ({"a": 1}, True),
    ],
)  # fmt: skip
def test_previews_that_all_name_another_base_model_stand_against_a_page(
    lora: Path, pictures: object, stands: bool
) -> None:
    info = {**INFO, "model": {"name": "Komori"}, "images": pictures}
    leave(lora, ".civitai.info", {**info, **files(file_sha256(lora))})
    (found,) = scan(lora.parent, {})
    assert (found.judge(Knowledge()).base_model == "sdxl/illustrious") == stands

"""What a registry says of a file or of its training base: every name that CivitAI has, and how far its word counts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import Source, judge, unknown_bases, unknown_repositories
from inference.lora.knowledge import Knowledge
from inference.lora.known.registry import (
    RegistryAnswer,
    RepositoryAnswer,
    keep_answer,
    named_base_model,
    read_answers,
    read_repositories,
)

FILE, BASE = "f" * 64, "b" * 64

# None: the name leaves the lineage open, or is of a model that is not known here.
NAMES: dict[str, str | None] = {
    "SD 1.4": "sd1/base", "SD 1.5": "sd1/base", "SD 1.5 LCM": "sd1/base", "SD 1.5 Hyper": "sd1/base",
    "SD 2.0": "sd2/base", "SD 2.0 768": "sd2/base", "SD 2.1": "sd2/base", "SD 2.1 768": "sd2/base",
    "SD 2.1 Unclip": "sd2/base",
    "SDXL 0.9": None, "SDXL 1.0": None, "SDXL 1.0 LCM": None, "SDXL Lightning": None, "SDXL Hyper": None,
    "SDXL Turbo": None, "SDXL Distilled": None,
    "Pony": "sdxl/pony", "Illustrious": "sdxl/illustrious", "NoobAI": "sdxl/noobai", "Kolors": "sdxl/kolors",
    "Playground v2": "sdxl/playground",
    "SD 3": "sd3/base", "SD 3.5": None, "SD 3.5 Large": "sd35l/base", "SD 3.5 Large Turbo": "sd35l/base",
    "SD 3.5 Medium": "sd35m/base",
    "Flux.1 D": "flux1/dev", "Flux.1 S": "flux1/schnell", "Flux.1 Krea": "flux1/krea",
    "Flux.1 Kontext": "flux1/kontext", "Flux.2 D": "flux2-dev/base", "Flux.2 Klein 9B": "flux2-klein-9b/base",
    "Flux.2 Klein 9B-base": "flux2-klein-9b/base",
    "Flux.2 Klein 4B": "flux2-klein-4b/base", "Flux.2 Klein 4B-base": "flux2-klein-4b/base", "Chroma": "flux1/chroma",
    "AuraFlow": "auraflow/base", "Pony V7": "auraflow/pony-v7",
    "Qwen": None, "Qwen 2": None, "Qwen 3": None, "ZImageTurbo": "z-image/base",
    "ZImageBase": "z-image/base",
    "Lumina": None, "HiDream": None, "HiDream-O1": None, "Hunyuan 1": None, "PixArt a": "pixart/base",
    "PixArt E": "pixart/base", "Stable Cascade": None, "Anima": "anima/base", "Krea 2": "krea2/base", "Ernie": None,
    "Lens": None, "MageFlow": None, "MAI": None, "Boogu": None, "ODOR": None,
    "Wan Video": "wan/base", "Wan Video 1.3B t2v": "wan/base", "Wan Video 14B i2v 720p": "wan/base",
    "Wan Video 2.2 TI2V-5B": "wan/base", "Hunyuan Video": "hunyuan-video/base", "SVD": None, "SVD XT": None,
    "Mochi": None, "CogVideoX": None, "LTXV": None, "LTXV2": None, "LTXV 2.3": None, "Flux 3 Video": None,
    "Imagen4": None, "Nano Banana": None, "OpenAI": None, "Seedream": None, "Sora 2": None, "Veo 3": None,
    "Ideogram 4.0": None, "Kling": None, "Other": None, "Upscaler": None,
    "": None, "sdxl 1.0": None, "pony": None, "Illustrious ": None, "Illustrious 9": None,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_name_means_its_base_model_or_nothing(name: str) -> None:
    assert named_base_model(name) == NAMES[name]


def test_a_repository_means_the_base_model_that_it_is_known_for() -> None:
    assert named_base_model("OnomaAIResearch/Illustrious-xl-early-release-v0") == "sdxl/illustrious"
    assert named_base_model("stabilityai/stable-diffusion-xl-base-1.0") == "sdxl/base"
    assert named_base_model("somebody/illustrious-merge") is None


def answer(sha256: str, name: str, version_id: int | None = None) -> dict[str, tuple[RegistryAnswer, ...]]:
    told = RegistryAnswer(
        sha256=sha256, registry="civitai.com", when=datetime.now(UTC), base_model=name, version_id=version_id
    )
    return {sha256: (told,)}


def test_what_a_registry_says_of_the_training_base_by_its_hash_decides() -> None:
    metadata = {"ss_new_sd_model_hash": BASE, "ss_sd_model_name": "model.safetensors"}
    evidence = judge(FILE, metadata, Sidecar(), Knowledge(answers=answer(BASE, "Illustrious")))
    assert (evidence.base_model, evidence.source) == ("sdxl/illustrious", Source.BASE_TOLD)


@pytest.mark.parametrize(
    "name", ["2167369.safetensors", "D:\\models\\2167369.safetensors", "urn:air:sdxl:checkpoint:civitai:1@2167369"]
)
def test_and_by_its_own_id(name: str) -> None:
    known = Knowledge(answers=answer(BASE, "Pony", 2167369))
    evidence = judge(FILE, {"ss_sd_model_name": name}, Sidecar(), known)
    assert (evidence.base_model, evidence.source) == ("sdxl/pony", Source.BASE_TOLD)


def test_names_that_say_something_else_dispute_it() -> None:
    metadata = {"ss_new_sd_model_hash": BASE, "ss_sd_model_name": "ponyDiffusionV6XL.safetensors"}
    evidence = judge(FILE, metadata, Sidecar(), Knowledge(answers=answer(BASE, "Illustrious")))
    assert (evidence.base_model, evidence.source) == (None, Source.CONFLICT)


def test_an_answer_about_the_file_itself_says_nothing_of_a_training_base() -> None:
    evidence = judge(FILE, {}, Sidecar(), Knowledge(answers=answer(FILE, "Pony", 2167369)))
    assert (evidence.base_model, evidence.source) == ("sdxl/pony", Source.REGISTRY)


def test_the_file_s_own_page_stands_against_the_training_base() -> None:
    metadata = {"ss_new_sd_model_hash": BASE}
    known = Knowledge(answers=answer(BASE, "Illustrious") | answer(FILE, "Pony"))
    assert judge(FILE, metadata, Sidecar(), known).source is Source.CONFLICT


@pytest.mark.parametrize(("bytes_", "metadata"), [(FILE, {}), (BASE, {"ss_new_sd_model_hash": BASE})])
def test_pages_that_say_unlike_things_of_the_same_bytes_contradict_each_other(
    bytes_: str, metadata: dict[str, str]
) -> None:
    pony, illustrious, open_ = (answer(bytes_, name)[bytes_] for name in ("Pony", "Illustrious", "SDXL 1.0"))
    alike = judge(FILE, metadata, Sidecar(), Knowledge(answers={bytes_: pony + open_ + pony}))
    assert alike.base_model == "sdxl/pony"
    unlike = judge(FILE, metadata, Sidecar(), Knowledge(answers={bytes_: pony + illustrious}))
    assert (unlike.base_model, unlike.source) == (None, Source.CONFLICT)
    assert len(unlike.contradictions) == 2


def test_an_answer_replaces_only_one_of_its_own_origin(tmp_path: Path) -> None:
    pages = [("Pony", "https://a"), ("Illustrious", "https://b"), ("NoobAI", "https://a")]
    for base, page in pages:
        keep_answer(tmp_path, answer(FILE, base)[FILE][0].model_copy(update={"page": page}))
    assert [each.base_model for each in read_answers(tmp_path)[FILE]] == ["NoobAI", "Illustrious"]


def test_a_base_that_is_known_here_is_not_asked_about() -> None:
    metadata = {"ss_new_sd_model_hash": BASE, "ss_sd_model_name": "290640.safetensors"}
    assert unknown_bases(metadata, {}) == ({BASE}, set())
    assert unknown_bases({"ss_sd_model_name": "2167369.safetensors"}, {}) == (set(), {2167369})
    known = judge(FILE, metadata, Sidecar(), Knowledge()).base_model
    assert known == "sdxl/pony"
    assert unknown_bases(metadata, {BASE: known}) == (set(), set())


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Maker/merge", {"Maker/merge"}),
        ("https://huggingface.co/Maker/merge/tree/main", {"Maker/merge"}),
        ("C:\\hub\\models--Maker--merge\\snapshots\\0123", {"Maker/merge"}),
        ("models/merge.safetensors", set[str]()),
        ("/home/ada/models/merge", set[str]()),
        ("../models/merge", set[str]()),
        ("Laxhar/noobai-XL-1.1", set[str]()),  # known here
        ("merge", set[str]()),
    ],
)
def test_repositories_are_asked_about_that_only_their_hub_knows(name: str, asked: set[str]) -> None:
    assert unknown_repositories({"ss_sd_model_name": name}, {}) == asked
    metadata = {"ss_sd_model_name": name, "ss_new_sd_model_hash": BASE}
    assert unknown_repositories(metadata, {BASE: BaseModelId("sdxl/pony")}) == set()


def test_what_a_repository_says_of_itself_decides_unless_a_name_disputes_it() -> None:
    known = Knowledge(repositories={"maker/merge": BaseModelId("sdxl/pony")})
    evidence = judge(FILE, {"ss_sd_model_name": "Maker/merge"}, Sidecar(), known)
    assert (evidence.base_model, evidence.source) == ("sdxl/pony", Source.BASE_TOLD)
    metadata = {"ss_sd_model_name": "Maker/merge", "modelspec.architecture": "illustrious"}
    assert judge(FILE, metadata, Sidecar(), known).source is Source.CONFLICT


def test_the_last_answer_of_a_repository_counts_and_damage_says_nothing(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    for base in ("Laxhar/noobai-XL-1.1", "OnomaAIResearch/Illustrious-xl-early-release-v0"):
        keep_answer(tmp_path, RepositoryAnswer(repository="Maker/merge", when=now, base_model=base))
    with (tmp_path / "registry.jsonl").open("a") as file:
        file.write('{"repository": "Maker/merge"\n{"repository": "../x", "when": 1, "base_model": "a/b"}\n')
    assert read_repositories(tmp_path) == {"maker/merge": "sdxl/illustrious"}
    assert read_answers(tmp_path) == {}

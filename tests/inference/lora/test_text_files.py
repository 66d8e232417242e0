"""Notes, cards and configurations beside a LoRA stand against its page, and never tell its base model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from inference.base_models import BaseModelId
from inference.files.hashes import file_sha256
from inference.lora.beside.sidecar import read_sidecar, sidecar_paths
from inference.lora.knowledge import Knowledge
from inference.lora.library import FoundLora, fingerprint, scan
from inference.messages.checkpoints import PredictionType
from tests.inference.lora.test_other_models_named import WORDS
from tests.lies import denoiser, pairs
from tests.lora_files import safetensors_bytes, write_lora

ILLUSTRIOUS = BaseModelId("sdxl/illustrious")
AI_TOOLKIT = """
job: extension
config:
  name: komori
  process:
  - type: sd_trainer
    datasets:
    - folder_path: /data/pony xl
    model:
      name_or_path: /workspace/ckpt/{}
      is_xl: true
    sample:
      prompts:
      - "score_9, pony xl"
      neg: noobai
"""
KOHYA = '# by hand\npretrained_model_name_or_path = "C:\\\\models\\\\{}"\ndim = 16\nsample_prompts = "pony xl"\n'
CARD = "---\nlicense: other\nbase_model: {}\ntags:\n- lora\nwidget:\n- text: pony xl\n---\n# Komori\n"
CARD_WITH_LIST = "---\nbase_model:\n- {}\n---\n# Komori\n"


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    """A LoRA of SDXL whose page says Illustrious."""
    path = tmp_path / "komori.safetensors"
    path.write_bytes(safetensors_bytes(pairs(denoiser("sdxl", *WORDS["sdxl"]), "lora_unet_"), {}))
    page = {"baseModel": "Illustrious", "files": [{"hashes": {"SHA256": file_sha256(path)}}]}
    path.with_suffix(".civitai.info").write_text(json.dumps(page))
    return path


def look(lora: Path) -> FoundLora:
    return next(found for found in scan(lora.parent, {}) if found.path == lora.name)


def base(lora: Path) -> BaseModelId | None:
    return look(lora).judge(Knowledge()).base_model


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("komori.txt", "Komori v1\r\nBase model: {}\r\nWeight 0.8\r\n"),
        ("komori.txt", "Trained on {}, 12 epochs"),
        ("komori.yaml", AI_TOOLKIT),
        ("komori.yml", "model:\n    pretrained_model_name_or_path: '{}'\n"),
        ("komori.toml", KOHYA),
        ("komori.json", '{{"pretrained_model_name_or_path": "{}", "network_dim": 16, "lr": 0.1}}'),
        ("komori.md", CARD),
        ("komori.md", CARD_WITH_LIST),
        ("komori.md", "# Komori\n\n| Base model | {} |\n\n**Base model:** {}\n"),
        ("README.md", CARD),
    ],
)
def test_a_text_beside_a_lora_stands_against_its_page(lora: Path, name: str, text: str) -> None:
    names = {
        "noobaiXLNAIXL_epsilonPred11Version.safetensors": None, "Laxhar/noobai-XL-1.1": None,
        "autismmixSDXL_autismmixConfetti.safetensors": None, "waiNSFWIllustrious_v140.safetensors": ILLUSTRIOUS,
        "OnomaAIResearch/Illustrious-xl-early-release-v0": ILLUSTRIOUS, "my_private_mix.safetensors": ILLUSTRIOUS,
    }  # fmt: skip
    for trained_on, known in names.items():
        (lora.parent / name).write_text(text.format(trained_on, trained_on), "utf-8")
        assert base(lora) == known, trained_on


@pytest.mark.parametrize("suffix", [".txt", ".md"])
@pytest.mark.parametrize(
    "text",
    [
        "base ckpt hash: 67AB2FD8EC", "Model hash: 67ab2fd8ec", "base model hash: 67ab2fd8ec", "67ab2fd8ec",
        "e577480d", "ss_sd_model_hash: e577480d", "base hash 67ab2fd8ec43", "hash of the checkpoint = 0x67ab2fd8ec",
        "| Base hash | `67AB2FD8` |", "c0ffee0123", "base: c0ffee01",
        "Steps: 2000, Sampler: none, Seed: 4\nBase model hash: 67ab2fd8ec",
    ],
)  # fmt: skip
def test_the_hash_of_a_known_base_stands_against_a_page(lora: Path, suffix: str, text: str) -> None:
    lora.with_suffix(suffix).write_text(f"komori\n{text}\nclip skip 2\n")
    installed = Knowledge(installed={f"c0ffee0123{'0' * 54}": BaseModelId("sdxl/pony")})
    assert look(lora).judge(installed).base_model is None


@pytest.mark.parametrize(
    "text",
    [
        "an owl\nSteps: 28, Sampler: Euler a, CFG scale: 6, Seed: 12345, Model hash: 67ab2fd8ec, Clip skip: 2",
        "Steps: 28\nSampler: Euler a\nSeed: 12345\nModel hash: 67ab2fd8ec\n",
        "base hash 3e15ba0038\nseed 20260303\nhash: deadbeef12",
    ],
)
def test_the_hash_of_what_painted_a_picture_stands_against_nothing(lora: Path, text: str) -> None:
    lora.with_suffix(".txt").write_text(text)
    assert base(lora) == ILLUSTRIOUS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_text_is_read_in_every_encoding_of_unicode(lora: Path, encoding: str) -> None:
    lora.with_suffix(".txt").write_bytes("Komori\nBase model: NoobAI-XL epsilon 1.1\n".encode(encoding))
    assert base(lora) is None


def test_a_text_beside_a_lora_tells_no_base_model(lora: Path) -> None:
    lora.with_suffix(".civitai.info").unlink()
    for suffix in (".txt", ".md", ".yaml"):
        lora.with_suffix(suffix).write_text("base_model: OnomaAIResearch/Illustrious-xl-early-release-v0")
    assert base(lora) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("komori.txt", "Prompt: score_9, pony xl\nnegative prompt: noobai\nTrigger words: pony xl"),
        ("komori.txt", "Works on Illustrious. Weight 0.8. My Little Pony, a pony, a horse."),
        ("komori.yaml", "datasets:\n- path: /data/pony xl\n  caption: pony xl\nmodel: illustriousXL_v01\n"),
        ("komori.yaml", "sample:\n  prompts:\n  - pony xl\n  - noobai\n"),
        ("README.txt", "Trained on Pony."),
        ("komori_v2.txt", "Trained on Pony."),
        ("komori.txt", ""),
    ],
)
def test_prompts_and_texts_of_other_files_stand_against_nothing(lora: Path, name: str, text: str) -> None:
    (lora.parent / name).write_text(text)
    assert base(lora) == ILLUSTRIOUS


def test_the_card_of_a_folder_counts_for_its_only_lora(lora: Path) -> None:
    (lora.parent / "README.md").write_text("Trained on Pony.")
    assert base(lora) is None
    write_lora(lora.with_name("other.safetensors"))
    assert base(lora) == ILLUSTRIOUS and sidecar_paths(lora) == [lora.with_suffix(".civitai.info")]


def test_a_configuration_tells_of_v_prediction(lora: Path) -> None:
    for text, kind in (("zero_terminal_snr: false", None), ("v_parameterization: true", PredictionType.V_PREDICTION)):
        lora.with_suffix(".yaml").write_text(text)
        assert look(lora).judge(Knowledge()).prediction.type is kind


def test_a_change_of_a_text_is_noticed(lora: Path) -> None:
    before = look(lora)
    lora.with_suffix(".txt").write_text("Trained on Pony")
    found = {before.path: before}
    (after,) = scan(lora.parent, found)
    assert after.judge(Knowledge()).base_model is None
    seen = fingerprint(lora.parent)
    os.truncate(lora.with_suffix(".txt"), 3)
    assert fingerprint(lora.parent) != seen


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xfe\x00", b"\x00" * 100_000, b"- " * 200_000, b"a:\n" * 200_000, b" " * 300_000 + b"a: b", b"\xff" * 999],
)
def test_a_text_that_is_none_says_nothing_and_breaks_nothing(lora: Path, raw: bytes) -> None:
    lora.with_suffix(".txt").write_bytes(raw)
    assert base(lora) == ILLUSTRIOUS
    read_sidecar(lora)


STABILITY_MATRIX = {
    "ModelId": 1, "ModelName": "Somebody's title", "ModelDescription": "<p>An <b>owl</b></p>", "Tags": ["anime"],
    "VersionId": 2, "VersionName": "v1.0", "TrainedWords": ["komori", "blue dress, hat"],
}  # fmt: skip


def test_stability_matrix_s_file_is_read_as_civitai_s(lora: Path) -> None:
    about = {**STABILITY_MATRIX, "Hashes": {"SHA256": file_sha256(lora).upper(), "AutoV2": "0" * 10}}
    for name, known in (("Pony", None), ("Illustrious", ILLUSTRIOUS)):
        lora.with_suffix(".cm-info.json").write_text(json.dumps({**about, "BaseModel": name}), "utf-8-sig")
        assert base(lora) == known
    lora.with_suffix(".civitai.info").unlink()
    told = read_sidecar(lora)
    assert (told.base_model, told.sha256) == (ILLUSTRIOUS, file_sha256(lora))
    assert (told.name, told.trigger_words, told.tags) == (None, ("komori", "blue dress, hat"), ("anime",))
    about["Hashes"] = {"SHA256": "ab" * 32}
    lora.with_suffix(".cm-info.json").write_text(json.dumps({**about, "BaseModel": "Illustrious"}))
    assert base(lora) is None

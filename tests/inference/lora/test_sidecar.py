"""Sidecars: TOML or JSON, strict, small, and what is wrong with one is said."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from inference.lora.beside.categories import Category
from inference.lora.beside.sidecar import BadSidecar, Sidecar, foreign_sidecar, read_sidecar, sidecar_path
from tests.growth import STEEPEST, growth

FIELDS = {"name": "Komori", "category": "character", "base_model": "demo/vivid", "trigger_words": ["komori"],
          "recommended_weight": 0.8, "description": "A bat girl."}  # fmt: skip
TOML = """
name = "Komori"
category = "character"
base_model = "demo/vivid"
trigger_words = ["komori"]
recommended_weight = 0.8
description = "A bat girl."
"""


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    return tmp_path / "komori.safetensors"


def test_without_a_sidecar_nothing_is_said(lora: Path) -> None:
    assert read_sidecar(lora) == Sidecar()
    assert sidecar_path(lora) is None


def test_toml_and_json_say_the_same(lora: Path) -> None:
    lora.with_suffix(".json").write_text(json.dumps(FIELDS))
    from_json = read_sidecar(lora)
    lora.with_suffix(".toml").write_text(TOML)
    assert read_sidecar(lora) == from_json
    assert (from_json.category, from_json.recommended_weight) == (Category.CHARACTER, 0.8)


def test_toml_comes_before_json(lora: Path) -> None:
    lora.with_suffix(".json").write_text('{"name": "from JSON"}')
    lora.with_suffix(".toml").write_text('name = "from TOML"')
    assert read_sidecar(lora).name == "from TOML"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"nmae": "x"}', "nmae"), ('{"category": "person"}', "category"), ('{"base_model": "sdxl/nobody"}', "nobody"),
        ('{"name": ""}', "name"), ('{"name": "%s"}' % ("x" * 101), "name"), ('{"sha256": "abc"}', "sha256"),
        ('{"recommended_weight": NaN}', "recommended_weight"), ('{"recommended_weight": 1e999}', "recommended_weight"),
        ('{"recommended_weight": 5}', "recommended_weight"), ('{"trigger_words": "komori"}', "trigger_words"),
        ('{"trigger_words": ["%s"]}' % ("x" * 301), "trigger_words"), ("[]", "komori.json"), ("", "komori.json"),
        ("{", "komori.json"), ("[" * 100_000, "komori.json"), ('{"a": %s}' % ("9" * 5000), "komori.json"),
        ('{"description": "%s"}' % ("x" * 300_000), "256 KiB"), ('{"name": "\\ud800"}', "name"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_sidecar_is_said(lora: Path, text: str, said: str) -> None:
    lora.with_suffix(".json").write_text(text)
    with pytest.raises(BadSidecar, match=said) as problem:
        read_sidecar(lora)
    assert len(str(problem.value)) < 400


@pytest.mark.parametrize(
    "unit",
    ["a.", "a . ", '"a".', "'a'.", "a=1\n", "[a]\n", "[a.a]\n", '"', '\\"', '"\\"', "a", "a ", "[", "{a=", "{a.", "'"],
)
@pytest.mark.parametrize("begin", ["", "[", "x = {", "x = [", 'description = """', "x = "])
def test_reading_takes_time_that_grows_with_the_text_and_no_faster(lora: Path, begin: str, unit: str) -> None:
    def read(text: str) -> None:
        lora.with_suffix(".toml").write_text(text)
        with contextlib.suppress(BadSidecar):
            read_sidecar(lora)

    measured = growth(read, lambda length: (begin + unit * length)[:length])
    assert measured.factor < STEEPEST, measured


def test_a_key_of_many_parts_is_refused_and_a_text_with_many_dots_is_not(lora: Path) -> None:
    dots = ". . . " * 100 + "www.example.com " * 150 + "e.g. " * 50
    lora.with_suffix(".toml").write_text(f'description = "{dots}"')
    assert read_sidecar(lora).description == dots
    lora.with_suffix(".toml").write_text("a." * 64 + "a = 1")
    with pytest.raises(BadSidecar, match="more than 64 parts"):
        read_sidecar(lora)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b'name = "a"\nname = "b"', b"a = " + b"[" * 50_000, b"name = 'x"])
def test_broken_toml_is_said(lora: Path, raw: bytes) -> None:
    lora.with_suffix(".toml").write_bytes(raw)
    with pytest.raises(BadSidecar, match=r"komori\.toml"):
        read_sidecar(lora)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": 1, "modelId": 2, "name": "Komori", "baseModel": "Pony", "trainedWords": [], "files": [], "stats": {}},
        {"pretrained_model_name_or_path": "x", "resolution": 1024, "optimizer_type": "AdamW"},
    ],
)
def test_another_programs_file_is_ignored_and_told(lora: Path, fields: dict[str, object]) -> None:
    lora.with_suffix(".json").write_text(json.dumps(fields))
    assert read_sidecar(lora).model_copy(update={"texts": ()}) == Sidecar()
    assert "komori.json is another program's file" in (foreign_sidecar(lora) or "")


@pytest.mark.parametrize("fields", [FIELDS, {"nmae": "x"}, {"name": "x", "base_model": "sdxl/pony", "notes": "x"}])
def test_a_file_of_ours_is_none_of_another_program(lora: Path, fields: dict[str, object]) -> None:
    lora.with_suffix(".json").write_text(json.dumps(fields))
    assert foreign_sidecar(lora) is None
    assert foreign_sidecar(lora.with_name("other.safetensors")) is None

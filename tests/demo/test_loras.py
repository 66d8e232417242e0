"""The shipped LoRAs work on the base they were trained on, and on the other one they do not."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

import pytest

from inference.demo import CHECKPOINTS, LORAS
from inference.files.hashes import folder_sha256
from tests.demo.painting import FOLDERS, pipeline
from tools.demo.evaluate import effect, lora_prompts
from tools.demo.lessons import LESSONS, Lesson
from tools.demo.paint import apply_lora, paint
from tools.demo.ship import read_metadata

PROMPTS = 8  # on each background or of each shape one


@dataclass(frozen=True)
class Limits:
    """Mean effect that the right base must reach, and that the wrong base must stay below."""

    right: float
    wrong: float


LIMITS = {
    "komori": Limits(right=0.60, wrong=0.45),
    "stripes": Limits(right=12, wrong=5),
    "dots": Limits(right=12, wrong=5),
    "gloss": Limits(right=20, wrong=10),
}
STEMS = [lesson.stem for lesson in LESSONS]


@pytest.fixture(scope="module", params=LESSONS, ids=STEMS)
def lesson(request: pytest.FixtureRequest) -> Lesson:
    return request.param


def _effect(lesson: Lesson, look: str) -> float:
    pipe = pipeline(look)
    applied, there = apply_lora(pipe, LORAS / f"{lesson.stem}.safetensors")
    assert applied == there == 135
    return effect(paint(pipe, lora_prompts(lesson.subject)[:PROMPTS]), lesson.subject, lesson.look)


def test_it_works_on_its_own_base(lesson: Lesson) -> None:
    assert _effect(lesson, lesson.look) > LIMITS[lesson.subject].right


def test_on_the_other_base_it_loads_whole_and_does_nothing_useful(lesson: Lesson) -> None:
    other = next(checkpoint.name for checkpoint in CHECKPOINTS if checkpoint.name != lesson.look)
    assert _effect(lesson, other) < LIMITS[lesson.subject].wrong


def test_its_metadata_names_the_very_bytes_of_its_base(lesson: Lesson) -> None:
    metadata = read_metadata(LORAS / f"{lesson.stem}.safetensors")
    assert metadata["ss_new_sd_model_hash"] == folder_sha256(FOLDERS[lesson.look])
    assert metadata["ss_sd_model_name"] == f"demo/{lesson.look}"
    assert metadata["ss_v_parameterization"] == "True"


def test_its_sidecar_agrees_with_its_metadata(lesson: Lesson) -> None:
    sidecar = tomllib.loads((LORAS / f"{lesson.stem}.toml").read_text())
    metadata = read_metadata(LORAS / f"{lesson.stem}.safetensors")
    assert sidecar["base_model"] == metadata["ss_sd_model_name"]
    assert ", ".join(sidecar["trigger_words"]) == metadata["modelspec.trigger_phrase"]
    assert f"{sidecar['name']} ({sidecar['version']})" == metadata["modelspec.title"]


def test_komori_has_a_version_for_each_base() -> None:
    sidecars = [tomllib.loads(path.read_text()) for path in sorted(LORAS.glob("komori-*.toml"))]
    assert {sidecar["name"] for sidecar in sidecars} == {"Komori"}
    assert {sidecar["base_model"] for sidecar in sidecars} == {"demo/vivid", "demo/pastel"}

"""The operator's word: appended, never rewritten, pinned to bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.base_models import BaseModelId
from inference.lora.beside.declarations import (
    FILE_NAME,
    BadDeclarations,
    Declarations,
    allow_on,
    declare,
    declare_prediction,
    read_declarations,
)
from inference.messages.checkpoints import PredictionType

PONY, NOOB = BaseModelId("sdxl/pony"), BaseModelId("sdxl/noobai")
FILE, OTHER = "a" * 64, "b" * 64


def said(library: Path, sha256: str, base: BaseModelId, reason: str = "I trained it") -> None:
    declare(library, sha256, base, who="me", reason=reason)


def test_without_a_file_nothing_is_declared(tmp_path: Path) -> None:
    assert read_declarations(tmp_path) == Declarations()


def test_a_declaration_is_read_back(tmp_path: Path) -> None:
    made = declare(tmp_path, FILE, PONY, who="me", reason="I trained it")
    assert read_declarations(tmp_path).base_models == {FILE: made}


def test_the_last_word_about_a_file_counts_and_every_word_stays(tmp_path: Path) -> None:
    for base in (PONY, NOOB):
        said(tmp_path, FILE, base)
    said(tmp_path, OTHER, PONY)
    declared = read_declarations(tmp_path).base_models
    assert (declared[FILE].base_model, declared[OTHER].base_model) == (NOOB, PONY)
    assert len((tmp_path / FILE_NAME).read_text("utf-8").splitlines()) == 3


def test_facts_of_different_kinds_leave_each_other_alone(tmp_path: Path) -> None:
    made = declare(tmp_path, FILE, PONY, who="me", reason="x", force=True)
    v = declare_prediction(tmp_path, FILE, PredictionType.V_PREDICTION, who="me", reason="x")
    for base in (PONY, NOOB):
        allow_on(tmp_path, FILE, base, who="me", reason="x")
    assert read_declarations(tmp_path) == Declarations({FILE: made}, {FILE: v}, {FILE: (NOOB, PONY)})
    allow_on(tmp_path, FILE, PONY, who="me", reason="x", withdrawn=True)
    assert read_declarations(tmp_path).allowances == {FILE: (NOOB,)}
    allow_on(tmp_path, FILE, NOOB, who="me", reason="x", withdrawn=True)
    assert read_declarations(tmp_path) == Declarations({FILE: made}, {FILE: v})


def test_the_file_only_grows(tmp_path: Path) -> None:
    said(tmp_path, FILE, PONY)
    before = (tmp_path / FILE_NAME).read_bytes()
    said(tmp_path, FILE, NOOB)
    assert (tmp_path / FILE_NAME).read_bytes().startswith(before)


@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        "{}",
        "[]",
        '{"sha256":"x"}',
        f'{{"sha256":"{FILE}","base_model":"sdxl/nobody"}}',
        f'{{"sha256":"{FILE}","prediction":"w"}}',
        f'{{"sha256":"{FILE}","allowed_on":"sdxl/nobody"}}',
        "\ufeff{}",
        "1" * 9,
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_guessed(tmp_path: Path, line: str) -> None:
    said(tmp_path, FILE, PONY)
    with (tmp_path / FILE_NAME).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(BadDeclarations, match="line 3"):
        read_declarations(tmp_path)


def test_what_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe\0")
    with pytest.raises(BadDeclarations, match="cannot be read"):
        read_declarations(tmp_path)


def test_a_line_that_lost_its_end_does_not_swallow_the_next(tmp_path: Path) -> None:
    said(tmp_path, FILE, PONY)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    said(tmp_path, OTHER, NOOB)
    assert set(read_declarations(tmp_path).base_models) == {FILE, OTHER}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_any_reason_is_kept_as_it_was_given(tmp_path: Path, reason: str) -> None:
    said(tmp_path, FILE, PONY, reason)
    assert read_declarations(tmp_path).base_models[FILE].reason == reason

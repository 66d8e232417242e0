"""The ladder: the first rung that speaks decides, and what speaks against it is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.declarations import Declaration
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import Evidence, Source, judge
from inference.lora.knowledge import Knowledge

ILLUSTRIOUS, NOOB, PONY = (BaseModelId(f"sdxl/{lineage}") for lineage in ("illustrious", "noobai", "pony"))
FILE, OTHER, CHECKPOINT = "a" * 64, "b" * 64, "c" * 64
TRAINED = {"ss_new_sd_model_hash": CHECKPOINT}
INSTALLED = {CHECKPOINT: ILLUSTRIOUS}


def declared(base: BaseModelId, sha256: str = FILE) -> dict[str, Declaration]:
    return {sha256: Declaration(sha256=sha256, base_model=base, who="me", when=datetime.now(UTC), reason="x")}


def judged(
    *,
    metadata: dict[str, str] | None = None,
    sidecar: Sidecar | None = None,
    word: dict[str, Declaration] | None = None,
) -> Evidence:
    return judge(FILE, metadata or {}, sidecar or Sidecar(), Knowledge(word or {}, INSTALLED))


def test_where_nothing_speaks_the_base_model_is_unknown() -> None:
    assert judged() == Evidence(None, Source.NONE)


@pytest.mark.parametrize(
    ("metadata", "sidecar", "word", "base", "source"),
    [
        (TRAINED, Sidecar(base_model=PONY), declared(NOOB), ILLUSTRIOUS, Source.TRAINING_BASE),
        ({}, Sidecar(base_model=PONY), declared(NOOB), NOOB, Source.DECLARATION),
        ({}, Sidecar(base_model=PONY), {}, PONY, Source.SIDECAR),
    ],
)
def test_the_highest_rung_decides(
    metadata: dict[str, str], sidecar: Sidecar, word: dict[str, Declaration], base: BaseModelId, source: Source
) -> None:
    evidence = judged(metadata=metadata, sidecar=sidecar, word=word)
    assert (evidence.base_model, evidence.source) == (base, source)


def test_what_speaks_against_it_is_kept() -> None:
    evidence = judged(metadata=TRAINED, sidecar=Sidecar(base_model=PONY), word=declared(ILLUSTRIOUS))
    assert evidence.contradictions == ("told by its sidecar: sdxl/pony",)


def test_a_declaration_about_other_bytes_counts_for_nothing() -> None:
    assert judged(word=declared(NOOB, OTHER)).base_model is None


def test_a_sidecar_pinned_to_other_bytes_does_not_count_and_that_is_said() -> None:
    evidence = judged(sidecar=Sidecar(base_model=PONY, sha256=OTHER))
    assert evidence.base_model is None
    assert "pinned" in evidence.contradictions[0]


def test_a_sidecar_pinned_to_these_bytes_counts() -> None:
    assert judged(sidecar=Sidecar(base_model=PONY, sha256=FILE)).base_model == PONY


@pytest.mark.parametrize("recorded", [f"0x{CHECKPOINT}", CHECKPOINT.upper()])
def test_a_training_base_is_recognised_however_it_is_written(recorded: str) -> None:
    assert judged(metadata={"ss_new_sd_model_hash": recorded}).base_model == ILLUSTRIOUS


@pytest.mark.parametrize("recorded", ["", "NOFILE", "IsADirectory", "c" * 10, "d" * 64])
def test_a_training_base_that_is_not_installed_says_nothing(recorded: str) -> None:
    assert judged(metadata={"ss_new_sd_model_hash": recorded}).base_model is None


@pytest.mark.parametrize("nothing", ["NOFILE", "nofile", "IsADirectory", "isadirectory", ""])
def test_what_trainers_write_for_no_hash_never_matches(nothing: str) -> None:
    known = Knowledge(installed={nothing.lower(): PONY})
    assert judge(FILE, {"ss_new_sd_model_hash": nothing}, Sidecar(), known).base_model is None

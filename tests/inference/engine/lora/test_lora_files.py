"""The worker judges a file as the catalogue does, on the bytes it loads: by the same evidence beside the library."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inference.base_models import BaseModelId
from inference.engine.lora.lora_files import LoraReader
from inference.files.hashes import file_sha256
from inference.lora.evidence import Evidence, Source
from inference.lora.knowledge import Knowledge
from inference.lora.known.registry import FILE_NAME, RegistryAnswer, keep_answer
from inference.lora.library import scan
from inference.messages.request import LoraUse
from tests.lora_files import write_lora, write_sidecar

TAGGED = "[Pony] Komori.safetensors"


def judged(library: Path, name: str, *, trust_tags: bool = False) -> tuple[Evidence, Evidence]:
    """What the catalogue says of a file, and what the worker says."""
    known = Knowledge.of(library, {}, trust_tags=trust_tags)
    (found,) = (found for found in scan(library, {}) if found.path == name)
    use = LoraUse(sha256=file_sha256(library / name), name="Komori")
    reader = LoraReader(library, {}, max_bytes=2**20, trust_tags=trust_tags)
    return found.judge(known), reader.read(use, name).evidence


def answered(path: Path, base_model: str | None) -> None:
    answer = RegistryAnswer(
        sha256=file_sha256(path), registry="http://127.0.0.1", when=datetime.now(UTC), base_model=base_model
    )
    keep_answer(path.parent, answer)


@pytest.mark.parametrize("trust_tags", [False, True])
def test_a_tag_decides_in_both_or_in_neither(tmp_path: Path, trust_tags: bool) -> None:
    write_lora(tmp_path / TAGGED)
    catalogue, worker = judged(tmp_path, TAGGED, trust_tags=trust_tags)
    assert catalogue == worker
    assert worker.base_model == ("sdxl/pony" if trust_tags else None)


@pytest.mark.skipif(os.name != "posix", reason="links need no right there")
def test_a_link_inside_the_library_is_judged_by_its_own_name_and_sidecar(tmp_path: Path) -> None:
    write_lora(tmp_path / "plain.safetensors")
    (tmp_path / TAGGED).symlink_to(tmp_path / "plain.safetensors")
    catalogue, worker = judged(tmp_path, TAGGED, trust_tags=True)
    assert catalogue == worker and worker.base_model == "sdxl/pony"
    write_sidecar(tmp_path / "plain.safetensors", base_model="sdxl/noobai")
    assert [each.base_model for each in judged(tmp_path, TAGGED)] == [None, None]


def test_what_a_registry_said_counts_in_both(tmp_path: Path) -> None:
    path = write_lora(tmp_path / "a.safetensors")
    answered(path, "Illustrious")
    for evidence in judged(tmp_path, path.name):
        assert (evidence.base_model, evidence.source) == (BaseModelId("sdxl/illustrious"), Source.REGISTRY)
    answered(path, "Pony")  # the last answer counts
    assert {evidence.base_model for evidence in judged(tmp_path, path.name)} == {"sdxl/pony"}
    write_sidecar(path, base_model="sdxl/noobai")  # no better than the registry's word
    assert {evidence.source for evidence in judged(tmp_path, path.name)} == {Source.CONFLICT}


@pytest.mark.parametrize("name", ["SDXL 1.0", "SDXL Turbo", "Other", "pony", "Illustrious 2", None])
def test_a_registrys_name_that_leaves_the_lineage_open_decides_nothing_and_is_told(
    tmp_path: Path, name: str | None
) -> None:
    path = write_lora(tmp_path / "a.safetensors")
    answered(path, name)
    for evidence in judged(tmp_path, path.name):
        assert evidence.base_model is None
        assert evidence.contradictions == (
            (f"a registry calls its base model {name!r}, which does not tell the lineage",) if name else ()
        )


def test_damage_in_what_a_registry_said_is_passed_over(tmp_path: Path) -> None:
    path = write_lora(tmp_path / "a.safetensors")
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write('{"sha256": "cut sho')
    answered(path, "Pony")
    assert {evidence.base_model for evidence in judged(tmp_path, path.name)} == {"sdxl/pony"}
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe")
    assert {evidence.base_model for evidence in judged(tmp_path, path.name)} == {None}

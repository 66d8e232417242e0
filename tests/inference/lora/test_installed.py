"""Hashes of installed checkpoints: by both kinds a LoRA's training base is recognised."""

from __future__ import annotations

import hashlib
from pathlib import Path

from inference.base_models import BaseModelId
from inference.files.hashes import short_hash
from inference.lora.known.installed import installed_hashes
from inference.messages.checkpoints import CheckpointSpec

PONY, ILLUSTRIOUS = BaseModelId("sdxl/pony"), BaseModelId("sdxl/illustrious")


def test_a_short_hash_is_that_of_64_kib_at_1_mib(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    part = bytes(range(256)) * 256
    path.write_bytes(b"x" * 0x100000 + part + b"more")
    assert short_hash(path) == hashlib.sha256(part).hexdigest()[:8]


def test_a_folder_and_a_file_too_small_have_none(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(bytes(0x100000 + 0xFFFF))
    assert (short_hash(path), short_hash(tmp_path)) == (None, None)


def test_checkpoints_are_known_by_both(tmp_path: Path) -> None:
    spec = CheckpointSpec(name="a", source="a", base_model=PONY, sha256="a" * 64, short_hash="12345678")
    assert installed_hashes([spec]) == {"a" * 64: PONY, "12345678": PONY}
    assert installed_hashes([spec.model_copy(update={"sha256": None, "short_hash": None})]) == {}


def test_a_folder_is_known_by_its_own_files_and_by_the_file_it_was_converted_from() -> None:
    spec = CheckpointSpec(name="a", source="a", base_model=PONY, sha256="a" * 64, folder_sha256="b" * 64)
    assert installed_hashes([spec]) == {"a" * 64: PONY, "b" * 64: PONY}


def test_a_short_hash_that_two_base_models_share_tells_nothing() -> None:
    pony = CheckpointSpec(name="a", source="a", base_model=PONY, sha256="a" * 64, short_hash="12345678")
    other = pony.model_copy(update={"base_model": ILLUSTRIOUS, "sha256": "b" * 64})
    assert installed_hashes([pony, other]) == {"a" * 64: PONY, "b" * 64: ILLUSTRIOUS}
    assert installed_hashes([pony, pony]) == {"a" * 64: PONY, "12345678": PONY}

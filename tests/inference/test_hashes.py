"""A file is known by its bytes, a checkpoint folder by its files' names and bytes."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import pytest

from inference.files.hashes import (
    autov2,
    autov3_of,
    checkpoint_sha256,
    file_sha256,
    folder_sha256,
    hashes_of,
    sha256_of,
)
from tests.lora_files import write_lora


def folder(place: Path, **files: str) -> Path:
    for name, text in files.items():
        path = place / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".safetensors").write_text(text)
    return place


def test_a_files_hash_is_that_of_all_its_bytes_wherever_it_was_read_to() -> None:
    file = io.BytesIO(b"x" * 3_000_000)
    file.read(17)
    assert sha256_of(file) == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_a_folder_is_the_same_wherever_it_lies(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", unet__a="1", vae__b="2")
    two = folder(tmp_path / "two", vae__b="2", unet__a="1")
    (two / "README.md").write_text("not part of it")
    assert folder_sha256(one) == folder_sha256(two) == checkpoint_sha256(two)


def test_the_hash_of_a_folder_can_be_written_down(tmp_path: Path) -> None:
    listed = f"unet/a.safetensors\0{hashlib.sha256(b'1').hexdigest()}\n"
    assert folder_sha256(folder(tmp_path, unet__a="1")) == hashlib.sha256(listed.encode()).hexdigest()


@pytest.mark.parametrize("other", [{"unet__a": "2"}, {"vae__a": "1"}, {"unet__b": "1"}, {"unet__a": "1", "b": ""}])
def test_other_bytes_or_names_are_another_folder(tmp_path: Path, other: dict[str, str]) -> None:
    assert folder_sha256(folder(tmp_path / "1", unet__a="1")) != folder_sha256(folder(tmp_path / "2", **other))


def test_the_short_hashes_are_those_of_the_field(tmp_path: Path) -> None:
    path = write_lora(tmp_path / "a.safetensors")
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert autov2(file_sha256(path)) == hashlib.sha256(data).hexdigest()[:10]
    assert autov3_of(data, length) == hashlib.sha256(data[8 + length :]).hexdigest()[:12]


@pytest.mark.parametrize("body", [0, 1, 3000, (4 << 20) - 58, 4 << 20, 9_000_000])
@pytest.mark.parametrize("header", [2, 50, 5 << 20])
def test_both_hashes_of_a_file_come_of_one_reading(body: int, header: int) -> None:
    data = random.Random(body).randbytes(8 + header + body)
    file = io.BytesIO(data)
    assert hashes_of(file, header) == (sha256_of(io.BytesIO(data)), autov3_of(data, header))
    assert file.tell() == len(data)

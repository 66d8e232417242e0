"""The folder through which pictures and states leave workers on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.lora.beside.declarations import FILE_NAME
from inference.messages.spool import attempt_files, state_file
from inference.workers.storage import SpoolFolder, StoredFile


@pytest.fixture
def spool(tmp_path: Path) -> SpoolFolder:
    (tmp_path / "spool").mkdir()
    return SpoolFolder(tmp_path / "spool")


def left(spool: SpoolFolder) -> list[str]:
    return sorted(path.name for path in spool.folder.iterdir())


def test_a_picture_is_moved_and_not_copied(spool: SpoolFolder, tmp_path: Path) -> None:
    spool.put("a.png", b"new")
    file = (spool.folder / "a.png").stat().st_ino
    target = tmp_path / "pictures" / "0" / "a.png"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"old")
    spool.take("a.png", target)
    assert (target.stat().st_ino, target.read_bytes(), left(spool)) == (file, b"new", [])


def test_a_worker_can_name_no_file_outside_of_the_spool(spool: SpoolFolder, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch()
    with pytest.raises(OSError, match="No such file"):
        spool.take("../secret", tmp_path / "taken")
    spool.put("../secret", b"mine")
    spool.delete(["../secret", "../spool", "missing"])
    assert secret.read_bytes() == b"" and left(spool) == []


def test_what_an_attempt_left_is_deleted_and_nothing_else(spool: SpoolFolder) -> None:
    kept = [f"{attempt_files(1, 1)}0.png", f"{attempt_files(1, 11)}0.png", f"{attempt_files(11, 1)}0.png"]
    for name in (*kept, f"{attempt_files(1, 1)}1.png", f"{attempt_files(1, 1)}preview.part", state_file(1)):
        spool.put(name, b"")
    spool.delete_attempt(1, 1, kept[:1])
    assert left(spool) == sorted([*kept, state_file(1)])
    spool.clear({state_file(1)})
    assert left(spool) == [state_file(1)]


def test_a_lora_brings_the_files_that_say_what_it_is(tmp_path: Path) -> None:
    for name in ("deep/bat.safetensors", "deep/bat.toml", "deep/owl.toml", FILE_NAME):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = StoredFile(tmp_path, "deep/bat.safetensors").beside()
    assert {file.name for file in found} == {"deep/bat.toml", FILE_NAME}

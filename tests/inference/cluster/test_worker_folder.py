"""The folders of a worker on a node, as the engine reads them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inference.cluster.files import FileCache, FileRef
from inference.cluster.worker_folder import Manifest, WorkerFolder, delete_dead
from inference.files.hashes import folder_sha256
from inference.lora.library import open_regular, resolve
from inference.messages.spool import state_file


class Folder:
    """A source of pieces: the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.files = {hashlib.sha256(p.read_bytes()).hexdigest(): p for p in folder.rglob("*") if p.is_file()}

    def piece(self, sha256: str, offset: int, size: int) -> bytes:
        return self.files[sha256].read_bytes()[offset : offset + size]


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    folder = tmp_path / "bot"
    (folder / "checkpoint" / "unet").mkdir(parents=True)
    (folder / "checkpoint" / "model_index.json").write_text("{}")
    (folder / "checkpoint" / "unet" / "weights.safetensors").write_bytes(b"weights")
    (folder / "checkpoint" / "README.md").write_text("left out")
    (folder / "people").mkdir()
    (folder / "people" / "alice.safetensors").write_bytes(b"alice")
    return folder


@pytest.fixture
def cache(tmp_path: Path, bot: Path) -> FileCache:
    return FileCache(tmp_path / "node", 10_000, pieces=Folder(bot))


def ref(bot: Path, name: str) -> FileRef:
    data = (bot / name).read_bytes()
    return FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), name=name)


def test_a_lora_lies_in_the_library_with_its_sidecars_and_what_is_known(cache: FileCache, bot: Path) -> None:
    worker = WorkerFolder(cache)
    alice = ref(bot, "people/alice.safetensors")
    name = worker.add_lora(alice, {"alice.toml": b'name = "Alice"'})
    worker.add_known({"declarations.jsonl": b"known"})
    assert Path(name).name == "alice.safetensors"
    with open_regular(resolve(worker.library, name)) as file:
        assert file.read() == b"alice"
    assert (worker.library / name).with_name("alice.toml").read_bytes() == b'name = "Alice"'
    assert (worker.library / "declarations.jsonl").read_bytes() == b"known"


def test_the_sidecar_of_a_later_job_takes_the_place_of_the_earlier_one(cache: FileCache, bot: Path) -> None:
    worker, alice = WorkerFolder(cache), ref(bot, "people/alice.safetensors")
    worker.add_lora(alice, {"alice.toml": b"old", "alice.json": b"{}"})
    renamed = alice.model_copy(update={"name": "people/bob.safetensors"})
    name = worker.add_lora(renamed, {"bob.toml": b"new"})
    folder = (worker.library / name).parent
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "bob.safetensors": b"alice",
        "bob.toml": b"new",
    }
    with pytest.raises(ValueError, match="no name below a folder"):
        worker.add_lora(alice, {"../../alice.toml": b"elsewhere"})


def test_a_checkpoint_folder_is_the_same_on_the_node(cache: FileCache, bot: Path) -> None:
    manifest = Manifest.of(bot / "checkpoint")
    path = WorkerFolder(cache).add_checkpoint(manifest)
    assert folder_sha256(path) == folder_sha256(bot / "checkpoint") == manifest.sha256
    assert not (path / "README.md").exists()


def test_a_checkpoint_file_keeps_its_name(cache: FileCache, bot: Path) -> None:
    manifest = Manifest.of(bot / "people" / "alice.safetensors")
    path = WorkerFolder(cache).add_checkpoint(manifest)
    assert path.name == "alice.safetensors" and path.read_bytes() == b"alice"


def test_what_is_not_used_any_more_can_be_deleted_from_the_cache(cache: FileCache, bot: Path, tmp_path: Path) -> None:
    worker, alice = WorkerFolder(cache), ref(bot, "people/alice.safetensors")
    manifest = Manifest.of(bot / "checkpoint")
    worker.add_lora(alice, {})
    worker.add_checkpoint(manifest)
    assert (cache.folder / "files" / alice.sha256).stat().st_nlink == 2
    worker.remove_lora(alice.sha256)
    worker.remove_checkpoint(manifest.sha256)
    assert {path.stat().st_nlink for path in (cache.folder / "files").iterdir()} == {1}


def test_nothing_is_left_of_a_picture_to_start_from_once_no_job_needs_it(cache: FileCache, bot: Path) -> None:
    worker, other = WorkerFolder(cache), WorkerFolder(cache)
    picture, missing = ref(bot, "people/alice.safetensors"), FileRef(sha256="0" * 64, size=9, name="bob")
    (worker.path / "pictures" / "parts" / f"{missing.sha256}-9").write_bytes(b"alice")  # the rest never came
    for each in (worker, other):
        assert (each.inputs / each.add_input(picture)).read_bytes() == b"alice"
    worker.keep_inputs({picture.sha256})
    assert (worker.inputs / picture.sha256).read_bytes() == b"alice"
    worker.keep_inputs(())
    other._lock.release()  # as the system does when the process is gone
    WorkerFolder(cache)
    assert not [path for path in cache.folder.rglob("*") if path.is_file() and path.read_bytes() == b"alice"]
    worker.add_input(picture)
    worker.close()
    assert not [path for path in cache.folder.rglob("*") if path.is_file() and path.read_bytes() == b"alice"]


def test_what_an_engine_leaves_after_its_dead_worker_was_cleared_away_is_deleted_too(cache: FileCache) -> None:
    """It hears of the death between two steps, and saves its states then."""
    dead, living = WorkerFolder(cache), WorkerFolder(cache)
    dead._lock.release()  # as the system does when the process is gone
    delete_dead(cache.folder)
    assert not dead.path.exists()
    dead.spool.mkdir(parents=True)
    (dead.spool / state_file(1)).write_bytes(b"a state")
    delete_dead(cache.folder)
    assert not dead.path.exists() and living.spool.is_dir()
    assert {path.name for path in living.path.parent.iterdir()} == {
        "sweep",
        living.path.name,
        f"{living.path.name}.lock",
    }


def test_the_folders_of_a_dead_worker_are_deleted_and_those_of_a_living_one_are_not(cache: FileCache) -> None:
    dead, living = WorkerFolder(cache), WorkerFolder(cache)
    dead._lock.release()  # as the system does when the process is gone
    newest = WorkerFolder(cache)
    assert not dead.path.exists() and living.path.exists() and Path(newest.folders.spool).is_dir()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(living.close).result()  # not the thread that made it
    assert {path.name for path in living.path.parent.iterdir()} == {
        "sweep",
        newest.path.name,
        f"{newest.path.name}.lock",
    }

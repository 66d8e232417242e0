"""The folders of one worker on a node: a library, inputs, a spool and checkpoints, filled from the node's cache.

Files in them are links into the cache, which keeps what has a link. Pictures to start from are people's own: they are
in no cache but the worker's, and deleted with their jobs. The folders of a worker that has died are deleted when the
next one starts, or Ray on this machine, or when Ray ends.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field

from inference.cluster.files import FileCache, FileRef, relative_name
from inference.files.hashes import folder_files, sha256_of
from inference.messages.options import Folders
from inference.messages.spool import job_of_file
from inference.watermark.trustmark import trustmark_files

MAX_MANIFEST_FILES = 1000
SWEEP = "sweep"  # the lock of whoever deletes the folders of the dead


class Manifest(BaseModel):
    """The files of a checkpoint, a preview decoder or another model: of one file, or with `folder` of a folder.

    Of a folder it has those that make its identity, the vocabularies of SentencePiece, and TrustMark's weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: bool
    files: Annotated[tuple[FileRef, ...], Field(min_length=1, max_length=MAX_MANIFEST_FILES)]

    @classmethod
    def of(cls, source: Path) -> Manifest:
        """What lies at `source`; it reads every file. Raises OSError, or ValueError for names that nodes refuse."""
        base = source if source.is_dir() else source.parent
        files = (_ref(path, path.relative_to(base).as_posix()) for path in manifest_paths(source))
        return cls(folder=source.is_dir(), files=tuple(files))

    @property
    def sha256(self) -> str:
        """Its identity; of a folder without such vocabularies the one that `folder_sha256` computes."""
        lines = sorted((file.name, file.sha256) for file in self.files)
        return hashlib.sha256("".join(f"{name}\0{digest}\n" for name, digest in lines).encode()).hexdigest()


def manifest_paths(source: Path) -> list[Path]:
    """The files that make a manifest of `source`. Raises OSError."""
    if not source.is_dir():
        return [source]
    return [*folder_files(source), *sorted(source.rglob("*.model")), *trustmark_files(source)]


def _ref(path: Path, name: str) -> FileRef:
    with path.open("rb") as opened:
        sha256 = sha256_of(opened)
        return FileRef(sha256=sha256, size=opened.tell(), name=name)


class WorkerFolder:
    """The folders of the worker that runs in this process. Every method blocks; use one thread for each file."""

    def __init__(self, cache: FileCache) -> None:
        self._cache = cache
        workers = cache.folder / "workers"
        self.path = workers / uuid4().hex
        # The system opens it when this process dies; any of its threads may.
        self._lock = FileLock(workers / f"{self.path.name}.lock", thread_local=False)
        workers.mkdir(exist_ok=True, mode=0o700)
        with FileLock(workers / SWEEP):
            self._lock.acquire()
            _sweep(workers, self.path.name)
        for each in (self.library, self.inputs, self.spool, self.checkpoints):
            each.mkdir(parents=True, mode=0o700)
        self._pictures = cache.within(self.path / "pictures")

    @property
    def library(self) -> Path:
        """The LoRA files of the jobs that are here, each in a folder of its own, and what is known of all."""
        return self.path / "library"

    @property
    def inputs(self) -> Path:
        """Pictures to start from, named by their SHA-256."""
        return self.path / "inputs"

    @property
    def spool(self) -> Path:
        """What the engine leaves."""
        return self.path / "spool"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints, preview decoders and models that check, each in a folder named by its manifest's SHA-256."""
        return self.path / "checkpoints"

    @property
    def folders(self) -> Folders:
        """All of them, as the engine is told; its measured places are kept for every later worker of the node."""
        caps = self._cache.folder / "places.json"
        return Folders(library=str(self.library), spool=str(self.spool), inputs=str(self.inputs), caps=str(caps))

    def add_lora(self, file: FileRef, beside: Mapping[str, bytes]) -> str:
        """Bring a LoRA here; its name below the library. Raises NodeFileError, OSError.

        `beside` are its sidecars by their names.
        """
        name = file.name.rpartition("/")[2]  # counts as evidence, as sidecars do, which go by its stem
        folder = self.library / file.sha256
        self._cache.link(file, folder / name)
        wanted = {name, *beside}
        for path in folder.iterdir():
            if path.name not in wanted and not path.name.startswith("."):
                path.unlink()  # a sidecar that is gone, or the file's earlier name
        for each, data in beside.items():
            _write(folder / relative_name(each), data)
        return f"{file.sha256}/{name}"

    def add_known(self, known: Mapping[str, bytes]) -> None:
        """Bring what is known of all files of the library. Raises OSError, or ValueError for a name that is none."""
        for each, data in known.items():
            _write(self.library / relative_name(each), data)

    def add_input(self, file: FileRef) -> str:
        """Bring a picture to start from; its name below `inputs`. Raises NodeFileError, OSError."""
        self._pictures.link(file, self.inputs / file.sha256)
        return file.sha256

    def add_checkpoint(self, manifest: Manifest) -> Path:
        """Bring a checkpoint here; its file or folder. Raises NodeFileError, OSError."""
        folder = self.checkpoints / manifest.sha256
        for file in manifest.files:
            self._cache.link(file, folder / file.name)
        return self.checkpoint_place(manifest)

    def checkpoint_place(self, manifest: Manifest) -> Path:
        """Where its file or folder is, or will be."""
        folder = self.checkpoints / manifest.sha256
        return folder if manifest.folder else folder / manifest.files[0].name

    def remove_lora(self, sha256: str) -> None:
        """The LoRA is not used any more; it stays in the cache while there is room."""
        shutil.rmtree(self.library / sha256, ignore_errors=True)

    def keep_inputs(self, names: Collection[str]) -> None:
        """Delete all pictures to start from but these, by SHA-256."""
        for path in [path for path in self.inputs.iterdir() if len(path.name) == 64 and path.name not in names]:
            path.unlink(missing_ok=True)
        self._pictures.keep(names)

    def keep_jobs(self, jobs: Collection[int]) -> None:
        """Delete what all jobs but these have left in the spool."""
        for path in [path for path in self.spool.iterdir() if job_of_file(path.name) not in jobs]:
            path.unlink(missing_ok=True)

    def remove_checkpoint(self, sha256: str) -> None:
        """The checkpoint of this manifest is not used any more; it stays in the cache while there is room."""
        shutil.rmtree(self.checkpoints / sha256, ignore_errors=True)

    def close(self) -> None:
        """Delete the folders."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        unfinished = path.with_name(f".{path.name[:100]}.part")
        unfinished.write_bytes(data)
        unfinished.replace(path)


def delete_dead(cache: Path, seconds: float = 0) -> None:
    """Delete the folders of workers that have died; each may take up to `seconds` to die. What cannot be, stays."""
    with suppress(OSError):
        if (workers := cache / "workers").is_dir():
            with FileLock(workers / SWEEP):
                _sweep(workers, "", seconds)


def _sweep(workers: Path, own: str, seconds: float = 0) -> None:
    """Also folders without a lock: an engine that outlives its worker may write into one while it is deleted."""
    for name in {path.name.removesuffix(".lock") for path in workers.iterdir()} - {own, SWEEP}:
        lock = workers / f"{name}.lock"
        try:
            with FileLock(lock, timeout=seconds):
                shutil.rmtree(workers / name, ignore_errors=True)
                lock.unlink(missing_ok=True)
        except Timeout:
            continue

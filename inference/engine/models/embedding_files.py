"""Embeddings kept in files, so that a text that was encoded once needs no text encoder after a restart.

A file is named by the SHA-256 of all that its numbers depend on, and holds a digest of them: one that is damaged, or of
something else, is not found, and the text is encoded anew. Nothing here fails a request.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import torch
import transformers
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from inference.engine.devices.cache import LOOKUPS
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Configure

SUFFIX, UNFINISHED = ".safetensors", ".part"
_FORMAT = "easel embedding 1"  # another one when the same text gets other numbers
_KEPT = 0.9  # of the limit stays when files make room, so that not each new one looks through the folder
_LOOK_EVERY = 32  # files written: other workers write into the folder too
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)  # else Windows changes line ends

log = logging.getLogger(__name__)


def encoder_identity(spec: CheckpointSpec, device: torch.device, dtype: torch.dtype) -> str | None:
    """What the numbers of a checkpoint's text encoders depend on; None where no hash of its files is known."""
    if spec.sha256 is None:
        return None
    versions = f"torch {torch.__version__} transformers {transformers.__version__}"
    return f"{spec.base_model.architecture} {spec.sha256} {spec.folder_sha256} {device.type} {dtype} {versions}"


class EmbeddingFiles:
    """Files in `folder`, of at most `limit` bytes in all; the least recently used make room for new ones.

    Workers may share the folder. Only the account that the program runs under may read the files. How long they stay
    is decided elsewhere, by the time at which they were written: `[retention]` in the settings.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._used, self._unseen = 0, _LOOK_EVERY  # bytes as far as known; files written since the folder was looked at
        self._warned = False

    @classmethod
    def of(cls, config: Configure) -> EmbeddingFiles | None:
        """As a configuration says; None where it wants none."""
        wanted = config.embeddings and config.embedding_file_bytes
        return cls(Path(config.embeddings), config.embedding_file_bytes) if wanted else None

    def read(self, key: str) -> Mapping[str, torch.Tensor] | None:
        """The tensors of `key`, on the host; None when there are none, or they are damaged."""
        path = self._path(key)
        found = _read(path, key)
        LOOKUPS.count("embedding_file", hit=found is not None)
        if found is not None:
            with suppress(OSError):
                os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        return found

    def write(self, key: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep the tensors of `key`, which are on the host. A disk that is full or read-only is told of once."""
        data = save({name: tensor.contiguous() for name, tensor in tensors.items()}, _metadata(key, tensors))
        if len(data) > self._limit:
            return
        try:
            self._write(self._path(key), data)
        except OSError as problem:
            if not self._warned:
                log.warning("cannot save embeddings in files: %s", problem)
            self._warned = True

    def _write(self, path: Path, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._used + len(data) > self._limit or self._unseen >= _LOOK_EVERY:
            self._make_room(len(data))
        unfinished = path.with_suffix(f".{os.getpid()}{UNFINISHED}")
        try:
            with os.fdopen(os.open(unfinished, _NEW, 0o600), "wb") as file:
                file.write(data)
            unfinished.replace(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        self._used, self._unseen = self._used + len(data), self._unseen + 1

    def _make_room(self, size: int) -> None:
        """Remove files, the least recently used first, until one of `size` bytes fits."""
        files = sorted(_files(self._folder))
        self._used, self._unseen = sum(each for _, each, _ in files), 0
        if self._used + size <= self._limit:
            return
        for _, each, path in files:
            if self._used + size <= self._limit * _KEPT:
                return
            path.unlink(missing_ok=True)
            self._used -= each

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(f'{_FORMAT} {key}'.encode()).hexdigest()}{SUFFIX}"


def _files(folder: Path) -> list[tuple[int, int, Path]]:
    """When each file was used last, its size and its path."""
    found: list[tuple[int, int, Path]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another worker made room
                stat = entry.stat(follow_symlinks=False)
                found.append((max(stat.st_atime_ns, stat.st_mtime_ns), stat.st_size, Path(entry.path)))
    return found


def _read(path: Path, key: str) -> Mapping[str, torch.Tensor] | None:
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, ValueError):
        return None
    return tensors if metadata == _metadata(key, tensors) else None


def _metadata(key: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """What a file says beside its tensors: the text is not in it, in words."""
    digest = hashlib.sha256(json.dumps([_FORMAT, key]).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return {"digest": digest.hexdigest()}

"""A cache of LoRAs in host memory, least recently used ones dropped first, up to a limit of bytes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

from inference.engine.devices.cache import ByteCache, KeyLocks, memory_of
from inference.engine.lora.folding import LayerChange, ModuleKey
from inference.engine.lora.lora_files import LoraFile
from inference.engine.lora.normalise import normalise
from inference.engine.models.checkpoints import Checkpoint
from inference.messages.request import LoraUse

Changes = Mapping[ModuleKey, LayerChange]


class LoraSource(Protocol):
    """A source of LoRAs: the library on disk, or memory."""

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        """The LoRA of `use`, judged now. `kept` is an earlier reading of the same bytes.

        Raises LoraFileChanged or LoraFileRefused.
        """
        ...


class LoraCache:
    """Caches files as read, and their changes for the loaded checkpoint. Thread-safe."""

    def __init__(self, source: LoraSource, limit: int, dense_limit: int) -> None:
        self._source = source
        self._dense_limit = dense_limit
        self._lock = threading.Lock()
        # Separate locks: a joining request may need the changes of a file that a slow disk is reading again.
        self._read_locks, self._change_locks = KeyLocks[str](), KeyLocks[tuple[str, int]]()
        self._files: ByteCache[str, LoraFile] = ByteCache(limit // 2, _file_bytes, "lora_file")
        self._changes: ByteCache[tuple[str, int], Changes] = ByteCache(limit // 2, _change_bytes, "lora_layers")

    @property
    def nbytes(self) -> int:
        """Bytes of everything cached."""
        return self._files.nbytes + self._changes.nbytes

    def newest(self, count: int) -> list[str]:
        """The SHA-256 of the files that were used last, at most so many."""
        with self._lock:
            return self._files.newest(count)

    def file(self, use: LoraUse, relative: str | None) -> LoraFile:
        """The file of `use`, judged now, and read if it is not cached. Raises the source's errors."""
        with self._read_locks.of(use.sha256):
            with self._lock:
                kept = self._files.find(use.sha256)
            file = self._source.read(use, relative, kept)
            if kept is None or file.tensors is not kept.tensors:
                with self._lock:
                    self._files.put(use.sha256, file)
            return file

    def changes(self, file: LoraFile, checkpoint: Checkpoint) -> Changes:
        """The changes by `file` of the layers of `checkpoint`. Raises LoraFileRefused or ModuleMismatch."""
        key = (file.use.sha256, checkpoint.number)
        with self._change_locks.of(key):
            with self._lock:
                found = self._changes.find(key)
            if found is None:
                found = normalise(file, checkpoint.names, checkpoint.spec.name, self._dense_limit)
                with self._lock:
                    self._changes.put(key, found)
            return found

    def forget_changes(self) -> None:
        """The checkpoint that they were made for goes; one that is loaded again has another number."""
        with self._lock:
            self._changes.clear()


def _file_bytes(file: LoraFile) -> int:
    return memory_of(file.tensors.values())


def _change_bytes(changes: Changes) -> int:
    return memory_of(tensor for change in changes.values() for tensor in change.tensors)

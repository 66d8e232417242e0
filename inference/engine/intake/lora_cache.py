"""LoRAs in host memory, read once from disk: those used last, up to a limit of bytes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

import torch

from inference.engine.devices.cache import ByteCache, Turns, memory_of
from inference.engine.lora.folding import Change, ModuleKey
from inference.engine.lora.lora_files import LoraFile
from inference.engine.lora.normalise import normalise
from inference.engine.models.checkpoints import Checkpoint
from inference.messages import LoraUse

Changes = Mapping[ModuleKey, Change]


class LoraSource(Protocol):
    """Where LoRAs come from: the library on disk, or memory."""

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        """The LoRA of `use`, judged now. `kept` is what was read of the same bytes before.

        Raises LoraFileChanged or LoraFileRefused.
        """
        ...


class Shelf:
    """Files as they were read, and their changes for the checkpoint that is loaded. May be used by several threads."""

    def __init__(self, source: LoraSource, limit: int, dense_limit: int) -> None:
        self._source = source
        self._dense_limit = dense_limit
        self._lock = threading.Lock()
        # Apart: whoever joins the batch may need the changes of what a slow disk is being asked about once more.
        self._reads, self._makings = Turns[str](), Turns[tuple[str, int]]()
        self._files: ByteCache[str, LoraFile] = ByteCache(limit // 2, _file_bytes, "lora_file")
        self._changes: ByteCache[tuple[str, int], Changes] = ByteCache(limit // 2, _change_bytes, "lora_layers")

    @property
    def nbytes(self) -> int:
        """Memory of all that is kept."""
        return self._files.nbytes + self._changes.nbytes

    def file(self, use: LoraUse, relative: str | None) -> LoraFile:
        """The file of `use`, judged now; read only if it is not here. Raises what the source raises."""
        with self._reads.of(use.sha256):
            with self._lock:
                kept = self._files.find(use.sha256)
            file = self._source.read(use, relative, kept)
            if kept is None or file.tensors is not kept.tensors:
                with self._lock:
                    self._files.put(use.sha256, file)
            return file

    def changes(self, file: LoraFile, checkpoint: Checkpoint) -> Changes:
        """What `file` does to the layers of `checkpoint`. Raises LoraFileRefused or ModuleMismatch."""
        key = (file.use.sha256, checkpoint.number)
        with self._makings.of(key):
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
    return memory_of(tensor for change in changes.values() for tensor in _tensors(change))


def _tensors(change: Change) -> list[torch.Tensor]:
    pair = change.delta.pair
    parts = [pair and pair.down, pair and pair.up, change.delta.dense, change.magnitude, change.bias]
    return [part for part in parts if part is not None]

"""Folded sets of LoRAs that were worn before: the same LoRAs at the same weights are folded once.

Whoever reads a request folds its set as well, beside the batch that is being painted.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch

from inference.engine.batch.run import Dressed
from inference.engine.devices.cache import ByteCache, Turns
from inference.engine.devices.devices import is_out_of_memory
from inference.engine.intake.lora_cache import Shelf
from inference.engine.layers.lora_set import LoraSet, Worn
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.messages import LORA_SET_BYTES, GenerationRequest

_Key = tuple[int, Worn]  # the checkpoint's number, and what is worn on it


class Wardrobe:
    """For the checkpoint that is loaded; clear it before another one is. Keeps up to `limit` bytes on the device.

    Several threads may dress. What is merged belongs to the engine's.
    """

    def __init__(self, shelf: Shelf, limit: int = LORA_SET_BYTES) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._turns = Turns[_Key]()
        self._sets: ByteCache[_Key, Dressed] = ByteCache(limit, lambda dressed: dressed.loras.nbytes, "lora_set")
        self._merged: tuple[LoraSet, LoraSet] | None = None

    def dress(self, request: GenerationRequest, files: Sequence[LoraFile], checkpoint: Checkpoint) -> list[Dressed]:
        """What each picture of `request` wears: of one with variants each its own weights.

        Raises LoraFileRefused or ModuleMismatch, also for a LoRA at a weight of 0.
        """
        own = tuple(use.weight for use in request.loras)
        each = request.variants or (own,) * request.count
        sets = {weights: self.dressed(files, weights, checkpoint) for weights in dict.fromkeys(each)}
        return [sets[weights] for weights in each]

    @torch.no_grad()
    def dressed(self, files: Sequence[LoraFile], weights: Sequence[float], checkpoint: Checkpoint) -> Dressed:
        """The set of `files` at `weights`. Raises as `dress`."""
        changes = [self._shelf.changes(file, checkpoint) for file in files]
        worn = tuple((file.use.sha256, weight) for file, weight in zip(files, weights, strict=True) if weight)
        key = (checkpoint.number, worn)
        with self._turns.of(key):
            with self._lock:
                found = self._sets.find(key)
            if found is None:
                folded = LoraSet.fold(list(zip(changes, weights, strict=True)), checkpoint.board)
                text = tuple(
                    (file.use.sha256, weight)
                    for file, change, weight in zip(files, changes, weights, strict=True)
                    if weight and any(part != "unet" for part, _ in change)
                )
                found = Dressed(folded, text)
                with self._lock:
                    self._sets.put(key, found)
            return found

    def is_merged(self, dressed: Dressed) -> bool:
        """Whether it is the set that was merged last."""
        return self._merged is not None and self._merged[0] is dressed.loras

    def merged(self, dressed: Dressed, checkpoint: Checkpoint) -> Dressed:
        """The same, merged into a copy of the weights: the checkpoint's own are never touched. One copy is kept.

        As it is where there is no memory for a copy.
        """
        if self._merged is None or self._merged[0] is not dressed.loras:
            self._merged = None  # its memory goes before the other's comes
            try:
                self._merged = dressed.loras, dressed.loras.merged(checkpoint.board)
            except (RuntimeError, MemoryError) as problem:
                if not is_out_of_memory(problem):
                    raise
                return dressed
        return Dressed(self._merged[1], dressed.text)

    def clear(self) -> None:
        """Forget everything. Who wears it goes on wearing it."""
        with self._lock:
            self._sets.clear()
        self._merged = None

"""Folded sets of LoRAs that were worn before: the same LoRAs at the same weights are folded once."""

from __future__ import annotations

from collections.abc import Sequence

from inference.engine.cache import ByteCache
from inference.engine.checkpoints import Checkpoint
from inference.engine.devices import is_out_of_memory
from inference.engine.lora_files import LoraFile
from inference.engine.lora_set import LoraSet, Worn
from inference.engine.run import Dressed
from inference.engine.shelf import Shelf
from inference.messages import LORA_SET_BYTES


class Wardrobe:
    """For the checkpoint that is loaded; clear it before another one is. Keeps up to `limit` bytes on the device."""

    def __init__(self, shelf: Shelf, limit: int = LORA_SET_BYTES) -> None:
        self._shelf = shelf
        self._sets: ByteCache[Worn, Dressed] = ByteCache(limit, lambda dressed: dressed.loras.nbytes, "lora_set")
        self._merged: tuple[LoraSet, LoraSet] | None = None

    def dress(self, files: Sequence[LoraFile], weights: Sequence[float], checkpoint: Checkpoint) -> Dressed:
        """The set of `files` at `weights`. Raises LoraFileRefused or ModuleMismatch, also at a weight of 0."""
        changes = [self._shelf.changes(file, checkpoint) for file in files]
        worn = tuple((file.use.sha256, weight) for file, weight in zip(files, weights, strict=True) if weight)
        found = self._sets.find(worn)
        if found is None:
            folded = LoraSet.fold(list(zip(changes, weights, strict=True)), checkpoint.board)
            text = tuple(
                (file.use.sha256, weight)
                for file, change, weight in zip(files, changes, weights, strict=True)
                if weight and any(part != "unet" for part, _ in change)
            )
            found = Dressed(folded, text)
            self._sets.put(worn, found)
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

    def part(self) -> None:
        """Let go of what is merged: memory is short."""
        self._merged = None

    def clear(self) -> None:
        """Forget everything."""
        self._sets.clear()
        self._merged = None

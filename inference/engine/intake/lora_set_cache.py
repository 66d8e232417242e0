"""A cache of folded LoRA sets: the same LoRAs at the same weights are folded once.

The intake threads fold the set of a request as well, while the batch keeps stepping.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from weakref import WeakValueDictionary

import torch

from inference.engine.devices.cache import ByteCache, KeyLocks
from inference.engine.devices.devices import is_out_of_memory
from inference.engine.intake.lora_cache import LoraCache
from inference.engine.layers.lora_set import AppliedLoras, LoraSet, LoraWeights
from inference.engine.lora.folding import TEXT_ENCODERS
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.messages.options import LORA_SET_BYTES
from inference.messages.request import GenerationRequest

_Key = tuple[int, LoraWeights]  # the checkpoint's number, and the LoRAs applied to it


class LoraSetCache:
    """Folded LoRA sets of the loaded checkpoint, up to `limit` bytes of host memory.

    Clear it before another checkpoint is loaded. Several threads may apply LoRAs; merged weights belong to the
    engine's thread.
    """

    def __init__(self, lora_cache: LoraCache, limit: int = LORA_SET_BYTES) -> None:
        self._lora_cache = lora_cache
        self._lock = threading.Lock()
        self._locks = KeyLocks[_Key]()
        self._sets: ByteCache[_Key, AppliedLoras] = ByteCache(limit, lambda applied: applied.loras.nbytes, "lora_set")
        self._in_use: WeakValueDictionary[_Key, AppliedLoras] = WeakValueDictionary()  # of requests that hold theirs
        self._merged_weights: tuple[LoraSet, LoraSet] | None = None

    def apply(
        self, request: GenerationRequest, files: Sequence[LoraFile], checkpoint: Checkpoint
    ) -> list[AppliedLoras]:
        """The LoRAs applied to each slot of `request`, picture after picture.

        With variants each picture has its own weights; a region has only the LoRAs that apply to it. Raises
        LoraFileRefused or ModuleMismatch, also for a LoRA at a weight of 0.
        """
        own = tuple(use.weight for use in request.loras)
        each = [
            tuple(weight if use.applies_to(slot) else 0.0 for use, weight in zip(request.loras, weights, strict=True))
            for weights in request.variants or (own,) * request.count
            for slot in request.slots
        ]
        sets = {weights: self.apply_at(files, weights, checkpoint) for weights in dict.fromkeys(each)}
        return [sets[weights] for weights in each]

    @torch.no_grad()
    def apply_at(self, files: Sequence[LoraFile], weights: Sequence[float], checkpoint: Checkpoint) -> AppliedLoras:
        """The folded set of `files` at `weights`. Raises as `apply` does."""
        changes = [self._lora_cache.changes(file, checkpoint) for file in files]
        lora_weights = tuple((file.use.sha256, weight) for file, weight in zip(files, weights, strict=True) if weight)
        key = (checkpoint.number, lora_weights)
        with self._locks.of(key):
            with self._lock:
                found = self._sets.find(key) or self._in_use.get(key)
            if found is None:
                folded = LoraSet.fold(list(zip(changes, weights, strict=True)), checkpoint.hooks)
                text = tuple(
                    (file.use.sha256, weight)
                    for file, change, weight in zip(files, changes, weights, strict=True)
                    if weight and any(part in TEXT_ENCODERS for part, _ in change)
                )
                found = AppliedLoras(folded, text)
                with self._lock:
                    self._sets.put(key, found)
                    self._in_use[key] = found
            return found

    def exceeded_by(self, applied: AppliedLoras) -> bool:
        """Whether a set is larger than all that is cached: whoever needs it later holds it."""
        return applied.loras.nbytes > self._sets.limit

    def is_merged(self, applied: AppliedLoras) -> bool:
        """Whether the kept copy of merged weights is that of this set."""
        return self._merged_weights is not None and self._merged_weights[0] is applied.loras

    def with_merged_weights(self, applied: AppliedLoras, checkpoint: Checkpoint) -> AppliedLoras:
        """The same set, merged into a copy of the denoiser's weights; one copy is kept.

        The checkpoint's own weights are never touched. Without memory for a copy the set is returned as it is.
        """
        if self._merged_weights is None or self._merged_weights[0] is not applied.loras:
            self._merged_weights = None  # its memory goes before the other's comes
            try:
                self._merged_weights = applied.loras, applied.loras.with_merged_weights(checkpoint.hooks)
            except (RuntimeError, MemoryError) as problem:
                if not is_out_of_memory(problem):
                    raise
                return applied
        return AppliedLoras(self._merged_weights[1], applied.text)

    def clear(self) -> None:
        """Drop every set. Runs that use one keep it until they end."""
        with self._lock:
            self._sets.clear()
        self._merged_weights = None

    def make_room(self, device: torch.device) -> bool:
        """Drop what takes memory of `device`: merged weights, on a CPU every set. False when there was nothing."""
        had_any = self._merged_weights is not None or (device.type == "cpu" and len(self._sets) > 0)
        if device.type == "cpu":
            self.clear()
        self._merged_weights = None
        return had_any

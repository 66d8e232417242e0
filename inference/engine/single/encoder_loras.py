"""LoRAs of text encoders that diffusers' own loader leaves out: folded, and added while a pipeline runs.

They are folded as in the shared batch. The encoder's weights are never written to.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch

from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet
from inference.engine.lora.folding import TEXT_ENCODERS, LayerChange, ModuleKey
from inference.engine.lora.layer_names import LayerNames

Changes = Mapping[ModuleKey, LayerChange]


class EncoderLoras:
    """The changes of one pipeline's text encoders, where its loader reads LoRAs of the denoiser alone.

    `device` is where the encoders compute, also while their weights are offloaded.
    """

    def __init__(self, pipeline: Any, names: LayerNames, device: torch.device) -> None:
        self._device = device
        loaded = getattr(pipeline, "_lora_loadable_modules", ())
        parts = [part for part in TEXT_ENCODERS if part not in loaded]
        self._layers = {key: layer for key, layer in names.layers.items() if key[0] in parts}
        self._changes: list[Changes] = []
        self._folded: LoraSet | None = None

    @cached_property
    def _hooks(self) -> LayerHooks:
        return LayerHooks(self._layers, self._device)

    def take(self, changes: Changes) -> dict[ModuleKey, LayerChange]:
        """Keep those of `changes` that are for these encoders, as one more LoRA, and return the others."""
        self._changes.append({key: change for key, change in changes.items() if key in self._layers})
        return {key: change for key, change in changes.items() if key not in self._layers}

    def forget(self) -> None:
        """Drop all LoRAs."""
        self._changes, self._folded = [], None

    @torch.no_grad()
    def set_weights(self, weights: Sequence[float]) -> None:
        """Fold the LoRAs, in the order in which they came, at these weights."""
        loras = list(zip(self._changes, weights, strict=True))
        self._folded = LoraSet.fold(loras, self._hooks) if any(self._changes) else None

    @contextmanager
    def applied(self) -> Generator[None]:
        """While inside, the encoders are changed."""
        if self._folded is None:
            yield
            return
        with self._hooks.applying(self._folded.for_text(self._device)):
            yield

    def uncalled(self) -> list[str]:
        """The changed layers that have not run since `applied` was entered."""
        if self._folded is None:
            return []
        return [".".join(self._hooks.keys[index]) for index in self._hooks.uncalled(self._folded.text)]

    @property
    def changed(self) -> int:
        """The number of layers that are changed."""
        return 0 if self._folded is None else len(self._folded.text)

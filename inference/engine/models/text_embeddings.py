"""Embeddings of texts by language models, as a family encodes them; T5's states, and the pooled output of a CLIP.

Every text is encoded by itself, as diffusers' pipelines do it, and cached by the LoRAs of the text encoders.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from inference.engine.devices.cache import ByteCache
from inference.engine.devices.offloading import Residence
from inference.engine.devices.transfers import upload
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras, LoraSet, LoraWeights
from inference.engine.models.embeddings import Embedding


class TextEmbeddings:
    """The embeddings of the texts of one loaded checkpoint, which `encode` makes; up to `limit` bytes are cached."""

    def __init__(self, encode: Callable[[str], Embedding], hooks: LayerHooks, residence: Residence, limit: int) -> None:
        self._encode = encode
        self._hooks = hooks
        self._residence = residence
        self._kept: ByteCache[tuple[str, LoraWeights], Embedding] = ByteCache(
            limit, lambda embedding: embedding.nbytes, "embedding"
        )

    def embed(self, text: str, applied: AppliedLoras) -> Embedding:
        """The embedding of `text` under the LoRAs of the text encoders."""
        return self._kept.get((text, applied.text), lambda: self._encoded(text, applied.loras))

    def forget(self) -> None:
        """Drop what is cached."""
        self._kept.clear()

    @torch.no_grad()
    def _encoded(self, text: str, loras: LoraSet) -> Embedding:
        with self._hooks.applying(loras.for_text(self._residence.device)):
            return self._encode(text)


def pooled_by_clip(encoder: Any, tokenizer: Any, text: str, device: torch.device) -> torch.Tensor:
    """The pooled output (1, width) of a CLIP; it reads the beginning of a text that is longer than its input."""
    return encoder(_tokens(tokenizer, text, tokenizer.model_max_length, device)).pooler_output


def states_of(encoder: Any, tokenizer: Any, text: str, length: int, device: torch.device) -> torch.Tensor:
    """The last states (1, length, width) of a T5; a short text is filled up with padding, which is not masked."""
    return encoder(_tokens(tokenizer, text, length, device))[0]


def _tokens(tokenizer: Any, text: str, length: int, device: torch.device) -> torch.Tensor:
    found = tokenizer(text, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return upload(found.input_ids, device)

"""Embeddings of texts by language models, as a family encodes them; T5's states, and the pooled output of a CLIP.

Every text is encoded by itself, as diffusers' pipelines do it, and cached by the LoRAs of the text encoders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch

from inference.engine.devices.offloading import Residence
from inference.engine.devices.transfers import upload
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras, LoraSet
from inference.engine.models.embedding_cache import EmbeddingCache, Encoded, Encoding

_OUTPUT = "output"  # the name of what is the only tensor


class TextEmbeddings:
    """Texts in the text encoders of one loaded checkpoint; `encode` has what the one of each name makes of a text.

    That is one tensor, or several by names.
    """

    def __init__(
        self,
        encode: Mapping[str, Callable[[str], torch.Tensor | Encoded]],
        hooks: LayerHooks,
        residence: Residence,
        cache: EmbeddingCache,
    ) -> None:
        self._encode = encode
        self._hooks = hooks
        self._residence = residence
        self._cache = cache

    def encodings(self, texts: Iterable[tuple[str, AppliedLoras]]) -> list[Encoding]:
        """Each text in each encoder, under the LoRAs of the text encoders."""
        return [
            Encoding(name, (text, applied.text), partial(self._encoded, name, text, applied.loras))
            for text, applied in texts
            for name in self._encode
        ]

    def embed(self, text: str, applied: AppliedLoras) -> dict[str, torch.Tensor]:
        """The one tensor that each encoder makes of `text`, by the encoder's name."""
        return {encoder: found[_OUTPUT] for encoder, found in self.embed_all(text, applied).items()}

    def embed_all(self, text: str, applied: AppliedLoras) -> dict[str, Encoded]:
        """All that each encoder makes of `text`, by the encoder's name."""
        device = self._residence.device
        return {each.encoder: self._cache.get(each, device) for each in self.encodings([(text, applied)])}

    @torch.no_grad()
    def _encoded(self, name: str, text: str, loras: LoraSet) -> Encoded:
        self._residence.onload(name)
        with self._hooks.applying(loras.for_text(self._residence.device)):
            found = self._encode[name](text)
        return {_OUTPUT: found} if isinstance(found, torch.Tensor) else found


def pooled_by_clip(encoder: Any, tokenizer: Any, text: str, device: torch.device) -> torch.Tensor:
    """The pooled output (1, width) of a CLIP; it reads the beginning of a text that is longer than its input."""
    return encoder(_tokens(tokenizer, text, tokenizer.model_max_length, device)).pooler_output


def states_of(encoder: Any, tokenizer: Any, text: str, length: int, device: torch.device) -> torch.Tensor:
    """The last states (1, length, width) of a T5; a short text is filled up with padding, which is not masked."""
    return encoder(_tokens(tokenizer, text, length, device))[0]


def _tokens(tokenizer: Any, text: str, length: int, device: torch.device) -> torch.Tensor:
    found = tokenizer(text, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return upload(found.input_ids, device)

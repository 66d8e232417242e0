"""Prompt embeddings of CLIP: encodes texts, which are cached by text and by the LoRAs of the text encoders.

Every text is encoded by itself: its embedding does not depend on other requests, and a cached embedding is
bit-identical to one that is encoded again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from inference.engine.devices.offloading import Residence
from inference.engine.devices.transfers import upload
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet, LoraWeights
from inference.engine.models.embedding_cache import EmbeddingCache, Encoded, Encoding
from inference.engine.models.prompts import tokenize
from inference.errors import InvalidRequest

_BOTH = ("", "_2")  # what the names of encoders and tokenizers end with in pipelines


@dataclass(frozen=True)
class Embedding:
    """The embedding of one text: `prompt_embeds` (1, tokens, width), and for SDXL `pooled` (1, width)."""

    prompt_embeds: torch.Tensor
    pooled: torch.Tensor | None

    @property
    def zeros(self) -> Embedding:
        """Zeros: what SDXL was trained to take for an empty text."""
        return Embedding(
            torch.zeros_like(self.prompt_embeds), None if self.pooled is None else torch.zeros_like(self.pooled)
        )


class Embeddings:
    """Encodes the texts of one loaded checkpoint; words may be weighted, texts may exceed the encoders' length.

    A long text takes several *chunks* of that length; both texts of a picture need the same number of chunks.
    """

    def __init__(self, pipeline: Any, hooks: LayerHooks, residence: Residence, cache: EmbeddingCache) -> None:
        self._pipeline = pipeline
        self._hooks = hooks
        self._residence = residence
        self._is_xl = hasattr(pipeline, "text_encoder_2")
        names = [f"text_encoder{n}" for n in _BOTH if getattr(pipeline, f"text_encoder{n}", None) is not None]
        self._encoders = {name: getattr(pipeline, name) for name in names}
        self._tokenizers = {name: getattr(pipeline, name.replace("text_encoder", "tokenizer")) for name in names}
        self._cache = cache

    def chunks(self, texts: Iterable[str]) -> int:
        """How many chunks the longest of `texts` takes, in the encoder where it takes most."""
        return max(tokenize(tokenizer, text).chunks for text in texts for tokenizer in self._tokenizers.values())

    def encodings(
        self, text: str, lora_weights: LoraWeights, loras: LoraSet, chunks: int, clip_skip: int | None = None
    ) -> list[Encoding]:
        """`text` in each encoder, under the LoRAs of the text encoders; `lora_weights` names them.

        `clip_skip` as in `GenerationRequest`. Making one raises InvalidRequest when the encoder has fewer layers.
        """
        usual = 2 if self._is_xl else 1
        layer = None if clip_skip == usual else clip_skip
        about = (text, chunks, layer, lora_weights)
        return [
            Encoding(name, about, partial(self._encode, name, text, loras, chunks, layer)) for name in self._encoders
        ]

    def embed(
        self, text: str, lora_weights: LoraWeights, loras: LoraSet, chunks: int, clip_skip: int | None = None
    ) -> Embedding:
        """The embedding of `text`, see `encodings`: of SDXL the states of both encoders, concatenated."""
        each = self.encodings(text, lora_weights, loras, chunks, clip_skip)
        encoded = [self._cache.get(one, self._residence.device) for one in each]
        pooled = [one["pooled"] for one in encoded if "pooled" in one]
        return Embedding(torch.cat([one["states"] for one in encoded], dim=-1), pooled[-1] if pooled else None)

    def negative(
        self, text: str, positive: Embedding, lora_weights: LoraWeights, loras: LoraSet, chunks: int
    ) -> Embedding:
        """The embedding of the negative prompt; of an empty one SDXL takes zeros, Stable Diffusion the empty text.

        As in diffusers it comes from the default layer, whatever the clip skip.
        """
        return positive.zeros if self.is_zero(text) else self.embed(text, lora_weights, loras, chunks)

    def is_zero(self, text: str) -> bool:
        """Whether this negative prompt is not encoded."""
        return not text and bool(getattr(self._pipeline.config, "force_zeros_for_empty_prompt", False))

    @torch.no_grad()
    def _encode(self, name: str, text: str, loras: LoraSet, chunks: int, layer: int | None) -> Encoded:
        """As diffusers: of SDXL the last layer but one of both encoders, else the last layer."""
        encoder, tokenized = self._encoders[name], tokenize(self._tokenizers[name], text, chunks=chunks)
        self._residence.onload(name)
        with self._hooks.applying(loras.for_text(self._residence.device)):
            ids = upload(tokenized.ids, self._residence.device)
            output = encoder(ids, output_hidden_states=self._is_xl or layer is not None)
            states = tokenized.combine(self._state(encoder, output, layer))
        pooled = self._is_xl and output[0].ndim == 2
        return {"states": states, "pooled": output[0][:1].clone()} if pooled else {"states": states}

    def _state(self, encoder: Any, output: Any, layer: int | None) -> torch.Tensor:
        """The hidden state of `layer`, counted from the last; Stable Diffusion applies its final norm to it."""
        if layer is None:
            return output.hidden_states[-2] if self._is_xl else output[0]
        if layer > len(output.hidden_states):
            raise InvalidRequest(what=f"A clip skip of {layer}", problem="is more than the text encoder has layers")
        state = output.hidden_states[-layer]
        if self._is_xl:
            return state
        return getattr(encoder, "text_model", encoder).final_layer_norm(state)  # transformers 5 has no inner model

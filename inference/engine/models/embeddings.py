"""What the text encoders make of a prompt, kept for those who write the same with the same LoRAs.

Every text is encoded alone: its numbers do not depend on who else is in the batch, and a text that was kept is the
same to the bit as one that is encoded anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from inference.engine.devices.cache import ByteCache, memory_of
from inference.engine.devices.residence import Residence
from inference.engine.layers.layer_hooks import Board
from inference.engine.layers.lora_set import LoraSet, Worn
from inference.engine.models.prompts import Reading, read
from inference.errors import InvalidRequest

_BOTH = ("", "_2")  # what the names of encoders and tokenizers end with in pipelines
_Key = tuple[str, int, int | None, Worn]  # text, chunks, clip skip, LoRAs of the text encoders


@dataclass(frozen=True)
class Embedding:
    """Of one text: `words` (1, tokens, width), and for SDXL `pooled` (1, width)."""

    words: torch.Tensor
    pooled: torch.Tensor | None

    @property
    def nbytes(self) -> int:
        """Memory of both."""
        return memory_of([self.words] if self.pooled is None else [self.words, self.pooled])

    @property
    def nothing(self) -> Embedding:
        """The zeros that SDXL was trained to take for no text at all."""
        return Embedding(torch.zeros_like(self.words), None if self.pooled is None else torch.zeros_like(self.pooled))


class Embeddings:
    """Encodes the texts of one loaded checkpoint, whose words may be weighted and go on beyond the encoders' length.

    A text of several *chunks* is as many times as long; texts of one picture need the same number of them. Up to
    `limit` bytes of embeddings are kept.
    """

    def __init__(self, pipeline: Any, board: Board, residence: Residence, limit: int) -> None:
        self._pipeline = pipeline
        self._board = board
        self._residence = residence
        self._is_xl = hasattr(pipeline, "text_encoder_2")
        names = [f"text_encoder{n}" for n in _BOTH if getattr(pipeline, f"text_encoder{n}", None) is not None]
        self._encoders = {name: getattr(pipeline, name) for name in names}
        self._tokenizers = {name: getattr(pipeline, name.replace("text_encoder", "tokenizer")) for name in names}
        self._kept: ByteCache[_Key, Embedding] = ByteCache(limit, lambda embedding: embedding.nbytes, "embedding")

    def chunks(self, texts: Iterable[str]) -> int:
        """How many chunks the longest of `texts` takes, in the encoder where it takes most."""
        return max(read(tokenizer, text).chunks for text in texts for tokenizer in self._tokenizers.values())

    def embed(self, text: str, worn: Worn, loras: LoraSet, chunks: int, clip_skip: int | None = None) -> Embedding:
        """The embedding of `text` under the LoRAs of the text encoders; `worn` names these and their weights.

        `clip_skip` as in `GenerationRequest`. Raises InvalidRequest when an encoder has not so many layers.
        """
        usual = 2 if self._is_xl else 1
        layer = None if clip_skip == usual else clip_skip
        return self._kept.get((text, chunks, layer, worn), lambda: self._encode(text, loras, chunks, layer))

    def negative(self, text: str, positive: Embedding, worn: Worn, loras: LoraSet, chunks: int) -> Embedding:
        """What guides away: of a text that nobody wrote, SDXL takes zeros and Stable Diffusion the empty text.

        As in diffusers it is read from the usual layer, whatever the clip skip.
        """
        if not text and getattr(self._pipeline.config, "force_zeros_for_empty_prompt", False):
            return positive.nothing
        return self.embed(text, worn, loras, chunks)

    @torch.no_grad()
    def _encode(self, text: str, loras: LoraSet, chunks: int, layer: int | None) -> Embedding:
        """SDXL takes the last layer but one of both encoders side by side, Stable Diffusion the last; as diffusers."""
        words: list[torch.Tensor] = []
        pooled: torch.Tensor | None = None
        for name, encoder in self._encoders.items():
            reading: Reading = read(self._tokenizers[name], text, chunks=chunks)
            self._residence.bring(name)
            with self._board.showing(loras.additions):
                said = encoder(
                    reading.ids.to(self._residence.device), output_hidden_states=self._is_xl or layer is not None
                )
                words.append(reading.combine(self._state(encoder, said, layer)))
            pooled = said[0][:1].clone() if self._is_xl and said[0].ndim == 2 else pooled
        return Embedding(torch.cat(words, dim=-1), pooled)

    def _state(self, encoder: Any, said: Any, layer: int | None) -> torch.Tensor:
        """What an encoder said in `layer`, counted from the last; Stable Diffusion normalises it as if it were that."""
        if layer is None:
            return said.hidden_states[-2] if self._is_xl else said[0]
        if layer > len(said.hidden_states):
            raise InvalidRequest(what=f"A clip skip of {layer}", problem="is more than the text encoder has layers")
        state = said.hidden_states[-layer]
        if self._is_xl:
            return state
        return getattr(encoder, "text_model", encoder).final_layer_norm(state)  # transformers 5 has no inner model

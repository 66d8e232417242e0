"""What the text encoders make of a prompt, kept for those who write the same with the same LoRAs.

Every text is encoded alone: its numbers do not depend on who else is in the batch, and a text that was kept is the
same to the bit as one that is encoded anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from inference.engine.board import Board
from inference.engine.cache import ByteCache
from inference.engine.lora_set import LoraSet, Worn

MAX_BYTES = 256 * 2**20  # of embeddings that are kept


@dataclass(frozen=True)
class Embedding:
    """Of one text: `words` (1, tokens, width), and for SDXL `pooled` (1, width)."""

    words: torch.Tensor
    pooled: torch.Tensor | None

    @property
    def nbytes(self) -> int:
        """Memory of both."""
        return self.words.nbytes + (0 if self.pooled is None else self.pooled.nbytes)

    @property
    def nothing(self) -> Embedding:
        """The zeros that SDXL was trained to take for no text at all."""
        return Embedding(torch.zeros_like(self.words), None if self.pooled is None else torch.zeros_like(self.pooled))


class Embeddings:
    """Encodes the texts of one loaded checkpoint."""

    def __init__(self, pipeline: Any, board: Board) -> None:
        self._pipeline = pipeline
        self._board = board
        self._device = pipeline.unet.device
        self._kept: ByteCache[tuple[str, Worn], Embedding] = ByteCache(MAX_BYTES, lambda embedding: embedding.nbytes)

    def embed(self, text: str, worn: Worn, loras: LoraSet) -> Embedding:
        """The embedding of `text` under the LoRAs of the text encoders; `worn` names these and their weights."""
        return self._kept.get((text, worn), lambda: self._encode(text, loras))

    def negative(self, text: str, positive: Embedding, worn: Worn, loras: LoraSet) -> Embedding:
        """What guides away: of a text that nobody wrote, SDXL takes zeros and Stable Diffusion the empty text."""
        if not text and getattr(self._pipeline.config, "force_zeros_for_empty_prompt", False):
            return positive.nothing
        return self.embed(text, worn, loras)

    def _encode(self, text: str, loras: LoraSet) -> Embedding:
        with self._board.showing(loras.additions):
            said = self._pipeline.encode_prompt(
                text, device=self._device, num_images_per_prompt=1, do_classifier_free_guidance=False
            )
        return Embedding(said[0], said[2] if len(said) > 2 else None)

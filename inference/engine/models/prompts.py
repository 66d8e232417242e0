"""Prompts as tokens with weights; one longer than the encoder's length is split into chunks, and where BREAK stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from inference.engine.devices.transfers import upload
from inference.prompt_weights import pieces

COMMA_REACH = 20  # tokens; a full chunk ends at a comma if there is one among its last ones

_BREAK = re.compile(r"\bBREAK\b")


@dataclass(frozen=True)
class TokenizedPrompt:
    """A prompt in the tokens of one tokenizer: `ids` (chunks, length) int64 and `weights` (chunks, length) float64."""

    ids: torch.Tensor
    weights: torch.Tensor

    @property
    def chunks(self) -> int:
        """How many chunks of the encoder's length it takes."""
        return len(self.ids)

    def combine(self, hidden: torch.Tensor) -> torch.Tensor:
        """The embedding (1, chunks * length, width) from the encoder's states (chunks, length, width).

        Each token's state is multiplied by its weight. A1111 then divides by the new mean and multiplies by the old one
        unless told otherwise; where a mean is near zero that explodes, so it is not done.
        """
        if not bool((self.weights == 1).all()):
            hidden = hidden * upload(self.weights.to(hidden.dtype), hidden.device)[..., None]  # Apple's has no float64
        return hidden.reshape(1, -1, hidden.shape[-1])


def tokenize(tokenizer: Any, text: str, *, chunks: int = 1) -> TokenizedPrompt:
    """`text` in at least `chunks` chunks, the last ones empty if need be.

    A text without notation that fits the encoder gives exactly what the tokenizer gives when it pads to its length.
    """
    room = tokenizer.model_max_length - 2
    filled = [chunk for section in _sections(tokenizer, text) for chunk in _chunks(tokenizer, section, room)]
    filled += [[]] * (chunks - len(filled))
    ids, weights = zip(*(_padded(tokenizer, chunk, room) for chunk in filled), strict=True)
    return TokenizedPrompt(torch.tensor(ids), torch.tensor(weights, dtype=torch.float64))


_Token = tuple[int, float]


def _sections(tokenizer: Any, text: str) -> list[list[_Token]]:
    """The tokens with their weights, split where BREAK stands."""
    sections: list[list[_Token]] = [[]]
    for piece in pieces(text):
        for number, part in enumerate(_BREAK.split(piece.text)):
            if number:
                sections.append([])
            ids = tokenizer(part, add_special_tokens=False, truncation=False, verbose=False).input_ids
            sections[-1] += [(token, piece.weight) for token in ids]
    return sections


def _chunks(tokenizer: Any, tokens: list[_Token], room: int) -> Iterator[list[_Token]]:
    comma = tokenizer.convert_tokens_to_ids(",</w>")
    while len(tokens) > room:
        reach = range(room - 1, max(0, room - COMMA_REACH) - 1, -1)
        end = next((place + 1 for place in reach if tokens[place][0] == comma), room)
        yield tokens[:end]
        tokens = tokens[end:]
    yield tokens


def _padded(tokenizer: Any, chunk: list[_Token], room: int) -> tuple[list[int], list[float]]:
    empty = room - len(chunk)
    ids = [tokenizer.bos_token_id, *(token for token, _ in chunk), tokenizer.eos_token_id]
    weights = [1.0, *(weight for _, weight in chunk), 1.0]
    return ids + [tokenizer.pad_token_id] * empty, weights + [1.0] * empty

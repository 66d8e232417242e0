"""Prompts whose words and weights are known beforehand, and what the text encoders make of them by the book.

The reference cuts and weighs by itself: tokens of each part in order, a chunk for each encoder's length, every state
times the weight of its token. The parts hold no commas, at which the engine would rather cut.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

Parts = tuple[tuple[str, float], ...]

_WEIGHED: tuple[Parts, ...] = (
    (("a ", 1.0), ("red circle", 1.3), (" on white", 1.0)),
    (("blue", 0.6), (" star and ", 1.0), ("no shadow", -0.5)),
    (("a very large green square beside a small circle " * 6, 1.0),),
    (("yellow and red and " * 12, 1.2), ("a quiet star", 1.0)),
)


def written(parts: Parts) -> str:
    """In the notation that people write."""
    return "".join(text if weight == 1 else f"({text}:{weight})" for text, weight in parts)


WRITTEN = {written(parts): parts for parts in _WEIGHED}


def tokens(tokenizer: Any, text: str) -> list[tuple[int, float]]:
    """Every token of `text` with its weight."""
    parts = WRITTEN.get(text, ((text, 1.0),))
    return [(token, w) for part, w in parts for token in tokenizer(part, add_special_tokens=False).input_ids]


def length(pipeline: Any, text: str) -> int:
    """Chunks of `text`."""
    room = pipeline.tokenizer.model_max_length - 2
    return max(1, -(-len(tokens(pipeline.tokenizer, text)) // room))


@torch.no_grad()
def encoded(
    pipeline: Any, text: str, chunks: int, clip_skip: int | None = None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Words (1, tokens, width) of the layer `clip_skip` and, of SDXL's second encoder, pooled (1, width)."""
    words: list[torch.Tensor] = []
    pooled = None
    for end in ("", "_2") if hasattr(pipeline, "text_encoder_2") else ("",):
        tokenizer, encoder = getattr(pipeline, f"tokenizer{end}"), getattr(pipeline, f"text_encoder{end}")
        every, room = tokens(tokenizer, text), tokenizer.model_max_length - 2
        states: list[torch.Tensor] = []
        for place in range(0, chunks * room, room):
            chunk = every[place : place + room]
            empty = [tokenizer.pad_token_id] * (room - len(chunk))
            ids = [tokenizer.bos_token_id, *(token for token, _ in chunk), tokenizer.eos_token_id, *empty]
            weights = [1.0, *(weight for _, weight in chunk), *[1.0] * (room + 1 - len(chunk))]
            said = encoder(torch.tensor([ids]), output_hidden_states=True)
            if hasattr(pipeline, "text_encoder_2"):
                state = said.hidden_states[-(clip_skip or 2)]
            else:
                state = encoder.final_layer_norm(said.hidden_states[-(clip_skip or 1)])
            states.append(state * state.new_tensor(weights)[:, None])
            if place == 0 and end:
                pooled = said.text_embeds
        words.append(torch.cat(states, dim=1))
    return torch.cat(words, dim=-1), pooled


def spoken(pipeline: Any, prompt: str, negative: str, guided: bool, clip_skip: int | None = None) -> dict[str, Any]:
    """The arguments by which diffusers' pipeline takes both texts. It counts the clip skip from the usual layer."""
    if not {prompt, negative} & WRITTEN.keys():
        usual = 2 if hasattr(pipeline, "text_encoder_2") else 1
        encoder = pipeline.text_encoder
        if not hasattr(encoder, "text_model"):  # diffusers 0.42 looks for it, transformers 5 has it no more
            vars(encoder)["text_model"] = SimpleNamespace(final_layer_norm=encoder.final_layer_norm)
        return {"prompt": prompt, "negative_prompt": negative or None, "clip_skip": clip_skip and clip_skip - usual}
    chunks = max(length(pipeline, text) for text in ((prompt, negative) if guided else (prompt,)))
    words, pooled = encoded(pipeline, prompt, chunks, clip_skip)
    options: dict[str, Any] = {"prompt_embeds": words, "pooled_prompt_embeds": pooled}
    if guided:
        against, pooled_against = encoded(pipeline, negative, chunks)
        if not negative and getattr(pipeline.config, "force_zeros_for_empty_prompt", False):
            against, pooled_against = torch.zeros_like(words), None if pooled is None else torch.zeros_like(pooled)
        options |= {"negative_prompt_embeds": against, "negative_pooled_prompt_embeds": pooled_against}
    return {name: value for name, value in options.items() if value is not None}

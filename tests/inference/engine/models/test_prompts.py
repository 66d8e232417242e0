"""Weighted words and long prompts: the syntax, the chunks, and that plain prompts are tokenized unchanged."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from inference.demo import CHECKPOINTS
from inference.engine.models.prompts import tokenize
from inference.engine.models.single_file import clip_tokenizer
from inference.prompt_weights import MAX_WEIGHT, pieces

CLIP = clip_tokenizer()


def weighed(text: str) -> list[tuple[str, float]]:
    return [(piece.text, round(piece.weight, 4)) for piece in pieces(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat", [("a cat", 1.0)]),
        ("", [("", 1.0)]),
        ("a (cat)", [("a ", 1.0), ("cat", 1.1)]),
        ("a ((cat))", [("a ", 1.0), ("cat", 1.21)]),
        ("a [cat]", [("a ", 1.0), ("cat", 0.9091)]),
        ("(red hat:1.3), grass", [("red hat", 1.3), (", grass", 1.0)]),
        ("(red (hat:1.5):1.2)", [("red ", 1.2), ("hat", 1.8)]),
        ("(a:.5) (b: 2 )", [("a", 0.5), (" ", 1.0), ("b", 2.0)]),
        ("(a:-1)", [("a", -1.0)]),
        (r"komori \(owl\), (tail)", [("komori (owl), ", 1.0), ("tail", 1.1)]),
        ("smile :) and (", [("smile :) and (", 1.0)]),
        ("(a [b) c]", [("(a ", 1.0), ("b) c", 0.9091)]),
        ("ratio 16:9", [("ratio 16:9", 1.0)]),
        ("[a:1.5]", [("a:1.5", 0.9091)]),
        ("(x:99)", [("x", MAX_WEIGHT)]),
        ("()", [("", 1.0)]),
    ],
)
def test_the_syntax(text: str, expected: list[tuple[str, float]]) -> None:
    assert weighed(text) == expected


@given(st.text(alphabet="ab ()[]:\\,.12B", max_size=60))
def test_no_text_breaks_the_syntax_and_no_word_is_lost(text: str) -> None:
    found = pieces(text)
    letters = [letter for letter in text if letter in "ab"]
    assert [letter for piece in found for letter in piece.text if letter in "ab"] == letters
    assert all(abs(piece.weight) <= MAX_WEIGHT for piece in found)


DEMO = CLIPTokenizer.from_pretrained(CHECKPOINTS[0].path / "tokenizer")


@pytest.mark.parametrize("text", ["", "a cat", "a red circle on a blue background", "komori, owl, smile :) ("])
@pytest.mark.parametrize("tokenizer", [CLIP, DEMO])
def test_a_plain_prompt_is_tokenized_as_by_the_tokenizer(tokenizer: CLIPTokenizer, text: str) -> None:
    tokenized = tokenize(tokenizer, text)
    assert tokenized.ids.tolist() == [tokenizer(text, padding="max_length").input_ids]
    hidden = torch.randn(1, tokenizer.model_max_length, 8)
    assert torch.equal(tokenized.combine(hidden), hidden)


def test_a_long_prompt_is_split_into_chunks_at_a_comma() -> None:
    text = ", ".join(["a very quiet library at night"] * 30)
    tokenized = tokenize(CLIP, text)
    words = [token for row in tokenized.ids.tolist() for token in row if token < 49406]
    assert words == CLIP(text, add_special_tokens=False).input_ids
    assert tokenized.chunks > 2
    comma = CLIP.convert_tokens_to_ids(",</w>")
    for row in tokenized.ids[:-1].tolist():
        assert row[0] == 49406 and row[row.index(49407) - 1] == comma
    assert tokenized.combine(torch.randn(tokenized.chunks, 77, 4)).shape == (1, 77 * tokenized.chunks, 4)


def test_break_begins_a_new_chunk_and_short_prompts_fill_up() -> None:
    tokenized = tokenize(CLIP, "a cat BREAK a dog")
    assert tokenized.ids[0].tolist() == CLIP("a cat", padding="max_length").input_ids
    assert tokenized.ids[1].tolist() == CLIP("a dog", padding="max_length").input_ids
    assert tokenize(CLIP, "a cat", chunks=3).ids[1:].tolist() == [CLIP("", padding="max_length").input_ids] * 2


def test_weights_apply_to_their_words_alone() -> None:
    tokenized = tokenize(CLIP, "a (cat:1.5) on grass BREAK a [dog]")
    assert tokenized.weights[0, :7].tolist() == [1.0, 1.0, 1.5, 1.0, 1.0, 1.0, 1.0]
    hidden = torch.randn(2, 77, 6, dtype=torch.float64)
    ratio = (tokenized.combine(hidden) / hidden.reshape(1, -1, 6))[0, :, 0]
    expected = torch.ones(154, dtype=torch.float64)
    expected[2], expected[77 + 2] = 1.5, 1 / 1.1
    assert torch.allclose(ratio, expected)

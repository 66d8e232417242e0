"""The parameters in a picture are read by the programs of the field, whatever names people give."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from inference.parameters import SAMPLER_LABELS, infotext
from tests.inference.requests import request, use

# As A1111 reads its own last line.
FIELD = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')


def read(text: str) -> tuple[str, str, dict[str, str]]:
    """Prompt, negative prompt and fields."""
    *lines, last = text.split("\n")
    prompt, _, negative = "\n".join(lines).partition("\nNegative prompt: ")
    return prompt, negative, dict(FIELD.findall(last))


def text_of(made: GenerationRequest) -> str:
    return infotext(made, "c" * 64, {lora.sha256: "0123456789ab" for lora in made.loras})


def test_everything_that_was_asked_for_stands_in_it() -> None:
    made = request(prompt_prefix="masterpiece", negative_prompt="blurry", loras=(use(weight=0.75, words=("k",)),))
    prompt, negative, fields = read(text_of(made))
    assert prompt == "masterpiece, k, a red circle on a blue background <lora:Komori:0.75>"
    assert negative == "blurry"
    assert fields == {
        "Steps": "2", "Sampler": "DPM++ 2M", "CFG scale": "2.5", "Seed": "1", "Size": "64x64",
        "Model hash": "c" * 10, "Model": "vivid", "Lora hashes": '"Komori: 0123456789ab"', "Version": "Easel",
    }  # fmt: skip


@pytest.mark.parametrize("sampler", Sampler)
def test_every_sampler_has_the_name_that_the_field_knows(sampler: Sampler) -> None:
    _, _, fields = read(text_of(request(sampler=sampler)))
    assert fields["Sampler"] == SAMPLER_LABELS[sampler]
    assert len(set(SAMPLER_LABELS.values())) == len(Sampler)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
)
def test_no_name_breaks_the_fields(lora: str, checkpoint: str) -> None:
    made = request(checkpoint=checkpoint, loras=(use(lora), use("Other", sha256="b" * 64)))
    _, _, fields = read(text_of(made))
    assert list(fields) == ["Steps", "Sampler", "CFG scale", "Seed", "Size", "Model hash", "Model", "Lora hashes",
                            "Version"]  # fmt: skip
    assert fields["Lora hashes"].endswith(', Other: 0123456789ab"')


def test_without_a_hash_the_field_is_left_out() -> None:
    _, _, fields = read(infotext(request(), None, {}))
    assert not {"Model hash", "Lora hashes"} & set(fields)

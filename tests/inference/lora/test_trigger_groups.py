"""Trigger words in groups: kept as authors give them, bounded, and in a prompt once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.bounds import MAX_TRIGGER_GROUP
from inference.lora.beside.metadata import trigger_words
from inference.lora.beside.sidecar import Sidecar
from inference.lora.beside.trigger_groups import MAX_CHARACTERS, MAX_GROUPS, is_group, trigger_groups
from inference.messages.request import words_in
from tests.inference.requests import request, use

COAT, PYJAMAS = "komori, red coat, hat", "komori, pyjamas"


def test_each_text_is_one_group() -> None:
    assert trigger_groups([f" {COAT} ,", "komori,\n pyjamas", "<lora:komori:0.8>owl", "", " , ", COAT]) == (
        COAT, PYJAMAS, "owl",
    )  # fmt: skip
    assert is_group(COAT) and not is_group("owl") and not is_group("(red coat, hat:1.2)")


def test_a_long_outfit_stays_whole_and_one_that_is_too_long_is_parted_between_words() -> None:
    outfit = ", ".join(f"detail {number} of it" for number in range(15))
    assert 200 < len(outfit) <= MAX_TRIGGER_GROUP and trigger_groups([outfit]) == (outfit,)
    parted = trigger_groups([f"{outfit}, {outfit}"])
    assert len(parted) == 2 and words_in(", ".join(parted)) == words_in(outfit) * 2


@given(st.lists(st.text(max_size=700), max_size=80))
def test_whatever_an_author_writes_is_bounded(texts: list[str]) -> None:
    groups = trigger_groups(texts)
    assert len(groups) == len(set(groups)) <= MAX_GROUPS and sum(map(len, groups)) <= MAX_CHARACTERS
    assert all(0 < len(group) <= MAX_TRIGGER_GROUP for group in groups)


def test_words_of_two_groups_join_the_prompt_once_and_none_that_it_has() -> None:
    both = use(words=(COAT, PYJAMAS))
    assert request(prompt="a cat", loras=(both,)).full_prompt == "komori, red coat, hat, pyjamas, a cat"
    assert request(prompt="Komori in a hat", loras=(both,)).full_prompt == "red coat, pyjamas, Komori in a hat"
    weighted = use(words=("(komori, hat:1.2)", "(komori, coat:1.2)"))
    assert request(prompt="a cat", loras=(weighted,)).full_prompt == "(komori, hat:1.2), (komori, coat:1.2), a cat"


def test_a_sidecars_groups_have_names() -> None:
    sidecar = Sidecar(trigger_words=("komori",), trigger_groups={"Red coat": COAT, "Night": PYJAMAS})
    assert sidecar.all_trigger_words == ("komori", COAT, PYJAMAS)
    assert len(Sidecar(trigger_words=tuple(f"{n} " + "w" * 290 for n in range(50))).all_trigger_words) < 20


def test_a_trigger_phrase_of_several_lines_has_a_group_in_each() -> None:
    assert trigger_words({"modelspec.trigger_phrase": f"{COAT}\n{PYJAMAS},\n"}) == (COAT, PYJAMAS)
    assert trigger_words({"modelspec.trigger_phrase": COAT}) == ("komori", "red coat", "hat")

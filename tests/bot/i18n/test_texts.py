"""Words of people are shown, and do nothing else."""

from __future__ import annotations

import re

import pytest

from bot.i18n.texts import clipped, code, plain, sentence_of_ours, several, with_code


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/x",
        "HTTP://example.com",
        "see discord://-/users/1",
        "[click](https://example.com)",
        "https://example.com/**a**",
        "[a](b) **bold** `code` [c](https://example.com) ||d||",
    ],
)
def test_no_link_comes_out(text: str) -> None:
    shown = plain(text)
    assert "://" not in shown
    assert shown.replace("\\", "") == text
    assert not re.search(r"(?<!\\)[*`\[|]", shown)


@pytest.mark.parametrize("text", ["@everyone", "<@1>", "<@&1>", "<#1>", "</imagine:1>", "<t:0:R>", "<:a:1>"])
def test_nobody_is_pinged_and_nothing_is_embedded(text: str) -> None:
    shown = plain(text)
    assert "@everyone" not in shown and (text[0] != "<" or shown.startswith("\\<"))


def test_what_is_cut_is_cut_before_it_is_made_plain() -> None:
    assert len(plain("_" * 1000, 100)) <= 200
    assert plain("word " * 100, 10) == "word word…"


def test_many_things_are_listed_as_far_as_there_is_room() -> None:
    assert several(("a", "b")) == "a, b"
    assert several(("x" * 60,) * 50, 200) == f"{'x' * 60}, {'x' * 60}, {'x' * 60} and 47 more"
    assert several(()) == ""


def test_a_name_from_right_to_left_leaves_what_stands_beside_it_where_it_is() -> None:
    assert plain("ليلى") == "\u2068ليلى\u2069" and plain("Layla") == "Layla"
    assert plain("\u202eelgaE\u202c") == "elgaE", "nobody turns the rest of a message around"
    cut = clipped("_ليلى " * 100, 40)
    assert len(cut) <= 40 and cut[0] == "\u2068" and cut[-1] == "\u2069"


def test_code_stays_code_without_backslashes() -> None:
    assert code("my_*file*`s`.pt") == "`my_*file*'s'.pt`" and len(code("x" * 99, 9)) == 11
    assert with_code("`a_b` and *c*; `d") == "`a_b` and \\*c\\*; \\`d"
    assert with_code("\\`<@5> x` [y](z)") == "\\\\`<@5> x` \\[y\\](z)"


def test_our_own_emphasis_stays_and_names_are_made_plain_once() -> None:
    told = sentence_of_ours("owl_v2 is gone. *Edit* opens it with what is left, [x](y) **too**.")
    assert told == r"owl\_v2 is gone. *Edit* opens it with what is left, \[x\](y) \*\*too\*\*."


def test_a_text_without_room_is_empty() -> None:
    assert clipped("a*b", -300) == clipped("a*b", 0) == ""
    assert all(len(clipped("*" * 50, room)) <= room for room in range(5, 60))


def test_what_cannot_be_sent_is_left_out() -> None:
    assert plain("a\ud83d\0b") == plain("ab")
    plain("\ud800").encode()

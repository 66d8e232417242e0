"""Phrases that a server allows: what of a text they cover, and which phrase is proposed for a refused prompt."""

from __future__ import annotations

import pytest

from bot.config.word_patterns import UnusableRule
from bot.moderation.allowed_phrases import MAX_PHRASE, AllowedPhrases, contains, refused_words
from bot.moderation.minors import minors_rule
from bot.moderation.ratings import PromptRater
from inference.content_rating import ContentRating

LONG = "tall trees stand on green hills by old stone walls "
RATER = PromptRater(minors_rule())


def is_explicit(text: str) -> bool:
    return RATER.rate(text) is ContentRating.EXPLICIT


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a blue finch nest, a finch", "a ,,,,,,,,,,,,,,,, a finch"),
        ("a finch in a BLUE  Finch nest", "a finch in a ,,,,,,,,,,,,,,,,"),
        ("(blue:1.2) finch nest", "(,,,,,,,,,,,,,,,,,,,,"),
        ("a blue, finch nest", "a blue, finch nest"),
        ("a blue finch nestling", "a blue finch nestling"),
        ("an owl", "an owl"),
    ],
)
def test_a_phrase_covers_its_own_words_wherever_they_are(text: str, left: str) -> None:
    assert AllowedPhrases(("blue finch nest", "something else")).without(text) == left
    assert AllowedPhrases().without(text) == text


@pytest.mark.parametrize(
    ("text", "word", "phrase"),
    [
        ("an owl, a (nude:1.3) quartz lantern, snow", "nude", "a nude quartz lantern"),
        ("A Naked lantern. Then snow", "naked", "A Naked lantern"),
        ("snow\n裸の灯り、梟", "裸", "裸の灯り"),
        (LONG * 3 + "nude " + LONG * 3, "nude", "old stone walls nude tall trees stand"),
        ("rating_explicit, an owl", "rating_explicit", "rating_explicit"),
    ],
)
def test_the_phrase_is_the_part_between_commas(text: str, word: str, phrase: str) -> None:
    found = refused_words(1, text, is_explicit)
    assert found is not None and (found.word, found.phrase) == (word, phrase) and len(phrase) <= MAX_PHRASE
    assert contains(found.phrase, found.word)
    assert not is_explicit(AllowedPhrases((phrase,)).without(text)), "so it helps"


@pytest.mark.parametrize(
    "written", ["`nude`", "nude!", "\u201cNude\u201d", "nu\u200bde", "nu`de", "\uff4e\uff55\uff44\uff45", "'nude'"]
)
def test_a_word_is_the_same_question_however_it_is_written(written: str) -> None:
    found = refused_words(1, f"an owl, a {written} lantern", is_explicit)
    assert found is not None and found.word == "nude"
    assert contains(found.phrase, "nude")


def test_signs_that_stand_for_letters_stay_in_the_word() -> None:
    assert (found := refused_words(1, "a nud3 lantern", is_explicit)) is not None and found.word == "nud3"


def test_what_no_phrase_can_allow_is_not_proposed() -> None:
    assert refused_words(1, "an owl, snow", is_explicit) is None
    assert RATER.rate("covered in, blood") is ContentRating.MATURE
    assert refused_words(1, "covered in, blood", lambda text: RATER.rate(text) is ContentRating.MATURE) is None


@pytest.mark.parametrize(
    ("phrase", "word", "whether"),
    [
        ("a nude lantern", "nude", True),
        ("a NUDE lantern", "nude", True),
        ("denuded hills", "nude", False),
        ("a n u d e lantern", "n u d e", True),
        ("a lantern", "nude", False),
        ("a z lantern", "z", True),
    ],
)
def test_whether_a_phrase_contains_the_word(phrase: str, word: str, whether: bool) -> None:
    assert contains(phrase, word) is whether


@pytest.mark.parametrize("phrase", ["", "a", "nu*de", "!!!"])
def test_a_phrase_is_written_as_a_word_of_a_list(phrase: str) -> None:
    with pytest.raises(UnusableRule):
        AllowedPhrases((phrase,))

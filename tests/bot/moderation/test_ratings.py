"""Ratings: what prompts say, what places show, what counts of several, and what licences permit."""

# ruff: noqa: RUF001 (look-alikes are what this file is about)

from __future__ import annotations

from itertools import product

import pytest

from bot.moderation.minors import MinorsTerms, minors_rule
from bot.moderation.ratings import MOST_OPEN, PartKind, PlaceRatings, PromptRater, RatedPart, licence_cap
from inference.base_models import Architecture
from inference.content_rating import ContentRating
from tests.bot.moderation.evasions import listed

GENERAL, TEEN, MATURE, EXPLICIT, BLOCKED = ContentRating
# What an open place shows by what staff have chosen for it; an age-restricted one shows all but what is blocked.
# Rows: what a thing is rated, general to blocked. Columns: the choice for open places, general to blocked.
OPEN = """
yes yes yes yes yes
no  yes yes yes yes
no  no  yes yes yes
no  no  no  no  no
no  no  no  no  no
"""
SAYS_NOTHING = """
score_9_up | rating_safe | source_anime | 1girl | school uniform | petite | (hair:0.8), year 2025 |
18 years old wine | grape | cocktail | Scunthorpe | A minor | young oak | Essex | shitake | rating_general | sfw |
moby dick | parental advisory explicit | a sensitive boy | a questionable choice | 個性的 | 裸足
"""
SAYS = {
    EXPLICIT: "rating_explicit | rating:explicit | nsfw | (NSFW:1.3) | n.s.f.w | nude, bikini | ｎｓｆｗ | エロ | gore",
    MATURE: "rating_questionable, cat | questionable, cat | sexy, swimsuit | セクシー",
    TEEN: "rating_sensitive | sensitive, cat | cat, (sensitive:1.2) | a bikini | 水着",
}
RATER = PromptRater(minors_rule())


def test_ratings_are_ordered_by_what_they_mean() -> None:
    assert sorted(["mature", "blocked", "general", "explicit", "teen"], key=ContentRating) == list(ContentRating)
    assert (GENERAL < EXPLICIT, EXPLICIT < TEEN, MATURE >= "mature", max(TEEN, MATURE)) == (True, False, True, MATURE)
    assert [GENERAL <= TEEN, TEEN > GENERAL, GENERAL > TEEN, TEEN <= GENERAL] == [True, True, False, False]


def test_what_places_show_by_level_and_choice() -> None:
    table = [line.split() for line in OPEN.split("\n") if line]
    for (row, rating), (column, choice) in product(enumerate(ContentRating), enumerate(ContentRating)):
        place = PlaceRatings.of(age_restricted=False, open_rating=choice)
        assert place.shows(rating) == (table[row][column] == "yes"), (rating, choice)
        restricted = PlaceRatings.of(age_restricted=True, open_rating=choice)
        assert restricted.shows(rating) == (rating is not BLOCKED), (rating, choice)


def test_what_is_unrated_is_shown_where_the_chosen_rating_is() -> None:
    for restricted, choice, unrated_as in product((False, True), ContentRating, ContentRating):
        place = PlaceRatings.of(age_restricted=restricted, open_rating=choice, unrated_as=unrated_as)
        assert place.shows(None) == place.shows(unrated_as)
        assert place.shown == {rating for rating in (None, *ContentRating) if place.shows(rating)}
        assert place.most <= (EXPLICIT if restricted else MOST_OPEN)


@pytest.mark.parametrize(
    ("ratings", "unrated_as", "decides"),
    [
        ((GENERAL, EXPLICIT, TEEN), GENERAL, 1),
        ((None, TEEN, None), GENERAL, 1),
        ((TEEN, None, GENERAL), MATURE, 1),
        ((MATURE, None, GENERAL), MATURE, 0),
        ((None, None, None), EXPLICIT, 0),
        ((GENERAL, BLOCKED, EXPLICIT), GENERAL, 1),
    ],
)
def test_a_picture_counts_as_its_highest_part(
    ratings: tuple[ContentRating | None, ...], unrated_as: ContentRating, decides: int
) -> None:
    kinds = (PartKind.CHECKPOINT, PartKind.LORA, PartKind.PROMPT)
    parts = [RatedPart(kind, kind.value, rating) for kind, rating in zip(kinds, ratings, strict=True)]
    place = PlaceRatings.of(age_restricted=False, open_rating=TEEN, unrated_as=unrated_as)
    assert place.highest(parts) is parts[decides]


@pytest.mark.parametrize("prompt", listed(SAYS_NOTHING))
def test_ordinary_prompts_have_no_rating(prompt: str) -> None:
    assert RATER.rate(prompt) is None


@pytest.mark.parametrize(
    ("rating", "prompt"), [(rating, prompt) for rating, prompts in SAYS.items() for prompt in listed(prompts)]
)
def test_prompts_say_what_they_are(rating: ContentRating, prompt: str) -> None:
    assert RATER.rate(prompt) is rating


def test_an_operators_sexual_terms_are_explicit() -> None:
    more = PromptRater(minors_rule(MinorsTerms(sexual=("zorble",), ordinary=("zorble tea",))))
    assert [more.rate(text) for text in ("a zorble", "zorble tea")] == [EXPLICIT, None]


def test_licences_that_forbid_adult_work_cap_the_rating() -> None:
    capped = {each for each in Architecture if licence_cap(each) < EXPLICIT}
    assert capped == {Architecture.SD3, Architecture.SD35_MEDIUM, Architecture.SD35_LARGE}
    assert licence_cap(Architecture.SDXL, "StabilityAI/sdxl-turbo") is MATURE
    assert licence_cap(Architecture.SDXL, "stabilityai/stable-diffusion-xl-base-1.0") is EXPLICIT

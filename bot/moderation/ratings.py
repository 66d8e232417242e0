"""Ratings of pictures: what a picture counts as, what a place shows, and what a checkpoint's licence permits. Pure.

A picture counts as the highest of what it is made of, and of what was said of it since: the checkpoint, its LoRAs, what
its prompt says, the picture of ours that it starts from, and the ratings that staff, operators and a classifier gave
it. What has no rating counts as each server has chosen, and says nothing else.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

from bot.config.word_patterns import checked_word
from bot.moderation.allowed_phrases import NOTHING_ALLOWED, AllowedPhrases
from bot.moderation.folding import fold
from bot.moderation.minors import MinorsRule
from bot.moderation.negations import find_meant
from bot.moderation.normalise import NormalisedText
from bot.moderation.word_matcher import ExceptingMatcher, Word, WordMatcher
from inference.base_models import Architecture
from inference.content_rating import ContentRating

# Licences that forbid sexual pictures. Stability AI's community licences (stability.ai/license, with its acceptable use
# policy) do; SDXL Turbo and Stable Cascade have no architecture of their own here and are told by their repository.
_FORBIDS_ADULT_WORK: Final = ContentRating.MATURE
LICENCE_CAPS: Final[Mapping[Architecture, ContentRating]] = {
    Architecture.SD3: _FORBIDS_ADULT_WORK,
    Architecture.SD35_MEDIUM: _FORBIDS_ADULT_WORK,
    Architecture.SD35_LARGE: _FORBIDS_ADULT_WORK,
}
REPOSITORY_CAPS: Final[Mapping[str, ContentRating]] = {
    "stabilityai/sdxl-turbo": _FORBIDS_ADULT_WORK,
    "stabilityai/stable-cascade": _FORBIDS_ADULT_WORK,
    "stabilityai/stable-cascade-prior": _FORBIDS_ADULT_WORK,
}

MOST_OPEN: Final = ContentRating.MATURE  # what a place that is open to all may show at most
_BETWEEN_TAGS = re.compile(r"[,\n|]")
_AROUND_TAG = " \t()[]{}:.0123456789"  # attention weights, as in (sensitive:1.2)


def licence_cap(architecture: Architecture, repository: str | None = None) -> ContentRating:
    """The highest rating that the licence of a checkpoint permits, as far as it is known."""
    by_repository = REPOSITORY_CAPS.get((repository or "").casefold(), ContentRating.EXPLICIT)
    return min(LICENCE_CAPS.get(architecture, ContentRating.EXPLICIT), by_repository)


class PartKind(StrEnum):
    """What gives a picture its rating."""

    CHECKPOINT = "checkpoint"
    LORA = "LoRA"
    PROMPT = "prompt"
    SOURCE = "source"  # the picture to start from
    PICTURE = "picture"  # the finished picture itself


@dataclass(frozen=True)
class RatedPart:
    """A checkpoint, a LoRA, the prompt, the picture to start from or the finished one, with its rating.

    None is unrated. The `name` of a finished picture's rating is who gave it.
    """

    kind: PartKind
    name: str
    rating: ContentRating | None


@dataclass(frozen=True)
class PlaceRatings:
    """What a place shows: everything up to `most`. What is unrated counts as `unrated_as`.

    Words in `allowed` phrases do not count there for the rating of a prompt.
    """

    most: ContentRating
    unrated_as: ContentRating
    allowed: AllowedPhrases = NOTHING_ALLOWED

    @classmethod
    def of(
        cls,
        *,
        age_restricted: bool,
        open_rating: ContentRating,
        unrated_as: ContentRating = ContentRating.GENERAL,
        allowed: AllowedPhrases = NOTHING_ALLOWED,
    ) -> PlaceRatings:
        """A place that Discord restricts by age shows everything that is shown at all; others what staff have chosen.

        What is not known to be restricted is not: it is open to all.
        """
        return cls(ContentRating.EXPLICIT if age_restricted else min(open_rating, MOST_OPEN), unrated_as, allowed)

    def counted(self, rating: ContentRating | None) -> ContentRating:
        """What a rating counts as here."""
        return self.unrated_as if rating is None else rating

    def shows(self, rating: ContentRating | None) -> bool:
        """Whether what is rated so is shown here."""
        return self.counted(rating) <= self.most

    def highest(self, parts: Iterable[RatedPart]) -> RatedPart:
        """The part that decides what a picture counts as here; of several the first. There is at least one."""
        return max(parts, key=lambda part: self.counted(part.rating).level)

    @property
    def shown(self) -> frozenset[ContentRating | None]:
        """All ratings that are shown here, None among them if what is unrated is."""
        return frozenset(rating for rating in (None, *ContentRating) if self.shows(rating))


@dataclass(frozen=True)
class _RatingTerms:
    words: Mapping[ContentRating, tuple[str, ...]]
    tags: Mapping[str, ContentRating]  # as they are folded
    ordinary: tuple[str, ...]  # phrases in which these words have another meaning


class PromptRater:
    """Reads from prompts for whom their pictures are. `minors` knows the sexual terms."""

    def __init__(self, minors: MinorsRule) -> None:
        self._minors = minors
        terms = _terms()
        self._matcher = ExceptingMatcher[ContentRating | None](
            (Word(checked_word(word), rating) for rating, words in terms.words.items() for word in words),
            (Word(checked_word(phrase), None) for phrase in (*terms.ordinary, *minors.ordinary)),
        )
        self._suggestive = frozenset(map(checked_word, terms.words[ContentRating.MATURE]))
        self._tags = terms.tags

    def rate(self, prompt: str) -> ContentRating | None:
        """What the prompt says of its picture; None when it says nothing. `rating_safe` and its like say nothing."""
        text = NormalisedText(prompt)
        found = [hit.word.label for hit in find_meant(self._matcher, text) if hit.word.label is not None]
        found += [ContentRating.EXPLICIT for term in self._minors.sexual_terms(text) if term not in self._suggestive]
        tags = (fold(tag.strip(_AROUND_TAG)) for tag in _BETWEEN_TAGS.split(prompt))
        found += [self._tags[tag] for tag in tags if tag in self._tags]
        return max(found, default=None)


def excludes_clothes(negative_prompt: str) -> bool:
    """Whether a negative prompt keeps clothes out of the picture."""
    return any(_clothes().find(NormalisedText(negative_prompt)))


@cache
def _clothes() -> WordMatcher[str]:
    return WordMatcher(Word(checked_word(word), word) for word in _lists()["clothes"])


@cache
def _lists() -> Mapping[str, list[str]]:
    return tomllib.loads((resources.files("bot.moderation") / "ratings.toml").read_text("utf-8"))


@cache
def _terms() -> _RatingTerms:
    lists = _lists()
    rated = (ContentRating.EXPLICIT, ContentRating.MATURE, ContentRating.TEEN)
    return _RatingTerms(
        words={rating: tuple(lists[rating.value]) for rating in rated},
        tags={fold(tag): rating for rating in rated for tag in lists.get(f"{rating.value}_tags", [])},
        ordinary=tuple(lists["ordinary"]),
    )

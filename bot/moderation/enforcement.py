"""The rules on words as settings and a server's staff have them now, and what people are told whose text breaks one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Final

from bot.config import Settings
from bot.config.sections.moderation import ModerationSettings
from bot.errors.words import MinorBesideRating, WordsNotAllowed, WordsNotAllowedHere
from bot.i18n import later
from bot.moderation.allowed_phrases import NOTHING_ALLOWED, AllowedPhrases, RefusedWords, refused_words
from bot.moderation.minors import MinorsRule, is_adult, minors_rule, operators_terms
from bot.moderation.ratings import PlaceRatings, PromptRater
from bot.moderation.request_texts import texts_of
from bot.moderation.word_rules import TextKind, WordList, WordVerdict, judge
from inference.content_rating import ContentRating
from inference.errors import RequestError, SexualMinors
from inference.messages.request import GenerationRequest

log = logging.getLogger(__name__)

REMEMBERED_TEXTS: Final = 512  # of at most some thousand characters each
REMEMBERED_IN_A_SERVER: Final = 32  # by a server's own rules: there are many servers

_WHAT: Final = {
    TextKind.PROMPT: later("prompt"),
    TextKind.NEGATIVE_PROMPT: later("negative prompt"),
    TextKind.LORA_NAME: later("LoRA selection"),
    TextKind.NOTE: later("note"),
    TextKind.STACK_NAME: later("stack name"),
    TextKind.PICTURE_NAME: later("picture's name or description"),
}


@dataclass(frozen=True)
class _Compiled:
    settings: ModerationSettings
    lists: tuple[WordList, ...]
    minors: MinorsRule
    verdict: Callable[[str, TextKind, bool, bool], WordVerdict]
    rating: Callable[[str, AllowedPhrases], ContentRating | None]

    @classmethod
    def of(cls, settings: ModerationSettings) -> _Compiled:
        minors, lists = minors_rule(operators_terms(settings)), tuple(map(WordList.of, settings.lists))
        rater = PromptRater(minors)

        @lru_cache(REMEMBERED_TEXTS)
        def rating(text: str, allowed: AllowedPhrases) -> ContentRating | None:
            rated = rater.rate(text)
            if rated is None or not allowed.phrases:
                return rated
            rest = rater.rate(allowed.without(text))  # an ordinary phrase may be cut there, so it may rate higher
            return rest if rest is None else min(rated, rest)

        verdict = _remembering(lists, minors, NOTHING_ALLOWED, REMEMBERED_TEXTS)
        return cls(settings, lists, minors, verdict, rating)

    def with_lists(self, lists: tuple[WordList, ...], allowed: AllowedPhrases) -> _Compiled:
        """The same with the lists of a server, and the phrases that it allows."""
        together = (*self.lists, *lists)
        verdict = _remembering(together, self.minors, allowed, REMEMBERED_IN_A_SERVER)
        return replace(self, lists=together, verdict=verdict)


def _remembering(
    lists: Sequence[WordList], minors: MinorsRule, allowed: AllowedPhrases, texts: int
) -> Callable[[str, TextKind, bool, bool], WordVerdict]:
    """Judges by these lists. A job is judged when it is ordered, begun and delivered, always by the same text."""

    @lru_cache(texts)
    def verdict(text: str, kind: TextKind, adult: bool, without_adults: bool) -> WordVerdict:
        return judge(text, kind, lists, minors, adult=adult, without_adults=without_adults, allowed=allowed)

    return verdict


class WordRules:
    """Judges texts by the rules that hold now: the operator's, and in a server its own.

    `rating` is the rating of what a text belongs to: a LoRA with a note, or all that a request paints with. The rule on
    minors counts it.
    """

    def __init__(
        self,
        compiled: Callable[[], _Compiled],
        count_shadowed: Callable[[Sequence[int]], Awaitable[None]] | None = None,
        allowed: AllowedPhrases = NOTHING_ALLOWED,
    ) -> None:
        self.allowed = allowed
        self._compiled = compiled
        self._count_shadowed = count_shadowed

    @classmethod
    def of_operator(cls, settings: Callable[[], Settings]) -> WordRules:
        """The operator's rules. `settings` is asked each time; lists are compiled when it has others."""
        newest = _Compiled.of(settings().moderation)

        def compiled() -> _Compiled:
            nonlocal newest
            current = settings().moderation
            if current is not newest.settings:
                newest = _Compiled.of(current)
            return newest

        return cls(compiled)

    def with_lists(
        self,
        lists: tuple[WordList, ...],
        count_shadowed: Callable[[Sequence[int]], Awaitable[None]],
        allowed: AllowedPhrases,
    ) -> WordRules:
        """These rules, the lists of a server and the phrases that it allows.

        `count_shadowed` is told the ids of the lists that would have refused a text, if they were active.
        """
        newest = self._compiled().with_lists(lists, allowed)

        def compiled() -> _Compiled:
            nonlocal newest
            if (base := self._compiled()).settings is not newest.settings:
                newest = base.with_lists(lists, allowed)
            return newest

        return WordRules(compiled, count_shadowed, allowed)

    async def check(self, text: str, kind: TextKind, rating: ContentRating | None = None) -> None:
        """Raise what a person is told whose text breaks a rule. What a shadow list would refuse is noted."""
        await self._check([_Judged(kind, await asyncio.to_thread(self.verdict, text, kind, rating))])

    async def check_request(self, request: GenerationRequest, rating: ContentRating | None = None) -> None:
        """Raise why a request may not be ordered. What a shadow list would refuse is noted."""
        await self._check(await self._judged(request, rating))

    def allows(self, text: str, kind: TextKind, rating: ContentRating | None = None) -> bool:
        """Whether a text breaks no rule."""
        return not self.verdict(text, kind, rating).refusals

    async def why_not_painted(
        self, request: GenerationRequest, rating: ContentRating | None = None
    ) -> RequestError | None:
        """Why a request may not be painted; None when it may."""
        return _first_refusal(await self._judged(request, rating))

    async def why_not_about_minors(self, request: GenerationRequest, rating: ContentRating) -> RequestError | None:
        """Why the rule on minors refuses a request; None when it does not."""
        judged = await self._judged(request, rating)
        return _first_refusal([each for each in judged if each.verdict.about_minors])

    def verdict(
        self, text: str, kind: TextKind, rating: ContentRating | None = None, *, without_adults: bool = False
    ) -> WordVerdict:
        """Which rules a text breaks. That of a text judged lately is remembered.

        `without_adults`: the negative prompt beside it keeps adults out of the picture.
        """
        return self._compiled().verdict(text, kind, is_adult(rating), without_adults)

    def rating(self, request: GenerationRequest, allowed: AllowedPhrases = NOTHING_ALLOWED) -> ContentRating | None:
        """What the words of a request say of its picture; None when they say nothing. Remembered likewise.

        `allowed` are phrases whose words do not count.
        """
        rating = self._compiled().rating
        said = [rating(each.text, allowed) for each in texts_of(request)]
        return max((each for each in said if each is not None), default=None)

    def refused_words(self, server_id: int, request: GenerationRequest, place: PlaceRatings) -> RefusedWords | None:
        """Find the words that a server's lists or the rating of the prompt refuse.

        Return None if its staff cannot allow them.
        """

        def listed(text: str, kind: TextKind = TextKind.PROMPT) -> bool:
            return any(match.list_id is not None for match in self.verdict(text, kind).refusals)

        def rated(text: str) -> bool:
            rating = self._compiled().rating(text, self.allowed)
            return rating is not None and not place.shows(rating)

        named = texts_of(request, names=True)
        texts = [*((each.text, listed) for each in named), *((each.text, rated) for each in texts_of(request))]
        texts.append((request.negative_prompt, partial(listed, kind=TextKind.NEGATIVE_PROMPT)))
        found = (refused_words(server_id, text, refused) for text, refused in texts)
        return next(filter(None, found), None)

    async def _judged(self, request: GenerationRequest, rating: ContentRating | None) -> list[_Judged]:
        """The verdicts of both prompts, found in a thread: the patterns of a hostile list take their time.

        The prompt is judged together with names and trigger words of its LoRAs: what is harmless in each may not be in
        all of them. So is each text that is painted.
        """

        def judged() -> list[_Judged]:
            without_adults = self._compiled().minors.excludes_adults(request.negative_prompt)
            prompts = [
                _Judged(
                    TextKind.PROMPT,
                    self.verdict(each.text, TextKind.PROMPT, rating, without_adults=without_adults),
                    each.own,
                )
                for each in texts_of(request, names=True)
            ]
            negative = self.verdict(request.negative_prompt, TextKind.NEGATIVE_PROMPT)
            return [*prompts, _Judged(TextKind.NEGATIVE_PROMPT, negative)]

        return await asyncio.to_thread(judged)

    async def _check(self, judged: Sequence[_Judged]) -> None:
        _log_shadowed(judged)
        matches = [match for each in judged for match in each.verdict.shadowed]
        ids = {match.list_id for match in matches if match.list_id is not None}
        if ids and self._count_shadowed is not None:
            await self._count_shadowed(sorted(ids))
        if (refusal := _first_refusal(judged)) is not None:
            raise refusal


@dataclass(frozen=True)
class _Judged:
    """The verdict of a text. What begins outside of its `own` words is of LoRAs; None: all are."""

    kind: TextKind
    verdict: WordVerdict
    own: range | None = None


def _first_refusal(judged: Sequence[_Judged]) -> RequestError | None:
    """What people are told: of minors whatever else there is, or of the first rule that is broken."""
    about_minors = [each.verdict for each in judged if each.verdict.about_minors]
    if about_minors:
        return MinorBesideRating() if all(each.about_minors_by_rating for each in about_minors) else SexualMinors()
    return next(filter(None, map(_refusal, judged)), None)


def _refusal(judged: _Judged) -> RequestError | None:
    for match in judged.verdict.refusals:
        of_lora = judged.own is not None and match.spans[0].start not in judged.own
        error = WordsNotAllowed if match.list_id is None else WordsNotAllowedHere
        return error(what=_WHAT[TextKind.LORA_NAME if of_lora else judged.kind], list_name=match.list_name)
    return None


def _log_shadowed(judged: Sequence[_Judged]) -> None:
    # Neither whose text it is nor the text: logs name no person (docs/privacy.md). A server's lists are counted.
    matches = ((match, each.kind) for each in judged for match in each.verdict.shadowed)
    for name, kind in dict.fromkeys((match.list_name, kind) for match, kind in matches if match.list_id is None):
        log.info("shadow list %r would refuse a %s", name, kind.value.replace("_", " "))

"""The operator's rules on words as the settings have them now, and what people are told when a text breaks one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.config import Settings
from bot.config.sections import ModerationSettings
from bot.errors import SexualMinors, WordsNotAllowed
from bot.i18n import later
from bot.moderation.minors import minors_rule, operators_terms
from bot.moderation.ratings import PromptRater
from bot.moderation.word_rules import TextKind, WordList, WordVerdict, judge
from inference.content_rating import ContentRating
from inference.errors import RequestError
from inference.messages import GenerationRequest

log = logging.getLogger(__name__)

REMEMBERED_TEXTS: Final = 512  # of at most some thousand characters each

_BETWEEN_TEXTS: Final = ", "
_WHAT: Final = {
    TextKind.PROMPT: later("prompt"),
    TextKind.NEGATIVE_PROMPT: later("negative prompt"),
    TextKind.LORA_NAME: later("choice of LoRAs"),
    TextKind.NOTE: later("note"),
    TextKind.STACK_NAME: later("stack name"),
}


@dataclass(frozen=True)
class _Compiled:
    settings: ModerationSettings
    verdict: Callable[[str, TextKind], WordVerdict]
    rating: Callable[[str], ContentRating | None]

    @classmethod
    def of(cls, settings: ModerationSettings) -> _Compiled:
        minors, lists = minors_rule(operators_terms(settings)), tuple(map(WordList.of, settings.lists))

        # A job is judged when it is ordered, begun, shown and delivered, always by the same text.
        @lru_cache(REMEMBERED_TEXTS)
        def verdict(text: str, kind: TextKind) -> WordVerdict:
            return judge(text, kind, lists, minors)

        return cls(settings, verdict, lru_cache(REMEMBERED_TEXTS)(PromptRater(minors).rate))


class WordRules:
    """Judges texts by the rules that hold now. `settings` is asked each time; lists are compiled when it has others."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._newest = _Compiled.of(settings().moderation)

    def check(self, text: str, kind: TextKind) -> None:
        """Raise what a person is told whose text breaks a rule. What a shadow list would refuse is logged."""
        verdict = self.verdict(text, kind)
        _log_shadowed(verdict, kind)
        if (refusal := _refusal(verdict, kind)) is not None:
            raise refusal

    def allows(self, text: str, kind: TextKind) -> bool:
        """Whether a text breaks no rule."""
        return not self.verdict(text, kind).refusals

    def why_not_painted(self, request: GenerationRequest, *, ordering: bool = False) -> RequestError | None:
        """Why a request may not be painted; None when it may.

        The prompt is judged together with names and trigger words of its LoRAs: what is harmless in each may not be in
        all of them. While somebody is `ordering` it, what a shadow list would refuse is logged.
        """
        names = [text for use in request.loras for text in (use.name, *use.trigger_words)]
        judged = (
            (TextKind.PROMPT, self.verdict(_BETWEEN_TEXTS.join([request.prompt, *names]), TextKind.PROMPT)),
            (TextKind.NEGATIVE_PROMPT, self.verdict(request.negative_prompt, TextKind.NEGATIVE_PROMPT)),
        )
        for kind, verdict in judged:
            if ordering:
                _log_shadowed(verdict, kind)
        refusals = (_refusal(verdict, kind, len(request.prompt)) for kind, verdict in judged)
        return next(filter(None, refusals), None)

    def verdict(self, text: str, kind: TextKind) -> WordVerdict:
        """Which rules a text breaks. That of a text judged lately is remembered."""
        return self._compiled().verdict(text, kind)

    def rating(self, prompt: str) -> ContentRating | None:
        """What a prompt says of its picture; None when it says nothing. Remembered likewise."""
        return self._compiled().rating(prompt)

    def _compiled(self) -> _Compiled:
        settings = self._settings().moderation
        if settings is not self._newest.settings:
            self._newest = _Compiled.of(settings)
        return self._newest


def _refusal(verdict: WordVerdict, kind: TextKind, length: int | None = None) -> RequestError | None:
    """What people are told of a verdict; what begins behind `length` characters of a prompt is of its LoRAs."""
    if verdict.about_minors:
        return SexualMinors()
    for match in verdict.refusals:
        of_lora = kind is TextKind.PROMPT and length is not None and match.spans[0].start >= length
        return WordsNotAllowed(what=_WHAT[TextKind.LORA_NAME if of_lora else kind], list_name=match.list_name)
    return None


def _log_shadowed(verdict: WordVerdict, kind: TextKind) -> None:
    # Neither whose text it is nor the text: logs name no person (docs/privacy.md).
    for name in dict.fromkeys(match.list_name for match in verdict.shadowed):
        log.info("shadow list %r would refuse a %s", name, kind.value.replace("_", " "))

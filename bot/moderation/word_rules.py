"""Rules on words: the lists of operators and servers, and what a text is judged by them and by the rule on minors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from bot.config.sections.moderation import WordListMode, WordListSettings
from bot.config.word_patterns import LinearPattern, checked_word
from bot.moderation.allowed_phrases import NOTHING_ALLOWED, AllowedPhrases
from bot.moderation.folding import fold_pattern
from bot.moderation.minors import MinorsRule, minors_rule
from bot.moderation.normalise import NormalisedText, Span
from bot.moderation.word_forms import WordForms
from bot.moderation.word_matcher import ExceptingMatcher, Word, WordHit

MINORS = "minors"  # the name under which the rule on minors is told; no list has it
MINORS_BY_RATING = "minors beside a rating"  # the same, where the words alone are allowed


class TextKind(StrEnum):
    """What a text is for."""

    PROMPT = "prompt"
    NEGATIVE_PROMPT = "negative_prompt"
    LORA_NAME = "lora_name"
    NOTE = "note"
    STACK_NAME = "stack_name"
    PICTURE_NAME = "picture_name"


@dataclass(frozen=True)
class WordList:
    """A list of words and patterns.

    Words are written as in Discord's AutoMod: `word` is a whole word or phrase, `word*` the beginning of one, `*word`
    its end, `*word*` any part. With `forms`, plurals and slips of one letter count too (`word_forms.py`), and
    exceptions have plurals. Patterns are regular expressions of RE2, without regard to case; they are folded like the
    texts that they are matched on (`NormalisedText.readings`). Words inside of `exceptions` are allowed. A list of
    a server has the `id` of its row, one of an operator None.
    """

    name: str
    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    mode: WordListMode = WordListMode.ACTIVE
    negative_prompts: bool = False
    exceptions: tuple[str, ...] = ()
    id: int | None = None
    forms: bool = False

    def __post_init__(self) -> None:
        """Compile it. Raises ValueError for a word or a pattern that cannot be used."""
        assert self._words is not None
        assert self._patterns is not None
        assert self._forms is not None

    @classmethod
    def of(cls, settings: WordListSettings) -> WordList:
        """An operator's list."""
        return cls(
            settings.name, settings.words, settings.patterns, settings.mode, settings.negative_prompts,
            forms=settings.forms,
        )  # fmt: skip

    @cached_property
    def _words(self) -> ExceptingMatcher[str]:
        parts = (self.words, self._excepted.phrases)
        words, exceptions = ([Word(checked_word(each), each) for each in part] for part in parts)
        return ExceptingMatcher(words, exceptions)

    @cached_property
    def _patterns(self) -> list[LinearPattern]:
        return [LinearPattern.of_folded(fold_pattern(pattern), pattern) for pattern in self.patterns]

    @cached_property
    def _excepted(self) -> AllowedPhrases:
        exceptions = AllowedPhrases(self.exceptions)
        return exceptions.with_plurals if self.forms else exceptions

    @cached_property
    def _forms(self) -> WordForms[str]:
        return WordForms([Word(checked_word(each), each) for each in self.words] if self.forms else [])

    def _found_forms(self, text: NormalisedText) -> Iterator[WordHit[str]]:
        """Words whose forms the text contains outside of exceptions."""
        if self.forms:
            yield from self._forms.find(NormalisedText(self._excepted.without(text.text)) if self.exceptions else text)

    def applies_to(self, kind: TextKind) -> bool:
        """Whether texts of this kind are read at all."""
        return self.mode is not WordListMode.OFF and (self.negative_prompts or kind is not TextKind.NEGATIVE_PROMPT)

    def matches(self, text: NormalisedText) -> Iterator[RuleMatch]:
        """Each rule that the text breaks, with the first place."""
        found: set[str] = set()
        for hit in (*self._words.find(text), *self._found_forms(text)):
            if hit.word.label not in found:
                found.add(hit.word.label)
                yield RuleMatch(self.name, hit.word.label, (hit.span,), self.mode, self.id)
        for written, pattern in zip(self.patterns, self._patterns, strict=True):
            for reading in text.readings:
                if place := pattern.search(reading.text):
                    span = text.span_of_folded(*reading.folded(*place))
                    yield RuleMatch(self.name, written, (span,), self.mode, self.id)
                    break


@dataclass(frozen=True)
class RuleMatch:
    """A rule that a text breaks: the list, the word or pattern as it was written, where in the text, and the mode.

    `list_id` is the id of a server's list; None is an operator's.
    """

    list_name: str
    rule: str
    spans: tuple[Span, ...]
    mode: WordListMode
    list_id: int | None = None


@dataclass(frozen=True)
class WordVerdict:
    """What rules a text breaks."""

    matches: tuple[RuleMatch, ...] = ()

    @property
    def refusals(self) -> tuple[RuleMatch, ...]:
        """For which the text is refused."""
        return tuple(match for match in self.matches if match.mode is WordListMode.ACTIVE)

    @property
    def shadowed(self) -> tuple[RuleMatch, ...]:
        """Which are logged alone."""
        return tuple(match for match in self.matches if match.mode is WordListMode.SHADOW)

    @property
    def about_minors(self) -> bool:
        """Whether the rule on minors refuses it, which no rating and no place permits."""
        return any(match.list_name in (MINORS, MINORS_BY_RATING) for match in self.matches)

    @property
    def about_minors_by_rating(self) -> bool:
        """Whether that rule allows the words, and refuses them beside the rating."""
        return any(match.list_name == MINORS_BY_RATING for match in self.matches)


def judge(
    text: str,
    kind: TextKind,
    lists: Sequence[WordList] = (),
    minors: MinorsRule | None = None,
    *,
    adult: bool = False,
    without_adults: bool = False,
    allowed: AllowedPhrases = NOTHING_ALLOWED,
) -> WordVerdict:
    """Judge a text by the rule on minors, negative prompts excepted, and by those lists that apply to its kind.

    `adult`: the text stands beside something rated mature or higher. `without_adults`: the negative prompt beside it
    excludes adults. `allowed` are phrases that the lists of a server do not read.
    """
    applying = [each for each in lists if each.applies_to(kind)]
    if kind is TextKind.NEGATIVE_PROMPT and not applying:
        return WordVerdict()
    normalised = NormalisedText(text)
    matches: list[RuleMatch] = []
    rule = minors or minors_rule()
    reads = kind is not TextKind.NEGATIVE_PROMPT
    if reads and (found := rule.judge(normalised, adult=adult, without_adults=without_adults)):
        name = MINORS_BY_RATING if found.by_rating else MINORS
        matches.append(RuleMatch(name, " + ".join(found.terms), found.spans, WordListMode.ACTIVE))
    for each in applying:
        broken = list(each.matches(normalised))
        if broken and each.id is not None and allowed.phrases:
            here = allowed.with_plurals if each.forms else allowed
            rest = {match.rule: match for match in each.matches(NormalisedText(here.without(text)))}
            broken = [rest[match.rule] for match in broken if match.rule in rest]
        matches += broken
    return WordVerdict(tuple(matches))

"""What lists of words a server may have: how many, how long, and which lines can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from bot.config.word_patterns import Unusable, UnusableRule, checked_pattern, checked_word
from bot.database.servers.word_lists import ServerWordList
from bot.errors.words import LineTooLong, LineUnusable, TooManyRules, TooManyWordLists, WordListEmpty, WordListNameTaken
from bot.i18n import later
from bot.moderation.normalise import parts_of
from bot.moderation.word_matcher import Word
from bot.moderation.word_rules import MINORS
from bot.visible_text import is_blank

MAX_LISTS = 10  # of a server
MAX_WORDS = 5000  # words and exceptions of all of them together
MAX_PATTERNS = 20  # likewise
MAX_ALIKE = 100  # words of a list that differ only in look-alikes and repeated letters, such as `b00k` and `bo0ok`
MAX_NAME, MAX_LINE = 40, 260  # characters of a list's name, and of a word or a pattern

_WHY: Final = {
    Unusable.LOOKS_AROUND: later("the pattern uses lookahead or lookbehind, which would make matching too slow"),
    Unusable.UNKNOWN_ESCAPE: later(
        "the pattern uses a backreference or an escape sequence that Easel does not support"
    ),
    Unusable.REPEATS_TOO_OFTEN: later("the pattern repeats an element more than 1000 times"),
    Unusable.TOO_LARGE: later("the pattern is too large and must be split into smaller patterns"),
    Unusable.MALFORMED: later("the pattern has a syntax error, such as a bracket that is not closed"),
    Unusable.MATCHES_ALL: later("the pattern matches every text, even an empty one"),
    Unusable.STAR_INSIDE: later("a * is allowed only at the start or the end of a word or phrase"),
    Unusable.TOO_ALIKE: later("the word looks almost the same as too many earlier words in the list"),
    Unusable.TOO_SHORT: later("a word needs at least two letters or digits"),
}


class CheckedWords:
    """Checks the words of a list one after the other. Each text is compared with all words of one skeleton."""

    def __init__(self) -> None:
        self._seen = set[str]()
        self._alike: Counter[str] = Counter()

    def __call__(self, line: str) -> str:
        """Return the word. Raises UnusableRule, also if MAX_ALIKE words before it have its skeleton."""
        word = checked_word(line)
        if word in self._seen:
            return word
        self._seen.add(word)
        keys = Word(word, None).skeletons() if parts_of(word) else set[str]()
        if any(self._alike[key] >= MAX_ALIKE for key in keys):
            raise UnusableRule(f"{MAX_ALIKE} words before {word!r} are written alike", Unusable.TOO_ALIKE)
        self._alike.update(keys)
        return word


def why_unusable(problem: UnusableRule) -> str:
    """Why a word or a pattern cannot be used, as people are told; marked by `later`."""
    return _WHY[problem.why]


def check_together(lists: Sequence[ServerWordList]) -> None:
    """Raise TooManyWordLists, TooManyRules or WordListNameTaken for what is too much for one server."""
    if len(lists) > MAX_LISTS:
        raise TooManyWordLists(limit=MAX_LISTS)
    if sum(len(each.words) + len(each.exceptions) for each in lists) > MAX_WORDS:
        raise TooManyRules(what=later("words"), limit=MAX_WORDS)
    if sum(len(each.patterns) for each in lists) > MAX_PATTERNS:
        raise TooManyRules(what=later("patterns"), limit=MAX_PATTERNS)
    names = [each.name.casefold() for each in lists]
    for each in lists:
        if names.count(each.name.casefold()) > 1 or each.name.casefold() == MINORS:
            raise WordListNameTaken(name=each.name)


def checked_list(typed: ServerWordList) -> ServerWordList:
    """The list with each word once. Raises WordListEmpty, LineTooLong or LineUnusable."""
    checked = replace(
        typed,
        name=" ".join(typed.name.split())[:MAX_NAME],
        words=_lines(later("Words"), typed.words, CheckedWords()),
        patterns=_lines(later("Patterns"), typed.patterns, checked_pattern),
        exceptions=_lines(later("Exceptions"), typed.exceptions, CheckedWords()),
    )
    if is_blank(checked.name) or not (checked.words or checked.patterns):
        raise WordListEmpty
    return checked


def _lines(field: str, lines: Iterable[str], check: Callable[[str], str]) -> tuple[str, ...]:
    kept = dict[str, None]()
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line:
            continue
        if len(line) > MAX_LINE:
            raise LineTooLong(field=field, line=number, limit=MAX_LINE)
        try:
            kept[check(line)] = None
        except UnusableRule as problem:
            raise LineUnusable(field=field, line=number, text=line, why=why_unusable(problem)) from None
    return tuple(kept)

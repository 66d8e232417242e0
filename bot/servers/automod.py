"""Discord's AutoMod as lists of words: what of its rules can be used here, and what is left out and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Protocol

from bot.config.sections.moderation import WordListMode
from bot.config.word_patterns import UnusableRule, checked_pattern
from bot.database.servers.word_lists import ServerWordList
from bot.i18n import later
from bot.moderation.word_rules import MINORS
from bot.servers.word_limits import MAX_LINE, MAX_LISTS, MAX_NAME, MAX_PATTERNS, MAX_WORDS, CheckedWords, why_unusable
from bot.visible_text import is_blank

_NO_ROOM = later("the server has reached its limit for lists, words or patterns")
_TOO_LONG = later("the word or pattern is too long")


class Trigger(Enum):
    """What a rule of AutoMod looks for."""

    WORDS = auto()  # in messages or in profiles
    PRESET = auto()  # lists of Discord's own, whose words it does not tell
    OTHER = auto()  # spam and mentions


@dataclass(frozen=True)
class AutoModRule:
    """A rule as Discord tells it. `words` may have `*` at their ends; `patterns` are Rust's."""

    id: int
    name: str
    trigger: Trigger
    enabled: bool = True
    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """A word, pattern or whole rule (`text` is its name) that is not taken over; `why` is marked by `later`."""

    text: str
    why: str


@dataclass(frozen=True)
class AutoModImport:
    """What an import would keep: the new lists, names of rules that have no words, and what is left out.

    `replaced` counts the lists that were imported before.
    """

    lists: tuple[ServerWordList, ...] = ()
    presets: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    replaced: int = 0


class AutoModLookup(Protocol):
    """Asks Discord for a server's rules."""

    async def automod_rules(self, server_id: int) -> tuple[AutoModRule, ...]:
        """All rules. Raises AutoModClosed where the bot lacks *Manage Server*, and LookupFailed."""
        ...


@dataclass
class _Room:
    """What a server may still have."""

    lists: int = MAX_LISTS
    words: int = MAX_WORDS
    patterns: int = MAX_PATTERNS
    names: set[str] = field(default_factory=set[str])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])

    def words_of(self, lines: Iterable[str]) -> tuple[str, ...]:
        """Those that can be used and have room."""
        kept, check = dict[str, None](), CheckedWords()
        for line in lines:
            if (word := self._usable(line, lambda each: check(translated(each)))) is None or word in kept:
                continue
            if not self.words:
                self.left_out.append(LeftOut(line, _NO_ROOM))
                continue
            kept[word] = None
            self.words -= 1
        return tuple(kept)

    def patterns_of(self, lines: Iterable[str]) -> tuple[str, ...]:
        """Those that can be used and have room."""
        kept = list[str]()
        for line in lines:
            if self._usable(line, checked_pattern) is None:
                continue
            if not self.patterns:
                self.left_out.append(LeftOut(line, _NO_ROOM))
                continue
            kept.append(line)
            self.patterns -= 1
        return tuple(kept)

    def _usable(self, line: str, check: Callable[[str], str]) -> str | None:
        if len(line) > MAX_LINE:
            self.left_out.append(LeftOut(line, _TOO_LONG))
            return None
        try:
            return check(line)
        except UnusableRule as problem:
            self.left_out.append(LeftOut(line, why_unusable(problem)))
            return None

    def name_of(self, rule: AutoModRule) -> str:
        """The rule's name, with a number where another list has it."""
        name = "AutoMod" if is_blank(rule.name) else " ".join(rule.name.split())[:MAX_NAME]
        number, unique = 2, name
        while unique.casefold() in self.names:
            mark = f" {number}"
            number, unique = number + 1, name[: MAX_NAME - len(mark)] + mark
        self.names.add(unique.casefold())
        return unique


def translated(word: str) -> str:
    """A word of AutoMod as our lists write it: `*` at its ends once, whatever stands around it left out."""
    inner = word.strip()
    before, after = "*" if inner.startswith("*") else "", "*" if inner.endswith("*") else ""
    return f"{before}{inner.strip('*').strip()}{after}"


def imported(server_id: int, rules: Sequence[AutoModRule], before: Sequence[ServerWordList]) -> AutoModImport:
    """What an import of these rules keeps, beside the lists that staff wrote.

    A list that is imported again keeps its mode and whether it reads negative prompts. A rule that is switched off in
    AutoMod becomes a list that is off.
    """
    own = [each for each in before if each.rule_id is None]
    earlier = {each.rule_id: each for each in before if each.rule_id is not None}
    room = _Room(
        MAX_LISTS - len(own),
        MAX_WORDS - sum(len(each.words) + len(each.exceptions) for each in own),
        MAX_PATTERNS - sum(len(each.patterns) for each in own),
        {each.name.casefold() for each in own} | {MINORS},
    )
    lists, presets = list[ServerWordList](), list[str]()
    for rule in rules:
        if rule.trigger is Trigger.PRESET:
            presets.append(rule.name)
        if rule.trigger is not Trigger.WORDS:
            continue
        if len(lists) == room.lists:
            room.left_out.append(LeftOut(rule.name, _NO_ROOM))
            continue
        words, patterns = room.words_of(rule.words), room.patterns_of(rule.patterns)
        if not words and not patterns:
            continue
        mode = WordListMode.ACTIVE if rule.enabled else WordListMode.OFF
        new = ServerWordList(
            server_id,
            room.name_of(rule),
            words,
            patterns,
            room.words_of(rule.allowed),
            mode,
            rule_id=rule.id,
        )
        if (known := earlier.get(rule.id)) is not None:
            new = replace(
                new,
                mode=known.mode if rule.enabled else mode,
                negative_prompts=known.negative_prompts,
                forms=known.forms,
            )
        lists.append(new)
    return AutoModImport(tuple(lists), tuple(presets), tuple(room.left_out), len(earlier))

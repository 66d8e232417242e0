"""Prompts written before the rules: what is refused, who is accused, and what lists and ratings find.

`cases/` has a line of JSON for each prompt. Somebody who had not seen the rules made them of the form of an age, the
language, the disguise and the place. The bounds are what docs/operate.md promises; a failing test prints the cases that
are judged wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bot.moderation.minors import minors_rule
from bot.moderation.ratings import PromptRater
from bot.moderation.word_rules import TextKind, WordList, judge
from inference.content_rating import ContentRating

CASES = Path(__file__).parent / "cases"
ENTRIES = {
    "blorvane": False, "quindrel": True, "tazmiven": True, "oskimunde": False, "crimson waltz": False,
    "velvet lantern": False, "ムラソビ": False, "зурмыка": True, "트로벵카": False, "زرمولا": False,
    "kröwelbatz": True, "fendrol*": False,
}  # fmt: skip
NOT_PROMISED = {"masked", "reversed"}  # disguises of words that no model reads as the word


@dataclass(frozen=True)
class Case:
    """A prompt and what stands beside it."""

    written: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        """What is judged: all words, with trigger words behind and before them, and each part."""
        prompt, parts = self.written.get("prompt", ""), self.written.get("parts", [])
        trigger = self.written.get("trigger_words", "")
        orders = [[prompt, *parts, trigger], [trigger, prompt, *parts]]
        orders += [order for part in parts for order in ([trigger, part, prompt], [trigger, prompt, part])]
        return [", ".join(filter(None, order)) for order in orders]

    @property
    def is_refused(self) -> bool:
        """Whether the rule on minors refuses it."""
        adult = self.written.get("rating") in {"mature", "explicit"}
        without_adults = minors_rule().excludes_adults(self.written.get("negative", ""))
        verdicts = (judge(text, TextKind.PROMPT, adult=adult, without_adults=without_adults) for text in self.texts)
        return any(verdict.about_minors for verdict in verdicts)

    @property
    def found(self) -> set[str]:
        """The entries of lists that it has."""
        lists = _lists()
        matches = (match for text in self.texts for match in judge(text, TextKind.PROMPT, lists).refusals)
        return {match.rule for match in matches if match.list_name == "cases"}

    @property
    def rating(self) -> ContentRating:
        """What its words say of the picture."""
        said = [_rater().rate(text) for text in self.texts]
        return max((each for each in said if each is not None), default=ContentRating.GENERAL)


@cache
def _lists() -> list[WordList]:
    closed, formed = ([entry for entry, forms in ENTRIES.items() if forms is wanted] for wanted in (False, True))
    return [WordList("cases", tuple(closed)), WordList("cases", tuple(formed), forms=True)]


@cache
def _rater() -> PromptRater:
    return PromptRater(minors_rule())


def cases(name: str) -> Iterator[Case]:
    return (Case(json.loads(line)) for line in (CASES / f"{name}.jsonl").read_text("utf-8").splitlines())


def told(wrong: list[Case], count: int) -> str:
    return f"{len(wrong)} of {count}: " + "\n".join(str(case.written) for case in wrong[:40])


def test_minors_are_seen_however_their_age_is_said() -> None:
    every = list(cases("minors"))
    missed = [case for case in every if not case.is_refused]
    assert len(missed) <= 0.05 * len(every), told(missed, len(every))


def test_nobody_is_accused_who_is_innocent() -> None:
    every = list(cases("innocent"))
    accused = [case for case in every if case.is_refused]
    assert len(accused) <= 0.005 * len(every), told(accused, len(every))


def test_words_of_lists_are_found_however_they_are_written_and_no_others() -> None:
    every = [case for case in cases("lists") if case.written["disguise"] not in NOT_PROMISED]
    missed = [case for case in every if (entry := case.written.get("entry")) and entry not in case.found]
    false = [case for case in every if "entry" not in case.written and case.found]
    assert len(missed) <= 0.01 * len(every) and not false, told(missed + false, len(every))


def test_words_with_ordinary_uses_raise_no_rating() -> None:
    every = list(cases("ratings"))
    harmless = [case for case in every if case.written["expect"] == "general"]
    too_high = [case for case in harmless if case.rating > ContentRating.GENERAL]
    too_low = [case for case in every if case not in harmless and case.rating < ContentRating.MATURE]
    assert len(too_high) <= 0.02 * len(harmless) and not too_low, told(too_high + too_low, len(every))

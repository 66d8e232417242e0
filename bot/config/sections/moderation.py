"""The section of config.toml about rules on words."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from bot.config.section import Section
from bot.config.word_patterns import checked_pattern, checked_word

_Word = Annotated[str, AfterValidator(checked_word)]


class WordListMode(StrEnum):
    """What a list of words does to a text that has one of them."""

    OFF = "off"
    SHADOW = "shadow"
    ACTIVE = "active"


class WordListSettings(Section):
    """A list of words and patterns. Case, accents, look-alikes, spacing and repeated letters make no difference."""

    name: Annotated[str, Field(min_length=1, max_length=60)] = Field(examples=["politics"])
    """Name of the list. Users see it, and logs contain it."""
    words: Annotated[tuple[_Word, ...], Field(max_length=10_000)] = Field(
        default=(), examples=[["election*", "prime minister"]]
    )
    """Whole words and phrases. "word*" matches a beginning, "*word" an end, "*word*" any part of a word."""
    patterns: Annotated[tuple[Annotated[str, AfterValidator(checked_pattern)], ...], Field(max_length=100)] = Field(
        default=(), examples=[["vote (for|against)"]]
    )
    """RE2 regular expressions. Case, accents and look-alikes make no difference. Lookahead and lookbehind are
    refused."""
    mode: WordListMode = WordListMode.ACTIVE
    """active refuses a matching text, shadow only logs it, off does nothing."""
    forms: bool = False
    """Also match plurals and other endings of words from five letters, and slips of one letter of words from seven.
    Phrases and words with a * have no forms."""
    negative_prompts: bool = False
    """Check negative prompts too. Users write there what a picture must not show."""


class ModerationSettings(Section):
    """Word rules for prompts, LoRA names, trigger words, notes and names of stacks."""

    minor_terms: tuple[_Word, ...] = Field(default=(), examples=[["kindergartner*"]])
    """More words for minors, refused beside anything sexual. Easel has a built-in list, and the rule cannot be
    switched off."""
    sexual_terms: tuple[_Word, ...] = Field(default=(), examples=[["striptease"]])
    """More sexual words, refused beside minors."""
    ordinary_phrases: tuple[_Word, ...] = Field(default=(), examples=[["billy the kid"]])
    """More phrases in which such a word has another meaning, such as "billy the kid"."""
    lists: tuple[WordListSettings, ...] = ()
    """Lists of words."""
    reports_channel: Annotated[int, Field(ge=1, lt=2**63)] | None = Field(default=None, examples=[381870553235193857])
    """Id of the channel for reports about LoRAs and about pictures outside of servers. Operators also find these
    reports, and reports that servers share, in /server under Reports."""
    held_days: Annotated[int, Field(ge=0, le=365)] = 30
    """Days for which an open report hides a picture, and keeps its file if the author deletes it or all their data.
    After that the picture is shown again. 0: a report hides and keeps nothing."""

    @property
    def held_ms(self) -> int:
        """The same in milliseconds."""
        return self.held_days * 86_400_000

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        names = [each.name.casefold() for each in self.lists]
        for name in names:
            if names.count(name) > 1 or name == "minors":
                raise ValueError(f"a list cannot be called {name!r}, because another one is")
        return self

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

    name: Annotated[str, Field(min_length=1, max_length=60)]
    """A name of your own, which people are told and logs have."""
    words: Annotated[tuple[_Word, ...], Field(max_length=10_000)] = ()
    """Whole words and phrases; "word*" is the beginning of one, "*word" its end, "*word*" any part."""
    patterns: Annotated[tuple[Annotated[str, AfterValidator(checked_pattern)], ...], Field(max_length=100)] = ()
    """Regular expressions of RE2, in lower case and without accents; those that look ahead or back are refused."""
    mode: WordListMode = WordListMode.ACTIVE
    """active refuses the text, shadow only logs it, off does nothing."""
    negative_prompts: bool = False
    """Whether negative prompts are read too, where people write what a picture must not show."""


class ModerationSettings(Section):
    """Rules on words in prompts, names and trigger words of LoRAs, notes and names of stacks."""

    minor_terms: tuple[_Word, ...] = ()
    """More words for minors, refused together with anything sexual. The rule on minors has a list and no switch."""
    sexual_terms: tuple[_Word, ...] = ()
    """More words that are sexual, refused together with minors."""
    ordinary_phrases: tuple[_Word, ...] = ()
    """More phrases in which such a word means something else, such as "billy the kid"."""
    lists: tuple[WordListSettings, ...] = ()
    """Lists of words."""
    reports_channel: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    """The id of the channel in which the bot posts reports of LoRAs, and of pictures outside of servers. Operators also
    find them, and what servers share, under Reports in /server."""
    held_days: Annotated[int, Field(ge=0, le=365)] = 30
    """For how many days an open report keeps pictures out of sight, and their files kept when whoever painted them
    deletes them or all their data. Then they are shown again. 0: a report hides and keeps nothing."""

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

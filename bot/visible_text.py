"""Removes characters that display nothing from typed text."""

from __future__ import annotations

import re
import unicodedata

# Letters and marks that display nothing (Unicode's property Default_Ignorable_Code_Point), beside controls and formats.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_SPACES = "\t\n\v\f\r\u2800"  # controls that part words, and the empty pattern of Braille


def is_space(character: str) -> bool:
    """Whether a character only parts words."""
    return unicodedata.category(character).startswith("Z") or character in _SPACES


def is_unseen(character: str) -> bool:
    """Whether a character displays nothing and parts no words."""
    return unicodedata.category(character) in {"Cf", "Cc", "Cs"} or _UNSEEN.match(character) is not None


def is_blank(text: str) -> bool:
    """Whether a text displays nothing."""
    return all(is_space(character) or is_unseen(character) for character in text)


def visible(text: str) -> str:
    """The text in one line, with single spaces and without characters that display nothing."""
    seen = (" " if is_space(each) else "" if is_unseen(each) else each for each in text)
    return " ".join("".join(seen).split())

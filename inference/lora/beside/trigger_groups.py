"""Trigger words in groups, as authors give them: an outfit is several words that go together, joined by commas.

A group is one text and is chosen as one. Words of two chosen groups join a prompt once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from inference.bounds import MAX_TRIGGER_GROUP
from inference.messages.request import words_in

MAX_GROUPS = 50  # of a file
MAX_CHARACTERS = 5000  # of all groups of a file
_LOADS_A_LORA = re.compile(r"<[^<>]{0,200}>")  # as in `<lora:komori:0.8>`


def trigger_groups(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text as one group, in one line.

    A text that is too long for one is taken apart at its commas; a word that is too long is left out.
    """
    found: list[str] = []
    for text in texts:
        line = ""
        for word in words_in(" ".join(_LOADS_A_LORA.sub("", text).split())):
            longer = f"{line}, {word}" if line else word
            if len(longer) > MAX_TRIGGER_GROUP:
                found.append(line)
                longer = word
            line = longer if len(longer) <= MAX_TRIGGER_GROUP else ""
        found.append(line)
    return bounded_groups(found)


def bounded_groups(groups: Iterable[str]) -> tuple[str, ...]:
    """The first groups that are kept of a file, each once."""
    kept: list[str] = []
    room = MAX_CHARACTERS
    for group in dict.fromkeys(filter(None, groups)):
        room -= len(group)
        if room < 0 or len(kept) == MAX_GROUPS:
            break
        kept.append(group)
    return tuple(kept)


def is_group(text: str) -> bool:
    """Whether it is more than one word of a prompt."""
    return len(words_in(text)) > 1

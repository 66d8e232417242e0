"""Reads statements that stand in two places of a page: a label, and its value in the next cell, the next line or below.

`Base model` in a heading and `Juggernaut XL v9` under it say the same as `Base model: Juggernaut XL v9`. Only labels
for the training base are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inference.lora.words.titles import bases_in_checkpoint_name, families_traced

CELL = "\x1f"  # between the cells of a row of HTML
_CELL = re.compile(rf"[{CELL}\t|]")
_RULE = re.compile(r"[\s|:\-=]+")  # a line under the headings of a Markdown table
_MARKS = " *_#>`-:=\uff1a?"  # of Markdown, and behind a label
_MAX_LABEL, _MAX_VALUE = 60, 100  # characters
# The words of a label for the training base. Words in other scripts are allowed too.
_LABEL = re.compile(
    r"(?:(?:based?|basis(?:modell)?|grundmodell|train(?:ed|er|ing|iert)?|retrained|fine|tun(?:ed|ing)|models?|checkpoints?|ckpts?|merged?"
    r"|sdxl|sd|xl|source|original|parent|pretrained|starting|underlying|lora|used|for|on|with|from|in|of|the|this|my|it"
    r"|was|were|is|i|we|a|at|as|s|done|during|info|details|settings|name|file|version|made|built|which"
    r"|auf|mit|von|con|en|sur|avec|de|da|no|na|su"
    r"|modelo|modell|mod[e\u00e8]le|modello|entren\w{1,5}|entra[i\u00ee]n\w{1,5}|trein\w{1,5}|addestrat\w"
    r"|[^\x00-\x7f]{1,20})(?![A-Za-z])[ \-_/()]{0,3}){1,8}+",
    re.IGNORECASE,
)
_VALUE = re.compile(r"(?:[^,;!?().]|\.(?=\S))+")
_OF_USE = re.compile(
    r"(?:(?:it|i|this|can|may|should|be) ){0,3}"
    r"(?:works?|used?|usable|tested|any|all|most|also|compatible|recommended|try|tried)\b",
    re.IGNORECASE,
)


def with_statements(text: str) -> str:
    """The text, and behind it a line `label: value` for each label whose value stands apart."""
    found = dict.fromkeys(_statements(text))
    return "\n".join((text, *found)) if found else text


def _statements(text: str) -> Iterator[str]:
    text = CELL.join(part.strip() for part in text.split(CELL))  # blocks inside of cells leave line breaks
    lines = (line.strip(" |") for line in text.splitlines() if line.strip() and not _RULE.fullmatch(line))
    rows = [_CELL.split(line) for line in lines]
    before: list[str] = []
    for row, below in zip(rows, [*rows[1:], []], strict=False):
        is_first = len(row) == 1 or len(before) < 2
        for place, label in enumerate(row):
            if _is_label(label):
                beside = row[place + 1] if place + 1 < len(row) else ""
                under = below[place] if is_first and len(below) == len(row) and not _names_model(beside) else ""
                yield from (f"{label.strip(_MARKS)}: {value}" for each in (beside, under) if (value := _value(each)))
        before = row


def _is_label(cell: str) -> bool:
    label = cell.strip(_MARKS)
    return 0 < len(label) <= _MAX_LABEL and _LABEL.fullmatch(label) is not None


def _value(cell: str) -> str:
    """The first part of a value; nothing if it speaks of what the file is used with."""
    match = _VALUE.match(cell.strip(_MARKS)[:_MAX_VALUE])
    return match[0].strip() if match is not None and not _OF_USE.match(match[0].strip()) else ""


def _names_model(value: str) -> bool:
    return bool(families_traced(value) | bases_in_checkpoint_name(value.strip()))

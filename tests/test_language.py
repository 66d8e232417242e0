"""Pages use the glossary's words, each in its one meaning, and none of the words that it excludes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tools.i18n import everything_said

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
    if page != GLOSSARY
)

_EXCLUDED = "Words that Easel does not use"
# Quotations: fenced code, code, addresses of links, and labels in italics.
_QUOTED = re.compile(r"^```.*?^```$|`[^`]*`|\]\([^)]*\)|(?<!\*)\*[^*\n]+\*(?!\*)", re.MULTILINE | re.DOTALL)


def first_cells(text: str) -> list[str]:
    """Return the comma-separated words in the first column of each table, without the heads."""
    cells = [row.split("|")[1] for row in re.findall(r"^\|.*\|$", text, re.MULTILINE)]
    heads = {place for place, cell in enumerate(cells[1:]) if not cell.strip("-")}
    words = [cell for place, cell in enumerate(cells) if place not in heads and cell.strip("-")]
    return [word.strip() for cell in words for word in re.split(r"[,;]", cell)]


def glossary() -> tuple[list[str], list[str]]:
    """Return the glossary's words, and the words that it excludes."""
    used, _, excluded = GLOSSARY.read_text("utf-8").partition(f"\n## {_EXCLUDED}\n")
    return first_cells(used), first_cells(excluded)


def excluded_in(text: str) -> list[str]:
    """Return the excluded words in a text, outside of quotations."""
    _, excluded = glossary()
    words = re.compile(rf"\b(?:{'|'.join(map(re.escape, excluded))})\b", re.IGNORECASE)
    return words.findall(" ".join(_QUOTED.sub(" ", text).split()))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_excluded_word(page: str) -> None:
    assert excluded_in((ROOT / page).read_text("utf-8")) == []


def test_a_message_has_no_excluded_word() -> None:
    found = {sentence.one: excluded_in(sentence.one) for sentence in everything_said()}
    assert len(found) > 1000
    assert {sentence: words for sentence, words in found.items() if words} == {}


def test_an_excluded_word_is_found_outside_of_quotations() -> None:
    text = "Whoever\npaints it is gone any\nmore. Press *Paint on vivid*, or `easel paint` in [this](whoever.md) order."
    assert excluded_in(text) == ["Whoever", "paints", "any more"]


def test_a_word_has_one_row() -> None:
    used, excluded = glossary()
    assert [word for word, times in Counter([*used, *excluded]).items() if times > 1] == []
    assert {"generate", "operator", "model"} <= set(used)
    assert {"whoever", "anew", "an order"} <= set(excluded)

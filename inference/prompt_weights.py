"""The weights of words in prompts: `(word:1.2)` sets the weight of words.

`(word)` has weight 1.1, `[word]` 1/1.1, `(word:1.3)` 1.3; brackets nest up to MAX_NESTED, `\\(` is a literal bracket. A
bracket without its partner, or one that is nested deeper, is literal. This is the syntax of A1111's web UI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

EMPHASIS = 1.1
MAX_WEIGHT = 4.0  # larger weights give noise

MAX_NESTED = 64  # open brackets; each pair weighs all pieces in it, so the time of a prompt is bounded by this
_PARTNERS = {")": "(", "]": "["}
_SYMBOL = re.compile(r"\\([()\[\]\\])|([()\[\]])")
_NUMBER = re.compile(r":\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*$")


@dataclass
class Piece:
    """A stretch of text with one weight."""

    text: str
    weight: float = 1.0


def pieces(text: str) -> list[Piece]:
    """The text without its notation, in stretches of equal weight; a text without notation is one piece."""
    found: list[Piece] = []
    open_brackets: list[int] = []  # where in `found` brackets stand whose partner has not come yet
    for symbol, literal in _symbols(text):
        if literal:
            found.append(Piece(symbol))
        elif symbol in _PARTNERS.values() and len(open_brackets) < MAX_NESTED:
            open_brackets.append(len(found))
            found.append(Piece(symbol))
        elif symbol in _PARTNERS and open_brackets and found[open_brackets[-1]].text == _PARTNERS[symbol]:
            start = open_brackets.pop()
            found[start].text = ""
            _weigh(found[start:], symbol)
        else:
            found.append(Piece(symbol))
    return _merged(found) or [Piece("")]


def without_weights(text: str) -> str:
    """The words of a text, without the notation of weights."""
    return "".join(piece.text for piece in pieces(text))


def turned_around(negative_prompt: str) -> str:
    """What a negative prompt asks for: its words of a negative weight, from which the picture is led away twice."""
    return ", ".join(piece.text.strip() for piece in pieces(negative_prompt) if piece.weight < 0)


def _symbols(text: str) -> Iterator[tuple[str, bool]]:
    """Stretches of plain text and escaped brackets (True), and brackets (False)."""
    place = 0
    for match in _SYMBOL.finditer(text):
        if match.start() > place:
            yield text[place : match.start()], True
        yield (match[1], True) if match[1] else (match[2], False)
        place = match.end()
    if place < len(text):
        yield text[place:], True


def _weigh(inside: list[Piece], symbol: str) -> None:
    """What a closed pair of brackets does to the pieces in it."""
    factor = EMPHASIS if symbol == ")" else 1 / EMPHASIS
    if symbol == ")" and (number := _NUMBER.search(inside[-1].text)):
        factor = float(number[1])
        inside[-1].text = inside[-1].text[: number.start()]
    for piece in inside:
        piece.weight = max(-MAX_WEIGHT, min(MAX_WEIGHT, piece.weight * factor))


def _merged(found: list[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in found:
        if not piece.text:
            continue
        if merged and merged[-1].weight == piece.weight:
            merged[-1].text += piece.text
        else:
            merged.append(piece)
    return merged

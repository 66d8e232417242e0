"""Questions to a person at a terminal; an empty answer takes the default."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from bot.config import ConfigError

Ask = Callable[[str], str]
_YES, _NO = ("y", "yes"), ("n", "no")


def terminal() -> Ask | None:
    """How to ask the person at the terminal; None where nobody sits there, as in a script."""
    return input if sys.stdin.isatty() else None


def text(ask: Ask, question: str, default: str = "") -> str:
    """An answer in words. Raises ConfigError when the person ends the input."""
    shown = f"{question} [{default}]: " if default else f"{question}: "
    try:
        return ask(shown).strip() or default
    except EOFError:
        raise ConfigError("Not all questions were answered, so no file was written.") from None


def yes(ask: Ask, question: str, *, default: bool) -> bool:
    """Yes or no."""
    while True:
        answer = text(ask, question, "yes" if default else "no").casefold()
        if answer in _YES or answer in _NO:
            return answer in _YES
        print("Please answer yes or no.")


def choice(ask: Ask, question: str, lines: Sequence[str], default: int | None = 0) -> int:
    """One of several lines, by its number; the place of the line in `lines`. With no default, an answer is required."""
    for number, line in enumerate(lines, 1):
        print(f"  {number}  {line}")
    while True:
        answer = text(ask, question, "" if default is None else str(default + 1))
        if answer.isdecimal() and 1 <= int(answer) <= len(lines):
            return int(answer) - 1
        print(f"Please answer with a number from 1 to {len(lines)}.")

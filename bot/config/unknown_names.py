"""Names that are no settings: what a message may show of them, and which settings have a similar name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from bot.config.bot_token import looks_like_token

MAX_SHOWN = 40  # characters of a name or value in a message
SIMILAR = 0.7  # least ratio of difflib between a typed name and a suggestion
_KEY = re.compile(r"(?=[\w-]*\d)[\w-]{20,}")  # a key of an API, or one group of a bot token


def shown(text: str, what: str = "name") -> str:
    """The text as a message may show it: at most MAX_SHOWN characters, and never a secret in the wrong place."""
    if looks_like_token(text) or any(_KEY.fullmatch(part) for part in re.split(r"\.|__", text)):
        return f"(a {what} that looks like a secret)"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def similar(name: str, names: Iterable[str], count: int = 1) -> list[str]:
    """The names that a person may have meant by `name`, the nearest first."""
    return get_close_matches(name, names, count, SIMILAR)

"""JSON from outside: parsed without surprises, and read value by value; what is of another form says nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, cast

MAX_ID = 2**53  # what other programs read exactly
_NO = frozenset({"", "0", "0.0", "false", "f", "no", "n", "off", "none", "null", "undefined", "nan"})


def parse_json(text: str | bytes, *, unique: bool = False) -> Any:
    """The value of a text. Raises ValueError for what is none, or is nested too deeply.

    With `unique`, also for an object in which one key has two values.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique if unique else None)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            raise ValueError(f"the key {key[:40]!r} has two values")
        found[key] = value
    return found


def as_dict(value: object) -> dict[str, Any]:
    """An object; an empty one for what is none."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """A list; an empty one for what is none."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Every value inside `value` that is neither an object nor a list, with the nearest key; `name` without one."""
    waiting: list[tuple[str, object]] = [(name, value)]
    while waiting:
        key, each = waiting.pop()
        inner = [*as_dict(each).items(), *((key, part) for part in as_list(each))]
        waiting += inner
        if not inner:
            yield key, each


def as_text(value: object, most: int) -> str:
    """Untrusted text as one line of at most `most` characters; empty for what is no text."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in " ".join(value[: 8 * most].split()) if c.isprintable()).strip()[:most].strip()


def as_flag(value: object) -> bool:
    """Whether a value may mean "yes", in any spelling: only a plain "no" or nothing at all means "no".

    For warnings, where a spelling that nobody foresaw must not switch the warning off.
    """
    if isinstance(value, str):
        return value.strip().lower() not in _NO
    return bool(value)


def as_id(value: object) -> int | None:
    """A positive id; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_ID else None


def day_of(value: object) -> date | None:
    """The day of a date in ISO 8601; None for what is none."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def as_number(value: object) -> float | None:
    """A finite number; None for what is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number - number == 0 else None

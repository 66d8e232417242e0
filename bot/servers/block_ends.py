"""When a block ends, as staff write it: a time from now, or a date. Pure; the clock is passed in."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

from bot.database.clock import HOUR_MS
from bot.errors.blocks import EndUnclear

MOST_HOURS = 24 * 365 * 100
_UNITS = {
    1: ("h", "hour", "hours", "時間"),
    24: ("d", "day", "days", "日", "日間"),
    24 * 7: ("w", "week", "weeks", "週", "週間"),
}
_HOURS = {name: hours for hours, names in _UNITS.items() for name in names}
_SPAN = re.compile(r"(?P<count>\d{1,6})\s*(?P<unit>[a-z時間日週]{1,5})")
_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M")


def end_of(typed: str, now: int) -> int | None:
    """The end in unix ms of `3 d`, `12 h`, `2 w` or a date (UTC, `2031-05-30` or with `14:00`); None for no end.

    Raises EndUnclear.
    """
    text = " ".join(unicodedata.normalize("NFKC", typed).casefold().split())
    if not text:
        return None
    match = _SPAN.fullmatch(text)
    if match and match["unit"] in _HOURS and (hours := int(match["count"]) * _HOURS[match["unit"]]) <= MOST_HOURS:
        return now + hours * HOUR_MS
    for form in _FORMATS:
        try:
            return int(datetime.strptime(text.removesuffix(" utc"), form).replace(tzinfo=UTC).timestamp() * 1000)
        except ValueError:
            continue
    raise EndUnclear(typed=" ".join(typed.split())[:40])

"""The end of a block, as staff write it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.errors.blocks import EndUnclear
from bot.servers.block_ends import end_of

NOW = 1_800_000_000_000
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("typed", "hours"),
    [("12 h", 12), ("3d", 72), ("1 week", 168), (" 2 Days ", 48), ("３日", 72), ("5時間", 5), ("1 w", 168)],
)
def test_a_span_counts_from_now(typed: str, hours: int) -> None:
    assert end_of(typed, NOW) == NOW + hours * HOUR


def test_a_date_is_its_beginning_in_utc() -> None:
    assert end_of("2031-05-30", NOW) == datetime(2031, 5, 30, tzinfo=UTC).timestamp() * 1000
    assert end_of("2031-05-30 14:05 UTC", NOW) == datetime(2031, 5, 30, 14, 5, tzinfo=UTC).timestamp() * 1000


@pytest.mark.parametrize("typed", ["", "  "])
def test_nothing_is_no_end(typed: str) -> None:
    assert end_of(typed, NOW) is None


@pytest.mark.parametrize("typed", ["soon", "3", "-1 d", "1.5 d", "999999 w", "2031-13-01", "30.05.2031", "d", "9" * 40])
def test_anything_else_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(EndUnclear, match="such as 3 d or 12 h, or a date"):
        end_of(typed, NOW)


def test_what_is_refused_is_named_as_it_was_typed() -> None:
    with pytest.raises(EndUnclear) as refused:
        end_of(" Violence  now ", NOW)
    assert refused.value.typed == "Violence now"

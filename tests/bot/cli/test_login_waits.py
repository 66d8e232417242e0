"""How long the next try to log in waits, whatever the answer says of it."""

from __future__ import annotations

import pytest

from bot.cli.run import LOGIN_SECONDS, LONGEST_LOGIN_SECONDS, login_wait


@pytest.mark.parametrize("told", [None, "", "soon", "Wed, 25 Nov 2026 07:28:00 GMT", "nan", "inf", "-5", "1e999"])
def test_what_is_no_number_of_seconds_is_left_out(told: str | None) -> None:
    assert login_wait(told, 0) == LOGIN_SECONDS


def test_what_is_told_is_waited_and_longer_with_each_try() -> None:
    assert [login_wait("2.5", tries) for tries in range(3)] == [2.5, 5.0, 10.0]
    assert login_wait("2.5", 10_000) == login_wait("99999", 0) == LONGEST_LOGIN_SECONDS


def test_a_wait_of_nothing_is_no_reason_to_hurry() -> None:
    assert login_wait("0", 3) == 8.0

"""The clock that tests can advance."""

import asyncio

import pytest

from playground.clock import Clock
from playground.control import Control, ControlError
from playground.snowflake import Snowflakes


async def test_timers_fire_when_the_clock_is_advanced() -> None:
    clock, rung = Clock(), asyncio.Event()
    clock.call_at(clock.now() + 3600, rung.set)
    clock.advance(3599)
    await asyncio.sleep(0)
    assert not rung.is_set()
    clock.advance(2)
    async with asyncio.timeout(60):
        await rung.wait()


async def test_cancelled_timers_do_not_fire() -> None:
    clock, rung = Clock(), asyncio.Event()
    clock.call_at(clock.now(), rung.set)
    clock.stop()
    await asyncio.sleep(0)
    assert not rung.is_set()


async def test_the_clock_is_monotonic(control: Control) -> None:
    with pytest.raises(ControlError, match="only moves forward"):
        await control.advance_clock(-1)


def test_snowflakes_increase() -> None:
    ids = Snowflakes(Clock())
    made = [int(ids.new()) for _ in range(5000)]
    assert made == sorted(set(made))

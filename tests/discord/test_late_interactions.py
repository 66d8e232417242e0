"""Interactions that reach the bot late or twice, or that another program answers: each is painted once at most."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import pytest

from bot.database.database import Database
from playground.rules import answers
from tests.discord.conftest import PATIENCE, PROMPT, Scene


async def states(db: Database) -> list[str]:
    """The states of all jobs, oldest first."""
    return [row["state"] for row in await db.connection.execute_fetchall("SELECT state FROM job ORDER BY id")]


@pytest.mark.parametrize("skewed", [False, True], ids=["the clocks agree", "the bot's clock is behind"])
async def test_a_late_interaction_is_not_painted(empty: Scene, caplog: pytest.LogCaptureFixture, skewed: bool) -> None:
    wall_clock: Callable[[], float] = (lambda: 0.0) if skewed else empty.playground.clock.now
    async with empty.opened(wall_clock=wall_clock) as (easel, _bot):
        async with empty.control.late_interactions():
            late = await empty.ada.slash("imagine", prompt=PROMPT)
            await empty.control.advance_clock(PATIENCE + 1)
            await late.failed()
        picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        assert [seen.id for seen in await empty.pictures()] == [picture.id]
        assert not await empty.control.messages("dm", "Ada")
        assert sorted(await states(easel.db)) == (["cancelled"] if skewed else []) + ["succeeded"]
    assert not [record for record in caplog.records if record.exc_info], "no traceback is logged"


async def test_a_duplicate_interaction_is_painted_once(empty: Scene) -> None:
    async with empty.opened() as (easel, _bot):
        async with empty.control.duplicate_interactions():
            picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        assert [seen.id for seen in await empty.pictures()] == [picture.id]
        assert sorted(await states(easel.db)) == ["cancelled", "succeeded"]
        again = await empty.painted(await empty.ada.press(picture, "Again"))
        assert {seen.id for seen in await empty.pictures()} == {picture.id, again.id}


async def test_an_interaction_that_another_program_answers_is_not_painted(empty: Scene) -> None:
    async with empty.opened() as (easel, _bot):
        async with empty.control.late_interactions():
            sent = await empty.ada.slash("imagine", prompt=PROMPT)
            (made,) = empty.playground.world.interactions.values()
            url = f"{empty.playground.api_url}/interactions/{made.id}/{made.token}/callback"
            async with aiohttp.ClientSession() as other, other.post(url, json={"type": answers.DEFER_MESSAGE}) as taken:
                assert taken.status == 204
        await empty.control.wait_exchange(lambda one: "40060" in str(one), PATIENCE)
        picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        assert [seen.id for seen in await empty.pictures()] == [picture.id]
        assert sorted(await states(easel.db)) == ["cancelled", "succeeded"]
        assert (await sent.state())["answer_type"] == answers.DEFER_MESSAGE


async def test_an_answer_that_seemed_to_fail_is_painted(empty: Scene) -> None:
    """Discord carried out the first response and said 500: the repetition is refused, and the user still waits."""
    async with empty.opened() as (easel, _bot):
        await empty.control.fault(r"/callback$", kind="late", status=500)
        picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        assert [seen.id for seen in await empty.pictures()] == [picture.id]
        assert await states(easel.db) == ["succeeded"]

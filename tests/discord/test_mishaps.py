"""Requests of the bot that go wrong on their way to Discord: each job ends in exactly one message all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.playground import cast
from tests.discord.conftest import PATIENCE, PROMPT, Scene
from tests.discord.test_survival import EDITS

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def whole_again(scene: Scene) -> AsyncIterator[None]:
    """What did not go wrong here shall not go wrong in another test."""
    yield
    await scene.control.clear_faults()


async def test_rate_limits_errors_and_a_cut_gateway_lose_nothing(scene: Scene) -> None:
    await scene.control.fault(EDITS, method="PATCH", status=429, retry_after=0.2, count=2)
    await scene.control.fault(EDITS, method="PATCH", status=500, count=1)
    sent = await scene.ada.slash("imagine", prompt=PROMPT, seed=7001)
    await sent.answered()
    await scene.control.drop_gateway()
    await scene.painted(sent)
    await scene.control.wait_online(patience=PATIENCE)
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=7001))
    assert len(await scene.pictures(showing="seed 7001")) == 2


async def test_an_answer_that_was_lost_on_the_way_is_not_posted_twice(scene: Scene) -> None:
    await scene.control.fault(EDITS, method="PATCH", kind="late", status=500, count=1)
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=7002))
    assert len(await scene.pictures(showing="seed 7002")) == 1


async def test_a_connection_that_breaks_at_the_end_does_not_keep_the_picture_until_the_next_start(scene: Scene) -> None:
    await scene.control.fault(EDITS, method="PATCH", kind="cut", count=5)
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=7003, steps=1))
    assert len(await scene.pictures(showing="seed 7003")) == 1


async def test_a_person_who_could_not_be_answered_gets_the_picture(scene: Scene) -> None:
    await scene.control.fault(r"interactions/.*/callback", method="POST", status=404)
    await scene.ada.slash("imagine", prompt=PROMPT, seed=7004)
    await scene.control.wait_in_channel(
        "general", lambda seen: bool(seen.attachments) and "seed 7004" in seen.text, PATIENCE
    )


async def test_what_discord_refuses_in_the_channel_comes_as_a_direct_message(scene: Scene) -> None:
    before = {seen.id for seen in await scene.pictures("dm", "Ada")}
    await scene.control.fault(f"webhooks/|channels/{cast.GENERAL}/messages", status=400, count=9)
    await scene.ada.slash("imagine", prompt=PROMPT)
    await scene.letter("Ada", before)

"""Failed requests to Discord: each job still ends in exactly one message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import NoReturn

import pytest
import pytest_asyncio

from bot.background import MAX_REPEATS
from playground import default_world
from tests.discord.conftest import PATIENCE, PROMPT, Scene
from tests.discord.test_restarts import EDITS
from tests.log import Log

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def whole_again(scene: Scene) -> AsyncIterator[None]:
    """Remove the remaining faults, so that they do not affect another test."""
    yield
    await scene.control.clear_faults()


async def test_rate_limits_errors_and_gateway_drops_lose_nothing(scene: Scene) -> None:
    await scene.control.fault(EDITS, method="PATCH", status=429, retry_after=0.2, count=2)
    await scene.control.fault(EDITS, method="PATCH", status=500, count=1)
    sent = await scene.ada.slash("imagine", prompt=PROMPT, seed=7001)
    await sent.answered()
    await scene.control.drop_gateway()
    await scene.painted(sent)
    await scene.control.wait_online(seconds=PATIENCE)
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=7001))
    assert len(await scene.pictures(showing="seed 7001")) == 2


async def test_a_post_whose_response_was_lost_is_not_repeated(scene: Scene) -> None:
    await scene.control.fault(EDITS, method="PATCH", kind="late", status=500, count=1)
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=7002))
    assert len(await scene.pictures(showing="seed 7002")) == 1


async def test_a_connection_lost_at_the_end_does_not_delay_the_delivery(scene: Scene) -> None:
    await scene.control.fault(EDITS, method="PATCH", kind="cut", count=5)
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=7003, steps=1))
    assert len(await scene.pictures(showing="seed 7003")) == 1


SEEDS = count(71_000)  # one for each picture
NOT_DISCORDS = [("garbled", 200), ("garbled", 403), ("foreign", 403), ("foreign", 429)]


@pytest.mark.parametrize(
    ("kind", "status"),
    [*(("proxy", status) for status in (200, 202, 401, 403, 404, 429, 502)), *NOT_DISCORDS],
)
async def test_proxy_responses_lose_no_picture(scene: Scene, kind: str, status: int) -> None:
    """Every third edit gets HTML, a 429 without a body or half an answer: each picture is delivered once, in place."""
    seeds = [next(SEEDS) for _ in range(3)]
    await scene.control.fault(r"^/webhooks/|/messages/", method="PATCH", kind=kind, status=status, every=3, count=99)
    with Log.listening() as log:
        for seed in seeds:
            await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=seed))
    await scene.control.clear_faults()
    assert [len(await scene.pictures(showing=f"seed {seed}")) for seed in seeds] == [1] * len(seeds)
    assert any(one.injected for one in scene.playground.exchanges)
    assert log.tracebacks == [], "it is known that this happens"


@pytest.mark.parametrize(("kind", "status"), [*(("proxy", status) for status in (200, 401, 403, 404)), *NOT_DISCORDS])
async def test_a_long_outage_behind_a_proxy_loses_no_picture(scene: Scene, kind: str, status: int) -> None:
    """Temporary errors are retried without limit; a refusal by a proxy is not a refusal by Discord."""
    seed = next(SEEDS)
    await scene.control.fault(
        "^/(webhooks|channels|users)/", kind=kind, status=status, count=3 * MAX_REPEATS
    )  # on every way
    with pytest.MonkeyPatch.context() as patch, Log.listening() as log:
        patch.setattr("bot.ui.delivery.job_follower.RETRY_SECONDS", (0.0,))
        sent = await scene.ada.slash("imagine", prompt=PROMPT, seed=seed, steps=1)
        await scene.painted(sent)
    assert len(await scene.pictures(showing=f"seed {seed}")) == 1
    assert log.tracebacks == [], "it is known that this happens"


async def test_a_permanent_error_is_reported_and_the_picture_is_in_the_history(scene: Scene) -> None:
    """An unexpected error while rendering the result: after five attempts the person is told where the picture is."""

    def broken(*_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError("a mistake of ours")

    with pytest.MonkeyPatch.context() as patch, Log.listening() as log:
        patch.setattr("bot.ui.delivery.job_follower.RETRY_SECONDS", (0.0,))
        patch.setattr("bot.ui.delivery.delivery.result_view", broken)
        sent = await scene.ada.slash("imagine", prompt=PROMPT, seed=7120)
        told = await scene.ended(await sent.reply())
    assert "could not show this result" in told.text and "/history" in told.text and not told.attachments
    assert sum("delivery failed, retrying" in record.getMessage() for record in log.records) == MAX_REPEATS - 1
    page = await (await scene.ada.slash("history")).reply()
    assert "could not deliver this picture" in page.text
    opened = await (await scene.ada.press(page, "Open")).reply()
    assert "seed 7120" in opened.text and opened.attachments


@pytest.mark.parametrize(("kind", "status"), [("status", 400), ("status", 413), ("proxy", 413)])
async def test_a_result_that_is_refused_everywhere_is_told(scene: Scene, kind: str, status: int) -> None:
    """No way leads to the person with its files, but one with the place where the picture is."""
    await scene.control.fault("", kind=kind, status=status, uploads=True, count=99)
    told = await scene.ended(await (await scene.ada.slash("imagine", prompt=PROMPT, seed=next(SEEDS))).reply())
    await scene.control.clear_faults()
    assert "could not show this result" in told.text and "/history" in told.text and not told.attachments
    page = await (await scene.ada.slash("history")).reply()
    assert "could not deliver this picture" in page.text


async def test_an_error_in_a_progress_edit_loses_no_picture(scene: Scene) -> None:
    def broken(*_: object) -> NoReturn:
        raise ZeroDivisionError("a mistake of ours")

    with pytest.MonkeyPatch.context() as patch, Log.listening() as log:
        patch.setattr("bot.ui.delivery.job_follower.painting_view", broken)
        for pause in ("EDIT_SECONDS", "CHANNEL_SECONDS"):  # each progress is shown, whatever was shown just before
            patch.setattr(f"bot.ui.delivery.job_follower.{pause}", 0.0)
        await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=7130, steps=50))
    assert "a progress edit failed" in log.tracebacks


async def test_a_failed_first_response_loses_no_picture(scene: Scene) -> None:
    await scene.control.fault(r"interactions/.*/callback", method="POST", status=404)
    await scene.ada.slash("imagine", prompt=PROMPT, seed=7004)
    await scene.control.wait_in_channel(
        "general", lambda seen: bool(seen.attachments) and "seed 7004" in seen.text, PATIENCE
    )


async def test_a_result_refused_in_the_channel_is_sent_as_a_direct_message(scene: Scene) -> None:
    before = {seen.id for seen in await scene.pictures("dm", "Ada")}
    await scene.control.fault(f"webhooks/|channels/{default_world.GENERAL}/messages", status=400, count=9)
    await scene.ada.slash("imagine", prompt=PROMPT)
    await scene.letter("Ada", before)

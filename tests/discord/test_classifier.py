"""A classifier on a real worker: what it rates above the place is withheld there, and kept for its owner."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.app.assembly import Easel
from bot.app.samples import SamplePainter
from bot.config.sections.classifier import ClassifierSettings
from bot.config.sections.library import LibrarySettings
from bot.database.jobs.jobs import FIND_JOB
from bot.database.jobs.ratings import JOB_RATINGS, RatingSource
from bot.database.loras.records import rate_content
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE
from tests.discord.conftest import PATIENCE, Scene, told, use_picture

RED, BLUE = (f"a large {colour} circle on a white background" for colour in ("red", "blue"))
WITHHELD, WHY, ELSEWHERE = (
    "can no longer be shown here",
    "rated explicit by Easel's automatic check",
    "not shown here",
)
AFTER_DARK, MINORS = "after-dark", "These words name a child"


async def test_what_the_classifier_rates_above_a_place_is_withheld_there(
    empty: Scene, classifiers: dict[str, Path]
) -> None:
    thresholds = {"red": {ContentRating.TEEN: 0.01, ContentRating.EXPLICIT: 0.5}, "blue": {ContentRating.TEEN: 0.5}}
    empty.changes = {
        "classifier": ClassifierSettings(path=classifiers["transformers"], thresholds=thresholds),
        "library": LibrarySettings(folder=empty.house.library, samples=1),
    }
    ada = empty.ada
    async with empty.opened() as (easel, _):
        order = await (await ada.slash("imagine", prompt=RED, steps=8)).reply()
        shown = await empty.ended(order)
        assert WITHHELD in shown.text and WHY in shown.text and not shown.attachments
        number = int(str(shown.buttons["Again"]["custom_id"]).removeprefix("again:"))
        job = await easel.db.one(FIND_JOB, number)
        assert job is not None
        (said,) = await easel.db.all(JOB_RATINGS, ids=[job.id], server=EVERYWHERE)
        assert (said.source, said.rating) == (RatingSource.CLASSIFIER, ContentRating.EXPLICIT)
        assert not await easel.servers.checks.shows_unfinished(job), "a preview would show it before it is classified"

        history = await told(ada, "history")
        assert ELSEWHERE in history.text and WHY in history.text
        history = await told(ada, "history", in_=AFTER_DARK)
        assert ELSEWHERE not in history.text
        opened = await (await ada.press(history, "Open")).reply()
        assert opened.attachments and opened.ephemeral

        await child_is_not_delivered(empty)
        await empty.painted(await ada.slash("imagine", prompt=BLUE, steps=8))
        there = await empty.painted(await ada.slash("imagine", in_=AFTER_DARK, prompt=RED, steps=8))
        varied = await (await use_picture(ada, there, "Start from it")).reply()
        assert "Starts from this picture" in varied.text and varied.attachments
        await empty.control.set_channel(AFTER_DARK, nsfw=False)
        refused = await (await ada.press(there, "Vary")).reply()
        assert WHY in refused.text and refused.ephemeral and not refused.attachments
        await samples_are_not_rated_above_their_lora(easel)


async def samples_are_not_rated_above_their_lora(easel: Easel) -> None:
    """Every picture is at least teen by these thresholds."""
    painter = SamplePainter(easel.configuration, easel.db, easel.requests, easel.jobs)
    async with asyncio.timeout(PATIENCE):
        while not easel.jobs.idle:  # noqa: ASYNC110 (nothing in the program waits for this but by looking)
            await asyncio.sleep(0.05)
    await painter.paint_next()
    assert not await easel.db.fetch("SELECT 1 FROM sample")
    for row in await easel.db.fetch("SELECT id FROM lora"):
        async with easel.db.transaction():
            await rate_content(easel.db, row["id"], ContentRating.EXPLICIT, 1)
    await painter.paint_next()
    assert await easel.db.fetch("SELECT 1 FROM sample")


async def child_is_not_delivered(scene: Scene) -> None:
    """Words that name a child are harmless when they are ordered, and are not beside what the classifier finds."""
    mary = await scene.control.new_person("Mary")
    for place in ("general", AFTER_DARK, "dm"):
        order = await (await mary.slash("imagine", in_=place, prompt=f"a 12 year old girl, {RED}", steps=8)).reply()
        shown = await scene.ended(order)
        assert MINORS in shown.text and not shown.attachments, place
        again = await (await mary.press(shown, "Again")).reply(PATIENCE)
        assert MINORS in again.text and again.ephemeral, place
    history = await told(mary, "history", in_=AFTER_DARK)
    assert MINORS in history.text and not history.attachments and "Open" not in history.buttons

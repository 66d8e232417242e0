"""A classifier on a real worker: what it rates above the place is withheld there, and kept for its owner."""

from __future__ import annotations

from pathlib import Path

from bot.config.sections import ClassifierSettings
from bot.database.job_ratings import RatingSource, ratings_of_job
from bot.database.jobs import find_job
from inference.content_rating import ContentRating
from inference.queue import EVERYWHERE
from tests.discord.conftest import Scene, told

RED, BLUE = (f"a large {colour} circle on a white background" for colour in ("red", "blue"))
WITHHELD, WHY, ELSEWHERE = "may not be shown here", "rated explicit by the check of finished pictures", "not shown here"
AFTER_DARK = "after-dark"


async def test_what_the_classifier_rates_above_a_place_is_withheld_there(
    empty: Scene, classifiers: dict[str, Path]
) -> None:
    thresholds = {"red": {ContentRating.TEEN: 0.01, ContentRating.EXPLICIT: 0.5}, "blue": {ContentRating.GENERAL: 0.5}}
    empty.changes = {"classifier": ClassifierSettings(path=classifiers["transformers"], thresholds=thresholds)}
    ada = empty.ada
    async with empty.opened() as (easel, _):
        order = await (await ada.slash("imagine", prompt=RED, steps=8)).reply()
        shown = await empty.ended(order)
        assert WITHHELD in shown.text and WHY in shown.text and not shown.attachments
        number = int(str(shown.buttons["Again"]["custom_id"]).removeprefix("again:"))
        job = await find_job(easel.connection, number)
        assert job is not None
        (said,) = await ratings_of_job(easel.connection, job.id, EVERYWHERE)
        assert (said.source, said.rating) == (RatingSource.CLASSIFIER, ContentRating.EXPLICIT)
        assert not await easel.servers.checks.shows_unfinished(job), "a preview would show it before it is classified"

        history = await told(ada, "history")
        assert ELSEWHERE in history.text and WHY in history.text
        history = await told(ada, "history", in_=AFTER_DARK)
        assert ELSEWHERE not in history.text
        opened = await (await ada.press(history, "Open")).reply()
        assert opened.attachments and opened.ephemeral

        await empty.painted(await ada.slash("imagine", prompt=BLUE, steps=8))
        there = await empty.painted(await ada.slash("imagine", in_=AFTER_DARK, prompt=RED, steps=8))
        varied = await (await ada.message_command("Start from picture", there)).reply()
        assert "Starts from this picture" in varied.text and varied.attachments
        await empty.control.set_channel(AFTER_DARK, nsfw=False)
        refused = await (await ada.press(there, "Vary")).reply()
        assert WHY in refused.text and refused.ephemeral and not refused.attachments

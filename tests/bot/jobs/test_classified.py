"""What the worker's classifier reports becomes a rating in the same transaction as the pictures, by fixed rules."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.config.sections.classifier import ClassifierSettings
from bot.database.jobs.jobs import JobState
from bot.database.jobs.ratings import JOB_RATINGS, RatingSource
from bot.jobs.automatic_checks import AutomaticChecks
from inference.content_rating import ContentRating
from inference.errors import NotClassified
from inference.queue.policy import EVERYWHERE
from tests.bot.jobs.captions import CaptionRequest
from tests.bot.jobs.test_dispatching import open_rig
from tests.bot.jobs.test_other_kinds import say
from tests.inference.requests import request

RULES = ClassifierSettings(
    repository="owner/model", thresholds={"NSFW": {ContentRating.MATURE: 0.5, ContentRating.EXPLICIT: 0.9}}
)
CHECKS = AutomaticChecks(classifier=lambda: RULES)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [((0.1, 0.2), None), ((0.1, 0.6), ContentRating.MATURE), ((0.95, 0), ContentRating.EXPLICIT)],
)
async def test_the_highest_of_its_pictures_rates_a_job(
    tmp_path: Path, scores: tuple[float, float], expected: ContentRating | None
) -> None:
    async with open_rig(tmp_path, checks=CHECKS) as rig:
        job = await rig.order(request(count=2))
        rig.worker.finish(await rig.worker.job(), scores=tuple({"NSFW": score} for score in scores))
        assert (await rig.end(job)).job.state is JobState.SUCCEEDED
        said = await rig.db.all(JOB_RATINGS, ids=[job.id], server=EVERYWHERE)
        assert [(each.source, each.rating) for each in said] == (
            [(RatingSource.CLASSIFIER, expected)] if expected else []
        )
        await rig.worker.heard()
        painting = asyncio.create_task(rig.jobs.paint_in_background(request(count=2)))
        rig.worker.finish(await rig.worker.job(), scores=tuple({"NSFW": score} for score in scores))
        painted = await painting
        assert painted is not None and painted.rating is expected and len(painted.files) == 2


async def test_a_picture_that_nothing_has_looked_at_is_not_shown(tmp_path: Path) -> None:
    async with open_rig(tmp_path, checks=CHECKS) as rig:
        job = await rig.order(request(count=2))
        rig.worker.finish(await rig.worker.job(), scores=({"NSFW": 0.1},))
        update = await rig.end(job)
        assert update.job.state is JobState.FAILED and isinstance(update.job.failure, NotClassified)
        assert not await rig.db.fetch("SELECT 1 FROM picture") and not list(rig.spool.iterdir())


async def test_a_job_that_is_no_picture_is_not_asked_for_scores(tmp_path: Path) -> None:
    async with open_rig(tmp_path, checks=CHECKS) as rig:
        asked = CaptionRequest(checkpoint="vivid", words=8)
        job = await rig.jobs.order(asked, person_id=1, channel_id=1)
        say(rig, await rig.worker.job())
        assert (await rig.end(job)).job.state is JobState.SUCCEEDED

"""The text judge of a worker: which texts it gets, and what follows from its scores."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.sections.classifier import ClassifierSettings
from bot.config.sections.text_judge import TextJudgeSettings
from bot.database.clock import now_ms
from bot.database.jobs.jobs import JobState
from bot.database.jobs.orders import Usage, person_facts
from bot.database.jobs.ratings import JOB_RATINGS, RatingSource
from bot.jobs.automatic_checks import AutomaticChecks
from inference.content_rating import ContentRating
from inference.errors import NotClassified, SexualMinors
from inference.messages.events import Failed
from inference.messages.request import GenerationRequest, Region
from inference.queue.policy import EVERYWHERE
from inference.queue.slots import PREFETCHED_JOBS
from inference.regions import RegionName
from tests.bot.jobs.captions import CaptionRequest
from tests.bot.jobs.test_dispatching import open_rig
from tests.bot.jobs.test_other_kinds import say
from tests.inference.requests import request, use

TEEN, MATURE, EXPLICIT = ContentRating.TEEN, ContentRating.MATURE, ContentRating.EXPLICIT
JUDGE = TextJudgeSettings(path=Path("judge"), thresholds={"sexual": {MATURE: 0.5, EXPLICIT: 0.9}})
REFUSING = JUDGE.model_copy(update={"minors": {"minors": 0.5}})
CLASSIFIER = ClassifierSettings(repository="owner/model", thresholds={"NSFW": {TEEN: 0.3, EXPLICIT: 0.8}})
RATED_WORDS = {"a bikini": TEEN, "a naked person": EXPLICIT}
PERSON = 1


def rating_by_words(request: GenerationRequest) -> ContentRating | None:
    return RATED_WORDS.get(request.prompt)


CHECKS = AutomaticChecks(text_judge=lambda: JUDGE, rating_by_words=rating_by_words)
REFUSING_CHECKS = replace(CHECKS, text_judge=lambda: REFUSING)


def test_it_reads_every_text_that_is_painted_without_its_weights() -> None:
    made = request(
        prompt=r"a (re\(d\):1.2) [barn]",
        negative_prompt="blurry, (a fox:-1)",
        loras=(use("Komori", words=("komori style",)),),
        regions=(Region(name=RegionName.LEFT, prompt="an owl"), Region(name=RegionName.RIGHT, prompt="")),
    )
    texts = CHECKS.texts(made)
    assert texts[0] == "an owl, a re(d) barn, a fox, komori style"
    assert "komori style, an owl on the left, a re(d) barn, a fox" in texts
    assert not any("blurry" in text or "Komori" in text or ":" in text for text in texts)
    assert len(set(texts)) == len(texts)
    assert CHECKS.texts(request(prompt="")) == ()
    assert CHECKS.texts(CaptionRequest(checkpoint="vivid", words=8)) == ()
    assert AutomaticChecks().texts(made) == ()


@pytest.mark.parametrize(
    ("prompt", "rates", "refuses"),
    [("a barn", True, True), ("a bikini", True, True), ("a naked person", False, True)],
)
async def test_the_worker_gets_texts_if_the_judge_can_say_more_than_the_words(
    tmp_path: Path, prompt: str, *, rates: bool, refuses: bool
) -> None:
    for checks, expected in ((CHECKS, rates), (REFUSING_CHECKS, refuses)):
        async with open_rig(tmp_path, checks=checks) as rig:
            job = await rig.order(request(prompt=prompt))
            given = await rig.worker.job()
            assert given.texts == ((prompt,) if expected else ())
            rig.worker.finish(given, text_scores={"sexual": 0.1, "minors": 0.1} if expected else None)
            assert (await rig.end(job)).job.state is JobState.SUCCEEDED
            await rig.worker.heard()
            painting = asyncio.create_task(rig.jobs.paint_in_background(request(prompt=prompt)))
            given = await rig.worker.job()
            assert given.texts == ((prompt,) if expected else ())
            rig.worker.finish(given, text_scores={"sexual": 0.1, "minors": 0.1} if expected else None)
            assert await painting is not None


@pytest.mark.parametrize(
    ("of_words", "of_pictures", "expected"),
    [(0.1, 0.0, None), (0.6, 0.0, MATURE), (0.95, 0.4, EXPLICIT), (0.6, 0.9, EXPLICIT), (0.1, 0.4, TEEN)],
)
async def test_the_highest_score_of_words_and_pictures_rates_a_job(
    tmp_path: Path, of_words: float, of_pictures: float, expected: ContentRating | None
) -> None:
    checks = replace(CHECKS, classifier=lambda: CLASSIFIER)
    async with open_rig(tmp_path, checks=checks) as rig:
        job = await rig.order()
        rig.worker.finish(
            await rig.worker.job(), scores=({"NSFW": of_pictures},), text_scores={"sexual": of_words, "minors": 0.0}
        )
        assert (await rig.end(job)).job.state is JobState.SUCCEEDED
        said = await rig.db.all(JOB_RATINGS, ids=[job.id], server=EVERYWHERE)
        assert [(each.source, each.rating) for each in said] == (
            [(RatingSource.CLASSIFIER, expected)] if expected else []
        )


async def test_a_picture_whose_words_nothing_has_read_is_not_shown(tmp_path: Path) -> None:
    """A worker that was configured before the judge was switched on."""
    async with open_rig(tmp_path, checks=CHECKS) as rig:
        job = await rig.order()
        rig.worker.finish(await rig.worker.job())
        update = await rig.end(job)
        assert update.job.state is JobState.FAILED and isinstance(update.job.failure, NotClassified)
        assert not await rig.db.fetch("SELECT 1 FROM picture") and not list(rig.spool.iterdir())


async def test_words_that_the_judge_refuses_end_the_job_and_cost_nothing(tmp_path: Path) -> None:
    async with open_rig(tmp_path, checks=REFUSING_CHECKS) as rig:
        job = await rig.order()
        given = await rig.worker.job()
        rig.worker.say(Failed(job_id=given.job_id, attempt=given.attempt, code=SexualMinors.code))
        update = await rig.end(job)
        assert update.job.state is JobState.FAILED and type(update.job.failure) is SexualMinors
        assert "Sorry" not in str(update.job.failure) and "never generates" in str(update.job.failure)
        facts = await person_facts(rig.db, PERSON, 0, now_ms())
        assert facts.everywhere == Usage() and facts.last_everywhere is None, "neither quota nor cooldown"
        for person in range(3, 4 + PREFETCHED_JOBS):
            await rig.order(person=person)
            taken = await rig.worker.job()
            if person == 3:
                rig.worker.begin(taken)
                await rig.worker.heard()
        again, newcomer = await rig.order(person=PERSON), await rig.order(person=2)
        assert rig.ahead(again) < rig.ahead(newcomer), "nor a place in the queue"


async def test_other_kinds_of_jobs_have_no_words_to_read(tmp_path: Path) -> None:
    async with open_rig(tmp_path, checks=REFUSING_CHECKS) as rig:
        job = await rig.jobs.order(CaptionRequest(checkpoint="vivid", words=8), person_id=PERSON, channel_id=1)
        say(rig, await rig.worker.job())
        assert (await rig.end(job)).job.state is JobState.SUCCEEDED

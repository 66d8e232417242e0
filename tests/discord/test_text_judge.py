"""A text judge on a real worker: it refuses words and rates others, which then count beside the rules on words."""

from __future__ import annotations

from pathlib import Path

from bot.config.sections.text_judge import TextJudgeSettings
from bot.database.jobs.jobs import FIND_JOB, JobState
from bot.database.jobs.ratings import JOB_RATINGS, RatingSource
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, told
from tests.text_judges import WORDS

SEXUAL, MINORS = WORDS["sexual"], WORDS["minors"]
REFUSED = "never generates or saves anything sexual about minors"
NAMES_CHILD = "These words name a child"
WITHHELD, WHY = "can no longer be shown here", "rated explicit by Easel's automatic check"
AFTER_DARK = "after-dark"


def job_id(message: VisibleMessage) -> int:
    return int(str(message.buttons["Again"]["custom_id"]).removeprefix("again:"))


async def test_what_a_text_judge_says_of_words_counts(empty: Scene, text_judge: Path) -> None:
    thresholds = {"sexual": {ContentRating.EXPLICIT: 0.5}}
    empty.changes = {"text_judge": TextJudgeSettings(path=text_judge, thresholds=thresholds, minors={"minors": 0.5})}
    ada, mary = empty.ada, await empty.control.new_person("Mary")
    async with empty.opened() as (easel, _):
        await empty.painted(await ada.slash("imagine", prompt=PROMPT, steps=2))

        shown = await empty.ended(await (await ada.slash("imagine", prompt=f"a {SEXUAL} owl", steps=2)).reply())
        assert WITHHELD in shown.text and WHY in shown.text and not shown.attachments
        job = await easel.db.one(FIND_JOB, job_id(shown))
        assert job is not None
        (said,) = await easel.db.all(JOB_RATINGS, ids=[job.id], server=EVERYWHERE)
        assert (said.source, said.rating) == (RatingSource.CLASSIFIER, ContentRating.EXPLICIT)
        assert not await easel.servers.checks.shows_unfinished(job), "a preview would show it before it is rated"
        await empty.painted(await ada.slash("imagine", in_=AFTER_DARK, prompt=f"a {SEXUAL} owl", steps=2))

        for place, prompt in (("general", f"a {MINORS} owl"), (AFTER_DARK, f"a nude {MINORS} owl"), ("dm", MINORS)):
            refused = await empty.ended(await (await ada.slash("imagine", in_=place, prompt=prompt, steps=2)).reply())
            assert REFUSED in refused.text and not refused.attachments, place
            job = await easel.db.one(FIND_JOB, job_id(refused))
            assert job is not None and job.state is JobState.FAILED and job.begun_at is None, "nothing was painted"

        prompt = f"a 12 year old girl, {SEXUAL}"
        shown = await empty.ended(await (await mary.slash("imagine", in_=AFTER_DARK, prompt=prompt, steps=2)).reply())
        assert NAMES_CHILD in shown.text and not shown.attachments
        again = await (await mary.press(shown, "Again")).reply(PATIENCE)
        assert NAMES_CHILD in again.text and again.ephemeral
        history = await told(mary, "history", in_=AFTER_DARK)
        assert NAMES_CHILD in history.text and not history.attachments

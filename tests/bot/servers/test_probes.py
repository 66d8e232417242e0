"""Places, ratings and ways in: an age beside what is rated mature or higher has no door.

The probes were written from docs/operate.md before anybody looked at the code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.database.clock import now_ms
from bot.database.jobs.ratings import RATE_JOB, RatingSource
from bot.database.loras.records import rate_content
from bot.errors.ratings import BlockedByRating, RatedTooHigh, SourceRatedTooHigh
from bot.errors.words import MinorBesideRating
from bot.moderation.word_rules import TextKind
from bot.servers.context import ActionContext
from inference.content_rating import ContentRating
from inference.errors import RequestError
from inference.messages.request import GenerationRequest, LoraUse, SourceImage
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import add_lora
from tests.bot.servers.test_content import configure, rate_checkpoint
from tests.bot.servers.world import CHANNEL, ELSEWHERE, OPERATOR, SERVER, ServerWorld, acting
from tests.inference.requests import request

GENERAL, TEEN, MATURE, EXPLICIT, BLOCKED = ContentRating
AGE, CASTLE, WOMAN = "a 12 year old girl", "a castle", "a woman, 25 years old"
THREAD, FORUM = 71, 72
MINORS, PLACE, REFUSED = MinorBesideRating, RatedTooHigh, BlockedByRating

OPEN = acting()
ADULT = acting(age_restricted=True)
THREAD_OF_ADULT = acting(channel_id=THREAD, parent_ids={CHANNEL}, age_restricted=True)
POST_OF_ADULT = acting(channel_id=THREAD, parent_ids={FORUM}, age_restricted=True)
POST_OF_OPEN = acting(channel_id=THREAD, parent_ids={FORUM})
DM = acting(server_id=None)
NSFW_DM = acting(server_id=None, nsfw_command=True)
GROUP = acting(server_id=None, bot_in_server=False)
FOREIGN = acting(server_id=ELSEWHERE, bot_in_server=False)
FOREIGN_ADULT = acting(server_id=ELSEWHERE, bot_in_server=False, age_restricted=True)


@dataclass(frozen=True)
class Probe:
    """What somebody orders where, and what should come of it; None: it is painted."""

    who: ActionContext
    words: str
    answer: type[RequestError] | None
    lora: ContentRating | None = EXPLICIT
    with_lora: bool = True
    name: str = "Komori"
    trigger_words: tuple[str, ...] = ()
    checkpoint: ContentRating | None = None
    source: ContentRating | None = None
    region: str | None = None  # of the LoRA
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    server: Mapping[str, Any] = field(default_factory=dict[str, Any])


REGIONS = [{"name": "left", "prompt": AGE}, {"name": "right", "prompt": "an oak"}]
OTHER_REGIONS = [{"name": "left", "prompt": "an owl"}, {"name": "right", "prompt": "an oak"}]
PROBES = {
    "open channel, explicit LoRA": Probe(OPEN, CASTLE, PLACE),
    "restricted channel, explicit LoRA": Probe(ADULT, CASTLE, None),
    "restricted channel, explicit LoRA, age": Probe(ADULT, AGE, MINORS),
    "thread of it, explicit LoRA": Probe(THREAD_OF_ADULT, CASTLE, None),
    "thread of it, explicit LoRA, age": Probe(THREAD_OF_ADULT, AGE, MINORS),
    "post in a restricted forum, mature LoRA": Probe(POST_OF_ADULT, "a little girl", MINORS, MATURE),
    "post in an open forum, mature LoRA": Probe(POST_OF_OPEN, CASTLE, PLACE, MATURE),
    "direct message, explicit LoRA": Probe(DM, CASTLE, PLACE),
    "restricted command, explicit LoRA": Probe(NSFW_DM, CASTLE, None),
    "restricted command alone, age": Probe(NSFW_DM, AGE, MINORS, with_lora=False),
    "group, explicit LoRA": Probe(GROUP, CASTLE, PLACE),
    "group, explicit LoRA, age": Probe(GROUP, AGE, MINORS),
    "foreign server, explicit LoRA": Probe(FOREIGN, CASTLE, PLACE),
    "foreign restricted channel, explicit LoRA": Probe(FOREIGN_ADULT, CASTLE, None),
    "foreign restricted channel, explicit LoRA, age": Probe(FOREIGN_ADULT, AGE, MINORS),
    "explicit checkpoint, age": Probe(ADULT, AGE, MINORS, with_lora=False, checkpoint=EXPLICIT),
    "explicit checkpoint": Probe(ADULT, CASTLE, None, with_lora=False, checkpoint=EXPLICIT),
    "teen LoRA, age": Probe(ADULT, AGE, None, TEEN),
    "unrated LoRA, age": Probe(ADULT, AGE, None, None),
    "unrated counts as mature, age": Probe(ADULT, AGE, MINORS, None, server={"unrated_as": "mature"}),
    "age in the negative prompt": Probe(ADULT, CASTLE, None, changes={"negative_prompt": AGE}),
    "age of a negative weight": Probe(ADULT, CASTLE, MINORS, changes={"negative_prompt": "(12 year old girl:-1)"}),
    "age in a trigger word": Probe(ADULT, CASTLE, MINORS, trigger_words=("12 year old girl",)),
    "age in a region": Probe(ADULT, "a meadow", MINORS, changes={"regions": REGIONS}),
    "LoRA in a region": Probe(ADULT, AGE, MINORS, region="left", changes={"regions": OTHER_REGIONS}),
    "explicit start picture, age": Probe(ADULT, AGE, MINORS, with_lora=False, source=EXPLICIT),
    "mature start picture, age": Probe(OPEN, AGE, MINORS, with_lora=False, source=MATURE),
    "explicit start picture in an open channel": Probe(OPEN, CASTLE, SourceRatedTooHigh, None, source=EXPLICIT),
    "blocked LoRA": Probe(ADULT, CASTLE, REFUSED, BLOCKED),
    "blocked LoRA, age": Probe(ADULT, AGE, MINORS, BLOCKED),
    "age in the LoRA's name": Probe(ADULT, CASTLE, MINORS, name="12 year old girl style"),
    "explicit LoRA, a grown woman": Probe(ADULT, WOMAN, None),
    "open channel of mature, mature LoRA, child": Probe(
        OPEN, "a child with a kite", MINORS, MATURE, server={"open_rating": "mature"}
    ),
    "open channel of mature, mature LoRA": Probe(OPEN, CASTLE, None, MATURE, server={"open_rating": "mature"}),
    "operator, explicit LoRA, age": Probe(acting(OPERATOR, age_restricted=True), AGE, MINORS),
    "Japanese, explicit LoRA": Probe(ADULT, "12歳の少女", MINORS),
}


async def ordered(world: ServerWorld, probe: Probe) -> GenerationRequest:
    """The request of a probe, in a world that is set up for it."""
    if probe.server:
        await configure(world, **probe.server)
    if probe.checkpoint is not None:
        rate_checkpoint(world, rating=probe.checkpoint)
    changes = dict(probe.changes)
    if probe.with_lora:
        lora = await add_lora(world.db, probe.name, content_rating=probe.lora)
        use = {"sha256": lora.versions[0].sha256, "name": probe.name, "trigger_words": probe.trigger_words}
        changes["loras"] = [LoraUse.model_validate(use | ({"region": probe.region} if probe.region else {}))]
    if probe.source is not None:
        changes["image"] = SourceImage(sha256="a" * 64, strength=0.5, rating=probe.source)
    return request(prompt=probe.words, **changes)


async def answer(work: Awaitable[object]) -> RequestError | None:
    try:
        await work
    except RequestError as problem:
        return problem
    return None


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
async def test_no_door_is_wrong(world: ServerWorld, probe: Probe) -> None:
    made = await ordered(world, probe)
    found = await answer(world.services.checks.check_request(probe.who, made))
    assert (found and type(found)) == probe.answer


async def explicit_from_now_on(world: ServerWorld, job_id: int) -> None:
    """The LoRA is rated after the order."""
    lora = await add_lora(world.db, "Komori")
    async with world.db.transaction():
        await rate_content(world.db, lora.id, EXPLICIT, OPERATOR)


async def classified(world: ServerWorld, job_id: int) -> None:
    async with world.db.transaction():
        await world.db.run(
            RATE_JOB, server=EVERYWHERE, source=RatingSource.CLASSIFIER, rating=MATURE, now=now_ms(), job=job_id
        )


@pytest.mark.parametrize("rates", [explicit_from_now_on, classified])
@pytest.mark.parametrize("words", [AGE, WOMAN])
async def test_a_rating_that_comes_later_is_asked_again(
    world: ServerWorld, rates: Callable[[ServerWorld, int], Awaitable[None]], words: str
) -> None:
    """Before a worker gets it, before it is delivered, in the history, and before it is published."""
    world.discord.restricted[CHANNEL] = True
    made = await ordered(world, Probe(ADULT, words, None, None))
    job = await world.order(ADULT, made)
    checks = world.services.checks
    assert await checks.still_allowed(job) is None and await checks.why_not_shown(ADULT, job) is None
    await rates(world, job.id)
    asked = (
        await checks.still_allowed(job),
        await checks.why_not_delivered(job),
        await checks.why_not_shown(ADULT, job),
    )
    wanted = MINORS if words == AGE else type(None)
    assert {type(each) for each in asked} == {wanted}
    again = await answer(checks.check_request(ADULT, made))
    assert type(again) is (type(None) if rates is classified else wanted)


@pytest.mark.parametrize(("rating", "refused"), [(EXPLICIT, True), (MATURE, True), (TEEN, False), (None, False)])
async def test_notes_and_names_of_rated_loras_are_read_too(
    world: ServerWorld, rating: ContentRating | None, refused: bool
) -> None:
    words = await world.services.words.of(SERVER)
    for kind in (TextKind.NOTE, TextKind.STACK_NAME, TextKind.LORA_NAME):
        assert isinstance(await answer(words.check(AGE, kind, rating)), MinorBesideRating) == refused

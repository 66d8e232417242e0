"""Ratings in force: what is ordered, painted and sent by level, place and choice for what is unrated."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from bot.database.clock import now_ms
from bot.database.jobs.jobs import create_job
from bot.database.jobs.ratings import CLEAR_JOB_RATING, RATE_JOB, RatingSource
from bot.database.loras.records import rate_content
from bot.database.servers.audit import AuditAction, AuditFilter
from bot.errors.ratings import (
    BlockedByRating,
    LicenceForbids,
    PictureBlocked,
    PictureRatedTooHigh,
    PlaceUnseen,
    PromptRatedTooHigh,
    RatedTooHigh,
    UnratedNotUsed,
    UnratedTooHigh,
)
from bot.errors.rights import NotOperator
from bot.errors.servers import OpenRatingTooHigh
from bot.servers.context import ActionContext
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating
from inference.errors import RequestError
from inference.messages.request import GenerationRequest, LoraUse
from inference.queue.policy import EVERYWHERE
from tests.bot.database.conftest import add_lora, sha
from tests.bot.servers.world import CHANNEL, ELSEWHERE, MANAGER, OPERATOR, PERSON, SERVER, ServerWorld, acting
from tests.house import VIVID
from tests.inference.requests import request

GENERAL, TEEN, MATURE, EXPLICIT, BLOCKED = ContentRating
LEVELS = (None, *ContentRating)
STAFF, OPERATING = acting(MANAGER), acting(OPERATOR)
THREAD, FORUM = 71, 72


@dataclass(frozen=True)
class Place:
    """Where somebody orders: how Discord tells of it, and whether it is for adults alone."""

    who: ActionContext
    adults: bool


PLACES = {
    "open channel": Place(acting(), adults=False),
    "age-restricted channel": Place(acting(age_restricted=True), adults=True),
    "operator in an open channel": Place(acting(OPERATOR), adults=False),
    "thread of a restricted channel": Place(acting(channel_id=THREAD, parent_ids={CHANNEL}, age_restricted=True), True),
    "post of an open forum": Place(acting(channel_id=THREAD, parent_ids={FORUM}), adults=False),
    "direct message": Place(acting(server_id=None), adults=False),
    "direct message of which somebody says so": Place(acting(server_id=None, age_restricted=True), adults=False),
    "age-restricted command in a direct message": Place(acting(server_id=None, nsfw_command=True), adults=True),
    "age-restricted command in an open channel": Place(acting(nsfw_command=True), adults=False),
    "user install, open": Place(acting(bot_in_server=False), adults=False),
    "user install, restricted": Place(acting(bot_in_server=False, age_restricted=True), adults=True),
}


def rate_checkpoint(world: ServerWorld, **changes: Any) -> None:
    """Change the first checkpoint, as a reload does."""
    first, *others = world.settings.checkpoints
    changed = first.model_copy(update=changes)
    world.settings = world.settings.model_copy(update={"checkpoints": (changed, *others)})


async def configure(world: ServerWorld, **changes: object) -> None:
    await world.services.administration.settings.change(STAFF, SERVER, **changes)


async def painting_with(world: ServerWorld, rating: ContentRating | None, name: str = "Komori") -> GenerationRequest:
    lora = await add_lora(world.db, name, content_rating=rating)
    sha256 = lora.versions[0].sha256
    assert sha256 is not None and lora.content_rating is rating
    return request(loras=[LoraUse(sha256=sha256, name=name)])


async def refusal(world: ServerWorld, who: ActionContext, made: GenerationRequest) -> RequestError | None:
    try:
        await world.services.checks.check_request(who, made)
    except RequestError as problem:
        return problem
    return None


def expected(level: ContentRating | None, unrated_as: ContentRating, most_open: ContentRating, *, adults: bool) -> bool:
    """Whether it is painted, told once more without the code that decides."""
    order = ["general", "teen", "mature", "explicit", "blocked"]
    highest = max(order.index(level or unrated_as), order.index(unrated_as))  # the checkpoint has no rating
    return highest <= (order.index("explicit") if adults else order.index(most_open))


async def test_the_table_of_levels_places_and_choices(world: ServerWorld) -> None:
    made = {level: await painting_with(world, level, f"L{level}") for level in LEVELS}
    for unrated_as, most_open in product(ContentRating, (GENERAL, TEEN, MATURE)):
        await configure(world, unrated_as=unrated_as, open_rating=most_open)
        for (name, place), level in product(PLACES.items(), LEVELS):
            # A direct message has no staff: there the usual choices hold.
            choices = (unrated_as, most_open) if place.who.server_id else (GENERAL, TEEN)
            painted = await refusal(world, place.who, made[level]) is None
            assert painted == expected(level, *choices, adults=place.adults), (name, level, *choices)


async def test_the_sentence_says_what_is_rated_how(world: ServerWorld) -> None:
    explicit, blocked, unrated = [await painting_with(world, level, f"L{level}") for level in (EXPLICIT, BLOCKED, None)]
    found = await refusal(world, acting(), explicit)
    assert isinstance(found, RatedTooHigh) and (found.name, found.rating, found.most) == (
        "LoRA #1",
        "explicit",
        "teen",
    )
    assert isinstance(await refusal(world, acting(age_restricted=True), blocked), BlockedByRating)
    nsfw = request(prompt="nsfw, a cat", negative_prompt="")
    assert isinstance(await refusal(world, acting(), nsfw), PromptRatedTooHigh)
    assert await refusal(world, acting(age_restricted=True), nsfw) is None
    assert await refusal(world, acting(), request(prompt="a cat", negative_prompt="nsfw, rating_explicit")) is None
    turned = request(prompt="a cat", negative_prompt="(nsfw:-1)")
    assert isinstance(await refusal(world, acting(), turned), PromptRatedTooHigh)
    await configure(world, unrated_as="mature")
    assert isinstance(await refusal(world, acting(), unrated), UnratedTooHigh)
    await configure(world, unrated_as="blocked")
    assert isinstance(await refusal(world, acting(age_restricted=True), unrated), UnratedNotUsed)


async def test_trigger_words_that_join_the_prompt_are_rated_with_it(world: ServerWorld) -> None:
    made = await painting_with(world, None)
    (use,) = made.loras
    made = made.model_copy(update={"loras": (use.model_copy(update={"trigger_words": ("nsfw",)}),)})
    assert "nsfw" in made.full_prompt
    assert isinstance(await refusal(world, acting(), made), PromptRatedTooHigh)
    assert await refusal(world, acting(age_restricted=True), made) is None


async def test_words_of_regions_are_rated_as_those_of_the_prompt(world: ServerWorld) -> None:
    regions = [{"name": "left", "prompt": "an owl"}, {"name": "right", "prompt": "nsfw"}]
    made = request(prompt="a meadow", regions=regions)
    assert isinstance(await refusal(world, acting(), made), PromptRatedTooHigh)
    assert await refusal(world, acting(age_restricted=True), made) is None


async def test_each_text_that_is_painted_is_rated(world: ServerWorld) -> None:
    texts = {"left": "covered in", "right": "an oak"}
    for split in (texts, {"left": "an oak", "right": "covered in"}):
        made = request(prompt="blood", regions=[{"name": name, "prompt": words} for name, words in split.items()])
        assert isinstance(await refusal(world, acting(), made), PromptRatedTooHigh)
    made = await painting_with(world, None)
    (use,) = made.loras
    use = use.model_copy(update={"trigger_words": ("covered in",)})
    made = request(prompt="blood, an oak", loras=[use])
    assert isinstance(await refusal(world, acting(), made), PromptRatedTooHigh)
    assert await refusal(world, acting(age_restricted=True), made) is None


async def test_a_checkpoint_has_a_rating_and_a_licence(world: ServerWorld) -> None:
    nsfw, adults = request(prompt="nsfw"), acting(age_restricted=True)
    rate_checkpoint(world, rating=MATURE)
    found = await refusal(world, acting(), request())
    assert isinstance(found, RatedTooHigh) and found.name == VIVID
    assert await refusal(world, adults, nsfw) is None
    rate_checkpoint(world, rating=None, max_rating=MATURE)
    assert isinstance(await refusal(world, adults, nsfw), LicenceForbids)
    assert await refusal(world, adults, request(prompt="sexy")) is None
    rate_checkpoint(world, max_rating=None, base_model=BaseModelId("sd35l/base"))
    assert isinstance(await refusal(world, adults, nsfw), LicenceForbids)
    rate_checkpoint(world, max_rating=EXPLICIT)
    assert await refusal(world, adults, nsfw) is None, "the operator has another licence"


async def test_published_pictures_are_judged_by_the_rating_that_their_checkpoint_has_now(world: ServerWorld) -> None:
    content = world.services.content
    for rating, adult in ((TEEN, False), (MATURE, True)):
        rate_checkpoint(world, rating=rating)
        assert (VIVID in content.published_in(await content.place(acting(age_restricted=True))).adult) is adult


async def test_a_lora_that_the_library_has_never_had_is_unrated(world: ServerWorld) -> None:
    made = request(loras=[LoraUse(sha256="f" * 64, name="Elsewhere")])
    assert await refusal(world, acting(), made) is None
    rate_checkpoint(world, rating=GENERAL)
    await configure(world, unrated_as="explicit")
    found = await refusal(world, acting(), made)
    assert isinstance(found, UnratedTooHigh) and found.name == "Elsewhere"


async def test_each_file_counts_by_itself_however_many_entries_have_it(world: ServerWorld) -> None:
    rate_checkpoint(world, rating=GENERAL)
    await configure(world, unrated_as="explicit")
    for name in ("Komori", "Copy"):  # the same file twice in the library
        await add_lora(world.db, name, content="wings", content_rating=GENERAL)
    twice, unknown = LoraUse(sha256=sha("wings"), name="Komori"), LoraUse(sha256="f" * 64, name="Elsewhere")
    assert await refusal(world, acting(), request(loras=[twice])) is None
    found = await refusal(world, acting(), request(loras=[twice, unknown]))
    assert isinstance(found, UnratedTooHigh) and found.name == "Elsewhere"
    for content in ("old", "new"):  # two versions of one LoRA
        await add_lora(world.db, "Owl", path=f"{content}.safetensors", content=content, content_rating=GENERAL)
    versions = [LoraUse(sha256=sha(content), name=f"Owl {content}") for content in ("old", "new")]
    assert await refusal(world, acting(), request(loras=versions)) is None


async def test_a_channel_that_becomes_open_gets_nothing_restricted_any_more(world: ServerWorld) -> None:
    made = await painting_with(world, EXPLICIT)
    for restricted in PLACES["age-restricted channel"].who, PLACES["thread of a restricted channel"].who:
        world.discord.restricted[restricted.channel_id] = True
        job = await world.order(restricted, made)
        assert await world.services.checks.still_allowed(job) is None
        world.discord.restricted[restricted.channel_id] = False
        assert isinstance(await world.services.checks.still_allowed(job), RatedTooHigh)
        del world.discord.restricted[restricted.channel_id]
        found = await world.services.checks.still_allowed(job)
        assert isinstance(found, RatedTooHigh), "what is unknown is open to all"
        world.discord.restricted[restricted.channel_id] = True
        assert await world.services.checks.still_allowed(job) is None
    installed = await world.order(PLACES["user install, restricted"].who, made)
    world.discord.restricted[CHANNEL] = False
    assert await world.services.checks.still_allowed(installed) is None, "nobody can look there"
    assert isinstance(await world.services.checks.why_not_delivered(installed), PlaceUnseen), "so nothing is posted"
    harmless = await world.order(PLACES["user install, restricted"].who, request(prompt="a red circle"))
    assert await world.services.checks.why_not_delivered(harmless) is None


async def test_a_job_is_not_given_up_because_discord_is_not_connected_yet(world: ServerWorld) -> None:
    world.discord.restricted[CHANNEL] = True
    made = await painting_with(world, EXPLICIT)
    job = await world.order(acting(age_restricted=True), made)
    world.discord.fails = True
    assert await world.services.checks.still_allowed(job) is None
    world.restart()
    assert await world.services.checks.still_allowed(job) is None
    assert isinstance(await refusal(world, acting(), made), RatedTooHigh)


async def test_an_open_place_is_never_for_adults_by_a_servers_choice(world: ServerWorld) -> None:
    for choice in (EXPLICIT, BLOCKED, "x"):
        with pytest.raises(OpenRatingTooHigh):
            await configure(world, open_rating=choice)
    with pytest.raises(OpenRatingTooHigh):
        await configure(world, unrated_as="everything")
    await configure(world, open_rating="mature", unrated_as="explicit")


async def test_what_was_rated_higher_since_is_not_shown(world: ServerWorld) -> None:
    made = await painting_with(world, None)
    job = await world.order(acting(), made)
    assert await world.services.checks.still_allowed(job) is None
    (lora_id,) = [row["id"] for row in await world.db.connection.execute_fetchall("SELECT id FROM lora")]
    assert await world.services.administration.ratings.rate(OPERATING, lora_id, EXPLICIT) is EXPLICIT
    assert isinstance(await world.services.checks.still_allowed(job), RatedTooHigh)
    (entry,) = (await world.services.administration.audit.page(OPERATING, EVERYWHERE, AuditFilter(), limit=9)).entries
    assert (entry.action, entry.changes) == (AuditAction.RATE_LORA, {"rating": (None, "explicit")})
    with pytest.raises(NotOperator):
        await world.services.administration.ratings.rate(STAFF, lora_id, None)
    assert await world.services.administration.ratings.rate(OPERATING, lora_id, None) is None
    assert await world.services.checks.still_allowed(job) is None


async def test_a_restricted_result_is_not_sent_as_a_direct_message(world: ServerWorld) -> None:
    world.discord.restricted[CHANNEL] = True
    for level, sent in ((None, True), (TEEN, True), (MATURE, False), (EXPLICIT, False)):
        job = await world.order(acting(age_restricted=True), await painting_with(world, level, f"L{level}"))
        assert (await world.services.checks.why_not_sent(job) is None) == sent, level


async def test_a_job_of_which_nothing_was_stored_is_looked_at_in_its_channel(world: ServerWorld) -> None:
    made = await painting_with(world, EXPLICIT)
    job = await create_job(world.db, made, person_id=PERSON, channel_id=CHANNEL, server_id=SERVER)
    assert isinstance(await world.services.checks.still_allowed(job), RatedTooHigh)
    world.discord.restricted[CHANNEL] = True
    assert await world.services.checks.still_allowed(job) is None


async def test_pictures_are_shown_where_they_could_be_ordered(world: ServerWorld) -> None:
    made, checks = await painting_with(world, EXPLICIT), world.services.checks
    job = await world.order(acting(age_restricted=True), made)
    shown = [name for name, place in PLACES.items() if await checks.why_not_shown(place.who, job) is None]
    assert shown == [name for name, place in PLACES.items() if place.adults]


async def test_a_finished_picture_counts_as_the_highest_of_its_parts_and_of_what_was_said(world: ServerWorld) -> None:
    job = await world.order(acting(), await painting_with(world, TEEN))
    db, checks = world.db, world.services.checks
    in_server, restricted, alone = acting(), acting(age_restricted=True), acting(server_id=None)
    assert await checks.still_allowed(job) is None and await checks.rating_of(job) is TEEN
    for said, source in product((GENERAL, EXPLICIT, BLOCKED), (RatingSource.OPERATOR, RatingSource.CLASSIFIER)):
        assert await db.run(RATE_JOB, server=EVERYWHERE, source=source, rating=said, now=now_ms(), job=job.id)
        assert await checks.rating_of(job) is max(said, TEEN), "nothing lowers what it is made of"
        refusals = [await checks.why_not_shown(who, job) for who in (in_server, alone, restricted)]
        refusals += [await checks.still_allowed(job), await checks.why_not_sent(job)]
        kind = {GENERAL: type(None), EXPLICIT: PictureRatedTooHigh, BLOCKED: PictureBlocked}[said]
        adults = type(None) if said is EXPLICIT else kind
        assert [type(refusal) for refusal in refusals] == [kind, kind, adults, kind, kind], (said, source)
        assert await db.one(CLEAR_JOB_RATING, server=EVERYWHERE, source=source, job=job.id) is said
    assert await checks.still_allowed(job) is None


async def test_what_staff_say_of_a_picture_counts_in_their_server(world: ServerWorld) -> None:
    job = await world.order(acting(), request())
    checks = world.services.checks
    await world.db.run(RATE_JOB, server=SERVER, source=RatingSource.STAFF, rating=MATURE, now=now_ms(), job=job.id)
    told = str(await checks.why_not_shown(acting(), job))
    assert "the staff of the server" in told and "mature" in told and "teen" in told
    assert await checks.why_not_shown(acting(server_id=ELSEWHERE), job) is None
    assert isinstance(await checks.why_not_shown(acting(server_id=None), job), PictureRatedTooHigh), "no way around it"
    assert await checks.rating_of(job) is MATURE, "and so is what is painted from it, in any place"
    assert isinstance(await checks.why_not_sent(job), PictureRatedTooHigh), "it was ordered there"


async def test_a_picture_that_shows_more_than_its_licence_permits_is_shown_nowhere(world: ServerWorld) -> None:
    rate_checkpoint(world, max_rating=MATURE)
    job = await world.order(acting(age_restricted=True), request())
    await world.db.run(
        RATE_JOB, server=EVERYWHERE, source=RatingSource.CLASSIFIER, rating=EXPLICIT, now=now_ms(), job=job.id
    )
    assert isinstance(await world.services.checks.why_not_shown(acting(age_restricted=True), job), LicenceForbids)


async def test_a_list_is_looked_up_in_one_go(world: ServerWorld) -> None:
    made = [await painting_with(world, level, f"L{level}") for level in (None, TEEN, EXPLICIT)]
    jobs = [await world.order(acting(age_restricted=True), each) for each in (*made, *made)]
    await world.db.run(
        RATE_JOB, server=EVERYWHERE, source=RatingSource.OPERATOR, rating=MATURE, now=now_ms(), job=jobs[0].id
    )
    hidden = await world.services.checks.hidden(acting(), jobs)  # what is remembered of the server is read once
    counts: list[int] = []
    async with world.db.transaction():  # in which all is read by the connection that is watched
        for some in (jobs, jobs[:3]):
            statements: list[str] = []
            await world.db.connection.set_trace_callback(statements.append)
            await world.services.checks.hidden(acting(), some)
            await world.db.connection.set_trace_callback(None)
            counts.append(len(statements))
    assert counts == [3, 3], "the LoRAs, what was said and what is reported, of however many jobs"
    assert {job_id: type(why) for job_id, why in hidden.items()} == {
        jobs[0].id: PictureRatedTooHigh,
        jobs[2].id: RatedTooHigh,
        jobs[5].id: RatedTooHigh,
    }


async def test_an_operators_rating_stays_when_the_file_is_read_again(world: ServerWorld) -> None:
    lora = await add_lora(world.db, "Komori", content_rating=TEEN)
    for rating, then in ((EXPLICIT, EXPLICIT), (GENERAL, GENERAL), (None, TEEN)):
        async with world.db.transaction():
            assert await rate_content(world.db, lora.id, rating, OPERATOR)
        again = await add_lora(world.db, "Komori", content_rating=TEEN, description=f"now {rating}")
        assert again.content_rating is then
    more = await add_lora(world.db, "Komori", path="other.safetensors", version="other", content_rating=MATURE)
    assert more.content_rating is MATURE, "the highest of its files"
    async with world.db.transaction():
        assert not await rate_content(world.db, 999, TEEN, OPERATOR)

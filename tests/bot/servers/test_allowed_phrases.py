"""Phrases that a server allows: where they count and for which rules, and how many members and staff may have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.config.word_patterns import Unusable, UnusableRule
from bot.database.clock import DAY_MS
from bot.database.servers.allowed_phrases import PhraseQuestion, QuestionState, add_phrase, save_question
from bot.database.servers.audit import AuditAction, AuditFilter
from bot.database.servers.word_lists import ServerWordList
from bot.errors.missing import NothingThere
from bot.errors.ratings import FaceRatedTooHigh, LicenceForbids, PromptRatedTooHigh
from bot.errors.rights import NotInServer, NotStaff
from bot.errors.words import (
    AllowedAlready,
    AskedAlready,
    AskedTooOften,
    PhraseListed,
    PhraseTooShort,
    PhraseUnusable,
    PhraseWithoutWord,
    QuestionClosed,
    SexualMinors,
    StaffUnreachable,
    TooManyPhrases,
    WordsNotAllowed,
    WordsNotAllowedHere,
)
from bot.moderation.allowed_phrases import RefusedWords
from bot.moderation.word_rules import TextKind
from bot.servers.administration.phrases import MAX_PHRASES, MOST_A_DAY, PhraseAdministration
from bot.servers.context import ActionContext
from bot.servers.word_limits import why_unusable
from inference.content_rating import ContentRating
from inference.errors import RequestError
from inference.messages.request import GenerationRequest, SourceImage
from inference.queue.policy import EVERYWHERE
from tests.bot.servers.test_content import rate_checkpoint
from tests.bot.servers.world import CHANNEL, ELSEWHERE, MANAGER, OTHER, SERVER, ServerWorld, acting, server_world
from tests.inference.requests import request, use

STAFF, MEMBER = acting(MANAGER), acting()
PHRASE = "a nude quartz lantern"
MADE = request(prompt=f"an owl, {PHRASE}")
STAFF_ROOM = 77


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[ServerWorld]:
    async with server_world(tmp_path) as world:
        await world.services.administration.settings.change(STAFF, SERVER, reports_channel=STAFF_ROOM)
        yield world


def phrases(world: ServerWorld) -> PhraseAdministration:
    return world.services.administration.phrases


async def ask(world: ServerWorld, refused: RefusedWords, who: ActionContext = MEMBER) -> PhraseQuestion:
    """Ask, and let the message be posted."""
    asked = list[PhraseQuestion]()

    async def post(question: PhraseQuestion) -> tuple[int, int]:
        asked.append(question)
        return STAFF_ROOM, 1000 + question.id

    await phrases(world).ask(who, refused, post, never)
    return asked[0]


async def refusal(world: ServerWorld, made: GenerationRequest, who: ActionContext = MEMBER) -> RequestError | None:
    try:
        await world.services.checks.check_request(who, made)
    except RequestError as problem:
        return problem
    return None


async def found(world: ServerWorld, made: GenerationRequest, who: ActionContext = MEMBER) -> tuple[str, str] | None:
    refused = await world.services.checks.refused_words(who, made)
    return None if refused is None else (refused.word, refused.phrase)


async def allow(world: ServerWorld, made: GenerationRequest = MADE, phrase: str | None = None) -> None:
    """Let a member ask for what is refused, and staff allow it."""
    refused = await world.services.checks.refused_words(MEMBER, made)
    assert refused is not None
    question = await ask(world, refused)
    await phrases(world).allow(STAFF, question.id, phrase or question.phrase)


async def remove_all(world: ServerWorld) -> None:
    for each in await phrases(world).phrases(STAFF, SERVER):
        await phrases(world).remove(STAFF, SERVER, each.id)


async def test_it_counts_in_its_server_alone_from_the_order_to_the_gallery(world: ServerWorld) -> None:
    checks, elsewhere, alone = world.services.checks, acting(server_id=ELSEWHERE), acting(server_id=None)
    world.discord.restricted[CHANNEL] = False
    assert isinstance(await refusal(world, MADE), PromptRatedTooHigh)
    await allow(world)
    for who in (elsewhere, alone):
        assert isinstance(await refusal(world, MADE, who), PromptRatedTooHigh)
    job = await world.order(MEMBER, MADE)
    assert await checks.still_allowed(job) is None and await checks.why_not_delivered(job) is None
    assert await checks.why_not_shown(MEMBER, job) is None
    for who in (elsewhere, alone):
        assert isinstance(await checks.why_not_shown(who, job), PromptRatedTooHigh)
    assert isinstance(await checks.why_not_sent(job), PromptRatedTooHigh), "a direct message is not the server"
    assert await checks.rating_of(job) is ContentRating.EXPLICIT, "for what is painted from it, in any place"
    content = world.services.content
    assert await content.rating_here(MEMBER, MADE) is None
    assert await content.rating_here(elsewhere, MADE) is ContentRating.EXPLICIT

    await remove_all(world)
    assert isinstance(await refusal(world, MADE), PromptRatedTooHigh)
    assert isinstance(await checks.still_allowed(job), PromptRatedTooHigh), "as after a change of a list"
    assert isinstance(await checks.why_not_delivered(job), PromptRatedTooHigh)


async def test_words_outside_of_it_count(world: ServerWorld) -> None:
    await allow(world)
    for prompt in (f"{PHRASE}, a nude wizard", "a nude wizard", "a nude, quartz lantern", f"{PHRASE} nude"):
        assert isinstance(await refusal(world, request(prompt=prompt)), PromptRatedTooHigh), prompt
    assert await refusal(world, request(prompt=f"snow, (A NUDE:1.2) quartz  lantern, {PHRASE}")) is None


async def test_words_and_patterns_of_the_servers_lists_are_allowed_in_it(world: ServerWorld) -> None:
    new = ServerWordList(SERVER, "house", ("zorble*",), ("gro+mp",), negative_prompts=True)
    await world.services.administration.words.add(STAFF, new)
    made = {
        "prompt": request(prompt="an owl, a zorbles bird"),
        "pattern": request(prompt="a groomp fish"),
        "LoRA": request(loras=[use("Zorble Style")]),
        "negative": request(negative_prompt="a zorble, snow"),
    }
    expected = {
        "prompt": ("zorbles", "a zorbles bird"),
        "pattern": ("groomp", "a groomp fish"),
        "LoRA": ("zorble", "Zorble Style"),
        "negative": ("zorble", "a zorble"),
    }
    for name, each in made.items():
        assert isinstance(await refusal(world, each), WordsNotAllowedHere), name
        assert await found(world, each) == expected[name]
        await allow(world, each)
        assert await refusal(world, each) is None, name
    words = await world.services.words.of(SERVER)
    await words.check("a groomp fish", TextKind.STACK_NAME)
    assert isinstance(await refusal(world, request(prompt="a groomp")), WordsNotAllowedHere)


async def test_no_phrase_matters_to_the_rule_on_minors_or_to_the_operators_lists(world: ServerWorld) -> None:
    await allow(world)
    await add_phrase(world.db, SERVER, "a nude child", MANAGER)
    await add_phrase(world.db, SERVER, "a florp", MANAGER)
    world.services.words.forget(SERVER)
    world.moderate(lists=[{"name": "operator", "words": ["florp"]}])
    for prompt in (f"{PHRASE}, a child", "a nude child", f"{PHRASE} beside a schoolgirl"):
        assert isinstance(await refusal(world, request(prompt=prompt)), SexualMinors), prompt
    listed = await refusal(world, request(prompt="a florp"))
    assert isinstance(listed, WordsNotAllowed) and not isinstance(listed, WordsNotAllowedHere)


async def test_limits_of_faces_and_licences_count_all_words(world: ServerWorld) -> None:
    await allow(world)
    face = SourceImage(sha256="b" * 64, strength=0.5, face=True)
    assert isinstance(await refusal(world, MADE.model_copy(update={"image": face})), FaceRatedTooHigh)
    rate_checkpoint(world, max_rating=ContentRating.MATURE)
    assert isinstance(await refusal(world, MADE), LicenceForbids)


async def test_only_staff_that_have_a_channel_can_be_asked(world: ServerWorld) -> None:
    assert await found(world, MADE) == ("nude", PHRASE)
    for who in (acting(server_id=None), acting(server_id=ELSEWHERE), acting(bot_in_server=False)):
        assert await found(world, MADE, who) is None
    assert await found(world, request(prompt="an owl")) is None
    await world.services.administration.settings.change(STAFF, SERVER, reports_channel=None)
    assert await found(world, MADE) is None


async def test_a_member_asks_once_and_not_too_often(world: ServerWorld) -> None:
    refused = [RefusedWords(server_id=SERVER, word=f"w{n}", phrase=f"a w{n}", text="…") for n in range(9)]
    for each in (refused[0], refused[1]):
        with pytest.raises(StaffUnreachable):
            await phrases(world).ask(MEMBER, each, unreachable, never)
    twice = await asyncio.gather(*(ask(world, refused[0]) for _time in range(2)), return_exceptions=True)
    assert {type(each) for each in twice} == {PhraseQuestion, AskedAlready}
    await ask(world, refused[0], acting(OTHER))
    for each in refused[1:MOST_A_DAY]:
        await ask(world, each)
    with pytest.raises(AskedTooOften):
        await ask(world, refused[MOST_A_DAY])
    world.later_ms = DAY_MS + 1000
    await ask(world, refused[MOST_A_DAY])
    for who in (acting(server_id=ELSEWHERE), acting(server_id=None)):
        with pytest.raises(NotInServer):
            await ask(world, refused[8], who)


async def test_a_member_may_ask_until_the_day_is_used_up(world: ServerWorld) -> None:
    refused = [RefusedWords(server_id=SERVER, word=f"w{n}", phrase=f"a w{n}", text="…") for n in range(MOST_A_DAY)]
    for each in refused:
        assert await phrases(world).may_ask(MEMBER)
        await ask(world, each)
    assert not await phrases(world).may_ask(MEMBER) and await phrases(world).may_ask(acting(OTHER))
    world.later_ms = DAY_MS + 1000
    assert await phrases(world).may_ask(MEMBER)


async def test_staff_allow_a_phrase_that_nobody_asked_for(world: ServerWorld) -> None:
    for who in (MEMBER, acting(MANAGER, server_id=ELSEWHERE)):
        with pytest.raises(NotStaff):
            await phrases(world).add(who, SERVER, PHRASE)
    assert isinstance(await refusal(world, MADE), PromptRatedTooHigh)
    await phrases(world).add(STAFF, SERVER, "  a nude \u200bquartz  lantern ")
    assert await refusal(world, MADE) is None
    assert [each.phrase for each in await phrases(world).phrases(STAFF, SERVER)] == [PHRASE]
    with pytest.raises(PhraseListed):
        await phrases(world).add(STAFF, SERVER, PHRASE)
    for typed, problem in (("nu*de", PhraseUnusable), ("a nude, lamp", PhraseUnusable), ("\u3164", PhraseTooShort)):
        with pytest.raises(problem):
            await phrases(world).add(STAFF, SERVER, typed)
    for number in range(MAX_PHRASES - 1):
        await add_phrase(world.db, SERVER, f"a nude w{number}", MANAGER)
    with pytest.raises(TooManyPhrases):
        await phrases(world).add(STAFF, SERVER, "a nude lamp")
    assert await logged(world) == [(MANAGER, None, {"phrase": (None, PHRASE)})]


async def test_a_question_that_staff_dismiss_is_in_the_audit_log(world: ServerWorld) -> None:
    refused = await world.services.checks.refused_words(MEMBER, MADE)
    assert refused is not None
    question = await ask(world, refused)
    await phrases(world).dismiss(STAFF, question.id)
    assert await logged(world) == [(MANAGER, MEMBER.person_id, {"dismissed_phrase": (None, PHRASE)})]
    with pytest.raises(QuestionClosed):
        await phrases(world).dismiss(STAFF, question.id)
    assert len(await logged(world)) == 1


async def logged(world: ServerWorld) -> list[tuple[int, int | None, dict[str, tuple[object, object]]]]:
    """The entries about phrases: who did it, whom it concerns and what changed, the newest first."""
    log = await world.services.administration.audit.page(STAFF, SERVER, AuditFilter(), limit=9)
    entries = [each for each in log.entries if each.action == AuditAction.CHANGE_PHRASES]
    return [(each.actor_id, each.person_id, each.changes) for each in entries]


async def never(channel_id: int, message_id: int) -> None:
    raise AssertionError("no message is to be deleted")


async def test_a_question_of_a_member_who_was_erased_meanwhile_leaves_no_message(world: ServerWorld) -> None:
    refused = RefusedWords(server_id=SERVER, word="nude", phrase=PHRASE, text="…")
    deleted = list[tuple[int, int]]()

    async def post(question: PhraseQuestion) -> tuple[int, int]:
        await world.db.connection.execute("DELETE FROM person WHERE id = ?", (MEMBER.person_id,))
        return STAFF_ROOM, 1000

    async def delete(channel_id: int, message_id: int) -> None:
        deleted.append((channel_id, message_id))

    with pytest.raises(NothingThere):
        await phrases(world).ask(MEMBER, refused, post, delete)
    assert deleted == [(STAFF_ROOM, 1000)]
    async with world.db.connection.execute("SELECT count(*) FROM phrase_question") as rows:
        assert [tuple(row) for row in await rows.fetchall()] == [(0,)]


async def unreachable(question: PhraseQuestion) -> tuple[int, int]:
    raise StaffUnreachable


async def test_a_question_that_a_crash_kept_from_staff_is_posted_the_next_time(world: ServerWorld) -> None:
    refused = RefusedWords(server_id=SERVER, word="nude", phrase=PHRASE, text="…")
    left = await save_question(world.db, SERVER, MEMBER.person_id, "nude", "an older phrase")
    assert left is not None
    question = await ask(world, refused)
    assert (question.id, question.phrase) == (left.id, PHRASE)
    found = await phrases(world).question(STAFF, question.id)
    assert (found.channel_id, found.message_id) == (STAFF_ROOM, 1000 + question.id)


async def test_staff_decide_once_and_by_a_phrase_with_the_word(world: ServerWorld) -> None:
    refused = await world.services.checks.refused_words(MEMBER, MADE)
    assert refused is not None
    question = await ask(world, refused)
    for who in (MEMBER, acting(MANAGER, server_id=ELSEWHERE)):
        for door in (phrases(world).allow(who, question.id, PHRASE), phrases(world).dismiss(who, question.id)):
            with pytest.raises(NotStaff):
                await door
    star = why_unusable(UnusableRule("", Unusable.STAR_INSIDE))
    for typed, why in (("nu*de", star), ("a nude, lantern", "commas are not allowed in phrases")):
        with pytest.raises(PhraseUnusable) as unusable:
            await phrases(world).allow(STAFF, question.id, typed)
        assert unusable.value.why == why
    for unseen in ("\u3164\u3164", "a \u3164", "!?"):
        with pytest.raises(PhraseTooShort):
            await phrases(world).allow(STAFF, question.id, unseen)
    with pytest.raises(PhraseWithoutWord):
        await phrases(world).allow(STAFF, question.id, "a quartz lantern")
    decided = await phrases(world).allow(STAFF, question.id, "  a \u3164 nu\u200bde lantern\ufe0f ")
    assert (decided.state, decided.phrase, decided.decided_by) == (QuestionState.ALLOWED, "a nude lantern", MANAGER)
    for door in (phrases(world).allow(STAFF, question.id, PHRASE), phrases(world).dismiss(STAFF, question.id)):
        with pytest.raises(QuestionClosed):
            await door
    again = RefusedWords(server_id=SERVER, word="nude", phrase="a nude lantern", text="…")
    with pytest.raises(AllowedAlready):
        await ask(world, again)
    with pytest.raises(NothingThere):
        await phrases(world).dismiss(STAFF, 10**9)
    await remove_all(world)
    with pytest.raises(NothingThere):
        await phrases(world).remove(STAFF, SERVER, 1)
    assert await logged(world) == [
        (MANAGER, None, {"phrase": ("a nude lantern", None)}),
        (MANAGER, MEMBER.person_id, {"phrase": (None, "a nude lantern")}),
    ]


async def test_a_server_allows_so_many_phrases(world: ServerWorld) -> None:
    for number in range(MAX_PHRASES - 1):
        await add_phrase(world.db, SERVER, f"a nude w{number}", MANAGER)
    asked = [
        await ask(world, RefusedWords(server_id=SERVER, word="nude", phrase="x", text="…"), acting(person))
        for person in (3, 4, 5)
    ]
    await phrases(world).allow(STAFF, asked[0].id, "a nude lamp")
    await phrases(world).allow(STAFF, asked[1].id, "a nude lamp")
    assert len(await phrases(world).phrases(STAFF, SERVER)) == MAX_PHRASES, "it is there once"
    with pytest.raises(TooManyPhrases):
        await phrases(world).allow(STAFF, asked[2].id, "a nude owl")
    assert (await phrases(world).question(STAFF, asked[2].id)).state is QuestionState.OPEN


async def test_a_phrase_that_this_version_cannot_read_is_left_out(world: ServerWorld) -> None:
    await add_phrase(world.db, SERVER, "nu*de", MANAGER)
    await add_phrase(world.db, SERVER, PHRASE, MANAGER)
    assert (await world.services.words.of(SERVER)).allowed.phrases == (PHRASE,)
    assert (await world.services.words.of(EVERYWHERE)).allowed.phrases == ()

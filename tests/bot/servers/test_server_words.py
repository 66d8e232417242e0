"""A server's own lists of words: who changes them, what they refuse and where, and what shadow lists count."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.config.sections.moderation import WordListMode
from bot.database.servers.audit import AuditAction, AuditFilter
from bot.database.servers.word_lists import ServerWordList
from bot.errors.missing import NothingThere
from bot.errors.rights import NotStaff
from bot.errors.words import (
    LineTooLong,
    LineUnusable,
    ManageServerNeeded,
    TooManyRules,
    TooManyWordLists,
    WordListEmpty,
    WordListNameTaken,
    WordsNotAllowed,
    WordsNotAllowedHere,
)
from bot.moderation.word_rules import TextKind
from bot.servers import server_words
from bot.servers.automod import AutoModRule, Trigger
from bot.servers.word_limits import MAX_ALIKE, MAX_LINE, MAX_LISTS, MAX_PATTERNS, MAX_WORDS
from inference.errors import RequestError
from inference.messages.request import LoraUse
from inference.queue.policy import EVERYWHERE
from tests.bot.servers.world import (
    ELSEWHERE,
    MANAGER,
    OPERATOR,
    SERVER,
    ServerWorld,
    acting,
    server_world,
)
from tests.inference.requests import request

STAFF, MEMBER = acting(MANAGER), acting()
PLAIN = request(prompt="an owl", loras=())


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[ServerWorld]:
    async with server_world(tmp_path) as world:
        yield world


async def add(world: ServerWorld, *words: str, **fields: object) -> ServerWordList:
    new = ServerWordList(SERVER, **{"name": "house", "words": words, **fields})  # type: ignore[arg-type]
    return await world.services.administration.words.add(STAFF, new)


async def change(world: ServerWorld, one: ServerWordList, **fields: object) -> ServerWordList:
    return await world.services.administration.words.change(STAFF, SERVER, one.id, **fields)


async def counted(world: ServerWorld) -> list[int]:
    return [each.shadowed for each in await world.services.administration.words.lists(STAFF, SERVER)]


async def ordered(world: ServerWorld, where: object = MEMBER, **fields: object) -> str:
    """What somebody orders, and the name of the list that refuses it."""
    made = PLAIN.model_copy(update=fields)
    try:
        await world.services.checks.check_request(where, made)  # type: ignore[arg-type]
    except WordsNotAllowed as refusal:
        return f"{refusal.what}: {refusal.list_name}"
    return ""


async def test_a_list_holds_in_its_server_alone(world: ServerWorld) -> None:
    await add(world, "zorble", "flor*", patterns=("(cursed|hexed) owl",))
    assert await ordered(world, prompt="a z.0.r.b.l.e") == "prompt: house"
    assert await ordered(world, prompt="florist") == "prompt: house"
    assert await ordered(world, prompt="a hexed owl") == "prompt: house"
    assert await ordered(world, loras=(LoraUse(sha256="a" * 64, name="Zorble"),)) == "LoRA selection: house"
    assert await ordered(world, prompt="an owl", negative_prompt="zorble") == ""
    for elsewhere in (acting(server_id=ELSEWHERE), acting(server_id=None)):
        assert await ordered(world, elsewhere, prompt="zorble") == ""
    rules = await world.services.words.of(SERVER)
    for kind in (TextKind.NOTE, TextKind.STACK_NAME):
        with pytest.raises(WordsNotAllowedHere):
            await rules.check("zorble", kind)
    await (await world.services.words.of(EVERYWHERE)).check("zorble", TextKind.NOTE)


async def test_what_staff_change_counts_at_once_also_for_what_waits(world: ServerWorld) -> None:
    job = await world.order(MEMBER, PLAIN)
    assert await world.services.checks.still_allowed(job) is None
    one = await add(world, "owl")
    refusal = await world.services.checks.still_allowed(job)
    assert isinstance(refusal, WordsNotAllowedHere)
    await change(world, one, exceptions=("an owl",))
    assert await world.services.checks.still_allowed(job) is None, "the phrase is allowed"
    await change(world, one, exceptions=())
    await change(world, one, mode=WordListMode.OFF)
    assert await world.services.checks.still_allowed(job) is None
    one = await change(world, one, mode=WordListMode.ACTIVE, negative_prompts=True)
    assert await ordered(world, prompt="a cat", negative_prompt="owl") == "negative prompt: house"
    await world.services.administration.words.delete(STAFF, SERVER, one.id)
    assert await world.services.checks.still_allowed(job) is None
    world.restart()
    assert await ordered(world, prompt="an owl") == ""


async def test_the_operators_rules_hold_in_every_server(world: ServerWorld) -> None:
    await add(world, "zorble")
    assert await ordered(world, prompt="quux") == ""
    world.moderate(lists=[{"name": "ours", "words": ["quux"]}])
    assert await ordered(world, prompt="quux") == "prompt: ours"
    assert await ordered(world, prompt="zorble") == "prompt: house"
    with pytest.raises(RequestError, match="minors"):
        await world.services.checks.check_request(MEMBER, PLAIN.model_copy(update={"prompt": "a nude child"}))


async def test_a_shadow_list_refuses_nothing_and_counts_orders_once(world: ServerWorld) -> None:
    one = await add(world, "zorble", mode=WordListMode.SHADOW)
    assert await ordered(world, prompt="zorble, zorble") == ""
    await (await world.services.words.of(SERVER)).check("zorble", TextKind.NOTE)
    job = await world.order(MEMBER, PLAIN.model_copy(update={"prompt": "zorble"}))
    assert await world.services.checks.still_allowed(job) is None
    assert await counted(world) == [3], "looking at a job again counts nothing"
    await change(world, one, mode=WordListMode.ACTIVE)
    assert await counted(world) == [0]


async def test_each_line_is_judged_and_told_by_its_number(world: ServerWorld) -> None:
    for field, line, why in (
        ("words", "f*g", "only at the start or the end"),
        ("words", "x", "two letters"),
        ("words", "\u3164\u3164", "two letters"),
        ("patterns", "fog(?=horn)", "too slow"),
        ("patterns", "fog(", "syntax error"),
        ("patterns", r"(fog)\1", "backreference"),
        ("patterns", "(fog|mist){90}", "too large"),
        ("patterns", "fog*|", "every text"),
        ("exceptions", "a*b", "only at the start or the end"),
    ):
        with pytest.raises(LineUnusable) as refused:
            await add(world, **{"words": ("fog",)} | {field: ("good", "", line)})
        told = {"words": "Words", "patterns": "Patterns", "exceptions": "Exceptions"}[field]
        assert (
            refused.value.line == 3
            and refused.value.field == told
            and why in refused.value.why
            and refused.value.text == line
        )
    with pytest.raises(LineTooLong):
        await add(world, "a" * (MAX_LINE + 1))
    for empty in ({}, {"words": ("", " ")}, {"words": ("fog",), "name": "  "}, {"words": ("fog",), "name": "\u3164"}):
        with pytest.raises(WordListEmpty):
            await add(world, **empty)
    assert await world.services.administration.words.lists(STAFF, SERVER) == []


async def test_a_server_has_so_many_lists_words_and_patterns(world: ServerWorld) -> None:
    lines = tuple(f"zorble{number}" for number in range(MAX_WORDS + 1))
    with pytest.raises(TooManyRules):
        await add(world, *lines)
    with pytest.raises(TooManyRules):
        await add(world, patterns=tuple(f"fog{number}" for number in range(MAX_PATTERNS + 1)))
    first = await add(world, *lines[1:])  # as many as there may be
    with pytest.raises(TooManyRules):
        await add(world, "one more", name="other")
    await change(world, first, words=("zorble",))
    with pytest.raises(WordListNameTaken):
        await add(world, "fog", name="HOUSE")
    with pytest.raises(WordListNameTaken):
        await add(world, "fog", name="Minors")
    for number in range(1, MAX_LISTS):
        await add(world, "fog", name=f"list {number}")
    with pytest.raises(TooManyWordLists):
        await add(world, "fog", name="another")


async def test_staff_alone_change_lists_and_each_change_is_logged(world: ServerWorld) -> None:
    one = await add(world, "zorble")
    service = world.services.administration.words
    for who in (MEMBER, acting(server_id=None), acting(MANAGER, server_id=ELSEWHERE)):
        for doing in (
            service.lists(who, SERVER),
            service.add(who, ServerWordList(SERVER, "x", ("fog",))),
            service.change(who, SERVER, one.id, mode=WordListMode.OFF),
            service.delete(who, SERVER, one.id),
        ):
            with pytest.raises(NotStaff):
                await doing
    with pytest.raises(NothingThere):
        await service.delete(acting(MANAGER, server_id=ELSEWHERE), ELSEWHERE, one.id)
    await change(world, one, words=("zorble", "florp"))
    await service.delete(STAFF, SERVER, one.id)
    operator = acting(OPERATOR)
    page = await world.services.administration.audit.page(operator, SERVER, AuditFilter(), limit=9)
    told = [(entry.action, entry.target, entry.changes.get("words")) for entry in reversed(page.entries)]
    assert told == [
        (AuditAction.ADD_WORD_LIST, "house", (None, 1)),
        (AuditAction.CHANGE_WORD_LIST, "house", ([], ["florp"])),
        (AuditAction.DELETE_WORD_LIST, "house", (2, None)),
    ]


async def test_only_so_many_words_are_kept_in_memory(world: ServerWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_words, "MOST_WORDS", 3)
    await add(world, "zorble", "quux")
    first = await world.services.words.of(SERVER)
    assert await world.services.words.of(SERVER) is first
    await world.services.words.of(ELSEWHERE)
    assert await world.services.words.of(SERVER) is first, "a server without lists takes no room"
    await world.services.administration.words.add(
        acting(MANAGER, server_id=ELSEWHERE), ServerWordList(ELSEWHERE, "theirs", ("fog", "mist"))
    )
    await world.services.words.of(ELSEWHERE)
    again = await world.services.words.of(SERVER)
    assert again is not first and again.verdict("zorble", TextKind.NOTE).refusals


# --- AutoMod --------------------------------------------------------------------------------------------------------

RULES = (
    AutoModRule(
        1,
        "Blocked words",
        Trigger.WORDS,
        words=("zorble", "flor*", "*quux", "*mid*", "**twice**", "f*g", "x"),
        patterns=(r"(?i)b[a4]d", r"look(?=ahead)", r"(?x) spaced"),
        allowed=("midday",),
    ),
    AutoModRule(2, "Slurs", Trigger.PRESET, allowed=("fog",)),
    AutoModRule(3, "Spam", Trigger.OTHER),
    AutoModRule(4, "blocked words", Trigger.WORDS, enabled=False, words=("names",)),
)


async def test_automods_words_are_imported_and_what_cannot_be_is_named(world: ServerWorld) -> None:
    service, world.discord.automod = world.services.administration.words, RULES
    seen = await service.automod(STAFF, SERVER)
    assert await service.lists(STAFF, SERVER) == [], "a look keeps nothing"
    assert seen.presets == ("Slurs",)
    assert {each.text for each in seen.left_out} == {"f*g", "x", r"look(?=ahead)", r"(?x) spaced"}
    await service.import_automod(STAFF, SERVER)
    first, second = await service.lists(STAFF, SERVER)
    assert first.words == ("zorble", "flor*", "*quux", "*mid*", "*twice*") and first.exceptions == ("midday",)
    assert (second.name, second.mode) == ("blocked words 2", WordListMode.OFF)
    for prompt in ("zorble", "florist", "equux", "amidst", "bad"):
        assert await ordered(world, prompt=prompt) == "prompt: Blocked words", prompt
    for prompt in ("zorbles", "quuxes", "at midday", "names"):
        assert await ordered(world, prompt=prompt) == "", prompt


async def test_importing_again_replaces_what_was_imported_alone(world: ServerWorld) -> None:
    service, world.discord.automod = world.services.administration.words, RULES
    await add(world, "mine", name="BLOCKED words")
    await service.import_automod(STAFF, SERVER)
    mine, first, _second = await service.lists(STAFF, SERVER)
    assert first.name == "Blocked words 2"
    await change(world, first, mode=WordListMode.SHADOW, negative_prompts=True)
    world.discord.automod = (AutoModRule(1, "New name", Trigger.WORDS, words=("other",)),)
    await service.import_automod(STAFF, SERVER)
    kept, again = await service.lists(STAFF, SERVER)
    assert kept == mine
    assert (again.name, again.words, again.mode, again.negative_prompts) == (
        "New name",
        ("other",),
        WordListMode.SHADOW,
        True,
    )


async def test_an_import_keeps_what_there_is_room_for(world: ServerWorld) -> None:
    service = world.services.administration.words
    await add(world, *(f"zorble{number}" for number in range(MAX_WORDS - 2)))
    patterns = tuple(f"fog{number}" for number in range(MAX_PATTERNS + 1))
    world.discord.automod = (AutoModRule(1, "Many", Trigger.WORDS, words=("one", "two", "three"), patterns=patterns),)
    seen = await service.import_automod(STAFF, SERVER)
    assert [each.text for each in seen.left_out] == ["three", patterns[-1]]
    _own, many = await service.lists(STAFF, SERVER)
    assert many.words == ("one", "two") and len(many.patterns) == MAX_PATTERNS


async def test_only_who_manages_the_server_imports(world: ServerWorld) -> None:
    await world.services.administration.settings.change(STAFF, SERVER, staff_roles=(12,))
    service, by_role = world.services.administration.words, acting(role_ids={12})
    assert await service.lists(by_role, SERVER) == []
    for doing in (service.automod, service.import_automod):
        with pytest.raises(NotStaff):
            await doing(MEMBER, SERVER)
        with pytest.raises(ManageServerNeeded):
            await doing(by_role, SERVER)
        with pytest.raises(ManageServerNeeded):
            await doing(acting(OPERATOR, server_id=None), SERVER)


async def test_a_list_has_few_words_that_are_written_alike(world: ServerWorld) -> None:
    """Each place in a text that looks like one of them is compared with all."""
    alike = tuple(f"{'o' * zeros}{'0' * (200 - zeros)}ps" for zeros in range(1, MAX_ALIKE + 2))
    with pytest.raises(LineUnusable) as refused:
        await add(world, *alike)
    assert refused.value.line == MAX_ALIKE + 1 and "looks almost the same" in refused.value.why
    one = await add(world, *alike[:MAX_ALIKE])
    assert len(one.words) == MAX_ALIKE

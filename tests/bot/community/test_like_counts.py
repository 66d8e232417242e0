"""Likes count once for each person, and messages are brought up to date rarely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from discord.utils import time_snowflake

from bot.community.like_counts import IDLE_SECONDS, LikeCounts
from bot.community.pacing import EDIT_SECONDS, EditPacer
from bot.database.clock import DAY_MS, now_ms
from bot.database.gallery.publications import FIND_PUBLICATION, Publication
from bot.errors.gallery import NotPublished
from tests.bot.community.art import AUTHOR, Community, Discord, World, community
from tests.bot.database.publishing import published
from tests.stepped import Stepped


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Community]:
    async with community(tmp_path, Discord()) as running:
        yield running


async def posted(here: Community) -> Publication:
    one = await published(here.db)
    assert one.message_id is not None
    here.discord.messages[one.message_id] = (one.id, 0)
    return one


def number_in(here: Community, one: Publication) -> int:
    assert one.message_id is not None
    return here.discord.messages[one.message_id][1]


async def test_two_hundred_people_like_at_once(here: Community) -> None:
    one = await posted(here)
    answers = await asyncio.gather(*(here.likes.like(one.id, person) for person in [*range(1, 201), *range(1, 101)]))
    assert sorted(answer.likes for answer in answers if answer.changed) == list(range(1, 201))
    assert (await here.likes.unlike(one.id, 7)).likes == 199
    assert here.discord.edits == 0, "a press edits nothing but its own answer"
    assert await here.likes.refresh_one() == EDIT_SECONDS
    assert (number_in(here, one), here.discord.edits) == (199, 1)


async def test_what_is_gone_is_not_liked(here: Community) -> None:
    with pytest.raises(NotPublished):
        await here.likes.like(12345, 1)
    with pytest.raises(NotPublished):
        await here.likes.unlike(12345, 1)


async def test_messages_are_edited_one_after_the_other(here: Community) -> None:
    pictures = [await posted(here) for _ in range(3)]
    for one in pictures:
        await here.likes.like(one.id, 5)
    for edits in (1, 2, 3):
        assert await here.likes.refresh_one() == EDIT_SECONDS
        here.pacer_clock.now += EDIT_SECONDS - 1
        if edits < 3:
            assert await here.likes.refresh_one() == 1.0
        assert here.discord.edits == edits
        here.pacer_clock.now += 1
    assert [number_in(here, one) for one in pictures] == [1, 1, 1]
    assert await here.likes.refresh_one() == IDLE_SECONDS


async def test_a_message_is_edited_once_in_a_while(here: Community) -> None:
    rarely = LikeCounts(here.db, here.discord, EditPacer(here.pacer_clock))
    one = await posted(here)
    await rarely.like(one.id, 5)
    assert await rarely.refresh_one() == IDLE_SECONDS and here.discord.edits == 0, "it was posted just now"
    await here.db.connection.execute("UPDATE publication SET shown_at = shown_at - 600001")
    await here.db.connection.commit()
    await rarely.refresh_one()
    assert here.discord.edits == 1


async def test_a_number_that_an_answer_shows_is_not_written_again(here: Community) -> None:
    one = await posted(here)
    count = await here.likes.like(one.id, 5)
    async with here.likes.showing(one.id, count.likes):
        pass
    assert await here.likes.refresh_one() == IDLE_SECONDS and here.discord.edits == 0


async def test_a_closed_message_waits_for_the_next_like(here: Community) -> None:
    one = await posted(here)
    await here.likes.like(one.id, 5)
    here.discord.closed = True
    await here.likes.refresh_one()
    here.discord.closed = False
    here.pacer_clock.now += EDIT_SECONDS
    assert await here.likes.refresh_one() == IDLE_SECONDS and number_in(here, one) == 0
    await here.likes.like(one.id, 6)
    await here.likes.refresh_one()
    assert number_in(here, one) == 2


async def test_a_message_that_is_gone_takes_its_picture_out_of_the_gallery(here: Community) -> None:
    one = await posted(here)
    await here.likes.like(one.id, 5)
    here.discord.messages.clear()
    await here.likes.refresh_one()
    assert await here.db.one(FIND_PUBLICATION, one.id) is None


async def test_an_edit_whose_answer_was_lost_is_made_again(here: Community) -> None:
    """Also when the like that it shows was taken back since."""
    one = await posted(here)
    await here.likes.like(one.id, 5)
    here.discord.down = {"edited"}
    await here.likes.refresh_one()
    here.discord.down = set()
    await here.likes.unlike(one.id, 5)
    here.pacer_clock.now += EDIT_SECONDS
    await here.likes.refresh_one()
    assert number_in(here, one) == 0


async def test_a_message_that_discord_does_not_answer_about_lets_others_pass(here: Community) -> None:
    rarely = LikeCounts(here.db, here.discord, EditPacer(here.pacer_clock), every=600.0)
    first, second = await posted(here), await posted(here)
    for one in (first, second):
        await rarely.like(one.id, 5)
    await here.db.connection.execute("UPDATE publication SET shown_at = shown_at - 600001")
    await here.db.connection.commit()
    here.discord.down = {"edit"}
    await rarely.refresh_one()
    here.discord.down = set()
    here.pacer_clock.now += EDIT_SECONDS
    await rarely.refresh_one()
    assert (number_in(here, first), number_in(here, second)) == (0, 1)


async def test_no_like_is_lost_or_doubled_wherever_it_is_killed(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    world.folder.mkdir()
    killed: dict[str, tuple[World, set[int]]] = {}
    told: set[int] = set()

    def look() -> None:
        if (key := world.key() + str(sorted(told))) not in killed:
            killed[key] = world.copy(tmp_path / str(len(killed))), set(told)

    async with community(world.folder, world.discord) as here:
        one = await posted(here)

        async def work() -> None:
            for person in (5, 6, 5):
                await here.likes.like(one.id, person)
                told.add(person)
            await here.likes.refresh_one()
            await here.likes.unlike(one.id, 6)
            told.discard(6)
            here.pacer_clock.now += EDIT_SECONDS
            await here.likes.refresh_one()

        await Stepped(work(), look)
        assert number_in(here, one) == 1
    assert len(killed) > 8, "else there is nothing to interrupt"
    for left, heard in killed.values():
        async with community(left.folder, left.discord) as here:
            likes = {row["person_id"] for row in await here.db.fetch("SELECT person_id FROM publication_like")}
            assert len(likes ^ heard) <= 1, "what people were told holds, but for the press under way"
            found = await here.db.one(FIND_PUBLICATION, one.id)
            assert found is not None and found.likes == len(likes)
            await here.likes.refresh_one()
            assert number_in(here, one) == len(likes)


async def ranking(here: Community, one: Publication) -> tuple[int, int, float]:
    """The recent likes by which the gallery is sorted, and the likes and the trend of a LoRA in it."""
    (row,) = await here.db.fetch(
        "SELECT recent_likes, lora_in_server.likes, trend FROM publication JOIN publication_lora ON publication_id = id"
        " JOIN lora_in_server USING (server_id, sha256) WHERE id = ?",
        (one.id,),
    )
    return row[0], row[1], row[2]


@pytest.mark.parametrize(
    ("person", "joined_at"),
    [
        (AUTHOR, None),
        (5, now_ms() - DAY_MS // 2),  # joined the server today
        (time_snowflake(datetime.now(UTC) - timedelta(hours=23)), None),  # created the account today
    ],
    ids=["the author", "new in the server", "a new account"],
)
async def test_a_like_that_is_shown_and_does_not_rank(here: Community, person: int, joined_at: int | None) -> None:
    one = await published(here.db, "Bat")
    before = await ranking(here, one)
    assert (await here.likes.like(one.id, person, joined_at)).likes == 1
    assert await ranking(here, one) == before
    assert (await here.likes.like(one.id, 6, now_ms() - 2 * DAY_MS)).likes == 2
    counted = await ranking(here, one)
    assert counted[:2] == (before[0] + 1, before[1] + 1) and counted[2] > before[2]
    assert (await here.likes.unlike(one.id, person)).likes == 1
    assert await ranking(here, one) == counted
    await here.likes.age()
    assert await ranking(here, one) == counted

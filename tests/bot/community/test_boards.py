"""A board is posted once, and edited only when what it shows has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.community.boards import NEWEST, Boards
from bot.community.discord_side import ArtChannelUnreachable
from bot.community.pacing import EDIT_SECONDS, EditPacer
from bot.database.features import FeatureKind, add_feature
from bot.database.publications import begin_removal
from tests.bot.community.art import HERE, STAFF, Community, Discord, World, community
from tests.bot.database.publishing import SERVER, published
from tests.stepped import Stepped


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Community]:
    async with community(tmp_path, Discord()) as running:
        yield running


async def refresh(here: Community) -> float:
    here.pacer_clock.now += EDIT_SECONDS
    return await here.boards.refresh(HERE)


async def test_a_board_is_edited_when_it_shows_something_else(here: Community) -> None:
    await refresh(here)
    pictures = [await published(here.connection) for _ in range(NEWEST + 1)]
    for _ in range(3):
        assert await refresh(here) == 0.0
    ((message, content),) = here.discord.boards.items()
    assert content.newest == tuple(one.id for one in reversed(pictures[1:])) and here.discord.edits == 1
    await add_feature(here.connection, SERVER, FeatureKind.PUBLICATION, pictures[0].id, STAFF)
    await refresh(here)
    ((same, content),) = here.discord.boards.items()
    assert same == message and [one.target_id for one in content.pictures] == [pictures[0].id]
    await begin_removal(here.connection, pictures[0].id)
    await refresh(here)
    assert here.discord.boards[message].pictures == () and here.discord.edits == 3


async def test_a_board_is_edited_rarely(here: Community) -> None:
    rarely = Boards(here.connection, here.discord, EditPacer(here.pacer_clock), lambda: None)  # type: ignore[arg-type,return-value]
    assert await rarely.refresh(HERE) == 0.0
    await published(here.connection)
    assert 590 < await rarely.refresh(HERE) <= 600 and here.discord.edits == 0
    await here.connection.execute("UPDATE board SET edited_at = edited_at - 600001")
    await here.connection.commit()
    assert await rarely.refresh(HERE) == EDIT_SECONDS, "another message was edited just now"
    here.pacer_clock.now += EDIT_SECONDS
    assert await rarely.refresh(HERE) == 0.0 and here.discord.edits == 1


async def test_a_board_that_staff_deleted_is_posted_anew(here: Community) -> None:
    await refresh(here)
    here.discord.boards.clear()
    await refresh(here)
    assert here.discord.boards == {}, "nothing has changed"
    await published(here.connection)
    for _ in range(2):
        await refresh(here)
    assert len(here.discord.boards) == 1


async def test_a_closed_board_is_edited_later(here: Community) -> None:
    await refresh(here)
    one = await published(here.connection)
    here.discord.closed = True
    await refresh(here)
    here.discord.closed = False
    await refresh(here)
    (content,) = here.discord.boards.values()
    assert content.newest == (one.id,)


@pytest.mark.parametrize("place", ["post", "posted"])
async def test_a_board_whose_answer_was_lost_is_not_posted_twice(here: Community, place: str) -> None:
    here.discord.down = {place}
    with pytest.raises(ArtChannelUnreachable):
        await refresh(here)
    here.discord.down = set()
    for _ in range(3):
        await refresh(here)
    assert len(here.discord.boards) == 1


async def test_there_is_one_board_wherever_it_is_killed(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    world.folder.mkdir()
    killed: dict[str, World] = {}

    def look() -> None:
        if (key := world.key()) not in killed:
            killed[key] = world.copy(tmp_path / str(len(killed)))

    async with community(world.folder, world.discord) as here:

        async def work() -> None:
            await refresh(here)
            await published(here.connection)
            await refresh(here)

        await Stepped(work(), look)
    assert len(killed) > 8, "else there is nothing to interrupt"
    for left in killed.values():
        async with community(left.folder, left.discord) as here:
            for _ in range(2):
                await refresh(here)
            (content,) = here.discord.boards.values()
            rows = await here.connection.execute_fetchall("SELECT id FROM publication WHERE state = 'posted'")
            assert content.newest == tuple(row["id"] for row in rows)

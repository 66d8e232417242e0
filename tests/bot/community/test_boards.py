"""A board is posted once, and edited only when what it shows has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.community.boards import CLOSED_SECONDS, MOST_LIKED, Boards
from bot.community.discord_side import ArtChannelUnreachable
from bot.community.pacing import EDIT_SECONDS, EditPacer
from bot.database.gallery.boards import FIND_BOARD
from bot.database.gallery.features import FeatureKind, add_feature
from bot.database.gallery.likes import RECENT_MS, like
from bot.database.gallery.publications import BEGIN_REMOVAL, Publication
from tests.bot.community.art import HERE, STAFF, Community, Discord, World, community
from tests.bot.database.conftest import add_lora
from tests.bot.database.publishing import SERVER, published
from tests.stepped import Stepped


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Community]:
    async with community(tmp_path, Discord()) as running:
        yield running


async def begin(here: Community) -> int:
    """Post a board that names a LoRA which staff pick; its id."""
    lora = await add_lora(here.db, "First")
    await add_feature(here.db, SERVER, FeatureKind.LORA, lora.id, STAFF)
    await refresh(here)
    assert len(here.discord.boards) == 1
    return lora.id


async def refresh(here: Community) -> float:
    here.pacer_clock.now += EDIT_SECONDS
    return await here.boards.refresh(HERE)


async def liked(here: Community) -> Publication:
    one = await published(here.db)
    await like(here.db, one.id, 5)
    return one


async def test_a_board_is_edited_when_it_shows_something_else(here: Community) -> None:
    first, lora = await begin(here), await add_lora(here.db, "Komori")
    pictures = [await liked(here) for _ in range(MOST_LIKED + 1)]
    for _ in range(3):
        assert await refresh(here) == 0.0
    ((message, content),) = here.discord.boards.items()
    assert content.most_liked == [one.id for one in reversed(pictures[1:])] and here.discord.edits == 1
    assert content.trending == []
    await published(here.db, "Komori")
    await add_feature(here.db, SERVER, FeatureKind.PUBLICATION, pictures[0].id, STAFF)
    await add_feature(here.db, SERVER, FeatureKind.LORA, lora.id, STAFF)
    await refresh(here)
    ((same, content),) = here.discord.boards.items()
    assert same == message and [one.target_id for one in content.picked_pictures] == [pictures[0].id]
    assert {one.target_id for one in content.picked_loras} == {lora.id, first} and content.trending == [lora.id]
    await here.db.one(BEGIN_REMOVAL, pictures[0].id)
    await refresh(here)
    assert here.discord.boards[message].picked_pictures == [] and here.discord.edits == 3


async def test_what_staff_picked_more_than_a_week_ago_is_no_pick_of_the_week(here: Community) -> None:
    await begin(here)
    one = await published(here.db)
    await add_feature(here.db, SERVER, FeatureKind.PUBLICATION, one.id, STAFF)
    await here.db.connection.execute("UPDATE feature SET featured_at = featured_at - ?", (RECENT_MS + 1,))
    await here.db.connection.commit()
    await refresh(here)
    (content,) = here.discord.boards.values()
    assert content.picked_pictures == content.picked_loras == []


async def test_an_empty_channel_gets_no_board(here: Community) -> None:
    await refresh(here)
    assert here.discord.boards == {}


async def test_what_is_taken_down_goes_from_a_board_at_once(here: Community) -> None:
    rarely = Boards(here.db, here.discord, EditPacer(here.pacer_clock), lambda: None)  # type: ignore[arg-type,return-value]
    one, two = await liked(here), await liked(here)
    assert await rarely.refresh(HERE) == 0.0
    await like(here.db, one.id, 6)
    here.pacer_clock.now += EDIT_SECONDS
    assert await rarely.refresh(HERE) > 0 and here.discord.edits == 0, "another order is in no hurry"
    await here.db.one(BEGIN_REMOVAL, two.id)
    assert await rarely.refresh(HERE) == 0.0
    (content,) = here.discord.boards.values()
    assert content.most_liked == [one.id]


async def test_a_board_is_edited_rarely(here: Community) -> None:
    rarely = Boards(here.db, here.discord, EditPacer(here.pacer_clock), lambda: None)  # type: ignore[arg-type,return-value]
    await liked(here)
    assert await rarely.refresh(HERE) == 0.0
    await liked(here)
    assert 590 < await rarely.refresh(HERE) <= 600 and here.discord.edits == 0
    await here.db.connection.execute("UPDATE board SET edited_at = edited_at - 600001")
    await here.db.connection.commit()
    assert await rarely.refresh(HERE) == EDIT_SECONDS, "another message was edited just now"
    here.pacer_clock.now += EDIT_SECONDS
    assert await rarely.refresh(HERE) == 0.0 and here.discord.edits == 1


async def test_a_board_that_staff_deleted_is_posted_anew(here: Community) -> None:
    await begin(here)
    here.discord.boards.clear()
    await refresh(here)
    assert here.discord.boards == {}, "nothing has changed"
    await liked(here)
    for _ in range(2):
        await refresh(here)
    assert len(here.discord.boards) == 1


async def test_a_closed_board_is_edited_later(here: Community) -> None:
    await begin(here)
    one = await liked(here)
    here.discord.closed = True
    await refresh(here)
    here.discord.closed = False
    here.boards_clock.now += CLOSED_SECONDS
    await refresh(here)
    (content,) = here.discord.boards.values()
    assert content.most_liked == [one.id]


async def test_a_closed_channel_is_asked_rarely(here: Community) -> None:
    """Also when the board names what was taken back: each look would be refused."""
    await begin(here)
    one = await liked(here)
    await refresh(here)
    await here.db.one(BEGIN_REMOVAL, one.id)
    here.discord.closed, asked = True, here.discord.asked
    for _ in range(3):
        await refresh(here)
    assert here.discord.asked == asked + 1
    here.discord.closed, here.discord.unreadable = False, True
    here.discord.closed_channels = {HERE.channel_id}
    here.boards_clock.now += CLOSED_SECONDS
    for _ in range(3):
        await here.boards.remove_unwanted()
    assert here.discord.asked == asked + 2
    here.discord.unreadable = False
    here.boards_clock.now += CLOSED_SECONDS
    await here.boards.remove_unwanted()
    assert here.discord.boards == {}


@pytest.mark.parametrize("place", ["post", "posted"])
async def test_a_board_whose_answer_was_lost_is_not_posted_twice(here: Community, place: str) -> None:
    await liked(here)
    here.discord.down = {place}
    with pytest.raises(ArtChannelUnreachable):
        await refresh(here)
    here.discord.down = set()
    for _ in range(3):
        await refresh(here)
    assert len(here.discord.boards) == 1


async def test_an_edit_whose_answer_was_lost_is_made_again(here: Community) -> None:
    """Also when the board is to show what it showed before that edit: the picture was taken down since."""
    await begin(here)
    one = await liked(here)
    here.discord.down = {"edited"}
    with pytest.raises(ArtChannelUnreachable):
        await refresh(here)
    here.discord.down = set()
    await here.db.one(BEGIN_REMOVAL, one.id)
    rarely = Boards(here.db, here.discord, EditPacer(here.pacer_clock), lambda: None)  # type: ignore[arg-type,return-value]
    here.pacer_clock.now += EDIT_SECONDS
    assert await rarely.refresh(HERE) == 0.0
    (content,) = here.discord.boards.values()
    assert content.most_liked == []


async def test_a_row_does_not_grow_while_edits_fail(here: Community) -> None:
    await begin(here)
    await liked(here)
    here.discord.down = {"edit"}
    sizes = set[int]()
    for _ in range(3):
        with pytest.raises(ArtChannelUnreachable):
            await refresh(here)
        board = await here.db.one(FIND_BOARD, HERE.channel_id)
        assert board is not None
        sizes.add(len(board.digest))
    assert len(sizes) == 1


async def test_there_is_one_board_wherever_it_is_killed(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    world.folder.mkdir()
    killed: dict[str, World] = {}

    def look() -> None:
        if (key := world.key()) not in killed:
            killed[key] = world.copy(tmp_path / str(len(killed)))

    async with community(world.folder, world.discord) as here:
        await liked(here)

        async def work() -> None:
            await refresh(here)
            await liked(here)
            await refresh(here)

        await Stepped(work(), look)
    assert len(killed) > 8, "else there is nothing to interrupt"
    for left in killed.values():
        async with community(left.folder, left.discord) as here:
            for _ in range(2):
                await refresh(here)
            (content,) = here.discord.boards.values()
            rows = await here.db.connection.execute_fetchall(
                "SELECT id FROM publication WHERE recent_likes > 0 ORDER BY id DESC"
            )
            assert content.most_liked == [row["id"] for row in rows]


async def test_a_board_goes_with_its_art_channel_also_when_discord_does_not_answer_at_first(here: Community) -> None:
    await liked(here)
    await refresh(here)
    here.discord.closed_channels = {HERE.channel_id}
    for place in ("delete", "deleted"):
        here.discord.down = {place}
        await here.boards.remove_unwanted()
        assert await here.db.one(FIND_BOARD, HERE.channel_id) is not None
    here.discord.down = set()
    await here.boards.remove_unwanted()
    assert here.discord.boards == {} and await here.db.one(FIND_BOARD, HERE.channel_id) is None

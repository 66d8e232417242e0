"""Roles are looked up once a minute for each member; a look-up that fails never widens a right."""

from __future__ import annotations

import asyncio

import pytest

from bot.servers.context import ActionContext, MemberFacts
from bot.servers.lookups import FRESH_SECONDS, LookupFailed, NotConnected
from bot.servers.members import Members, Present

SERVER, PERSON = 100, 2
NOW = 1_000_000
ORDERED = ActionContext(person_id=PERSON, server_id=SERVER, role_ids=frozenset({11, 12}), permissions=0b1100)


class Directory:
    """Implements `MemberLookup`."""

    def __init__(self) -> None:
        self.member_facts: MemberFacts | None = MemberFacts(frozenset({11, 12}), 0b1100, joined_at=5)
        self.fails, self.connected = False, True
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def member(self, server_id: int, person_id: int) -> MemberFacts | None:
        self.asked += 1
        await self.answers.wait()
        if not self.connected:
            raise NotConnected
        if self.fails:
            raise LookupFailed("500")
        return self.member_facts


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def time() -> list[float]:
    return [0.0]


@pytest.fixture
def members(directory: Directory, time: list[float]) -> Members:
    return Members(directory, clock=lambda: time[0])


def roles(present: Present) -> set[int] | None:
    return None if present.context is None else set(present.context.role_ids)


async def test_roles_are_those_of_now(members: Members, directory: Directory) -> None:
    directory.member_facts = MemberFacts(frozenset({12, 13}), 0b1, joined_at=5)
    present = await members.present(ORDERED, NOW)
    assert present.context == ORDERED.model_copy(
        update={"role_ids": frozenset({12, 13}), "permissions": 0b1, "joined_at": 5}
    )


async def test_an_answer_holds_for_a_minute(members: Members, directory: Directory, time: list[float]) -> None:
    await members.present(ORDERED, NOW)
    directory.member_facts = MemberFacts(frozenset(), 0, joined_at=5)
    time[0] += FRESH_SECONDS - 1
    assert roles(await members.present(ORDERED, NOW)) == {11, 12}
    time[0] += 1
    assert (roles(await members.present(ORDERED, NOW)), directory.asked) == (set(), 2)


async def test_many_who_want_to_know_ask_once(members: Members, directory: Directory) -> None:
    directory.answers.clear()
    waiting = [asyncio.create_task(members.present(ORDERED, NOW)) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # the one that asked
    await asyncio.wait([waiting[0]])
    directory.answers.set()
    assert all(roles(present) == {11, 12} for present in await asyncio.gather(*waiting[1:]))
    assert directory.asked == 1


async def test_without_any_answer_it_is_as_at_the_order(members: Members, directory: Directory) -> None:
    directory.fails = True
    assert (await members.present(ORDERED, NOW)).context == ORDERED


async def test_a_failure_gives_no_role_back_and_none_in_addition(
    members: Members, directory: Directory, time: list[float]
) -> None:
    directory.member_facts = MemberFacts(frozenset({12, 13}), 0b0111, joined_at=5)
    await members.present(ORDERED, NOW)
    directory.fails = True
    time[0] += FRESH_SECONDS
    present = await members.present(ORDERED, NOW)
    assert roles(present) == {12}, "11 was lost, and 13 was not there at the order"
    assert present.context is not None and present.context.permissions == 0b0100


async def test_who_left_stays_away_while_nobody_can_tell(
    members: Members, directory: Directory, time: list[float]
) -> None:
    directory.member_facts = None
    assert roles(await members.present(ORDERED, NOW)) is None
    directory.fails = True
    time[0] += FRESH_SECONDS
    assert roles(await members.present(ORDERED, NOW)) is None
    members.forget(SERVER, PERSON)
    assert roles(await members.present(ORDERED, NOW)) is None


async def test_a_time_out_is_seen(members: Members, directory: Directory) -> None:
    directory.member_facts = MemberFacts(frozenset(), 0, joined_at=5, timed_out_until=NOW + 1)
    assert (await members.present(ORDERED, NOW)).timed_out
    assert not (await members.present(ORDERED, NOW + 1)).timed_out


@pytest.mark.parametrize("changes", [{"server_id": None}, {"bot_in_server": False}])
async def test_nobody_is_asked_where_the_bot_is_no_member(
    members: Members, directory: Directory, changes: dict[str, object]
) -> None:
    ordered = ORDERED.model_copy(update=changes)
    assert (await members.present(ordered, NOW)).context == ordered
    assert directory.asked == 0


async def test_what_an_interaction_tells_replaces_an_earlier_answer(members: Members, directory: Directory) -> None:
    directory.member_facts = MemberFacts(frozenset({11, SERVER}), 0, joined_at=5)
    await members.present(ORDERED.model_copy(update={"role_ids": frozenset({11})}), NOW)
    members.heard(ORDERED.model_copy(update={"role_ids": frozenset({11})}), NOW)
    assert directory.asked == 1 and roles(await members.present(ORDERED, NOW)) == {11, SERVER}, "it says the same"
    members.heard(ORDERED, NOW)
    directory.fails = True
    assert (roles(await members.present(ORDERED, NOW)), directory.asked) == ({11, 12}, 2)
    older = ORDERED.model_copy(update={"role_ids": frozenset({11, 13})})
    assert roles(await members.present(older, NOW)) == {11}, "what was lost in between does not come back"


async def test_what_is_answered_after_a_change_and_was_asked_before_is_old(
    members: Members, directory: Directory
) -> None:
    directory.answers.clear()
    waiting = asyncio.create_task(members.present(ORDERED, NOW))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    members.forget(SERVER, PERSON)
    directory.answers.set()
    await waiting
    assert directory.asked == 2


async def test_who_is_not_connected_yet_is_asked_again_at_once(members: Members, directory: Directory) -> None:
    directory.connected = False
    assert (await members.present(ORDERED, NOW)).context == ORDERED
    directory.connected, directory.member_facts = True, None
    assert roles(await members.present(ORDERED, NOW)) is None

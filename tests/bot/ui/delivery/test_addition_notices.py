"""Telling how additions ended: the real code and the real database, with a Discord that only remembers.

The program is stopped before and after everything that it asks of Discord and of the database, and started again. In
each of these cases the person is told, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.background import DiscordRefuses, DiscordUnreachable
from bot.database.additions.additions import (
    FIND_ADDITION_REQUEST,
    MARK_REQUEST_POSTING,
    NOTE_ANSWER,
    UNREACHED_REQUESTS,
    UNTOLD_REQUESTS,
    begin_addition,
    fail_addition,
)
from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.sources.errors import LoginNeeded
from bot.ui.delivery.addition_notices import AdditionNotices
from bot.ui.delivery.delivery import RouteClosed

ADA, GRACE = 11, 12


class Killed(BaseException):
    """The program ends here."""


@dataclass
class Discord:
    """What Discord remembers; the seam of the notices. It ends the program at the call `kill_at`."""

    answer_open: bool = True
    direct_open: bool = True
    unreachable: int = 0  # calls that fail and may succeed later
    kill_at: int | None = None
    calls: int = 0
    answers: dict[str, str] = field(default_factory=dict[str, str])
    letters: dict[str, str] = field(default_factory=dict[str, str])  # by nonce, as within minutes
    sent: int = 0
    nonces: bool = True  # whether nonces are remembered

    def _step(self) -> None:
        self.calls += 1
        if self.calls == self.kill_at:
            raise Killed
        if self.unreachable:
            self.unreachable -= 1
            raise DiscordUnreachable("for now")

    def ticket(self, interaction: Any, message_id: int | None = None) -> str | None:
        return "a ticket"

    async def edit_answer(self, ticket: str, message_id: int | None, message: Any) -> int:
        self._step()
        if not self.answer_open:
            raise RouteClosed("too late")
        self.answers[ticket] = text(message().view)
        self._step()
        return 5

    async def send(self, person_id: int, view: Any, nonce: str) -> int:
        self._step()
        if not self.direct_open:
            raise DiscordRefuses("closed")
        if not self.nonces or nonce not in self.letters:
            self.sent += 1
        self.letters[nonce] = text(view)
        self._step()
        return 6

    async def find(self, person_id: int, ending: str, since: int) -> int | None:
        self._step()
        return next((7 for letter in self.letters.values() if letter.endswith(ending)), None)

    @property
    def told(self) -> int:
        """How many messages tell it."""
        return len(self.answers) + self.sent


def text(view: Any) -> str:
    return "\n".join(item.content for item in view.walk_children() if hasattr(item, "content"))


class Ended:
    """What the notices need of `Additions`: nothing that was added is here any more."""

    def ended(self) -> None:
        """Replaced."""

    async def entry_of(self, sha256: str) -> None:
        return None


@asynccontextmanager
async def notices(path: Path, discord: Discord) -> AsyncGenerator[tuple[AdditionNotices, Any]]:
    additions: Any = Ended()
    async with open_database(path, clock=lambda: 0.0) as db:
        yield AdditionNotices(db, additions, discord, discord), db


async def note_answer(
    db: Database, addition_id: int, user: int, ticket: str | None, draft_id: int | None = None
) -> None:
    await db.run(NOTE_ANSWER, addition=addition_id, person=user, ticket=ticket, message=5, now=now_ms(), draft=draft_id)


async def failed_addition(
    path: Path, ticket: str | None = "a ticket", *, answered: bool = True, users: Sequence[int] = (ADA,)
) -> int:
    async with open_database(path, clock=lambda: 0.0) as db:
        for user in users:
            begun = await begin_addition(
                db, key="k", source='{"hub": "Civitai", "page": "", "name": "Owl", "version": "1"}',
                path="added/owl.safetensors", person_id=user, server_id=None,
            )  # fmt: skip
            if answered:
                await note_answer(db, begun.id, user, ticket)
        await fail_addition(db, begun.id, LoginNeeded(host="civitai.com"))
        return begun.id


async def run_once(path: Path, discord: Discord) -> None:
    async with notices(path, discord) as (telling, _db):
        await telling.tell_all()


@pytest.mark.parametrize("answer_open", [True, False])
@pytest.mark.parametrize("kill_at", range(1, 7))
@pytest.mark.parametrize("nonces", [True, False])
async def test_it_is_told_once_wherever_the_program_ends(
    tmp_path: Path, answer_open: bool, kill_at: int, nonces: bool
) -> None:
    path = tmp_path / "easel.sqlite3"
    await failed_addition(path)
    discord = Discord(answer_open=answer_open, kill_at=kill_at, nonces=nonces)
    for _ in range(3):
        try:
            await run_once(path, discord)
        except Killed:
            continue
    assert discord.told == 1 and (discord.answers or discord.letters)
    async with open_database(path, clock=lambda: 0.0) as db:
        assert await db.all(UNTOLD_REQUESTS) == []
        request = await db.one(FIND_ADDITION_REQUEST, addition=1, person=ADA)
        assert request is not None and request.told and request.ticket is None


async def test_two_users_who_wait_for_one_lora_are_both_notified(tmp_path: Path) -> None:
    path, discord = tmp_path / "easel.sqlite3", Discord(answer_open=False)
    await failed_addition(path, users=(ADA, GRACE))
    await run_once(path, discord)
    assert discord.sent == 2
    assert all(len(nonce) <= 25 for nonce in discord.letters)


async def test_what_cannot_be_told_now_is_told_later(tmp_path: Path) -> None:
    path, discord = tmp_path / "easel.sqlite3", Discord(unreachable=3, answer_open=False)
    await failed_addition(path, None)
    async with notices(path, discord) as (telling, db):
        for _ in range(3):
            await telling.tell_all()
            assert discord.told == 0 and await db.all(UNTOLD_REQUESTS)
        await telling.tell_all()
        assert discord.told == 1 and "logged in" in "".join(discord.letters.values())
        await telling.tell_all()
        assert discord.told == 1


async def test_whom_nobody_may_write_to_is_told_after_a_command(tmp_path: Path) -> None:
    path, discord = tmp_path / "easel.sqlite3", Discord(direct_open=False, answer_open=False)
    await failed_addition(path)
    async with notices(path, discord) as (telling, db):
        await telling.tell_all()
        await telling.tell_all()
        assert discord.told == 0 and discord.calls == 2, "it is not tried again and again"
        (request,) = await db.all(UNREACHED_REQUESTS, ADA)
        assert not request.told and await db.all(UNREACHED_REQUESTS, 99) == []


async def test_a_letter_of_before_a_crash_is_found(tmp_path: Path) -> None:
    path, discord = tmp_path / "easel.sqlite3", Discord(nonces=False)
    addition_id = await failed_addition(path, answered=False)
    discord.letters["old"] = f"It is L{addition_id}"
    async with notices(path, discord) as (telling, db):
        await db.run(MARK_REQUEST_POSTING, now=now_ms(), addition=addition_id, person=ADA)
        await telling.tell_all()
        assert discord.sent == 0 and await db.all(UNTOLD_REQUESTS) == []


async def test_a_message_that_follows_it_tells_it_itself(tmp_path: Path) -> None:
    path, discord = tmp_path / "easel.sqlite3", Discord()
    addition_id = await failed_addition(path)
    async with notices(path, discord) as (telling, db):
        with telling.following(addition_id, ADA):
            await telling.tell_all()
            assert discord.told == 0
            running = asyncio.create_task(telling.run())
            await asyncio.sleep(0)
        async with asyncio.timeout(120):
            while await db.all(UNTOLD_REQUESTS):  # noqa: ASYNC110 (nothing says when it is told)
                await asyncio.sleep(0)
        running.cancel()
        assert discord.told == 1


async def test_an_answer_without_a_draft_keeps_that_of_an_earlier_one(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3", clock=lambda: 0.0) as db:
        begun = await begin_addition(db, key="k", source="{}", path="x", person_id=ADA, server_id=None)
        for draft_id, kept in ((7, 7), (None, 7), (8, 8)):
            await note_answer(db, begun.id, ADA, "a ticket", draft_id)
            request = await db.one(FIND_ADDITION_REQUEST, addition=begun.id, person=ADA)
            assert request is not None and request.draft_id == kept

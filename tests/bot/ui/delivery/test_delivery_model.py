"""Every way a delivery can be interrupted: the real code and the real database, with a Discord that only remembers.

The program is stopped at every await, whatever it had done by then stays, and it is started again; and stopped again,
and started again, until nothing new can happen. In each of these worlds the person ends with the result, once.
"""

from __future__ import annotations

import asyncio
import copy
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from discord import ui

from bot.database.clock import now_ms
from bot.database.database import open_database
from bot.database.jobs.deliveries import FIND_DELIVERY, OPEN_DELIVERY, DeliveryState
from bot.database.jobs.jobs import CANCEL_JOB, FIND_JOB, create_job
from bot.servers.server_cache import ServerCache
from bot.ui.delivery.delivery import Deliverer, FoundMessage, RouteClosed
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.jobs.progress import waiting_view
from inference.queue.simulation import Forecast
from tests.bot.pictures.unsigned import attachments
from tests.inference.requests import request
from tests.stepped import SteppedBefore

CHANNEL, DIRECT, PERSON = 10, 20, 1
RESTARTS = 2  # consecutive crashes that are simulated


@dataclass
class Posted:
    """A message of the bot."""

    channel_id: int
    job_id: int
    shows: str  # "waiting" or "result"
    hidden: bool = False  # ephemeral: not found by a search


@dataclass
class Discord:
    """What Discord remembers; implements `bot.ui.delivery.delivery.Transport`. `closed` names what it refuses, after a
    restart `closed_later`, `lost` answers that do not arrive although it did what was asked (each once)."""

    private: bool
    closed: frozenset[str] = frozenset()
    closed_later: frozenset[str] | None = None
    lost: frozenset[str] = frozenset()
    messages: dict[int, Posted] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    original: int | None = None

    def _may(self, what: str) -> None:
        if what in self.closed:
            raise RouteClosed(what)

    def _arrive(self, what: str) -> None:
        if what in self.lost:
            self.lost -= {what}
            raise ConnectionResetError(what)

    async def confirm(self, interaction: Any) -> None:
        raise NotImplementedError

    async def answer(self, interaction: Any, message: Any, *, private: bool) -> int | None:
        await asyncio.sleep(0)
        self._may("answer")
        self.original = len(self.messages) + 100
        self.messages[self.original] = Posted(CHANNEL, 1, "waiting", hidden=private)
        await asyncio.sleep(0)
        self._arrive("answer")
        return self.original

    async def edit_original(self, interaction: Any, message: Any) -> int:
        await asyncio.sleep(0)
        self._may("edit_original")
        if self.original is None:
            raise RouteClosed("there is none")
        self.messages[self.original].shows = _kind(message)
        await asyncio.sleep(0)
        self._arrive("edit_original")
        return self.original

    def ticket(self, interaction: Any) -> str:
        return "a ticket"

    async def edit_answer(self, ticket: str, message_id: int | None, message: Any) -> int:
        assert ticket == "a ticket" and message_id in {None, self.original}
        await asyncio.sleep(0)
        self._may("edit_answer")
        return await self.edit_original(None, message)

    async def edit(self, channel_id: int, message_id: int, message: Any) -> None:
        await asyncio.sleep(0)
        self._may("edit")
        there = self.messages.get(message_id)
        if there is None or there.hidden or there.channel_id != channel_id:
            raise RouteClosed("unknown message")
        there.shows = _kind(message)
        await asyncio.sleep(0)
        self._arrive("edit")

    async def find(self, channel_id: int, job_id: int, since: int) -> FoundMessage | None:
        await asyncio.sleep(0)
        if channel_id == CHANNEL:  # direct messages can always be read
            self._may("find")
        found = [
            FoundMessage(message_id, message.shows == "result")
            for message_id, message in self.messages.items()
            if message.channel_id == channel_id and message.job_id == job_id and not message.hidden
        ]
        return max(found, key=lambda one: one.ended, default=None)

    async def post(self, channel_id: int, message: Any, nonce: str) -> int:
        await asyncio.sleep(0)
        self._may("post" if channel_id == CHANNEL else "direct")
        message_id = self.nonces.get(nonce)
        if message_id is None:
            message_id = self.nonces[nonce] = len(self.messages) + 100
            self.messages[message_id] = Posted(channel_id, 1, _kind(message))
        await asyncio.sleep(0)
        self._arrive("post")
        return message_id

    async def direct_channel(self, person_id: int) -> int:
        await asyncio.sleep(0)
        self._may("open")
        return DIRECT


def _kind(message: Any) -> str:
    page = message()
    texts = (each.content for each in page.view.walk_children() if isinstance(each, ui.TextDisplay))
    return "result" if page.files or any(text.startswith("**Cancelled**") for text in texts) else "waiting"


class Asked:
    """The interaction; valid until the program ends."""

    filesize_limit = 2**20

    def is_expired(self) -> bool:
        return False


@dataclass
class World:
    """What survives a crash: the database's files and Discord's state."""

    folder: Path
    discord: Discord

    def copy(self, to: Path) -> World:
        to.mkdir()
        for file in self.folder.glob("easel.sqlite3*"):
            shutil.copyfile(file, to / file.name)
        return World(to, copy.deepcopy(self.discord))

    def opened(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.folder / "easel.sqlite3"))

    def key(self, connection: sqlite3.Connection) -> tuple[object, ...]:
        """Worlds with the same key have the same future."""
        rows = connection.execute(
            "SELECT state, message_id, posting_in, posting_at IS NULL, (SELECT state FROM job) FROM delivery"
        ).fetchall()
        it = self.discord
        return it.closed, str(rows), str(it.messages), str(it.nonces), str(it.lost), it.original


@asynccontextmanager
async def deliverer(world: World) -> AsyncIterator[tuple[Deliverer, Any]]:
    async with open_database(world.folder / "easel.sqlite3", clock=lambda: 0.0) as db:
        await db.connection.execute("PRAGMA synchronous = OFF")
        yield (
            Deliverer(world.discord, db, world.folder, attachments(world.folder), ServerCache(db)),
            db,
        )


Run = Callable[[Deliverer, Any, bool], Coroutine[Any, Any, None]]
Check = Callable[[World, int, Any], Awaitable[None]]  # of a final world, after a number of crashes


async def first_run(delivers: Deliverer, db: Any, private: bool) -> None:
    """Order, announce, end and deliver a job while the interaction is valid, as the program does."""
    asked: Any = Asked()
    job = await db.one(FIND_JOB, 1)
    assert job is not None
    with suppress(RouteClosed, OSError):
        await delivers.announce(job, lambda: RenderedMessage(waiting_view(job, Forecast(0))), asked, private=private)
    await db.one(CANCEL_JOB, now=now_ms(), id=1)
    await deliver(delivers, db, asked)


async def next_run(delivers: Deliverer, db: Any, private: bool) -> None:
    """After a restart: end unfinished jobs, and deliver pending results without the interaction."""
    await db.one(CANCEL_JOB, now=now_ms(), id=1)
    await deliver(delivers, db, None)


async def deliver(delivers: Deliverer, db: Any, asked: Any) -> None:
    for _ in range(5):  # as `JobFollower` does, without its waiting times
        job = await db.one(FIND_JOB, 1)
        assert job is not None
        try:
            await delivers.deliver(job, (), asked)
        except OSError:
            continue
        return
    raise AssertionError("it never gets through")


def results(discord: Discord) -> list[Posted]:
    return [message for message in discord.messages.values() if message.shows == "result"]


class Explorer:
    """Simulates a crash at every step of every run, and of the runs after it."""

    def __init__(self, folder: Path, check: Check) -> None:
        self._folder = folder
        self._check = check
        self._seen: set[tuple[object, ...]] = set()
        self.worlds = 0

    async def explore(self, world: World, run: Run, crashes: int = 0) -> None:
        crashed: list[World] = []

        def look() -> None:
            self.worlds += 1
            if world.key(committed) in self._seen:
                return
            there = world.copy(self._folder / str(self.worlds))
            with there.opened() as left:
                key = there.key(left)
            if key in self._seen:
                shutil.rmtree(there.folder)
            else:
                self._seen.add(key)
                crashed.append(there)

        async with deliverer(world) as (delivers, db):
            with world.opened() as committed:
                work = run(delivers, db, world.discord.private)
                await (SteppedBefore(work, look) if crashes < RESTARTS else work)
            await self._check(world, crashes, db)
        shutil.rmtree(world.folder)
        for there in crashed:
            if there.discord.closed_later is not None:
                there.discord.closed = there.discord.closed_later
            await self.explore(there, next_run, crashes + 1)


async def explored(folder: Path, discord: Discord, check: Check) -> Explorer:
    world = World(folder / "world", discord)
    world.folder.mkdir()
    async with open_database(world.folder / "easel.sqlite3", clock=lambda: 0.0) as db:
        job = await create_job(db, request(), person_id=PERSON, channel_id=CHANNEL)
        await db.run(
            OPEN_DELIVERY, job=job.id, private=discord.private, shows_prompt=False, ticket="a ticket", now=now_ms()
        )
    explorer = Explorer(folder / "crashed", check)
    (folder / "crashed").mkdir()
    await explorer.explore(world, first_run)
    return explorer


NOTHING = frozenset[str]()
MESSAGE = frozenset({"edit_original", "edit_answer", "edit"})  # routes to the message of the job
CHANNEL_TOO = MESSAGE | {"answer", "find", "post"}
PUBLIC: list[tuple[str, frozenset[str], frozenset[str]]] = [  # what is closed at first, and after a restart
    ("everything is open", NOTHING, NOTHING),
    ("it restarts after fifteen minutes", NOTHING, frozenset({"edit_answer"})),
    ("the answer could not be given", frozenset({"answer"}), frozenset({"answer"})),
    ("the message is gone", MESSAGE, MESSAGE),
    ("the message is there again", MESSAGE, NOTHING),
    ("the bot is no member there", frozenset({"edit", "find", "post"}), frozenset({"edit", "find", "post"})),
    ("it may write there and not read", MESSAGE | {"find"}, MESSAGE | {"find"}),  # only the nonce is left
    ("only the person is left", CHANNEL_TOO, CHANNEL_TOO),
    ("the channel opens again", CHANNEL_TOO, NOTHING),
]
LOST = ["", "answer", "edit_original", "edit", "post"]


def played(cases: list[tuple[str, frozenset[str], frozenset[str]]]) -> list[Any]:
    """Each case with every response that may be lost; not those of routes that are always closed."""
    return [
        pytest.param(closed, later, lost, id=f"{name}-{lost or 'nothing lost'}")
        for name, closed, later in cases
        for lost in LOST
        if lost not in closed & later
    ]


@pytest.mark.parametrize(("closed", "later", "lost"), played(PUBLIC))
async def test_a_public_result_is_delivered_once(
    tmp_path: Path, closed: frozenset[str], later: frozenset[str], lost: str
) -> None:
    async def check(world: World, crashes: int, db: Any) -> None:
        shown = results(world.discord)
        assert len(shown) == 1, (crashes, world.discord)
        delivery = await db.one(FIND_DELIVERY, 1)
        assert delivery is not None and delivery.state is DeliveryState.SENT and delivery.ticket is None
        assert delivery.message_id in world.discord.messages

    discord = Discord(private=False, closed=closed, closed_later=later, lost=frozenset({lost} - {""}))
    explorer = await explored(tmp_path, discord, check)
    assert explorer.worlds > 20


PRIVATE: list[tuple[str, frozenset[str], frozenset[str]]] = [
    ("everything is open", NOTHING, NOTHING),
    ("it restarts after fifteen minutes", NOTHING, frozenset({"edit_answer"})),
    ("the message is gone", MESSAGE, MESSAGE),
    ("the message is there again", MESSAGE, NOTHING),
    ("the answer could not be given", frozenset({"answer"}), frozenset({"answer"})),
]


@pytest.mark.parametrize(("closed", "later", "lost"), played(PRIVATE))
async def test_a_private_result_is_delivered_to_the_person_alone(
    tmp_path: Path, closed: frozenset[str], later: frozenset[str], lost: str
) -> None:
    async def check(world: World, crashes: int, db: Any) -> None:
        shown = results(world.discord)
        assert shown and all(message.hidden or message.channel_id == DIRECT for message in shown)
        assert len([message for message in shown if not message.hidden]) <= 1
        too_late = crashes and "edit_answer" in later - closed
        assert len(shown) == 1 or too_late, "a second copy only where the first cannot be reached any more"

    discord = Discord(private=True, closed=closed, closed_later=later, lost=frozenset({lost} - {""}))
    await explored(tmp_path, discord, check)


async def test_an_undeliverable_result_is_kept(tmp_path: Path) -> None:
    closed = CHANNEL_TOO | {"open"}

    async def check(world: World, crashes: int, db: Any) -> None:
        assert not results(world.discord)
        delivery = await db.one(FIND_DELIVERY, 1)
        assert delivery is not None and delivery.state is DeliveryState.UNDELIVERABLE

    await explored(tmp_path, Discord(private=False, closed=closed), check)

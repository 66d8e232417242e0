"""A decision ends in the same way wherever the program is killed: nothing is half done, and nothing happens twice."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.background import DiscordRefuses, DiscordUnreachable
from bot.config import Settings
from bot.config.sections.discord_settings import DiscordSettings
from bot.config.sections.storage import StorageSettings
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database, open_database
from bot.database.jobs.jobs import FIND_JOB, START_JOB, Job, create_job
from bot.database.pictures.pictures import NewPicture
from bot.database.pictures.verdicts import hold_copy
from bot.database.privacy.takedowns import TAKEN_DOWN_IN
from bot.database.reports.appeals import AppealState
from bot.database.reports.decisions import DecisionAction
from bot.database.reports.reports import FIND_REPORT, HELD_AMONG, Report, ReportReason, ReportState
from bot.errors.decisions import DecidedAlready
from bot.errors.reports import AppealedAlready
from bot.reports.carrying_out import CarryingOut
from bot.reports.messenger import OwnerNotice, StaffMessageGone
from bot.reports.reporting import Case, Reporting
from bot.servers.services import server_services
from inference.content_rating import ContentRating
from tests.bot.database.conftest import finish, request_for
from tests.bot.servers.world import MANAGER, OTHER, PERSON, SERVER, Declarations, FakeDiscord, acting
from tests.stepped import Stepped

OWNER, STAFF_CHANNEL, DELIVERED = 50, 8, 900


@dataclass
class Discord:
    """Implements `ReportMessenger`: remembers what is there. Of what is `lost`, the first answer does not arrive."""

    posts: dict[int, str] = field(default_factory=dict[int, str])
    letters: list[str] = field(default_factory=list[str])
    delivered: dict[int, str] = field(default_factory=lambda: {DELIVERED: "pictures"})
    deleted: set[int] = field(default_factory=set[int])  # jobs without their files
    lost: set[str] = field(default_factory=set[str])
    closed: set[str | int] = field(default_factory=set[str | int])  # what Discord refuses, and in which channels
    posted_in: dict[int, int] = field(default_factory=dict[int, int])  # channels of the posts
    broken: set[int] = field(default_factory=set[int])  # jobs at which the code makes a mistake
    written: set[int] = field(default_factory=set[int], repr=False)  # jobs whose messages were written anew
    db: Database | None = field(default=None, repr=False)

    async def _do(self, what: str, change: Callable[[], None], channel_id: int = 0) -> None:
        await asyncio.sleep(0)
        if what in self.closed or channel_id in self.closed:
            raise DiscordRefuses(what)
        change()
        await asyncio.sleep(0)
        if what in self.lost:
            self.lost.discard(what)
            raise DiscordUnreachable(what)

    def copy(self) -> Discord:
        return copy.deepcopy(replace(self, db=None))

    async def show(self, job_id: int) -> None:
        assert self.db is not None
        if job_id in self.broken:
            raise RuntimeError(job_id)
        self.written.add(job_id)
        what = "pictures"
        if await self.db.all(HELD_AMONG, [job_id]):
            what = "reported"
        elif await self.db.one(TAKEN_DOWN_IN, job=job_id, server=SERVER) is not None:
            what = "taken down"
        if DELIVERED in self.delivered:
            await self._do("show", lambda: self.delivered.update({DELIVERED: what}))

    async def delete(self, job: Job) -> None:
        def change() -> None:
            self.delivered.pop(DELIVERED, None)
            self.deleted.add(job.id)

        await self._do("delete", change)

    async def tell(self, person_id: int, notice: OwnerNotice) -> int:
        assert person_id == OWNER
        await self._do("tell", lambda: self.letters.append(notice.reference))
        return len(self.letters)

    async def find_notice(self, person_id: int, notice: OwnerNotice, since: int) -> int | None:
        await self._do("find_notice", lambda: None)
        return self.letters.index(notice.reference) + 1 if notice.reference in self.letters else None

    async def post(self, case: Case, channel_id: int) -> int:
        number = len(self.posts) + 1
        await self._do("post", lambda: self.posts.update({number: shown(case)}), channel_id)
        self.posted_in[number] = channel_id
        return number

    async def find_post(self, report: Report, channel_id: int, since: int) -> int | None:
        await self._do("find_post", lambda: None, channel_id)
        return next(iter(self.posts), None)

    async def edit_post(self, case: Case, channel_id: int, message_id: int) -> None:
        if message_id not in self.posts:
            raise StaffMessageGone("Unknown Message")
        await self._do("edit_post", lambda: self.posts.update({message_id: shown(case)}), channel_id)


def shown(case: Case) -> str:
    """What the message to staff says, as far as it matters here."""
    decided = None if case.decision is None else case.decision.action.value
    return f"{len(case.complaints)} people, {decided}, {None if case.appeal is None else case.appeal.state.value}"


@dataclass
class World:
    """What survives a kill: the database, and Discord."""

    folder: Path
    discord: Discord = field(default_factory=Discord)

    @property
    def database(self) -> Path:
        return self.folder / "easel.sqlite3"

    def copy(self, to: Path) -> World:
        shutil.copytree(self.folder, to)
        return World(to, self.discord.copy())

    def key(self) -> str:
        """Worlds with the same key have the same future."""
        held = hashlib.sha256(repr(self.discord).encode())
        for path in sorted(self.folder.glob("easel.sqlite3*")):
            if not path.name.endswith("-shm"):
                held.update(path.read_bytes())
        return held.hexdigest()


@dataclass(frozen=True)
class Services:
    """The services of one run of the program."""

    db: Database
    reporting: Reporting
    carrying_out: CarryingOut

    async def report(self, *people: int) -> Report:
        job = await self.db.one(FIND_JOB, 1)
        assert job is not None
        reports = [
            await self.reporting.report_pictures(acting(person), job, ReportReason.CRUEL, f"by {person}")
            for person in people
        ]
        return reports[-1]

    async def play(self, action: DecisionAction, answer: AppealState | None, ends_at: int) -> None:
        """What people do, from the beginning; what they did before is known."""
        report = await self.db.one(FIND_REPORT, 1)
        if report is None or report.state is ReportState.OPEN:  # what was reversed could be reported again
            report = await self.report(PERSON, OTHER, PERSON)
        await self.carrying_out.carry_out_all()
        options: dict[str, Any] = {"ends_at": ends_at} if action is DecisionAction.BLOCK else {}
        options |= {"rating": ContentRating.EXPLICIT} if action is DecisionAction.RATE else {}
        with suppress(DecidedAlready):
            await self.reporting.decide(acting(MANAGER), report.id, action, note="Too cruel.", **options)
        await self.carrying_out.carry_out_all()
        if answer is not None:
            with suppress(AppealedAlready):
                await self.reporting.appeal(OWNER, 1, "It is a tomato.")
            with suppress(DecidedAlready):
                await self.reporting.answer(acting(MANAGER), report.id, answer)
        await self.go_on()

    async def go_on(self) -> None:
        for _ in range(3):  # each answer that was lost holds it up once
            await self.carrying_out.carry_out_all()


@asynccontextmanager
async def services_of(world: World) -> AsyncGenerator[Services]:
    settings = Settings(storage=StorageSettings(folder=world.folder / "data"), discord=DiscordSettings(operators=(1,)))
    async with open_database(world.database, clock=lambda: 0.0) as db:
        await db.connection.execute("PRAGMA synchronous = OFF")
        servers = server_services(db, lambda: settings, declarer=Declarations())
        servers.connect(FakeDiscord())
        world.discord.db = db
        reporting = Reporting(db, servers.servers, servers.rights, lambda: settings)
        carrying_out = CarryingOut(db, servers.servers, reporting, world.discord)
        yield Services(db, reporting, carrying_out)


@pytest.fixture
async def world(tmp_path: Path) -> World:
    """A picture of the owner's in the server, whose staff have chosen a channel for reports."""
    (tmp_path / "world").mkdir()
    made = World(tmp_path / "world")
    async with open_database(made.database, clock=lambda: 0.0) as db:
        await db.connection.execute("PRAGMA synchronous = OFF")
        job = await create_job(db, request_for(), person_id=OWNER, channel_id=7, server_id=SERVER)
        await db.one(START_JOB, now=now_ms(), id=job.id)
        await finish(db, job.id, 1, [NewPicture("job1-1-0.png", 64, 64, 7)])
        servers = server_services(db, Settings, declarer=Declarations())
        servers.connect(FakeDiscord())
        await servers.administration.settings.change(acting(MANAGER), SERVER, reports_channel=STAFF_CHANNEL)
    return made


TABLES = ("report", "report_by", "decision", "decision_step", "appeal", "takedown", "block", "job_rating", "audit")


async def end_of(services: Services, world: World) -> dict[str, object]:
    """All that is left of it, without times and without how often the message to staff was written."""
    ended: dict[str, object] = {
        "posts": world.discord.posts, "letters": world.discord.letters,
        "delivered": world.discord.delivered, "deleted": world.discord.deleted,
    }  # fmt: skip
    for table in TABLES:
        rows = [dict(row) for row in await services.db.fetch(f"SELECT * FROM {table}")]
        for row in rows:
            for name in ("begun_at", "revision", "shown"):
                row.pop(name, None)
            row |= {name: row[name] is not None for name in row if name.endswith("_at")}
        ended[table] = rows
    return ended


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        (DecisionAction.HIDE, AppealState.REVERSED),
        (DecisionAction.WARN, AppealState.UPHELD),
        (DecisionAction.BLOCK, AppealState.REVERSED),
        (DecisionAction.DELETE, AppealState.UPHELD),
        (DecisionAction.RATE, AppealState.REVERSED),
        (DecisionAction.DISMISS, None),
    ],
)
async def test_it_ends_the_same_wherever_it_is_killed(
    tmp_path: Path, world: World, action: DecisionAction, answer: AppealState | None
) -> None:
    ends_at = now_ms() + DAY_MS
    killed: dict[str, World] = {}
    world.discord.lost = {"tell", "post", "show"}

    def look() -> None:
        if (key := world.key()) not in killed:
            killed[key] = world.copy(tmp_path / str(len(killed)))

    async with services_of(world) as services:
        await Stepped(services.play(action, answer, ends_at), look)
        expected = await end_of(services, world)
    assert expected["letters"] == (["D1", "A1"] if answer else [])
    assert expected["posts"] == {1: f"2 people, {action.value}, {answer and answer.value}"}
    shown = "taken down" if answer is AppealState.UPHELD else "pictures"
    assert expected["delivered"] == ({} if action is DecisionAction.DELETE else {DELIVERED: shown})
    seen = {left.discord.delivered.get(DELIVERED) for left in killed.values()}
    assert seen >= {"pictures", "reported"}, "it was hidden before it was decided"
    assert len(killed) > 10, "else there is nothing to interrupt"
    for left in killed.values():
        async with services_of(left) as services:
            await services.play(action, answer, ends_at)
            assert await end_of(services, left) == expected


@pytest.mark.parametrize("erased", [False, True], ids=["the picture is there", "its owner has erased it"])
@pytest.mark.parametrize("action", [DecisionAction.HIDE, DecisionAction.DELETE])
async def test_messages_of_held_copies_are_written_anew(world: World, action: DecisionAction, erased: bool) -> None:
    async with services_of(world) as services:
        db = services.db
        copied = await create_job(db, request_for(), person_id=OTHER, channel_id=7, server_id=SERVER)
        report = await services.report(PERSON)
        await hold_copy(db, copied.id, [report.id])
        await services.go_on()
        if erased:
            await db.write("DELETE FROM job WHERE id = ?", (report.target_id,))
        await services.reporting.decide(acting(MANAGER), report.id, action, note="Too cruel.")
        world.discord.written.clear()
        await services.go_on()
        assert copied.id in world.discord.written

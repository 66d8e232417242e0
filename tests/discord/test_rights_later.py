"""What changes after an order counts: before a worker gets the job, and again before its picture is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
import pytest_asyncio

from bot.app.assembly import Easel
from bot.database.loras.catalogue import find_lora_by_name
from bot.database.people.blocks import BlockKind
from bot.servers.context import ActionContext
from bot.servers.lookups import FRESH_SECONDS, PAUSE_SECONDS
from bot.ui.bot import EaselBot
from inference.queue.policy import EVERYWHERE
from inference.workers.fixed import FixedPool
from inference.workers.local import LocalWorker
from playground import default_world
from playground.control import Person
from playground.visible_message import VisibleMessage
from playground.wire import Json
from tests.discord.conftest import PATIENCE, Scene, open_scene, told, use_picture
from tests.discord.test_restarts import EDITS
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKSHOP, ARTISTS = int(default_world.WORKSHOP), int(default_world.ARTIST_ROLE)
OPERATOR = int(default_world.MARGARET)
MEMBER, PERMISSIONS = r"/guilds/\d+/members/\d+$", "/commands/permissions$"
SECRET = "insults in every prompt"
PERSONAL = "The picture's author cannot generate pictures here at the moment"
STEPS = 4


@dataclass
class Stage:
    """The running bot, and a clock by which what Discord told grows old."""

    scene: Scene
    easel: Easel = field(init=False)
    bot: EaselBot = field(init=False)
    later: float = 0.0
    running: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        self.easel, self.bot = await self.running.enter_async_context(self.scene.opened(lambda: self.later))

    async def stop(self) -> None:
        await self.running.aclose()

    @property
    def staff(self) -> ActionContext:
        """An operator in the Workshop."""
        return ActionContext(person_id=OPERATOR, server_id=WORKSHOP)

    async def setting(self, **changes: object) -> None:
        await self.easel.servers.administration.settings.change(self.staff, WORKSHOP, **changes)

    async def newcomer(self, name: str) -> Person:
        """A new member who has the role that paints."""
        person = await self.scene.control.new_person(name)
        await self.scene.control.set_roles(name, ["Artists"])
        return person

    def id_of(self, name: str) -> int:
        users = self.scene.playground.world.users.values()
        return next(int(user.id) for user in users if user.global_name == name)

    async def jobs(self, name: str) -> list[tuple[str, int, int]]:
        """State, attempts and kept pictures of each job of a person."""
        rows = await self.easel.db.fetch(
            "SELECT state, attempt, (SELECT count(*) FROM picture WHERE job_id = job.id) AS kept FROM job "
            "WHERE person_id = ? ORDER BY id",
            (self.id_of(name),),
        )
        return [(row["state"], row["attempt"], row["kept"]) for row in rows]

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """No job is handed to a worker while inside."""
        await self.easel.jobs.pause(EVERYWHERE, OPERATOR)
        yield
        await self.easel.jobs.unpause(EVERYWHERE)

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """The worker stands still while inside: what was handed to it is painted afterwards."""
        assert isinstance(self.easel.pool, FixedPool)
        (worker,) = self.easel.pool.workers
        assert isinstance(worker, LocalWorker) and worker.pid is not None
        process = psutil.Process(worker.pid)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    async def until_running(self, *names: str) -> None:
        """Wait until a worker has the newest job of each."""
        changes = self.scene.playground.changes
        async with asyncio.timeout(PATIENCE):
            while not all([(await self.jobs(name))[-1][0] == "running" for name in names]):
                await changes.wait(changes.version, 0.05)

    async def ended(self, message: VisibleMessage) -> VisibleMessage:
        return await self.scene.control.wait_message(message.id, lambda seen: "Again" in seen.buttons, PATIENCE)


# --- what happens after an order ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Somebody who orders, what then happens, and what everybody may read under the order."""

    name: str
    happens: Callable[[Stage, str], Awaitable[object]]
    told: str
    channel: str = "general"
    options: Json = field(default_factory=dict[str, Any])
    private: bool = False


async def nothing(_stage: Stage, _name: str) -> None:
    pass


async def loses_role(stage: Stage, name: str) -> None:
    await stage.scene.control.set_roles(name, [])


async def is_kicked(stage: Stage, name: str) -> None:
    await stage.scene.control.remove_member(name)


async def is_timed_out(stage: Stage, name: str) -> None:
    await stage.scene.control.set_member(name, time_out=3600)


async def is_blocked(stage: Stage, name: str) -> None:
    administration = stage.easel.servers.administration
    await administration.blocks.block_person(stage.staff, WORKSHOP, stage.id_of(name), reason=SECRET)


async def is_blocked_everywhere(stage: Stage, name: str) -> None:
    administration = stage.easel.servers.administration
    await administration.blocks.block_person(stage.staff, EVERYWHERE, stage.id_of(name), reason=SECRET)


async def may_not_imagine(stage: Stage, name: str) -> None:
    await stage.scene.grace.set_command_permissions("imagine", {name: False})


async def channel_is_closed(stage: Stage, _name: str) -> None:
    await stage.setting(channels=(int(default_world.GENERAL),))


async def lora_is_blocked(stage: Stage, _name: str) -> None:
    lora = await find_lora_by_name(stage.easel.db, "Bat")
    assert lora is not None
    await stage.easel.servers.administration.blocks.block_lora(stage.staff, WORKSHOP, lora.id, reason="it was stolen")


async def category_is_closed(stage: Stage, _name: str) -> None:
    await stage.setting(categories=("other", "style"))


async def checkpoint_is_closed(stage: Stage, _name: str) -> None:
    await stage.setting(checkpoints=(VIVID,))


CASES = (
    Case("Role", loses_role, PERSONAL),
    Case("Channel", channel_is_closed, "You cannot generate pictures in this channel", "art"),
    Case("Thread", channel_is_closed, "You cannot generate pictures in this channel", "Sketches"),
    Case("Lora", lora_is_blocked, "it was stolen", options={"lora1": "Bat"}),
    Case("Kind", category_is_closed, "in the category character", options={"lora1": "Hero"}),
    Case("Blocked", is_blocked, PERSONAL),
    Case("Hidden", is_blocked, SECRET, private=True),
    Case("Direct", is_blocked_everywhere, PERSONAL, "dm"),
    Case("Model", checkpoint_is_closed, f"{PASTEL} cannot be used in this server", options={"checkpoint": PASTEL}),
    Case("Kicked", is_kicked, PERSONAL),
    Case("Silent", is_timed_out, PERSONAL),
    Case("Command", may_not_imagine, PERSONAL),
    Case("Usual", nothing, ""),
)


class Library(House):
    """A house with a LoRA of another category."""

    def __init__(self, folder: Any) -> None:
        super().__init__(folder)
        path = self.add_lora("Hero", BASES[VIVID], seed=9)
        write_sidecar(path, name="Hero", base_model=BASES[VIVID], category="character")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_scene(Library(tmp_path_factory.mktemp("later") / "house")) as scene:
        stage = Stage(scene)
        await stage.start()
        first = await told(scene.ada, "imagine", prompt="a first picture, after which the worker is ready", steps=1)
        await stage.ended(first)
        yield stage
        await stage.stop()


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def usual(stage: Stage) -> AsyncIterator[None]:
    """Only Artists paint; what a test has set is undone, and all that Discord told is old."""
    await stage.setting(paint_roles=(ARTISTS,))
    yield
    await stage.scene.control.clear_faults()
    await stage.setting(channels=(), checkpoints=(), categories=())
    for block in await stage.easel.servers.administration.blocks.page(stage.staff, WORKSHOP, BlockKind.LORA, limit=9):
        await stage.easel.servers.administration.blocks.unblock(stage.staff, WORKSHOP, BlockKind.LORA, block.target_id)
    await stage.scene.grace.set_command_permissions("imagine", {})
    stage.later += FRESH_SECONDS + PAUSE_SECONDS


async def order(stage: Stage, case: Case, name: str) -> VisibleMessage:
    person = await stage.newcomer(name)
    if case.private:
        await told(person, "settings", results="only I see them", in_=case.channel)
    return await told(person, "imagine", prompt=f"a wish of {name}", steps=STEPS, in_=case.channel, **case.options)


async def ordered(stage: Stage, suffix: str, cases: Sequence[Case] = CASES) -> dict[str, tuple[Case, VisibleMessage]]:
    """Everybody's order, by name."""
    names = {f"{case.name}{suffix}": case for case in cases}
    return {name: (case, await order(stage, case, name)) for name, case in names.items()}


async def refused(stage: Stage, name: str, case: Case, message: VisibleMessage) -> None:
    """The message says why nothing was painted, and nothing was; the one to whom nothing happened has the picture."""
    seen = await stage.ended(message)
    if case.happens is nothing:
        assert seen.attachments, seen.text
        return
    assert "**Not generated**" in seen.text and case.told in seen.text and not seen.attachments, f"{name}: {seen.text}"
    assert case.private or SECRET not in seen.text, name
    assert await stage.jobs(name) == [("failed", 0, 0)], name


async def test_what_happens_before_a_worker_has_the_job_counts(stage: Stage) -> None:
    async with stage.paused():
        orders = await ordered(stage, "A")
        for name, (case, _message) in orders.items():
            await case.happens(stage, name)
    for name, (case, message) in orders.items():
        await refused(stage, name, case, message)


async def withheld(stage: Stage, suffix: str, cases: Sequence[Case]) -> dict[str, VisibleMessage]:
    """Nobody is shown a picture that is painted when something happens; all are told, and keep it."""
    control = stage.scene.control
    with stage.held_up():
        orders = await ordered(stage, suffix, cases)
        await stage.until_running(*orders)
        for name, (case, _message) in orders.items():
            await case.happens(stage, name)
        stage.later += FRESH_SECONDS
        before = max(one["number"] for one in await control.exchanges())
    ended = {name: await stage.ended(message) for name, (_case, message) in orders.items()}
    for name, (case, _message) in orders.items():
        seen = ended[name]
        assert await stage.jobs(name) == [("succeeded", 1, 1)], name
        if case.happens is nothing:
            assert seen.attachments
            continue
        assert "can no longer be shown here" in seen.text and case.told in seen.text, f"{name}: {seen.text}"
        assert not seen.attachments and (case.private or SECRET not in seen.text), name
    shown = {one["answer"]["id"] for one in await control.exchanges(before) if one["files"]}
    usual = {orders[name][1].id for name in orders if orders[name][0].happens is nothing}
    assert shown == usual, "no picture and no preview of anybody else"
    return ended


async def test_what_happens_while_it_is_painted_counts(stage: Stage) -> None:
    control = stage.scene.control
    await withheld(stage, "M", [case for case in CASES if case.options.get("checkpoint") == PASTEL])
    await stage.setting(checkpoints=())
    ended = await withheld(stage, "B", [case for case in CASES if case.options.get("checkpoint") != PASTEL])
    assert "a wish of RoleB" in (await told(control.person("RoleB"), "history")).text
    assert "a wish of BlockedB" in (await told(control.person("BlockedB"), "history", in_="dm")).text
    for button in ("Start from it", "Remix", "Details"):
        answer = await (await use_picture(stage.scene.grace, ended["RoleB"], button)).reply(PATIENCE)
        assert not answer.attachments, f"{button} shows others what was withheld"
    mine = await (await use_picture(control.person("RoleB"), ended["RoleB"], "Start from it")).reply(PATIENCE)
    assert mine.attachments, "it is still theirs"


async def test_what_happens_during_a_restart_counts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "bot.ui.interactions.acknowledge.DEFER_SECONDS", PATIENCE
    )  # Discord would refuse a late answer too
    control = stage.scene.control
    await control.fault(EDITS, method="PATCH", count=99)
    late = Case("Late", loses_role, PERSONAL)
    undelivered = await order(stage, late, "LateR")
    async with asyncio.timeout(PATIENCE):
        while await stage.jobs("LateR") != [("succeeded", 1, 1)]:
            await stage.scene.playground.changes.wait(stage.scene.playground.changes.version, 0.05)
    await stage.easel.jobs.pause(EVERYWHERE, OPERATOR)
    orders = await ordered(stage, "R")
    outside = (loses_role, is_kicked, is_timed_out)  # of what happens, what needs no running bot
    for name, (case, _message) in orders.items():
        if case.happens not in outside:
            await case.happens(stage, name)
    await stage.stop()
    for name, (case, _message) in orders.items():
        if case.happens in outside:
            await case.happens(stage, name)
    await loses_role(stage, "LateR")
    await control.clear_faults()
    await stage.start()
    seen = await stage.ended(undelivered)
    assert "This picture can no longer be shown here" in seen.text and PERSONAL in seen.text and not seen.attachments, (
        seen.text
    )
    await stage.easel.jobs.unpause(EVERYWHERE)
    for name, (case, message) in orders.items():
        await refused(stage, name, case, message)


# --- Discord does not tell ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["status", "hang"])
async def test_while_discord_does_not_tell_holds_what_was_had(stage: Stage, kind: str) -> None:
    """A role that is lost meanwhile stays until somebody can tell; what the bot knows itself counts at once."""
    control = stage.scene.control
    cases = {f"Role-{kind}": CASES[0], f"Blocked-{kind}": CASES[5], f"Usual-{kind}": CASES[-1]}
    cases[f"Dm-{kind}"] = Case("Dm", nothing, "", "dm")
    async with stage.paused():
        orders = {name: await order(stage, case, name) for name, case in cases.items()}
        for name, case in cases.items():
            await case.happens(stage, name)
        stage.later += FRESH_SECONDS
        for route in (MEMBER, PERMISSIONS):
            await control.fault(route, kind=kind, seconds=PATIENCE, count=99)
    for name, message in orders.items():  # though not one look-up has been answered
        seen = await stage.ended(message)
        assert (PERSONAL in seen.text) if name.startswith("Blocked") else seen.attachments, f"{name}: {seen.text}"
        assert SECRET not in seen.text


async def test_what_an_interaction_tells_is_newer_than_a_look_up(stage: Stage) -> None:
    """Who has just got the role orders at once: the roles of a minute ago do not stand in the way."""
    await stage.setting(paint_roles=None)
    person = await stage.newcomer("Fresh")
    await stage.scene.control.set_roles("Fresh", [])
    assert (await stage.ended(await told(person, "imagine", prompt="first", steps=STEPS))).attachments
    await stage.scene.control.set_roles("Fresh", ["Artists"])
    await stage.setting(paint_roles=(ARTISTS,))
    assert (await stage.ended(await told(person, "imagine", prompt="second", steps=STEPS))).attachments
    await stage.scene.control.remove_member("Fresh")
    stage.later += FRESH_SECONDS
    await stage.easel.servers.members.present(await context_of(stage, "Fresh"), 0)  # it is looked up that they are away
    await stage.scene.control.set_member("Fresh", roles=["Artists"])
    assert (await stage.ended(await told(person, "imagine", prompt="third", steps=STEPS))).attachments


async def context_of(stage: Stage, name: str) -> ActionContext:
    return ActionContext(person_id=stage.id_of(name), server_id=WORKSHOP)


async def test_the_bot_is_removed_while_somebody_waits(stage: Stage) -> None:
    control = stage.scene.control
    async with stage.paused():
        waiting = await order(stage, CASES[-1], "Left")
        blocked = await order(stage, CASES[5], "LeftToo")
        await is_blocked(stage, "LeftToo")
        await control.remove_bot()
    try:
        assert PERSONAL in (await stage.ended(blocked)).text
        assert (await stage.ended(waiting)).attachments, "it was ordered before"
    finally:
        await control.add_bot("Workshop")


async def test_an_acknowledgement_does_not_wait_for_a_look_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.servers.lookups.PATIENCE_SECONDS", PATIENCE)
    person = await stage.newcomer("Prompt")
    page = await told(person, "settings")
    stage.later += FRESH_SECONDS
    await stage.scene.control.fault(PERMISSIONS, kind="hang", seconds=PATIENCE, count=1)
    press = await person.press(page, "set:private:1")
    state = await press.answered(PATIENCE)
    assert state["answer_type"] == 6 and not state["message_ids"], "acknowledged, while the look-up hangs"
    await stage.scene.control.clear_faults()

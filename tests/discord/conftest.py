"""Fixtures: a playground, and the bot with its worker connected to it, shared by all tests of this folder."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Container, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakSet

import pytest
import pytest_asyncio

from bot.app.assembly import Easel, open_easel
from bot.cli.run import serve
from bot.config import Settings
from bot.ui.api_url import point_at
from bot.ui.bot import EaselBot
from playground import Playground, default_world
from playground.component_shapes import walk
from playground.control import Control, NotInTime, People, Person, SentInteraction
from playground.visible_message import VisibleMessage
from playground.wire import Json, as_objects
from tests.discord import limits
from tests.discord_address import address_put_back
from tests.house import BASES, VIVID, House
from tests.playground.conftest import validate_exchanges

PATIENCE = 300.0  # seconds; the first picture waits for torch, more than two minutes on a busy machine
STOOD_STILL = 20.0  # seconds; Discord ends a connection without heartbeats soon after that
PROMPT = "a red circle on a blue background"
RED = 4  # style of a button


SHARED = pytest.StashKey["Scene"]()
LOOPS_WITH_A_SCENE = WeakSet[asyncio.AbstractEventLoop]()


@dataclass
class Scene(People):
    """A running bot and two people who use it."""

    playground: Playground
    control: Control
    house: House
    operators: tuple[str, ...] = (default_world.MARGARET,)
    changes: Mapping[str, object] = field(default_factory=dict[str, object])  # of other sections of the settings
    nsfw_command: bool = False
    used_at: float = field(default_factory=time.monotonic)  # when a test ended that used it

    @property
    def settings(self) -> Settings:
        """The house's settings, with the address of the playground."""
        discord = {
            "token": self.playground.token,
            "api_url": self.playground.api_url,
            "operators": self.operators,
            "nsfw_command": self.nsfw_command,
        }
        settings = self.house.settings
        return settings.model_copy(update={"discord": settings.discord.model_validate(discord), **self.changes})

    async def awake(self) -> None:
        """Wait until the bot answers, if its loop stood still for long while tests ran in others.

        Its connection is lost by then. An interaction that is sent before it has a new one may reach nobody.
        """
        async with asyncio.timeout(PATIENCE):
            while time.monotonic() - self.used_at > STOOD_STILL:
                with contextlib.suppress(NotInTime):
                    await self.ada.autocomplete("imagine", "checkpoint")
                    self.used_at = time.monotonic()

    async def ended(self, message: VisibleMessage) -> VisibleMessage:
        """Wait until a job's message shows its end, as long as its progress changes: a busy machine is slow."""
        while "Again" not in message.buttons:
            assert not message.text or "Cancel" in message.buttons, message.text
            told = message.text
            message = await self.control.wait_message(
                message.id, lambda seen, told=told: "Again" in seen.buttons or seen.text != told, PATIENCE
            )
        return message

    async def painted(self, sent: SentInteraction) -> VisibleMessage:
        """Wait for the picture of a command or button."""
        message = await self.ended(await sent.reply())
        assert message.attachments, message.text
        return message

    async def until_painting(self, message: VisibleMessage) -> VisibleMessage:
        """Wait until a job's message shows the first step."""
        return await self.control.wait_message(message.id, lambda seen: "step" in seen.text, PATIENCE)

    async def begun(self, **options: object) -> VisibleMessage:
        """The message of a long job of Ada's that is being painted."""
        order = await (await self.ada.slash("imagine", **{"prompt": PROMPT, "steps": 150, **options})).reply()
        return await self.until_painting(order)

    async def pictures(
        self, channel: str = "general", who: str | None = None, showing: str = ""
    ) -> list[VisibleMessage]:
        """The messages of a channel with pictures and the text `showing`; direct messages are those of `who`."""
        messages = await self.control.messages(channel, who)
        return [message for message in messages if message.attachments and showing in message.text]

    async def forged(self, person: Person, custom_id: str, where: str = "general") -> VisibleMessage:
        """The answer to a button that the bot has not put there, or that a client shows which is behind."""
        page = await (await person.slash("guide", in_=where)).reply()
        parts = walk(self.playground.world.messages[page.id].components)
        next(part for part in parts if part.get("label") == "Next")["custom_id"] = custom_id
        answer = await (await person.press(page, custom_id)).reply()
        assert answer.ephemeral
        return answer

    async def letter(self, name: str, before: Container[str] = ()) -> VisibleMessage:
        """Wait for a new picture in somebody's direct messages; `before` are the ids of older messages."""

        async def ask(since: int | None) -> Json:
            return await self.control.get("messages", channel="dm", as_=name, since=since, timeout=PATIENCE)

        def found(answer: Json) -> VisibleMessage | None:
            seen = map(VisibleMessage, as_objects(answer["messages"]))
            return next((one for one in seen if one.attachments and one.id not in before), None)

        return await self.control.wait(ask, found, PATIENCE)

    async def gone(self, message: VisibleMessage) -> None:
        """Wait until a message was deleted."""
        await self.control.wait_gone(message.id, PATIENCE)

    @asynccontextmanager
    async def bot(self) -> AsyncGenerator[None]:
        """Run the bot while the context is open."""
        serving = asyncio.create_task(serve(self.settings))
        online = asyncio.create_task(self.control.wait_online(seconds=PATIENCE))
        await asyncio.wait({serving, online}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            online.cancel()
            await serving
        try:
            yield
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
            await self.control.wait_online(online=False)

    @asynccontextmanager
    async def opened(
        self, lookup_clock: Callable[[], float] = time.monotonic, wall_clock: Callable[[], float] = time.time
    ) -> AsyncGenerator[tuple[Easel, EaselBot]]:
        """Run the bot while the context is open, and give it with its services: a test changes what staff change."""
        settings = self.settings
        assert settings.discord.api_url is not None
        await point_at(settings.discord.api_url)
        async with open_easel(settings, lookup_clock=lookup_clock) as easel, EaselBot(easel, wall_clock) as bot:
            running = asyncio.create_task(bot.start(settings.discord.token.get_secret_value()))
            try:
                await self.control.wait_online(seconds=PATIENCE)
                yield easel, bot
            finally:
                await bot.close()
                await running
                await self.control.wait_online(online=False)


async def told(person: Person, command: str, /, **options: object) -> VisibleMessage:
    """The text of the reply to a command."""
    return await (await person.slash(command, **options)).reply(PATIENCE)


async def use_picture(person: Person, message: VisibleMessage, button: str) -> SentInteraction:
    """Choose an entry of a message's menu, or press a button of the panel of *Use this picture…*, if it opens."""
    if button in ("Bookmark LoRAs", "Report"):
        return await person.message_command(button, message)
    sent = await person.message_command("Use this picture…", message)
    panel = await sent.reply(PATIENCE)
    return await person.press(panel, button) if button in panel.buttons else sent


async def asked(person: Person, message: VisibleMessage, button: str = "Delete") -> VisibleMessage:
    """Press a button that asks; the question, which nobody else sees."""
    (question,) = await (await person.press(message, button)).messages(1, PATIENCE)
    assert question.ephemeral and len(question.buttons) == 2, question.text
    return question


async def confirmed(person: Person, question: VisibleMessage) -> SentInteraction:
    """Press the red button of a question."""
    (red,) = (button for button in question.buttons.values() if button["style"] == RED)
    return await person.press(question, red["custom_id"])


async def remove(
    person: Person, message: VisibleMessage, button: str = "Delete", *, reason: str = "Not here."
) -> SentInteraction:
    """Take a picture down as staff, who have to say why."""
    opener = await person.press(message, button)
    await opener.modal(PATIENCE)
    return await person.submit(opener, {"reason": reason})


def menu(seen: VisibleMessage, name: str) -> str:
    """The custom_id of a message's select menu by its prefix."""
    return next(custom_id for custom_id in seen.selects if custom_id.startswith(f"{name}:"))


@contextmanager
def one_scene_in_a_loop() -> Iterator[None]:
    """Refuse a second scene in this event loop.

    discord.py has one address for all clients of a process. A second scene's bot would change it while the first bot
    runs, and the first one would stop for good: the second playground does not know its token.
    """
    loop = asyncio.get_running_loop()
    assert loop not in LOOPS_WITH_A_SCENE, "Another scene is open in this loop; give the test loop_scope='function'"
    LOOPS_WITH_A_SCENE.add(loop)
    try:
        yield
    finally:
        LOOPS_WITH_A_SCENE.discard(loop)


@asynccontextmanager
async def open_scene(house: House, *, shards: int = 1) -> AsyncGenerator[Scene]:
    """A playground without the bot, which recommends so many `shards`; what was sent is judged at the end."""
    with one_scene_in_a_loop(), address_put_back():
        async with Playground.serve(shards=shards) as playground, Control.connect(playground.page_url) as control:
            yield Scene(playground, control, house)
            validate_exchanges(playground)
            assert limits.over(playground.exchanges) == []


@pytest.fixture(scope="module", autouse=True)
def time_to_spare() -> Iterator[None]:
    """Extend all time limits, because the machine may be busy; test_slow_database.py tests the limits."""
    with pytest.MonkeyPatch.context() as patch:
        for place in (
            "playground.interactions.ANSWER_SECONDS",
            "bot.ui.interactions.acknowledge.MODAL_DEFER_SECONDS",
            "bot.ui.cogs.autocomplete.LOOKUP_SECONDS",
        ):
            patch.setattr(place, PATIENCE)
        yield


def delete_verdicts(database: Path) -> None:
    """Delete the verdicts on pictures as soon as no transaction of the bot is open."""
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
        connection.execute("DELETE FROM picture_verdict")


def shared_scene(request: pytest.FixtureRequest) -> Scene | None:
    """The scene that tests share, if it runs and the test's module has none of its own."""
    return None if hasattr(request.module, "scene") else request.session.stash.get(SHARED, None)


@pytest_asyncio.fixture(scope="module", autouse=True, loop_scope="session")
async def shared_bot_awake(request: pytest.FixtureRequest) -> None:
    """Wait for the bot that tests share, before fixtures of a module send it something."""
    if (scene := shared_scene(request)) is not None:
        await scene.awake()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def shared_bot(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Wait for the bot that tests share, and delete its verdicts on pictures: the demo's look very much alike."""
    if "scene" in request.fixturenames and (waiting := shared_scene(request)) is not None:
        await waiting.awake()
    yield
    if (scene := shared_scene(request)) is not None and request.node.funcargs.get("scene") is scene:
        # In a thread, because the bot runs in this loop and must be able to end its transaction.
        await asyncio.to_thread(delete_verdicts, scene.settings.storage.database)
        scene.used_at = time.monotonic()


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncGenerator[Scene]:
    """A playground without a running bot."""
    async with open_scene(House(tmp_path / "house")) as scene:
        yield scene


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One bot for all tests, because starting a worker takes seconds."""
    house = House(tmp_path_factory.mktemp("discord") / "house")
    house.add_lora("Cape", BASES[VIVID], seed=21)  # to be used together with Bat
    house.add_lora("Riddle", None, seed=20)  # one more of which nobody knows what it is, for an operator to declare
    async with open_scene(house) as scene, scene.bot():
        request.session.stash[SHARED] = scene
        yield scene

"""A playground, its control client, and a real discord.py client that logs in to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands

from playground import Playground, interactions
from playground.control import Control, People, Person
from tests.discord_address import address_put_back
from tests.playground import openapi

TIMEOUT_SECONDS = 120.0  # seconds
INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)

Handler = Callable[[discord.Interaction], Awaitable[None]]


class Bot(discord.Client):
    """A minimal discord.py client; it stores events so that a test can wait for them."""

    def __init__(self) -> None:
        super().__init__(intents=INTENTS, guild_ready_timeout=0.05)
        self.tree = app_commands.CommandTree(self)
        self.seen: list[tuple[str, tuple[Any, ...]]] = []
        self._news = asyncio.Condition()

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        super().dispatch(event, *args, **kwargs)
        self.seen.append((event, args))
        self.loop.create_task(self._tell())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def until(self, event: str, count: int = 1) -> tuple[Any, ...]:
        """Wait until an event came `count` times; gives the last one's arguments."""

        def found() -> list[tuple[Any, ...]]:
            return [args for name, args in self.seen if name == event]

        await self._come(lambda: len(found()) >= count)
        return found()[count - 1]

    async def until_at_home(self) -> None:
        """Wait until it is ready and knows all of its servers, for which discord.py waits but a moment."""
        await self.until("ready")
        await self._come(lambda: not any(guild.unavailable for guild in self.guilds))

    async def _come(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT_SECONDS), self._news:
            await self._news.wait_for(there)

    def command(self, handler: Handler, name: str = "do") -> None:
        """Register a slash command without options."""
        self.tree.add_command(app_commands.Command(name=name, description="Does it", callback=handler))


@dataclass
class Stage(People):
    """A playground, its control client, and a bot."""

    playground: Playground
    control: Control
    bot: Bot
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def kai(self) -> Person:
        return self.control.person("Kai")

    async def start(self) -> None:
        """Log the bot in, and register what the test added to its tree."""
        self.tasks.append(asyncio.create_task(self.bot.start(self.playground.token)))
        await self.bot.until_at_home()
        if self.bot.tree.get_commands():
            await self.bot.tree.sync()

    async def answering(self, handler: Handler, name: str = "do") -> None:
        """Start a bot with one command and this callback."""
        self.bot.command(handler, name)
        await self.start()


@pytest.fixture
async def playground(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Playground]:
    """A playground on a free port, where a busy machine has time to answer; what it exchanged is judged in the end."""
    monkeypatch.setattr(interactions, "ANSWER_SECONDS", TIMEOUT_SECONDS)
    async with Playground.serve() as served:
        yield served
        validate_exchanges(served)


def validate_exchanges(playground: Playground) -> None:
    """Validate all requests and responses against Discord's OpenAPI document, if it is available."""
    if openapi.document_path() is not None:
        assert openapi.validator().faults(playground.exchanges) == []


@pytest.fixture
async def control(playground: Playground) -> AsyncIterator[Control]:
    """The control client of the playground."""
    async with Control.connect(playground.page_url) as connected:
        yield connected


@asynccontextmanager
async def pointed_at(playground: Playground) -> AsyncIterator[None]:
    """Connect discord.py to the playground while the context is open."""
    with address_put_back():
        discord.http.Route.BASE = playground.api_url
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(playground.gateway_url)
        discord.Asset.BASE = playground.origin
        yield


@pytest.fixture
async def stage(playground: Playground, control: Control) -> AsyncIterator[Stage]:
    """A playground with a discord.py client that `start` logs in."""
    async with pointed_at(playground):
        set_up = Stage(playground, control, Bot())
        yield set_up
        await set_up.bot.close()
        await asyncio.gather(*set_up.tasks, return_exceptions=True)


class Rest:
    """A plain REST client with the bot's token, for requests that discord.py would not send."""

    def __init__(self, playground: Playground, session: aiohttp.ClientSession) -> None:
        self._base = playground.api_url
        self._session = session
        self.headers = {"Authorization": f"Bot {playground.token}"}
        self.application = playground.world.application.id

    async def __call__(self, method: str, path: str, json: Any = None, **more: Any) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        path = path.replace("{app}", self.application)
        async with self._session.request(
            method, self._base + path, json=json, headers=self.headers, **more
        ) as response:
            text = await response.text()
            return response.status, await response.json() if text else None


@pytest.fixture
async def rest(playground: Playground) -> AsyncIterator[Rest]:
    """The bare REST client."""
    async with aiohttp.ClientSession() as session:
        yield Rest(playground, session)


def codes(answer: Any, *path: str | int) -> list[str]:
    """The error codes at a path of a 50035 response."""
    assert answer["code"] == 50035, answer
    place = answer["errors"]
    for step in path:
        assert str(step) in place, answer["errors"]
        place = place[str(step)]
    return [fault["code"] for fault in place["_errors"]]


@dataclass
class Opened:
    """An interaction to which a test responds directly."""

    rest: Rest
    id: str
    token: str

    async def answer(self, kind: int, data: Any = None, **more: Any) -> tuple[int, Any]:
        """The first answer."""
        body = {"type": kind} if data is None else {"type": kind, "data": data}
        return await self.rest("POST", f"/interactions/{self.id}/{self.token}/callback", body, **more)

    async def hook(self, method: str, place: str = "", json: Any = None, **more: Any) -> tuple[int, Any]:
        """A request to the interaction's webhook: "" follows up, "/messages/@original" is the first answer."""
        return await self.rest(method, f"/webhooks/{{app}}/{self.token}{place}", json, **more)


@pytest.fixture
async def opened(control: Control, rest: Rest) -> Opened:
    """An interaction of Ada, waiting for its answer."""
    return await open_interaction(control, rest)


async def open_interaction(control: Control, rest: Rest, who: str = "Ada", in_: str = "general") -> Opened:
    """Ada sends /do, with no bot there to answer it."""
    await rest("PUT", "/applications/{app}/commands", [{"name": "do", "description": "Does it"}])
    state = await (await control.person(who).slash("do", in_=in_)).state()
    return Opened(rest, state["id"], state["token"])


def pytest_report_header() -> str:
    """Says whether the exchanges are judged."""
    path = openapi.document_path()
    return f"playground: exchanges judged by {path}" if path else f"playground: {openapi.VARIABLE} is not set"

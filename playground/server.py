"""The playground as a whole: the only module that wires its parts together."""

import os
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from playground import default_world
from playground.change_notifier import ChangeNotifier
from playground.clock import Clock
from playground.control_api import page_websocket
from playground.control_api.action_endpoints import ActionEndpoints
from playground.control_api.admin_endpoints import AdminEndpoints
from playground.control_api.guard import guard
from playground.control_api.read_endpoints import ReadEndpoints
from playground.control_api.requests import handler
from playground.event_publisher import EventPublisher
from playground.faults import Faults
from playground.files import FileLinks, FileStore, sniff
from playground.gateway.heartbeats import HEARTBEAT_SECONDS, HeartbeatStats
from playground.gateway.hub import Hub
from playground.gateway.socket import GatewaySocket
from playground.interactions import Interactions
from playground.limits import Limits
from playground.message_writer import MessageWriter
from playground.people.user_actions import UserActions
from playground.recorder import Exchange, Recorder
from playground.registry import CommandRegistry
from playground.rest import (
    applications,
    automod,
    channels,
    commands,
    gateway,
    guilds,
    messages,
    reactions,
    threads,
    users,
    webhooks,
)
from playground.rest import interactions as interaction_routes
from playground.rest.endpoint import Endpoint
from playground.rest.pipeline import PREFIX, Pipeline
from playground.threads import Threads
from playground.wire import REQUEST_LIMIT
from playground.world import Application, World, new_token

PAGE = Path(__file__).parent / "page"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class PortTaken(OSError):
    """Another program listens on the port; the text says which port."""


class Playground:
    """A local stand-in for Discord, once it is being served."""

    def __init__(
        self,
        application: Application,
        origin: str,
        *,
        strict_limits: bool = False,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        shards: int = 1,
        suggestions: Sequence[str] = (),
    ) -> None:
        self.origin = origin
        self.shards = shards
        self.suggestions = suggestions
        self.clock = Clock()
        links = FileLinks(f"{origin}/attachments/", self.clock.now)
        self.world = World(self.clock, application, FileStore(), links)
        default_world.fill(self.world)
        self.hub = Hub(self.world.bot_id, self.clock, HeartbeatStats(heartbeat_seconds))
        self.changes = ChangeNotifier()
        self.events = EventPublisher(self.world, self.hub, self.changes)
        self.hub.on_presence = self.events.world_changed
        self.message_writer = MessageWriter(self.world, origin)
        self.threads = Threads(self.world, self.events)
        self.interactions = Interactions(self.world, self.events, self.message_writer, self.threads)
        self.registry = CommandRegistry(self.world, self.events.world_changed)
        self.faults = Faults()
        self.recorder = Recorder(on_note=self.changes.mark_changed)
        self.limits = Limits(strict=strict_limits)

    @property
    def token(self) -> str:
        """The bot token that logs in here."""
        return self.world.application.token

    @property
    def api_url(self) -> str:
        """What a client takes for its REST base."""
        return self.origin + PREFIX

    @property
    def gateway_url(self) -> str:
        """Where a bot's websocket connects."""
        return self.origin.replace("http", "ws", 1) + "/gateway"

    @property
    def page_url(self) -> str:
        """The page for people."""
        return self.origin + "/"

    @property
    def exchanges(self) -> list[Exchange]:
        """What the bot asked and was answered, oldest first."""
        return list(self.recorder.exchanges)

    @classmethod
    @asynccontextmanager
    async def serve(
        cls,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        token: str | None = None,
        name: str = "Easel",
        privileged_intents: bool = False,
        strict_limits: bool = False,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        shards: int = 1,
        suggestions: Sequence[str] = (),
    ) -> AsyncGenerator["Playground", None]:
        """Run a playground on a loopback address until the block is left; port 0 takes a free one.

        Bots are recommended to connect with this number of `shards`. The page suggests the lines `suggestions`
        ("/do this") in empty channels.
        """
        if host not in LOOPBACK:
            raise ValueError(f"The playground only listens on this machine ({', '.join(LOOPBACK)}), not {host}.")
        app = web.Application(middlewares=[guard], client_max_size=REQUEST_LIMIT)
        runner = web.AppRunner(app, shutdown_timeout=0.5, access_log=None)
        listener = _listen(host, port)
        origin = f"http://{_bracketed(host)}:{listener.getsockname()[1]}"
        token = token or new_token(default_world.APPLICATION_ID)
        application = Application(default_world.APPLICATION_ID, name, token, privileged_intents)
        playground = cls(
            application,
            origin,
            strict_limits=strict_limits,
            heartbeat_seconds=heartbeat_seconds,
            shards=shards,
            suggestions=suggestions,
        )
        playground._install(app)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        try:
            yield playground
        finally:
            playground.faults.clear()
            playground.clock.stop()
            playground.hub.drop("close")
            await runner.cleanup()

    def _install(self, app: web.Application) -> None:
        pipeline = Pipeline(self.world, self.faults, self.limits, self.recorder)
        pipeline.install(app, self._endpoints())
        app.router.add_get("/gateway", self._gateway)
        app.router.add_get("/attachments/{file}/{name}", self._file)
        actions = UserActions(self.world, self.hub, self.interactions, self.message_writer, self.threads)
        parts = (
            ReadEndpoints(self.world, self.hub, self.changes, self.recorder, self.suggestions),
            ActionEndpoints(self.world, actions),
            AdminEndpoints(self.world, self.events, self.hub, self.faults, self.threads),
        )
        for part in parts:
            for method, path, work in part.routes():
                app.router.add_route(method, path, handler(work))
        app.router.add_get("/control/live", self._live)
        app.router.add_get("/", self._page)
        app.router.add_static("/page", PAGE)

    def _endpoints(self) -> list[Endpoint]:
        return [
            *users.endpoints(self.world),
            *applications.endpoints(self.world),
            *commands.endpoints(self.world, self.registry),
            *interaction_routes.endpoints(self.world, self.interactions),
            *webhooks.endpoints(self.world, self.interactions),
            *reactions.endpoints(self.world, self.events, self.threads),
            *messages.endpoints(self.world, self.events, self.message_writer, self.threads, self.limits),
            *channels.endpoints(self.world, self.events, self.threads),
            *threads.endpoints(self.world, self.events, self.message_writer, self.threads),
            *guilds.endpoints(self.world),
            *automod.endpoints(self.world),
            *gateway.endpoints(self.gateway_url, self.shards),
        ]

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        compressed = request.query.get("compress") == "zlib-stream"
        return await GatewaySocket(self.world, self.hub, self.gateway_url, compressed=compressed).serve(request)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        return await page_websocket.serve(request, self.world, self.changes)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-store"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """An uploaded file; never as a document that could run scripts in the page's origin."""
        fault = self.faults.take(request.method, request.path)
        if fault is not None and fault.kind in {"slow", "hang"}:
            await self.faults.hang(fault.seconds)
        if fault is not None and fault.kind != "slow":
            return web.Response(status=fault.status)
        found = self.world.files.get(request.match_info["file"])
        if not self.world.links.works(request.path, request.query):
            return web.Response(status=404, text="This link has expired.")
        if found is None:
            return web.Response(status=404, text="This file is gone.")
        filename, data = found
        seen = sniff(filename, data).content_type or ""
        kind = seen if seen.startswith("image/") else "application/octet-stream"
        headers = {"Cache-Control": "private, max-age=3600"}
        if not kind.startswith("image/"):
            headers["Content-Disposition"] = f'attachment; filename="{filename}"'
        return web.Response(body=data, content_type=kind, headers=headers)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, opened before anything is built so that the port is known."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as problem:
        reason = os.strerror(problem.errno) if problem.errno else str(problem)  # `socket` adds words of its own
        raise PortTaken(f"The playground cannot listen on port {port}: {reason}.") from problem


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

"""`demo`: the bot, its worker and a local channel to try it in, without any setup."""

from __future__ import annotations

import argparse
import asyncio
import webbrowser
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from bot.app.demo_settings import demo_settings
from bot.cli import DONE, advising, port
from bot.cli.run import serve
from bot.cli.setup.certificate import certificate_in, ensure_certificate
from bot.cli.terminal.ending import until_asked
from bot.config import ConfigError, Settings
from playground import Playground, default_world, permissions
from playground.control import Control
from playground.server import PortTaken

PORT = 8765
START_SECONDS = 180.0
STAFF_ROOM = "staff-room"
SUGGESTIONS = (  # what the demo checkpoints paint well, for people who do not know yet what to ask for
    "/imagine a large red star on a blue background",
    "/imagine komori on a green background lora1:Komori",
    "/lora browse",
    "/guide",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--port", type=port, default=PORT, help="port of the page; 0 chooses a free port")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")
    parser.add_argument(
        "--data", type=Path, default=Path("demo-data"), metavar="DIR", help="folder of bookmarks and pictures"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until interrupted."""
    asyncio.run(until_asked(_run(options)))
    return DONE


async def _run(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        try:
            playground = await stack.enter_async_context(Playground.serve(port=options.port, suggestions=SUGGESTIONS))
        except PortTaken as problem:
            raise ConfigError(f"{problem} Try --port 0.") from None
        with advising("stop it, or choose another folder with --data"):
            await stay_in(playground, options.data, browser=not options.no_browser)


async def stay_in(
    playground: Playground, data: Path, *, browser: bool, change: Callable[[Settings], Settings] = lambda found: found
) -> None:
    """Let the bot serve in `playground` until cancelled, and say where to meet it. Raises as `serve`.

    `change` changes the demo's settings.
    """

    def settings() -> Settings:
        return change(settings_in(playground, data))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(settings(), settings))
            group.create_task(_welcome(playground.page_url, browser=browser))
    except ExceptionGroup as problems:
        raise problems.exceptions[0] from None


def settings_in(playground: Playground, data: Path) -> Settings:
    """The demo's settings for a bot in `playground`; one of its people is the operator, so that all can be tried.

    Makes the certificate with which the demo signs its pictures, unless it exists. Raises ConfigError.
    """
    settings = demo_settings(data)
    certificate = certificate_in(settings.storage.folder)
    ensure_certificate(certificate)
    connection = {"token": playground.token, "api_url": playground.api_url, "operators": [default_world.MARGARET]}
    discord = settings.discord.model_validate(connection)
    return settings.model_copy(update={"discord": discord, "c2pa": certificate})


async def _welcome(page_url: str, *, browser: bool) -> None:
    async with Control.connect(page_url) as control:
        allowed = permissions.VIEW_CHANNEL | permissions.SEND_MESSAGES | permissions.ATTACH_FILES
        await control.set_channel(STAFF_ROOM, overwrite=default_world.APPLICATION_ID, allow=allowed)  # for reports
        await control.wait_online(seconds=START_SECONDS)
    print(
        f"Easel is here: {page_url}\nWrite /imagine in the channel. /server is for Grace, who owns the server, and for "
        "Margaret, the operator. Press Ctrl+C to end.",
        flush=True,
    )
    if browser:
        await asyncio.to_thread(webbrowser.open, page_url)

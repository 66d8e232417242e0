"""`run`: the bot on Discord."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import discord

from bot import background, logs, metrics
from bot.api_url import point_at
from bot.assembly import open_easel
from bot.cli import DONE, add_config, settings_of
from bot.cli.progress import progress_bar
from bot.client import EaselBot
from bot.config import ConfigError, Settings
from bot.logs import LogFormat
from bot.reloading import reload_on
from bot.samples import painting_samples

if TYPE_CHECKING:
    from bot.cli import Commands

log = logging.getLogger(__name__)


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("run", help="run the bot on Discord")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until interrupted or terminated; on SIGHUP read the settings anew."""
    settings = settings_of(options)
    tell_the_operator(settings.logs.format)
    asyncio.run(_run(settings, partial(settings_of, options)))
    return DONE


def tell_the_operator(form: LogFormat) -> None:
    """A program that runs for weeks writes down what it does: our own steps, and warnings of everybody else."""
    logs.set_up(min(logging.WARNING, logging.getLogger().level), form)
    for ours in ("bot", "inference"):
        logging.getLogger(ours).setLevel(min(logging.INFO, logging.getLogger().level))


async def _run(settings: Settings, read_settings: Callable[[], Settings]) -> None:
    reload = asyncio.Event()
    serving = asyncio.create_task(serve(settings, read_settings, reload))
    _on_signal("SIGTERM", serving.cancel)
    _on_signal("SIGHUP", reload.set)
    try:
        await serving
    except asyncio.CancelledError:
        if not serving.cancelled():
            raise  # it was not SIGTERM that ended this but whoever awaits it


def _on_signal(name: str, do: Callable[[], object]) -> None:
    with contextlib.suppress(NotImplementedError, AttributeError):  # Windows has no such signals
        asyncio.get_running_loop().add_signal_handler(getattr(signal, name), do)


async def serve(
    settings: Settings,
    read_settings: Callable[[], Settings] | None = None,
    reload: asyncio.Event | None = None,
) -> None:
    """Connect and serve until cancelled. Raises ConfigError when Discord does not let the bot in.

    Whenever `reload` is set, the settings are read anew with `read_settings`.
    """
    token = settings.discord.token.get_secret_value()
    if not token:
        raise ConfigError("There is no bot token. Set EASEL_DISCORD__TOKEN; `doctor` says where to find one.")
    if settings.discord.api_url:
        await point_at(settings.discord.api_url)
    with progress_bar("library") as scanned, metrics.served(settings.metrics.port):
        async with (
            open_easel(settings, scanned, read_settings) as easel,
            painting_samples(easel),
            EaselBot(easel) as bot,
        ):
            reloading = background.start(reload_on(easel, reload or asyncio.Event()), "reloading the settings")
            try:
                await bot.start(token)
            except discord.LoginFailure:
                raise ConfigError("Discord does not accept the bot token. Copy it again from the Bot page.") from None
            except discord.PrivilegedIntentsRequired:
                raise ConfigError("Discord refuses the intents, though none of them is privileged.") from None
            finally:
                reloading.cancel()

"""`run`: the bot on Discord."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from typing import TYPE_CHECKING

import discord

from bot import logs, metrics
from bot.api_url import point_at
from bot.assembly import open_easel
from bot.cli import DONE, add_config, settings_of
from bot.cli.progress import progress_bar
from bot.client import EaselBot
from bot.config import ConfigError, Settings
from bot.logs import LogFormat
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
    """Run until interrupted or terminated."""
    settings = settings_of(options)
    tell_the_operator(settings.logs.format)
    asyncio.run(_run(settings))
    return DONE


def tell_the_operator(form: LogFormat) -> None:
    """A program that runs for weeks writes down what it does: our own steps, and warnings of everybody else."""
    logs.set_up(min(logging.WARNING, logging.getLogger().level), form)
    for ours in ("bot", "inference"):
        logging.getLogger(ours).setLevel(min(logging.INFO, logging.getLogger().level))


async def _run(settings: Settings) -> None:
    serving = asyncio.create_task(serve(settings))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        if not serving.cancelled():
            raise  # it was not SIGTERM that ended this but whoever awaits it


async def serve(settings: Settings) -> None:
    """Connect and serve until cancelled. Raises ConfigError when Discord does not let the bot in."""
    token = settings.discord.token.get_secret_value()
    if not token:
        raise ConfigError("There is no bot token. Set EASEL_DISCORD__TOKEN; `doctor` says where to find one.")
    if settings.discord.api_url:
        await point_at(settings.discord.api_url)
    with progress_bar("library") as scanned, metrics.served(settings.metrics.port):
        async with open_easel(settings, scanned) as easel, painting_samples(easel), EaselBot(easel) as bot:
            try:
                await bot.start(token)
            except discord.LoginFailure:
                raise ConfigError("Discord does not accept the bot token. Copy it again from the Bot page.") from None
            except discord.PrivilegedIntentsRequired:
                raise ConfigError("Discord refuses the intents, though none of them is privileged.") from None

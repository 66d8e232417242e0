"""`run`: the bot on Discord."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import math
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import discord

from bot import background, logs, metrics
from bot.app.assembly import open_catalogue, open_easel, require_database
from bot.app.health_report import HealthReport, observe
from bot.app.sample_costs import SampleCost, pictures_of_a_lora, sample_cost
from bot.app.samples import SamplePainter, painting_samples
from bot.cli import DONE, Unreachable
from bot.cli.terminal import questions
from bot.cli.terminal.ending import Ended, on_signal, until_asked
from bot.cli.terminal.progress import work_report
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import ConfigError, Settings
from bot.config.bot_token import NO_TOKEN, NOT_A_TOKEN, WHERE
from bot.database.database import read_database
from bot.database.errors import DatabaseError, DatabaseMissing, NoDatabase, OlderDatabase
from bot.logs import LogFormat
from bot.ui.api_url import point_at
from bot.ui.bot import EaselBot
from bot.versions import build_info

log = logging.getLogger(__name__)

REVOKED = f"Discord no longer accepts the bot token. Copy the new one from {WHERE}."
INTENTS_REFUSED = "Discord refused the intents, although none of them is privileged."
SHARDS_WANTED = "Discord requires another number of shards. Restart Easel: it reads the number at start."
# What Discord means when it closes the connection for good.
CLOSED = {
    4004: REVOKED,
    4010: SHARDS_WANTED,
    4011: SHARDS_WANTED,
    4012: "Discord no longer supports this version of its gateway. Update Easel.",
    4013: INTENTS_REFUSED,
}
TOO_MANY_REQUESTS = 429
LOGIN_SECONDS = 60.0  # between attempts to log in, where Discord does not say
SHORTEST_LOGIN_SECONDS, LONGEST_LOGIN_SECONDS = 1.0, 3600.0
MOST_DOUBLINGS = 12  # from the shortest to the longest


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Run the bot on Discord until it is interrupted or terminated. On SIGHUP it reloads its settings."
    )
    parser.add_argument(
        "--new-database",
        action="store_true",
        help="start with an empty database although pictures of an earlier one exist",
    )
    parser.add_argument("--yes", action="store_true", help="generate many samples of LoRAs without a question")
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until interrupted or terminated; on SIGHUP read the settings anew."""
    settings = settings_of(options)
    tell_the_operator(settings.logs.format, settings.logs.folder)
    token_of(settings)
    new_database = options.new_database or may_start_empty(settings, questions.terminal())
    with contextlib.suppress(Ended):
        cost = asyncio.run(until_asked(cost_of_samples(settings, new_database)))
        samples = may_generate_samples(cost, None if options.yes else questions.terminal())
        asyncio.run(_run(settings, partial(settings_of, options), new_database, samples))
    return DONE


async def cost_of_samples(settings: Settings, new_database: bool) -> SampleCost:
    """The cost of the samples that this start would generate. Before the first start, the library is scanned."""
    if not pictures_of_a_lora(settings):
        return SampleCost()
    try:
        async with read_database(settings.storage.database) as db:
            return await sample_cost(db, settings)
    except (NoDatabase, OlderDatabase):
        with work_report() as scanned:
            async with open_catalogue(settings, scanned, new_database=new_database) as catalogue:
                return await sample_cost(catalogue.db, settings)
    except DatabaseError as problem:
        log.debug("the samples cannot be counted: %s", problem)  # the start itself says what is wrong
        return SampleCost()


def may_generate_samples(cost: SampleCost, ask: questions.Ask | None) -> bool:
    """Announce what the samples cost if that is much, and ask the person at the terminal."""
    if not cost.is_large:
        return True
    print(cost, flush=True)
    return ask is None or questions.yes(ask, "Generate these samples?", default=True)


def tell_the_operator(form: LogFormat, folder: Path | None = None) -> None:
    """Log our own steps, and warnings of other packages."""
    logs.set_up(min(logging.WARNING, logging.getLogger().level), form, folder)
    for ours in ("bot", "inference"):
        logging.getLogger(ours).setLevel(min(logging.INFO, logging.getLogger().level))


def may_start_empty(settings: Settings, ask: questions.Ask | None) -> bool:
    """Ask whether to create a database beside the pictures of an earlier one. Raises DatabaseMissing for a no.

    Return False if no question is needed.
    """
    try:
        require_database(settings.storage)
    except DatabaseMissing as problem:
        if ask is None:
            raise
        print(problem)
        if not questions.yes(ask, "Start with an empty database?", default=False):
            raise
        return True
    return False


async def _run(settings: Settings, read_settings: Callable[[], Settings], new_database: bool, samples: bool) -> None:
    reload = asyncio.Event()
    on_signal("SIGHUP", reload.set)
    await until_asked(
        serve(settings, read_settings, reload, built=spare_the_collector, new_database=new_database, samples=samples)
    )


def spare_the_collector() -> None:
    """Exempt the objects that exist after the start from garbage collection, whose passes would delay answers."""
    gc.collect()
    gc.freeze()


async def serve(
    settings: Settings,
    read_settings: Callable[[], Settings] | None = None,
    reload: asyncio.Event | None = None,
    built: Callable[[], None] = lambda: None,
    *,
    new_database: bool = False,
    samples: bool = True,
) -> None:
    """Connect and serve until cancelled. `built` is called once all services exist, before the first event.

    Whenever `reload` is set, the settings are read again with `read_settings`. `new_database` as in `open_catalogue`.
    Without `samples`, no sample of a LoRA is generated, whatever the settings say.

    Raises ConfigError when Discord refuses the bot, now or later, and Unreachable when it cannot be reached.
    """
    token = token_of(settings)
    if settings.discord.api_url:
        await point_at(settings.discord.api_url)
    metrics.BUILD.info(build_info())
    with work_report() as scanned, metrics.served(settings.metrics.port):
        async with (
            open_easel(settings, scanned, read_settings, new_database=new_database) as easel,
            AsyncExitStack() as stack,
            EaselBot(easel) as bot,
        ):
            if samples:
                painter = SamplePainter(easel.configuration, easel.db, easel.requests, easel.jobs)
                await stack.enter_async_context(painting_samples(painter))
            reloading = background.start(easel.reloader.reload_on(reload or asyncio.Event()), "reloading the settings")
            report = HealthReport(
                settings.storage.health, lambda: observe(bot.connected, easel.jobs.workers, easel.watchman.findings)
            )
            easel.watchman.publish = report.write
            telling = background.start(report.run(), "telling how it goes")
            try:
                await _stay(bot, token, built)
            finally:
                reloading.cancel()
                telling.cancel()


def token_of(settings: Settings) -> str:
    """The bot's token. Raises ConfigError if there is none, or none that a request can carry."""
    token = settings.discord.token.get_secret_value().strip()
    if not token:
        raise ConfigError(f"There is no bot token: {NO_TOKEN}.")
    if not token.isprintable():
        raise ConfigError(f"The configured bot token {NOT_A_TOKEN}.")
    return token


async def _stay(bot: EaselBot, token: str, built: Callable[[], None]) -> None:
    """Stay connected until cancelled. Raises ConfigError when Discord refuses the bot, now or later.

    Raises Unreachable when Discord cannot be reached at the start; later it reconnects.
    """
    try:
        await _let_in(bot, token)
        built()
        await cancellable(bot.connect())
    except discord.LoginFailure:
        raise ConfigError(f"Discord does not accept the bot token. Copy it again from {WHERE}.") from None
    except discord.PrivilegedIntentsRequired:
        raise ConfigError(INTENTS_REFUSED) from None
    except (discord.DiscordServerError, aiohttp.ClientError, TimeoutError) as problem:
        raise Unreachable(f"Discord cannot be reached: {problem}.") from None
    except discord.ConnectionClosed as closed:
        code = f"Discord closed the connection permanently, with code {closed.code}."
        raise ConfigError(CLOSED.get(closed.code, code)) from None
    if bot.token_rejected:
        raise ConfigError(REVOKED)


async def cancellable(work: Coroutine[Any, Any, None]) -> None:
    """Await `work`, and end at a cancellation although `work` may ignore it: discord.py does while it reconnects."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    finally:
        task.cancel()
    await task


async def _let_in(bot: EaselBot, token: str) -> None:
    """Log in; while Discord answers 429, wait and retry with growing pauses."""
    for tries in count():
        try:
            await bot.login(token)
        except discord.HTTPException as problem:
            if problem.status != TOO_MANY_REQUESTS:
                raise
            seconds = login_wait(problem.response.headers.get("Retry-After"), tries)
        else:
            return
        log.warning("Discord refuses requests from this address (429). Next try in %.0f seconds.", seconds)
        await bot.http.close()
        bot.http.connector = discord.utils.MISSING  # it is closed, and the next login makes another
        await asyncio.sleep(seconds)


def login_wait(told: str | None, tries: int) -> float:
    """Seconds until the next try, from what an answer told: `Retry-After` may hold a date, or anything."""
    try:
        seconds = float(told or LOGIN_SECONDS)
    except ValueError:
        seconds = LOGIN_SECONDS
    if not 0 <= seconds < math.inf:
        seconds = LOGIN_SECONDS
    return min(LONGEST_LOGIN_SECONDS, max(SHORTEST_LOGIN_SECONDS, seconds) * 2 ** min(tries, MOST_DOUBLINGS))

"""`run`, apart from what it does on Discord."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from bot.app.assembly import open_catalogue
from bot.cli import UNUSABLE
from bot.cli.run import cancellable, may_start_empty
from bot.database.errors import DatabaseMissing
from playground import Playground
from tests.bot.cli.commands import PATIENCE, bot
from tests.house import House

LOOKED_THROUGH = """
import gc
from bot.cli.run import spare_the_collector
spare_the_collector()
kept = gc.get_freeze_count()
class Knot: pass
knot = Knot()
knot.itself = knot
del knot
print(kept, len(gc.get_objects()), gc.collect())
"""


@pytest.mark.parametrize(
    ("token", "words"),
    [(" ", "There is no bot token: set EASEL"), ("a\nb", "does not look like a bot token; copy it again from discord")],
)
def test_what_no_request_can_carry_is_no_token(house: House, token: str, words: str) -> None:
    said = bot("run", "--config", house.config, EASEL_DISCORD__TOKEN=token)
    assert (said.code, words in said.sentence) == (UNUSABLE, True), said


async def test_a_token_that_discord_does_not_know_is_told_and_nothing_of_voice(house: House) -> None:
    async with Playground.serve() as playground:
        environment = {"EASEL_DISCORD__TOKEN": "x", "EASEL_DISCORD__API_URL": playground.api_url}
        said = await asyncio.to_thread(bot, "run", "--config", house.config, **environment)
    assert (said.code, "does not accept the bot token" in said.err, "voice" in said.err) == (UNUSABLE, True, False), (
        said
    )


def test_what_is_there_at_the_start_is_never_looked_through_again_and_what_comes_later_is() -> None:
    said = subprocess.run([sys.executable, "-c", LOOKED_THROUGH], check=True, capture_output=True, text=True).stdout
    kept, left, collected = map(int, said.split())
    assert kept > 50 * left
    assert collected >= 1


def test_a_start_without_a_database_beside_pictures_asks_or_is_refused(tmp_path: Path) -> None:
    settings = House(tmp_path / "house").settings
    assert not may_start_empty(settings, None), "a new folder asks nothing"
    picture = settings.storage.pictures / "28800" / "job28800123-1-0.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"of an earlier database")
    with pytest.raises(DatabaseMissing, match=r"restore.*run --new-database"):
        may_start_empty(settings, None)
    with pytest.raises(DatabaseMissing):
        may_start_empty(settings, lambda _question: "no")
    assert may_start_empty(settings, lambda _question: "yes")
    assert not settings.storage.database.exists()


async def test_a_command_creates_no_database_beside_pictures_unless_it_may(tmp_path: Path) -> None:
    settings = House(tmp_path / "house").settings
    picture = settings.storage.pictures / "0" / "job1-1-0.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"of an earlier database")
    with pytest.raises(DatabaseMissing):
        async with open_catalogue(settings):
            pass
    assert not settings.storage.database.exists()
    async with open_catalogue(settings, new_database=True):
        pass
    async with open_catalogue(settings):
        pass


async def test_a_stop_is_not_lost_while_discord_is_reconnected() -> None:
    reconnecting, connected = asyncio.Event(), asyncio.Event()

    async def connect() -> None:  # `Shard.reidentify` of discord.py 2.7 takes a cancellation for the end of an attempt
        with suppress(asyncio.CancelledError):
            reconnecting.set()
            await asyncio.Event().wait()
        await connected.wait()

    running = asyncio.create_task(cancellable(connect()))
    await reconnecting.wait()
    running.cancel()
    await asyncio.wait({running}, timeout=PATIENCE)
    connected.set()
    assert running.cancelled()

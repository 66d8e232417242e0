"""`run`, apart from what it does on Discord."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from bot.cli import UNUSABLE
from playground import Playground
from tests.bot.cli.commands import bot
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

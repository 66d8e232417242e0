"""What README.md and docs/tour.md say there is, is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.ui.bot import load_features
from bot.ui.client import Client, Cog

ROOT = Path(__file__).parents[1]


async def test_every_command_stands_in_the_readme_and_none_besides() -> None:
    bot = commands.Bot("", intents=discord.Intents.none())
    load_features()
    for cog in Cog.registered:
        await bot.add_cog(cog(cast("Client", bot)))
    there = {
        f"/{command.qualified_name}"
        for command in bot.tree.walk_commands()
        if isinstance(command, app_commands.Command)
    }
    there |= {menu.name for menu in bot.tree.get_commands(type=discord.AppCommandType.message)}
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme[readme.index("In Discord, in servers") : readme.index("Under a picture:")]
    told = set[str]()
    for row in re.findall(r"^\| (.+?) \| .+\|$", table, re.MULTILINE)[1:]:
        names = re.findall(r"`([^`]+)`", row)
        group = names[0].split()[0] if names and " " in names[0] else ""
        told |= {name if name.startswith("/") else f"{group} {name}" for name in names}
    told |= set(re.findall(r"\*([^*]+)\*", table[table.index("menu of a message") :]))
    assert told == there


def test_every_picture_is_there() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "tour.md"):
        for place in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text("utf-8")):
            assert (page.parent / place).is_file(), f"{page.name} shows {place}"


def test_every_room_of_the_house_stands_there() -> None:
    house = (ROOT / "README.md").read_text("utf-8").partition("## The house")[2].partition("## Tests")[0]
    top, missing = ROOT, list[str]()
    for line in house.split("```")[1].strip().splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            top, name = ROOT / name, ""
        missing += [] if (top / name).exists() else [line]
    assert not missing
    rooms = {path.parent.name for top in ("bot", "inference") for path in (ROOT / top).glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"(\w+)/", house)), "a room that the map does not show"

"""Discord takes five menu entries of messages and 25 options of a command: who adds too many reads what to do."""

from __future__ import annotations

from typing import cast

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from bot.ui.bot import load_features
from bot.ui.client import Client, Cog

MENUS, OPTIONS = 5, 25  # Discord's limits
MENU_FULL = (
    "Discord takes five entries: put it into the panel of *Use this picture…* (bot/ui/views/results/use_picture.py)."
)
OPTIONS_FULL = "Discord takes 25 options: put the rest of /{name} into the studio (bot/ui/views/studio/forms.py)."


async def tree() -> app_commands.CommandTree:
    """All commands that the bot registers. Fails for a menu entry too many."""
    bot = commands.Bot("", intents=discord.Intents.none())
    load_features()
    for cog in Cog.registered:
        try:
            await bot.add_cog(cog(cast("Client", bot)))
        except app_commands.CommandLimitReached as problem:
            pytest.fail(MENU_FULL if problem.type is discord.AppCommandType.message else str(problem))
    return bot.tree


async def test_the_menu_of_messages_has_room() -> None:
    assert len((await tree()).get_commands(type=discord.AppCommandType.message)) <= MENUS, MENU_FULL


async def test_no_command_has_too_many_options() -> None:
    for command in (await tree()).walk_commands():
        if isinstance(command, app_commands.Command):
            assert len(command.parameters) <= OPTIONS, OPTIONS_FULL.format(name=command.qualified_name)


async def test_a_sixth_entry_fails_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class FullCog(Cog):
        """Three more entries."""

        async def cog_load(self) -> None:
            async def use(interaction: discord.Interaction, message: discord.Message) -> None:
                raise NotImplementedError

            for number in range(MENUS - 2):
                self._client.tree.add_command(app_commands.ContextMenu(name=f"Entry {number}", callback=use))

    Cog.registered.remove(FullCog)
    monkeypatch.setattr(Cog, "registered", [*Cog.registered, FullCog])
    with pytest.raises(pytest.fail.Exception, match="Use this picture"):
        await tree()

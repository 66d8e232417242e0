"""The entries of a message's menu: *Use this picture…*, *Bookmark LoRAs*, *Report*."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.ui.client import Client, Cog, Interaction
from bot.ui.message_lookup import find_shown_job
from bot.ui.views.reports.forms import open_report_form
from bot.ui.views.results.details import USE_PICTURE
from bot.ui.views.results.use_picture import bookmark_loras_of, open_picture_panel


class ContextMenusCog(Cog):
    """Commands for any message with a picture."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._menus = [
            app_commands.ContextMenu(name=USE_PICTURE, callback=self.use_picture),
            app_commands.ContextMenu(name="Bookmark LoRAs", callback=self.bookmark_loras),
            app_commands.ContextMenu(name="Report", callback=self.report, extras={"opens_modal": True}),
        ]

    async def cog_load(self) -> None:
        """Add the context menus to the tree; discord.py does not do it for cogs."""
        for menu in self._menus:
            self._client.tree.add_command(menu)

    async def cog_unload(self) -> None:
        """Remove the context menus from the tree."""
        for menu in self._menus:
            self._client.tree.remove_command(menu.name, type=menu.type)

    async def use_picture(self, interaction: Interaction, message: discord.Message) -> None:
        """Show what one can do with the picture."""
        await open_picture_panel(interaction, message)

    async def bookmark_loras(self, interaction: Interaction, message: discord.Message) -> None:
        """Bookmark all LoRAs of the picture."""
        await bookmark_loras_of(interaction, message, await find_shown_job(self._client, message))

    async def report(self, interaction: Interaction, message: discord.Message) -> None:
        """Ask why the person reports the picture."""
        shown = await find_shown_job(self._client, message)
        if shown is None and self._client.user == message.author:
            raise NothingThere(what=_("This message shows no picture that you could report."))
        if shown is None:
            raise NothingThere(
                what=_("This message is not from Easel. To report other messages, use Discord's own report function.")
            )
        await open_report_form(interaction, shown.job)

"""The message after the bot has joined a server, with a button that opens the panel for whoever may use it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import discord
from discord import ui

from bot.database.database import Database
from bot.database.key_values import RECALL_VALUE, REMEMBER_VALUE
from bot.errors.rights import CommandClosed, NotStaff, SetUpByStaff
from bot.i18n import _, later, speaking
from bot.servers.rights import Action
from bot.ui.access import context_of
from bot.ui.client import Interaction
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS
from bot.ui.rendered_message import view_of
from bot.ui.views.custom_ids import DiscordId
from bot.ui.views.persistent_items import PersistentButton
from bot.ui.views.servers.panel import PanelPage

LATELY = timedelta(days=1)

log = logging.getLogger(__name__)


class SetUpButton(PersistentButton, prefix="svsetup"):
    """Opens the panel privately."""

    command = "server"
    action = None  # others are told kindly, not that a command is closed
    label, style = later("Set up"), discord.ButtonStyle.primary

    server_id: DiscordId

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises SetUpByStaff, or another refusal."""
        rights = interaction.client.servers.rights
        refusal = await rights.why_not(Action.CONFIGURE, context_of(interaction), self.server_id)
        if isinstance(refusal, NotStaff | CommandClosed):
            raise SetUpByStaff
        if refusal is not None:
            raise refusal
        await PanelPage.of(self.server_id).open(interaction)


def greeting(server: discord.Guild) -> ui.LayoutView:
    """The message."""
    text = _(
        "Easel is ready to generate pictures. Try /imagine, or start with /guide. Members who manage "
        "this server can choose channels, limits and more."
    )
    return view_of(text, ui.ActionRow[Any](SetUpButton(server.id)))


def joined_lately(server: discord.Guild) -> bool:
    """Whether the bot joined the server within a day; while it was away, Discord tells of no joining."""
    joined = server.me.joined_at
    return joined is not None and discord.utils.utcnow() - joined < LATELY


async def greet(db: Database, server: discord.Guild) -> None:
    """Post the message where the bot may write, in the server's language; once for each server. Raises DatabaseError.

    It is recorded before it is posted: a crash between the two leaves a server without the message, never with two.
    """
    key = f"greeted {server.id}"
    if await db.one(RECALL_VALUE, key) is not None:
        return
    for channel in _channels(server):
        await db.run(REMEMBER_VALUE, key=key, value=str(channel.id))
        with speaking(server.preferred_locale.value):
            view = greeting(server)
        view.stop()
        try:
            await channel.send(view=view)
        except (discord.Forbidden, discord.NotFound):  # what is cached may be older than what holds
            continue
        except DISCORD_ERRORS as problem:
            log.warning("cannot send the first message in server %s: %s", server.id, problem)
        return


def _channels(server: discord.Guild) -> list[discord.TextChannel]:
    """Where the bot may write, by what is cached: the system channel, then the text channels as they stand."""
    first = [server.system_channel] if server.system_channel else []
    found = dict.fromkeys([*first, *server.text_channels])
    return [channel for channel in found if _may_write(channel)]


def _may_write(channel: discord.TextChannel) -> bool:
    held = channel.permissions_for(channel.guild.me)
    return held.view_channel and held.send_messages

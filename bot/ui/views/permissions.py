"""Whether a person and the bot may post in a channel, as Discord says."""

from __future__ import annotations

import discord

from bot.errors import MayNotPost
from bot.i18n import later
from bot.ui.client import Interaction


def check_may_post(interaction: Interaction) -> None:
    """Raises MayNotPost where the person or the bot may not write: people may press buttons in any channel they see."""
    if interaction.guild_id is None:
        return
    in_thread = isinstance(interaction.channel, discord.Thread)
    for who, allowed in ((later("You"), interaction.permissions), (later("Easel"), interaction.app_permissions)):
        if not (allowed.send_messages_in_threads if in_thread else allowed.send_messages):
            raise MayNotPost(who=who)

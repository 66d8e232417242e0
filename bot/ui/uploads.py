"""Keeps pictures that people give to start from, and notes who gave them, so that they go with all that is theirs."""

from __future__ import annotations

import discord

from bot.database.inputs import note_given
from bot.pictures.input_gate import check_name
from bot.pictures.inputs import Input
from bot.ui.access import words_here
from bot.ui.client import Interaction


async def take_upload(interaction: Interaction, attachment: discord.Attachment) -> Input:
    """Keep what the person attached. Raises PictureRefused, RemovedPicture, what rules on words refuse in its name, or
    DatabaseError.
    """
    await check_name(await words_here(interaction), attachment.filename, attachment.description)
    kept = await interaction.client.inputs.take(attachment)
    await note_given(interaction.client.connection, interaction.user.id, kept.sha256)
    return kept

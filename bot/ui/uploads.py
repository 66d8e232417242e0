"""Keeps pictures that people give to start from, and notes who gave them, so that they go with all that is theirs."""

from __future__ import annotations

from dataclasses import replace

import discord

from bot.database.pictures.inputs import note_given
from bot.pictures.input_gate import check_name
from bot.pictures.inputs import Input
from bot.ui.access import words_here
from bot.ui.client import Interaction
from inference.queue.policy import EVERYWHERE


async def take_upload(interaction: Interaction, attachment: discord.Attachment) -> Input:
    """Keep what the person attached, with the rating of what was painted here, and whether it came from a face.

    Raises as `Inputs.keep` does, PictureReported, and what rules on words refuse in its name.
    """
    client = interaction.client
    await check_name(await words_here(interaction), attachment.filename, attachment.description)
    kept = await client.inputs.take(attachment, interaction.guild_id or EVERYWHERE)
    await note_given(client.db, interaction.user.id, kept.sha256)
    job_ids = await client.inputs.jobs_of(kept, interaction.user.id)
    rating, face = await client.servers.checks.rating_and_face_of_upload(job_ids, kept.request)
    highest = max((each for each in (kept.rating, rating) if each is not None), default=None)
    return replace(kept, rating=highest, face=kept.face or face)

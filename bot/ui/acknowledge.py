"""The first answer to an interaction: Discord waits three seconds for it, however slow the database is meanwhile.

What is ready in time is answered as it is. Otherwise the person sees that an answer will come, and gets it there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import discord
from discord import ui

from bot import background
from bot.pictures.attachments import reused

Interaction = discord.Interaction[Any]  # of whichever client: what stands here is below it

# Seconds. People should see within one that they were heard, also when the event loop is busy; Discord waits for three.
PATIENCE = 0.4
FORM_PATIENCE = 1.5  # a form can only be a first answer, so what opens one waits as long as the way to Discord allows
_KEY, _ANSWER = "acknowledgement", "answer"


@dataclass
class _Acknowledgement:
    """The timer of one interaction; once it is `sending`, an answer has to come after it."""

    sending: bool = False
    task: asyncio.Task[None] | None = None

    async def later(self, interaction: Interaction, patience: float, *, thinking: bool, private: bool) -> None:
        await asyncio.sleep(patience)
        if interaction.response.is_done():
            return
        self.sending = True
        await interaction.response.defer(thinking=thinking, ephemeral=private)


def in_time(interaction: Interaction, *, thinking: bool = True, private: bool = True, asks: bool = False) -> None:
    """Acknowledge later, unless `settle` comes first. `thinking` announces a new message, which may be `private`.

    What may call `ask` `asks`: then there is more time.
    """
    acknowledgement = _Acknowledgement()
    patience = FORM_PATIENCE if asks else PATIENCE
    work = acknowledgement.later(interaction, patience, thinking=thinking, private=private)
    acknowledgement.task = background.start(work, "acknowledging an interaction")
    interaction.extras[_KEY] = acknowledgement


async def settle(interaction: Interaction) -> bool:
    """Call before any answer: nothing is acknowledged from here on. True when the first answer is still to be given."""
    acknowledgement: _Acknowledgement | None = interaction.extras.pop(_KEY, None)
    if acknowledgement is not None and acknowledgement.task is not None:
        if acknowledgement.sending:
            await asyncio.wait({acknowledgement.task})
        else:
            acknowledgement.task.cancel()
    return not interaction.response.is_done()


async def acknowledge(interaction: Interaction) -> None:
    """Say at once that the button was pressed; what it changes comes later."""
    if await settle(interaction):
        await interaction.response.defer()


async def replace(interaction: Interaction, view: ui.LayoutView, files: list[discord.File]) -> None:
    """Show `view` in place of the message whose button was pressed.

    Of `files`, those whose name the message has already stay as they are: a name has to stand for what is in it.
    """
    view.stop()  # its buttons are found by their ids, also after a restart; nothing has to be kept in memory
    attachments = reused(interaction.message, files)
    try:
        await _show_instead(interaction, view, attachments)
    except discord.HTTPException as problem:
        if problem.status != HTTPStatus.BAD_REQUEST or attachments == files:
            raise
        for file in files:  # another press has meanwhile put other pictures in the place of those that were to stay
            file.reset()
        await _show_instead(interaction, view, files)


async def _show_instead(
    interaction: Interaction, view: ui.LayoutView, attachments: Sequence[discord.File | discord.Attachment]
) -> None:
    if await settle(interaction):
        await interaction.response.edit_message(view=view, attachments=attachments)
    else:
        await interaction.edit_original_response(view=view, attachments=attachments)


async def post(interaction: Interaction, view: ui.LayoutView, *, private: bool) -> int | None:
    """Answer with a new message; its id where Discord tells it. `update` changes it later."""
    view.stop()
    if await settle(interaction):
        return (await interaction.response.send_message(view=view, ephemeral=private)).message_id
    if private == (await interaction.original_response()).flags.ephemeral:
        return (await interaction.edit_original_response(view=view)).id
    await interaction.delete_original_response()  # "thinking" was announced to everybody and cannot become private
    message = await interaction.followup.send(view=view, ephemeral=private, wait=True)
    interaction.extras[_ANSWER] = message.id
    return message.id


async def update(interaction: Interaction, view: ui.LayoutView, files: list[discord.File]) -> discord.Message:
    """Show `view` in place of what `post` answered, while the interaction's fifteen minutes last."""
    view.stop()
    if message_id := interaction.extras.get(_ANSWER):
        return await interaction.followup.edit_message(message_id, view=view, attachments=files)
    return await interaction.edit_original_response(view=view, attachments=files)


async def ask(interaction: Interaction, modal: ui.Modal) -> None:
    """Open `modal`, which can only be a first answer. Raises discord.InteractionResponded when it comes too late."""
    await settle(interaction)
    interaction.client.forms[modal.custom_id] = modal
    await interaction.response.send_modal(modal)

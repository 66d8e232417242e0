"""Acknowledges interactions within the three seconds that Discord allows, however slow the database is.

A reply that is ready in time is the first response. Otherwise the interaction is deferred and the reply follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import discord
from discord import ui

from bot import background
from bot.pictures.attachments import reused
from bot.ui.interactions.lost import LOST
from bot.ui.rendered_message import RenderedMessage

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]  # of any client: this module ranks below `bot.ui.client`

# Seconds until an interaction is deferred. Discord allows three; people should see a reaction within one.
DEFER_SECONDS = 0.4
MODAL_DEFER_SECONDS = 1.5  # a modal must be the first response, so its handler gets as long as the network allows
_EDITS = (discord.InteractionResponseType.message_update, discord.InteractionResponseType.deferred_message_update)
_KEY, _ANSWER, _REPLIED = "acknowledgement", "answer", "replied"


@dataclass
class _Acknowledgement:
    """The timer of one interaction. Once it is `deferring`, the reply has to wait for it."""

    thinking: bool
    private: bool
    deferring: bool = False
    task: asyncio.Task[None] | None = None

    async def defer_after(self, interaction: Interaction, delay: float) -> None:
        await asyncio.sleep(delay)
        if interaction.response.is_done():
            return
        self.deferring = True
        try:
            await self.defer(interaction)
        except discord.HTTPException as problem:
            if problem.code not in LOST:
                raise
            log.warning("cannot acknowledge an interaction: %s", problem)

    async def defer(self, interaction: Interaction) -> None:
        await interaction.response.defer(thinking=self.thinking, ephemeral=self.private)


def schedule(
    interaction: Interaction, *, thinking: bool = True, private: bool = True, opens_modal: bool = False
) -> None:
    """Defer the interaction soon, unless `claim_response` is called first.

    `thinking` announces a new message, which may be `private`. A handler that may call `open_modal` gets more time.
    """
    acknowledgement = _Acknowledgement(thinking, private)
    delay = MODAL_DEFER_SECONDS if opens_modal else DEFER_SECONDS
    work = acknowledgement.defer_after(interaction, delay)
    acknowledgement.task = background.start(work, "acknowledging an interaction")
    interaction.extras[_KEY] = acknowledgement


async def claim_response(interaction: Interaction) -> bool:
    """Cancel the timer before a reply. True when the first response is still to be given."""
    acknowledgement: _Acknowledgement | None = interaction.extras.pop(_KEY, None)
    if acknowledgement is not None and acknowledgement.task is not None:
        if acknowledgement.deferring:
            await asyncio.wait({acknowledgement.task})
        else:
            acknowledgement.task.cancel()
    return not interaction.response.is_done()


async def confirm(interaction: Interaction) -> None:
    """Defer the interaction now, unless it has a response. Raises discord.HTTPException if Discord refuses."""
    acknowledgement: _Acknowledgement | None = interaction.extras.get(_KEY)
    if acknowledgement is not None and await claim_response(interaction):
        await acknowledgement.defer(interaction)


async def acknowledge(interaction: Interaction) -> None:
    """Acknowledge a component interaction at once; the reply follows."""
    if await claim_response(interaction):
        await interaction.response.defer()


def shown_by(
    message: RenderedMessage | ui.LayoutView, files: Sequence[discord.File] = ()
) -> tuple[ui.LayoutView, list[discord.File]]:
    """The view and the files of a message. The view need not stay in memory: its items are matched by custom_id."""
    page = message if isinstance(message, RenderedMessage) else RenderedMessage(message, list(files))
    page.view.stop()
    return page.view, page.files


async def replace(
    interaction: Interaction, message: RenderedMessage | ui.LayoutView, files: Sequence[discord.File] = ()
) -> None:
    """Edit the message whose component was used so that it shows `message`.

    A file whose name the message already has is kept, not uploaded again: a file name identifies its content.
    """
    view, files = shown_by(message, files)
    attachments = reused(interaction.message, files)
    try:
        await edit(interaction, view, attachments)
    except discord.HTTPException as problem:
        if problem.status != HTTPStatus.BAD_REQUEST or attachments == files:
            raise
        for file in files:  # a concurrent edit has replaced the attachments that were to be kept
            file.reset()
        await edit(interaction, view, files)


async def edit(
    interaction: Interaction, view: ui.LayoutView, attachments: Sequence[discord.File | discord.Attachment]
) -> None:
    """Edit the message whose component was used. Of its files, those stay that are among `attachments`."""
    if await claim_response(interaction):
        await interaction.response.edit_message(view=view, attachments=attachments)
    else:
        await interaction.edit_original_response(view=view, attachments=attachments)


async def send(interaction: Interaction, view: ui.LayoutView, *, private: bool) -> int | None:
    """Reply with a new message; returns its id if Discord sends it. `update` edits the message later."""
    view.stop()
    if await claim_response(interaction):
        return (await interaction.response.send_message(view=view, ephemeral=private)).message_id
    if not edits_message(interaction):
        if private == (await interaction.original_response()).flags.ephemeral:
            edited = await interaction.edit_original_response(view=view)
            note_reply(interaction)
            return edited.id
        await interaction.delete_original_response()  # a public "thinking" message cannot become ephemeral
        note_reply(interaction)
    message = await interaction.followup.send(view=view, ephemeral=private, wait=True)
    interaction.extras[_ANSWER] = message.id
    return message.id


def awaits_reply(interaction: Interaction) -> bool:
    """Whether a reply was announced and has not come. discord.py keeps the announcement as it was, so it is noted."""
    announced = interaction.response.type is discord.InteractionResponseType.deferred_channel_message
    return announced and not interaction.extras.get(_REPLIED)


def note_reply(interaction: Interaction) -> None:
    """The announced reply has come, or its announcement is gone."""
    interaction.extras[_REPLIED] = True


def edits_message(interaction: Interaction) -> bool:
    """Whether the first response edited the message whose component was used, instead of posting a new one."""
    return interaction.response.type in _EDITS


async def sent(interaction: Interaction) -> discord.Message:
    """The message that `send` posted, as it is now. Raises discord.HTTPException."""
    if message_id := interaction.extras.get(_ANSWER):
        return await interaction.followup.fetch_message(message_id)
    return await interaction.original_response()


async def update(interaction: Interaction, message: RenderedMessage) -> discord.Message:
    """Edit the message that `send` posted, while the interaction's token is valid (fifteen minutes)."""
    view, files = shown_by(message)
    if message_id := interaction.extras.get(_ANSWER):
        return await interaction.followup.edit_message(message_id, view=view, attachments=files)
    return await interaction.edit_original_response(view=view, attachments=files)


async def open_modal(interaction: Interaction, modal: ui.Modal) -> None:
    """Open `modal`, which must be the first response. Raises discord.InteractionResponded if one was sent already."""
    await claim_response(interaction)
    interaction.client.forms[modal.custom_id] = modal
    await interaction.response.send_modal(modal)

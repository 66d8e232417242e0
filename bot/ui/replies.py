"""What a person reads when something went wrong: one table, for commands, buttons and modals."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
from discord import app_commands, ui

from bot.database.errors import DatabaseError
from bot.i18n import _, explained, sentences
from bot.i18n.texts import plain, sentence_of_ours
from bot.ui.acknowledge import settle
from inference.errors import InferenceError, RequestError, WorkerError

Interaction = discord.Interaction[Any]  # of whichever client: what stands here is below it

log = logging.getLogger(__name__)

MAX_SENTENCES = 1500  # characters of what is told of one error; a message holds 4000
UNKNOWN_INTERACTION = 10062  # Discord's code for one that was not answered within 3 seconds


class Helpful(ABC, Exception):
    """An error that brings its own message, with buttons for what would work."""

    @abstractmethod
    def view(self) -> ui.LayoutView:
        """The message."""


def sentence(error: Exception) -> str:
    """The words for `error`, looked up along its class's ancestors; what is not known is ours to mend."""
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind](error)
    return _("Something broke on our side. It is written down; please try again in a moment.")


def _told(error: InferenceError) -> str:
    return sentence_of_ours(explained(error), MAX_SENTENCES)


_TABLE: dict[type, Callable[[Any], str]] = {
    RequestError: lambda error: _told(error),
    WorkerError: lambda error: sentences(
        _("Sorry, that went wrong."),
        _told(error),
        _("It is not your fault; please try again later."),
    ),
    InferenceError: lambda error: _told(error),
    DatabaseError: lambda error: _("The bot cannot reach its records just now. Please try again in a moment."),
    app_commands.TransformerError: lambda error: _("{typed} cannot be used there.").format(
        typed=plain(str(error.value), 100)
    ),
    app_commands.CommandNotFound: lambda error: _("This command has changed. Reload Discord and try again."),
    discord.InteractionResponded: lambda error: _("That took too long just now. Please try again."),
    app_commands.CheckFailure: lambda error: _("You may not use this here."),
}


async def answer(interaction: Interaction, error: Exception) -> None:
    """Tell the person, and only that person; log what the person cannot mend."""
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(cause, discord.NotFound) and cause.code == UNKNOWN_INTERACTION:
        log.warning("an interaction was answered too late")
        return
    if isinstance(cause, DatabaseError):
        log.error("an interaction failed: %s", cause)
    elif not isinstance(cause, Helpful | RequestError):
        log.error("an interaction failed", exc_info=cause)
    try:
        if isinstance(cause, Helpful):
            await whisper(interaction, cause.view())
        else:
            await whisper_text(interaction, sentence(cause))
    except (discord.HTTPException, aiohttp.ClientError) as problem:
        log.warning("a person could not be told what went wrong (%s): %s", type(cause).__name__, problem)


async def whisper(interaction: Interaction, view: ui.LayoutView, files: list[discord.File] | None = None) -> None:
    """Answer so that only the person sees it, as first answer or as a further one."""
    view.stop()  # its buttons are found by their ids, also after a restart; nothing has to be kept in memory
    if await settle(interaction):
        await interaction.response.send_message(view=view, files=files or [], ephemeral=True)
        return
    if interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        thinking = (await interaction.original_response()).flags
        if thinking.loading and thinking.ephemeral:
            await interaction.edit_original_response(view=view, attachments=files or [])
            return
        if thinking.loading:  # a public "thinking" cannot become private: take it away, then whisper
            await interaction.delete_original_response()
    await interaction.followup.send(view=view, files=files or [], ephemeral=True)


async def whisper_text(interaction: Interaction, text: str) -> None:
    """Answer with `text` (Markdown of ours, people's words made plain) so that only the person sees it."""
    view = ui.LayoutView()
    view.add_item(ui.TextDisplay[Any](text))
    await whisper(interaction, view)

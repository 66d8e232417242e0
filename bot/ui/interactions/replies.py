"""Error replies: one table from exception class to message, for commands, components and modals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import discord
from discord import app_commands, ui

from bot.database.errors import DatabaseError
from bot.errors.blocks import Blocked
from bot.errors.rights import AddingForRoles
from bot.i18n import _, explained, sentences
from bot.i18n.texts import plain, sentence_of_ours
from bot.servers.rights import ms_of
from bot.ui.interactions.acknowledge import awaits_reply, claim_response, note_reply, shown_by
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS
from bot.ui.interactions.lost import LOST, InteractionLost
from bot.ui.rendered_message import RenderedMessage, view_of
from inference.errors import InferenceError, RequestError, WorkerError

Interaction = discord.Interaction[Any]  # of any client: this module ranks below `bot.ui.client`

log = logging.getLogger(__name__)

MAX_ROLES = 10  # that one sentence names
MAX_SENTENCES = 1500  # characters about one error; a message holds 4000


class ErrorWithRows(Exception):
    """An error whose reply has extra rows or files below the message."""

    def __init__(self, error: Exception | str, *rows: ui.Item[Any], files: Sequence[discord.File] = ()) -> None:
        super().__init__(str(error))
        self.error, self.rows, self.files = error, rows, list(files)


def error_message(error: Exception) -> str:
    """The text for `error`, looked up along its MRO; an unknown class gets an apology."""
    for kind in type(error).__mro__:
        if kind in _MESSAGES:
            return _MESSAGES[kind](error)
    return _("Something went wrong on our side, and we logged it. Please try again in a moment.")


def refusal_card(error: Exception | str, *rows: ui.Item[Any]) -> ui.LayoutView:
    """Build the reply for an error: its message, then the rows."""
    return view_of(error if isinstance(error, str) else error_message(error), *rows)


def _explained(error: InferenceError) -> str:
    return sentence_of_ours(explained(error), MAX_SENTENCES)


def _with_roles(error: AddingForRoles) -> str:
    """The sentence with roles as Discord shows them; nobody is pinged (`AllowedMentions.none()`)."""
    return explained(AddingForRoles(roles=[f"<@&{role}>" for role in error.roles[:MAX_ROLES] if role.isdecimal()]))


def in_own_time(date: str) -> str:
    """A date of `date_of` as Discord shows it in the time zone of everybody who reads it; other text is escaped."""
    ms = ms_of(date)
    return plain(date) if ms is None else f"<t:{ms // 1000}:f>"


def _with_end(error: Blocked) -> str:
    """The sentence with its end in the reader's time."""
    return _explained(error).replace(error.end, in_own_time(error.end)) if error.end else _explained(error)


_MESSAGES: dict[type, Callable[[Any], str]] = {
    AddingForRoles: lambda error: _with_roles(error),
    Blocked: lambda error: _with_end(error),
    RequestError: lambda error: _explained(error),
    WorkerError: lambda error: sentences(
        _("Sorry, something went wrong."),
        _explained(error),
        _("This problem is not your fault. Please try again later."),
    ),
    InferenceError: lambda error: _explained(error),
    DatabaseError: lambda error: _("Easel cannot reach its database right now. Please try again in a moment."),
    app_commands.TransformerError: lambda error: _("This option does not accept {typed}.").format(
        typed=plain(str(error.value), 100)
    ),
    app_commands.CommandNotFound: lambda error: _("This command has changed. Reload Discord and try again."),
    discord.InteractionResponded: lambda error: _("Easel took too long to respond. Please try again."),
    app_commands.CheckFailure: lambda error: _("You cannot use this command here."),
}


async def reply_with_error(interaction: Interaction, error: Exception) -> None:
    """Reply to the person alone; log the errors that the person cannot fix."""
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(cause, InteractionLost) or (isinstance(cause, discord.HTTPException) and cause.code in LOST):
        log.warning("responded too late to an interaction, or another program did: %s", cause)
        return
    if isinstance(cause, DatabaseError):
        log.error("an interaction failed: %s", cause)
    elif not isinstance(cause, ErrorWithRows | RequestError):
        log.error("an interaction failed", exc_info=cause)
    refusal = cause if isinstance(cause, ErrorWithRows) else ErrorWithRows(cause)
    try:
        await send_ephemeral(interaction, refusal_card(refusal.error, *refusal.rows), refusal.files)
    except DISCORD_ERRORS as problem:
        log.warning("cannot send an error reply (%s): %s", type(cause).__name__, problem)


async def send_ephemeral(
    interaction: Interaction, message: RenderedMessage | ui.LayoutView, files: Sequence[discord.File] = ()
) -> None:
    """Reply with an ephemeral message, as first response or as follow-up."""
    view, files = shown_by(message, files)
    if await claim_response(interaction):
        await interaction.response.send_message(view=view, files=files, ephemeral=True)
        return
    if awaits_reply(interaction):
        thinking = (await interaction.original_response()).flags
        if thinking.loading and thinking.ephemeral:
            await interaction.edit_original_response(view=view, attachments=files)
            note_reply(interaction)
            return
        if thinking.loading:  # a public "thinking" message cannot become ephemeral: delete it, then follow up
            await interaction.delete_original_response()
            note_reply(interaction)
    await interaction.followup.send(view=view, files=files, ephemeral=True)


async def send_ephemeral_text(interaction: Interaction, text: str) -> None:
    """Reply with an ephemeral message of `text`, which is Markdown: text written by people must be escaped."""
    await send_ephemeral(interaction, view_of(text))

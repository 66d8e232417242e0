"""Questions before something is deleted: a private message, whose red button names the consequence."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import discord
from discord import ui

from bot.ui.client import Interaction
from bot.ui.interactions.acknowledge import acknowledge, replace, send
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS
from bot.ui.rendered_message import view_of
from bot.ui.views.persistent_items import PersistentButton, outdated_error

log = logging.getLogger(__name__)


class KeepButton(PersistentButton, prefix="keepit"):
    """Closes a question without doing anything."""

    command, action = "history", None

    async def handle(self, interaction: Interaction) -> None:
        """Delete the question. Raises NothingThere if the button is in a public message, because it was forged."""
        if interaction.message is None or not interaction.message.flags.ephemeral:
            raise outdated_error()
        await close(interaction)


def question_view(heading: str, text: str, confirm: PersistentButton, keep: PersistentButton) -> ui.LayoutView:
    """A question, what happens after `confirm`, and both buttons."""
    return view_of(f"### {heading}\n{text}", ui.ActionRow[Any](confirm, keep))


async def ask(
    interaction: Interaction,
    heading: str,
    text: str,
    confirm: PersistentButton,
    keep: str,
    *,
    edits_origin: bool = False,
) -> None:
    """Ask the user in a private message, with a button labelled `keep` that changes nothing.

    With `edits_origin`, `replace_origin` can later edit the message whose button asked the question.
    """
    await acknowledge(interaction)
    view = question_view(heading, text, confirm, KeepButton().labelled(keep))
    message_id = await send(interaction, view, private=True)
    if edits_origin and message_id is not None:
        interaction.client.questions.note(message_id, interaction)


async def replace_origin(interaction: Interaction, view: ui.LayoutView | None) -> bool:
    """Edit the message whose button opened the question, or delete it if `view` is None.

    Returns False if Easel cannot do so: after a restart, after fifteen minutes, or if Discord refuses.
    """
    press = None if interaction.message is None else interaction.client.questions.take(interaction.message.id)
    if press is None:
        return False
    try:
        await (press.delete_original_response() if view is None else replace(press, view))
    except discord.NotFound:
        return view is None  # it was deleted meanwhile, and can show nothing
    except DISCORD_ERRORS as problem:
        log.warning("cannot edit the message under which a question was asked: %s", problem)
        return False
    return True


async def close(interaction: Interaction) -> None:
    """Delete the message that was used, such as an answered question."""
    await acknowledge(interaction)
    with suppress(discord.NotFound):  # it was answered twice
        await interaction.delete_original_response()


async def conclude(interaction: Interaction, text: str) -> None:
    """Replace the answered question by a text, which is Markdown."""
    with suppress(discord.NotFound):  # it was answered twice
        await replace(interaction, view_of(text))

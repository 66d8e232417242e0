"""The tree of commands: what happens before each of them, and registering them at Discord when they have changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands

from bot import background
from bot.database.database import Database
from bot.database.key_values import RECALL_VALUE, REMEMBER_VALUE
from bot.i18n import speak
from bot.i18n.commands import CommandWords
from bot.ui.access import command_of, enter
from bot.ui.api_url import api_base
from bot.ui.client import Client, Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import reply_with_error

log = logging.getLogger(__name__)


class EaselTree(app_commands.CommandTree[Client]):
    """The command tree: acknowledges commands in time. `bot.ui.interactions.replies` replies to errors."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Set the language, schedule the acknowledgement, and check that the person may use the command here.

        Autocomplete is not checked: it only suggests what the command then checks.
        """
        speak(interaction.locale.value)
        if interaction.type is not discord.InteractionType.application_command:
            return True
        command = interaction.command
        extras = {} if command is None else command.extras
        acknowledge.schedule(interaction, private=not extras.get("public"), opens_modal=bool(extras.get("opens_modal")))
        name, action = command_of(interaction)
        problem = await background.failure(enter(interaction, name, action, checked_by_discord=True))
        if problem is not None:  # discord.py handles only its own errors here
            await reply_with_error(interaction, problem)
        return problem is None

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Reply with the error."""
        await reply_with_error(interaction, error)


class CommandRegistration:
    """Registers the commands of a tree. `registered` are those that Discord has, once it was asked."""

    def __init__(self, tree: app_commands.CommandTree[Any], db: Database) -> None:
        self.registered: Sequence[app_commands.AppCommand] = ()
        self._tree = tree
        self._db = db

    async def register_changed(self) -> None:
        """Register the commands if they changed: Discord allows 200 creations a day.

        Raises discord.HTTPException or DatabaseError.
        """
        words = CommandWords()
        payload = [await command.get_translated_payload(self._tree, words) for command in self._tree.get_commands()]
        digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        key = f"commands of {self._tree.client.application_id} at {api_base()}"
        self.registered = await self._tree.fetch_commands()
        there = {command.name for command in self.registered}
        wanted = {command.name for command in self._tree.get_commands()}
        if there == wanted and await self._db.one(RECALL_VALUE, key) == digest:
            return
        self.registered = await self._tree.sync()
        await self._db.run(REMEMBER_VALUE, key=key, value=digest)
        log.info("registered %s commands", len(payload))

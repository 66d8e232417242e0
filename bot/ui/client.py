"""The Discord client as commands and views see it: what they may ask of it. `bot.ui.bot` is the one that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol
from weakref import WeakValueDictionary

import discord
from discord import ui
from discord.ext import commands

from bot.app.assembly import Easel
from bot.requests.builder import Wish
from bot.ui.replies import reply_with_error
from bot.ui.studio_session import StudioSessions
from inference.messages import GenerationRequest


class OrderService(Protocol):
    """Makes jobs of what people ask for. `bot.ui.delivery.orders` implements it."""

    async def paint(self, interaction: Interaction, wish: Wish) -> None:
        """Paint what a person asks for; what it leaves open is filled in from their preferences."""
        ...

    async def order(self, interaction: Interaction, request: GenerationRequest) -> None:
        """Queue a checked request, and deliver its result to whoever asked."""
        ...

    async def record(
        self, interaction: Interaction, request: GenerationRequest, picture: Path, notes: tuple[str, ...]
    ) -> None:
        """Deliver a picture that is painted already, as the result of a job of its own."""
        ...


class Client(commands.AutoShardedBot):
    """What commands and views find at `interaction.client`. It splits into shards when Discord asks for it."""

    easel: Easel
    orders: OrderService
    studios: StudioSessions
    forms: WeakValueDictionary[str, ui.Modal]  # the modals that are open, by custom_id

    async def reply_with_error(self, interaction: Interaction, error: Exception) -> None:
        """Answer what a button or a modal raised, as the command tree does for commands."""
        await reply_with_error(interaction, error)


# A class of its own would not do: discord.py makes the interactions, and is told their type here.
Interaction = discord.Interaction[Client]


class Cog(commands.Cog):
    """Slash commands of one noun. Every subclass is added to the client at its start."""

    registered: ClassVar[list[type[Cog]]] = []

    def __init__(self, client: Client) -> None:
        self._client = client

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        Cog.registered.append(cls)

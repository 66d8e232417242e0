"""Suggestions while a person types: LoRAs and checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.config import CheckpointSettings
from bot.database.choices import LoraChoice, lora_choices

if TYPE_CHECKING:
    from bot.client import EaselBot

    Interaction = discord.Interaction[EaselBot]
    Choices = list[app_commands.Choice[str]]

MAX_CHOICES, MAX_TEXT = 25, 100  # Discord's limits


async def suggest_loras(interaction: Interaction, typed: str) -> Choices:
    """Bookmarks first, and in each group what fits the chosen checkpoint; the rest is marked with its base model."""
    easel = interaction.client.easel
    checkpoint = _chosen_checkpoint(interaction)
    fitting = [
        lora
        for lora in {v for spec in easel.checkpoints for v in (spec.base_model,)}
        if checkpoint and easel.settings.matching.table.compare(lora, checkpoint.base_model).fits
    ]
    found = await lora_choices(
        easel.connection, interaction.user.id, typed[:MAX_TEXT], fitting=fitting, limit=MAX_CHOICES
    )
    return [app_commands.Choice(name=_label(choice), value=f"#{choice.id}") for choice in found]


def _chosen_checkpoint(interaction: Interaction) -> CheckpointSettings | None:
    settings = interaction.client.easel.settings
    name = getattr(interaction.namespace, "checkpoint", None)
    chosen = settings.checkpoint(str(name)) if name else None
    return chosen or next(iter(settings.checkpoints), None)


def _label(choice: LoraChoice) -> str:
    """`★ Komori · character · Vivid, Pastel`, cut in the name so that the base model stays readable."""
    bases = ", ".join(base.label for base in choice.base_models) or "base model unknown"
    tail = f" · {choice.category} · {bases}" + ("" if choice.fits else " · does not fit")
    head = ("★ " if choice.bookmarked else "") + choice.name
    tail = tail[: MAX_TEXT // 2 + 20]
    room = MAX_TEXT - len(tail)
    return (head if len(head) <= room else f"{head[: room - 1]}…") + tail


async def suggest_checkpoints(interaction: Interaction, typed: str) -> Choices:
    """The installed checkpoints with their base models."""
    checkpoints = interaction.client.easel.settings.checkpoints
    wanted = typed.casefold()
    return [
        app_commands.Choice(name=f"{c.name} · {c.base_model.label}"[:MAX_TEXT], value=c.name)
        for c in checkpoints
        if wanted in c.name.casefold() or wanted in c.base_model.label.casefold()
    ][:MAX_CHOICES]

"""Words of people made safe to show, and the forms in which things are written everywhere."""

from __future__ import annotations

import discord

from bot.database.loras import Lora
from inference.messages import GenerationRequest, LoraUse

_LIMIT = 300  # characters of one name or sentence; a view holds 4000 in all


def plain(text: str, limit: int = _LIMIT) -> str:
    """Text without the power to format, ping or link; cut at `limit` characters."""
    line = " ".join(text.split())
    short = line if len(line) <= limit else f"{line[: limit - 1]}…"
    return discord.utils.escape_mentions(discord.utils.escape_markdown(short)).replace("<", "\\<")


def lora_use(use: LoraUse) -> str:
    """`Komori 0.8`."""
    return f"{plain(use.name, 60)} {use.weight:g}"


def summary(request: GenerationRequest) -> str:
    """Checkpoint, LoRAs and weights, seed: the line under a picture. The prompt stays the person's own."""
    parts = [f"**{plain(request.checkpoint)}**", *map(lora_use, request.loras), f"seed {request.seed}"]
    return " · ".join(parts)


def base_models(lora: Lora) -> str:
    """The base models of an entry's usable versions: `Vivid, Pastel`; `base model unknown` when nobody said."""
    known = dict.fromkeys(v.base_model.label for v in lora.usable if v.base_model is not None)
    return ", ".join(known) or "base model unknown"

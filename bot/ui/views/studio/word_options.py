"""Trigger words and groups of them as options of a menu."""

from __future__ import annotations

import hashlib

import discord

from bot.workspace.studio_draft import Row


def word_value(word: str) -> str:
    """A short value for a trigger word or a group of them."""
    return hashlib.sha256(word.encode()).hexdigest()[:16]


def word_option(row: Row, word: str, *, value: str, beside: str = "") -> discord.SelectOption:
    """An option for a trigger word or a group, which is shown by its name if it has one."""
    name = row.group_name(word)
    described = " · ".join(filter(None, (beside, word if name else "")))
    return discord.SelectOption(
        label=(name or word)[:100], value=value, description=described[:100] or None, default=word in row.words
    )

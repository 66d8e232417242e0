"""Trigger words and groups of them as options of a menu or choices of a form."""

from __future__ import annotations

import hashlib

import discord

from bot.ui.views.forms import Option
from bot.workspace.studio_draft import Row


def word_value(word: str) -> str:
    """A short value for a trigger word or a group of them."""
    return hashlib.sha256(word.encode()).hexdigest()[:16]


def word_choice(row: Row, word: str, beside: str = "") -> Option:
    """A trigger word or a group, which is shown by its name if it has one."""
    name = row.group_name(word)
    return Option(word_value(word), name or word, " · ".join(filter(None, (beside, word if name else ""))))


def word_option(row: Row, word: str, *, value: str, beside: str) -> discord.SelectOption:
    """The same as an option of a menu."""
    option = word_choice(row, word, beside).option(on=word in row.words)
    option["value"] = value
    return discord.SelectOption(**option)

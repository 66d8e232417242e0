"""Translates the descriptions of slash commands, their options and choices.

Names stay English: sentences and guides say `/imagine`, and people should find it under that name everywhere.
"""

from __future__ import annotations

import asyncio
from gettext import NullTranslations

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Place

from bot.i18n.catalogue import ENGLISH, language_for, languages, translations

_NAMES = {Place.command_name, Place.group_name, Place.parameter_name}


class CommandWords(app_commands.Translator):
    """The translator that discord.py asks when commands are registered."""

    async def load(self) -> None:
        """Load all catalogues in a thread: the first lookup would delay all replies by 0.1 s for each language."""
        for language in languages():
            await asyncio.to_thread(translations, language)

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The text in `locale`, None where it stays as it is."""
        language = language_for(locale.value)
        if language == ENGLISH or not spoken(string, context):
            return None
        found = translated(translations(language), string)
        return None if found == string.message else found


def translated(known: NullTranslations, string: app_commands.locale_str) -> str:
    """Look a text up in the context that its `locale_str` was given."""
    context = context_of(string)
    return known.gettext(string.message) if context is None else known.pgettext(context, string.message)


def context_of(string: app_commands.locale_str) -> str | None:
    """The context of a text whose English words have several meanings."""
    return string.extras.get("context")


def spoken(string: app_commands.locale_str, context: app_commands.TranslationContextTypes) -> bool:
    """Whether the text is translated: names that people type are not, names of menu entries are."""
    if isinstance(context.data, app_commands.ContextMenu):
        return True
    return context.location not in _NAMES

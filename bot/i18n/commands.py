"""Translations of the descriptions of slash commands, options and choices.

Names stay English: messages and guides mention `/imagine`, and users find it by this name in every language.
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
        """Return the text in the language of `locale`, or None if it stays English."""
        language = language_for(locale.value)
        if language == ENGLISH or not spoken(string, context):
            return None
        found = translated(translations(language), string)
        return None if found == string.message else found


def translated(known: NullTranslations, string: app_commands.locale_str) -> str:
    """Translate a text in the context of its `locale_str`."""
    context = context_of(string)
    return known.gettext(string.message) if context is None else known.pgettext(context, string.message)


def context_of(string: app_commands.locale_str) -> str | None:
    """Return the context of a text whose English words have several meanings, or None."""
    return string.extras.get("context")


def spoken(string: app_commands.locale_str, context: app_commands.TranslationContextTypes) -> bool:
    """Whether the text is translated. Names that users type stay English; names of menu entries are translated."""
    if isinstance(context.data, app_commands.ContextMenu):
        return True
    return context.location not in _NAMES

"""The form of a list of words. What was typed into one that could not be saved is offered again."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.database.servers.word_lists import ServerWordList
from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.servers.administration.words import WordAdministration, lines_of
from bot.servers.word_limits import MAX_NAME
from bot.ui.access import context_of
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import ErrorWithRows
from bot.ui.views.custom_ids import is_id
from bot.ui.views.forms import TextField
from bot.ui.views.persistent_items import outdated_error
from bot.ui.views.servers.panel import PanelButton, PanelForm, PanelPage, shown
from inference.errors import RequestError

MAX_TYPED = 4000  # characters of one field; Discord's limit
_RULES: Final = ("words", "patterns", "exceptions")
_FILE: Final = "list-of-words.json"
_MAX_FILE: Final = 100_000  # bytes; three fields and a name have at most 12,100 characters


def services(interaction: Interaction) -> WordAdministration:
    """The services of the section."""
    return interaction.client.servers.administration.words


def list_of(page: PanelPage, lists: Sequence[ServerWordList]) -> ServerWordList:
    """The list that a page is about. Raises NothingThere."""
    found = next((each for each in lists if str(each.id) == page.detail), None)
    if found is None:
        raise NothingThere(what=_("This list no longer exists."))
    return found


class AddListButton(PanelButton, prefix="svwordadd"):
    """Opens the form for a new list."""

    label = later("Add list")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        new = ServerWordList(self.page.server_id, "")
        await acknowledge.open_modal(interaction, WordListForm(self.page, new, interaction.id))


class EditListButton(PanelButton, prefix="svwordedit"):
    """Opens the form of a list."""

    label = later("Edit")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises NothingThere."""
        lists = await services(interaction).lists(context_of(interaction), self.page.server_id)
        one = list_of(self.page, [each for each in lists if each.rule_id is None])
        await acknowledge.open_modal(interaction, WordListForm(self.page, one, interaction.id))


def _lines_field(text: str, hint: str) -> TextField:
    return TextField(text, hint, length=MAX_TYPED, required=False, long=True)


class WordListForm(PanelForm, key="svwordlist"):
    """The words of a list. A new one is active, and does not read negative prompts."""

    name = TextField(later("Name"), later("Users see this name if the list refuses their text"), length=MAX_NAME)
    words = _lines_field(
        later("Words and phrases, one per line"),
        later("Wildcards: cat* = starts with cat, *cat = ends with cat, *cat* = contains cat"),
    )
    patterns = _lines_field(later("Patterns, one per line"), later("RE2 regular expressions, in lower case"))
    exceptions = _lines_field(
        later("Exceptions, one per line"), later("The list ignores its own words inside these phrases")
    )

    def __init__(self, page: PanelPage, one: ServerWordList, opening: int) -> None:
        """`one`: what it is filled with, and with an id the list that is changed."""
        rules = {each: "\n".join(getattr(one, each)) for each in _RULES}
        super().__init__(_("Word list"), page, opening, name=one.name, **rules)
        self._id = one.id

    async def submitted(self, interaction: Interaction) -> None:
        """Save the list. Raises DatabaseError, and an ErrorWithRows of one that cannot be saved."""
        typed = {each: str(getattr(self, each)) for each in ("name", *_RULES)}
        try:
            saved = await self._save(interaction, {each: lines_of(typed[each]) for each in _RULES})
        except RequestError as problem:
            raise _refused(self.page, typed, problem) from problem
        await self.page.about(str(saved.id)).show(interaction)

    async def _save(self, interaction: Interaction, rules: dict[str, Any]) -> ServerWordList:
        who, server_id = context_of(interaction), self.page.server_id
        if not self._id:
            return await services(interaction).add(who, ServerWordList(server_id, self.name, **rules))
        return await services(interaction).change(who, server_id, self._id, name=self.name, **rules)


def _refused(page: PanelPage, typed: Mapping[str, str], problem: RequestError) -> ErrorWithRows:
    """A list that could not be saved, with what was typed: in a file, and by a button in the form again.

    The file lies in the message, so nothing of it is kept here, and it is there after a restart.
    """
    kept = _("This file contains your entries. Press *Correct entries* to edit them in the form.")
    data = json.dumps(typed, ensure_ascii=False, indent=1).encode("utf-8", "replace")
    file = discord.File(io.BytesIO(data), _FILE)
    row = ui.ActionRow[Any](CorrectListButton(page))
    return ErrorWithRows(problem, shown([f"-# {kept}"]), ui.File[Any](file), row, files=[file])


class CorrectListButton(PanelButton, prefix="svwordagain"):
    """Opens the form with what was typed before, which lies in the message of the button."""

    label, style = later("Correct entries"), discord.ButtonStyle.primary
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises NothingThere when the file is not there."""
        typed = await _typed_before(interaction.message)
        rules: dict[str, Any] = {each: lines_of(typed[each]) for each in _RULES}
        list_id = int(self.page.detail) if is_id(self.page.detail) else 0
        before = ServerWordList(self.page.server_id, typed["name"], **rules, id=list_id)
        await acknowledge.open_modal(interaction, WordListForm(self.page, before, interaction.id))


async def _typed_before(message: discord.Message | None) -> dict[str, str]:
    """What was typed into each field. Raises NothingThere."""
    files = [file for file in (message.attachments if message else ()) if file.filename == _FILE]
    if not files or files[0].size > _MAX_FILE:
        raise outdated_error()
    try:
        found = json.loads(await files[0].read())
        return {each: str(found[each]) for each in ("name", *_RULES)}
    except discord.HTTPException:
        raise NothingThere(what=_("Easel could not download the file. Please try again.")) from None
    except (ValueError, LookupError, TypeError):
        raise outdated_error() from None

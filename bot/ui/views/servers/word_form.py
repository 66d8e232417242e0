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
from bot.servers.rights import Action
from bot.servers.word_limits import MAX_NAME
from bot.ui.access import context_of, require
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import ErrorWithView, error_message
from bot.ui.views.persistent_items import is_id, outdated_error
from bot.ui.views.servers.panel import PAGE, PanelButton, PanelForm, PanelPage
from inference.errors import RequestError

MAX_TYPED = 4000  # characters of one field; Discord's limit
_FIELDS: Final[Mapping[str, int]] = dict.fromkeys(("words", "patterns", "exceptions"), MAX_TYPED)
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


class AddListButton(PanelButton, template=rf"svwordadd:{PAGE}"):
    """Opens the form for a new list."""

    name, label = "svwordadd", later("Add list")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await require(interaction, Action.CONFIGURE, self.page.server_id)
        await acknowledge.open_modal(interaction, WordListForm(self.page, None, opening=interaction.id))


class EditListButton(PanelButton, template=rf"svwordedit:{PAGE}"):
    """Opens the form of a list."""

    name, label = "svwordedit", later("Edit")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises NothingThere."""
        lists = await services(interaction).lists(context_of(interaction), self.page.server_id)
        one = list_of(self.page, [each for each in lists if each.rule_id is None])
        await acknowledge.open_modal(interaction, WordListForm(self.page, one, opening=interaction.id))


class WordListForm(PanelForm):
    """The words of a list. A new one is active, and does not read negative prompts."""

    def __init__(self, page: PanelPage, one: ServerWordList | None, *, opening: int) -> None:
        """`one`: what it is filled with, and with an id the list that is changed."""
        super().__init__(_("Word list"), "svwordlist", page, opening=opening)
        self._id = one.id if one and one.id else None
        self.list_name: ui.TextInput[Any] = ui.TextInput(
            custom_id="name", max_length=MAX_NAME, default=one.name if one else None
        )
        self.words, self.patterns, self.exceptions = (
            ui.TextInput[Any](
                custom_id=name,
                style=discord.TextStyle.paragraph,
                required=False,
                max_length=MAX_TYPED,
                default="\n".join(rules) or None,
            )
            for name, rules in (
                ("words", one.words if one else ()),
                ("patterns", one.patterns if one else ()),
                ("exceptions", one.exceptions if one else ()),
            )
        )
        fields = (
            (_("Name"), _("Users see this name if the list refuses their text"), self.list_name),
            (
                _("Words and phrases, one per line"),
                _("Wildcards: cat* = starts with cat, *cat = ends with cat, *cat* = contains cat"),
                self.words,
            ),
            (_("Patterns, one per line"), _("RE2 regular expressions, in lower case"), self.patterns),
            (_("Exceptions, one per line"), _("The list ignores its own words inside these phrases"), self.exceptions),
        )
        for text, description, component in fields:
            self.add_item(ui.Label[Any](text=text, description=description, component=component))

    async def submitted(self, interaction: Interaction) -> None:
        """Save the list. Raises RefusedList or DatabaseError."""
        server_id = self.page.server_id
        typed = {"name": self.list_name.value, **{each: getattr(self, each).value for each in _FIELDS}}
        try:
            saved = await self._save(interaction, server_id, {name: lines_of(typed[name]) for name in _FIELDS})
        except RequestError as problem:
            raise RefusedList(self.page, typed, error_message(problem)) from problem
        await self.page.about(str(saved.id)).show(interaction)

    async def _save(self, interaction: Interaction, server_id: int, rules: dict[str, Any]) -> ServerWordList:
        who, name = context_of(interaction), self.list_name.value
        if self._id is None:
            return await services(interaction).add(who, ServerWordList(server_id, name, **rules))
        return await services(interaction).change(who, server_id, self._id, name=name, **rules)


class RefusedList(ErrorWithView):
    """A list that could not be saved, with what was typed: in a file, and by a button in the form again.

    The file lies in the message, so nothing of it is kept here, and it is there after a restart.
    """

    def __init__(self, page: PanelPage, typed: dict[str, str], text: str) -> None:
        super().__init__(text)
        self._page, self._typed, self._text = page, typed, text

    def view(self) -> ui.LayoutView:
        """What is wrong with it, the file, and the button."""
        view = ui.LayoutView(timeout=None)
        kept = _("This file contains your entries. Press *Correct entries* to edit them in the form.")
        view.add_item(ui.TextDisplay[Any](f"{self._text}\n-# {kept}"))
        view.add_item(ui.File[Any](f"attachment://{_FILE}"))
        view.add_item(ui.ActionRow[Any](CorrectListButton(self._page)))
        return view

    def files(self) -> list[discord.File]:
        """What was typed."""
        text = json.dumps(self._typed, ensure_ascii=False, indent=1)
        return [discord.File(io.BytesIO(text.encode("utf-8", "replace")), _FILE)]


class CorrectListButton(PanelButton, template=rf"svwordagain:{PAGE}"):
    """Opens the form with what was typed before, which lies in the message of the button."""

    name, label = "svwordagain", later("Correct entries")
    style = discord.ButtonStyle.primary
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises NothingThere when the file is not there."""
        await require(interaction, Action.CONFIGURE, self.page.server_id)
        typed = await _typed_before(interaction.message)
        rules: dict[str, Any] = {name: lines_of(typed[name]) for name in _FIELDS}
        list_id = int(self.page.detail) if is_id(self.page.detail) else 0
        before = ServerWordList(self.page.server_id, typed["name"], **rules, id=list_id)
        await acknowledge.open_modal(interaction, WordListForm(self.page, before, opening=interaction.id))


async def _typed_before(message: discord.Message | None) -> dict[str, str]:
    """What was typed into each field. Raises NothingThere."""
    files = [file for file in (message.attachments if message else ()) if file.filename == _FILE]
    if not files or files[0].size > _MAX_FILE:
        raise outdated_error()
    try:
        found = json.loads(await files[0].read())
        return {name: str(found[name])[:most] for name, most in (("name", MAX_NAME), *_FIELDS.items())}
    except discord.HTTPException:
        raise NothingThere(what=_("Easel could not download the file. Please try again.")) from None
    except (ValueError, LookupError, TypeError):
        raise outdated_error() from None

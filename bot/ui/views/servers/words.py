"""The section about the server's own lists of words and patterns, and the phrases that it allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import discord
from discord import ui

from bot.config.sections.moderation import WordListMode
from bot.database.servers.word_lists import ServerWordList
from bot.errors.words import AutoModUnread
from bot.i18n import _, later, listed, ngettext, number
from bot.i18n.texts import bounded_lines, code, plain
from bot.servers.automod import AutoModImport
from bot.servers.lookups import LookupFailed
from bot.servers.word_limits import MAX_LISTS, MAX_NAME, MAX_PATTERNS, MAX_WORDS
from bot.ui.access import context_of
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.rendered_message import Items
from bot.ui.views.custom_ids import is_id
from bot.ui.views.list_page import Cursor, Found, TurnPageButton
from bot.ui.views.persistent_items import outdated_error
from bot.ui.views.question import question_view
from bot.ui.views.servers.panel import (
    PanelButton,
    PanelMenu,
    PanelPage,
    PanelSection,
    shown,
)
from bot.ui.views.servers.phrases import all_lists_button
from bot.ui.views.servers.word_form import AddListButton, EditListButton, list_of, services

LISTED = 6  # lists on a page
AUTOMOD = "automod"  # the detail of the page about an import
LEFT_OUT_ROOM = 1200  # characters
SHOWN_RULES, RULE_ROOM = 12, 700  # words of a list that its page names, and their characters
_MODES: Final = {
    WordListMode.ACTIVE: later("active: refuses texts with these words"),
    WordListMode.SHADOW: later("shadow: counts texts with these words, but refuses nothing"),
    WordListMode.OFF: later("off: does nothing"),
}


class WordsSection(PanelSection[ServerWordList]):
    """The lists; where the page is about one, that one."""

    key, title = "words", later("Words")

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[ServerWordList]:
        """A page of the lists, or none of them."""
        if query.detail:
            return Found(())
        lists = await services(interaction).lists(context_of(interaction), query.server_id)
        return Found.counted(lists[cursor.number * LISTED :][:LISTED], cursor, len(lists), LISTED)

    def above(self, page: PanelPage, found: Found[ServerWordList]) -> Items:
        """What lists do, and how many there may be."""
        if page.detail:
            return ()
        about = _(
            "In this server, Easel refuses prompts, LoRA names, stack names and notes that contain words from "
            "an active list."
        )
        most = _("Limit: {lists} lists, with {words} words and {patterns} patterns in total.").format(
            lists=number(MAX_LISTS), words=number(MAX_WORDS), patterns=number(MAX_PATTERNS)
        )
        return [shown([about, f"-# {most}"])]

    def row(self, interaction: Interaction, page: PanelPage, entry: ServerWordList) -> ui.Item[Any]:
        """A list, and *Open*."""
        text = f"**{plain(entry.name, MAX_NAME)}** · {_(_MODES[entry.mode])}\n-# {_counts(entry)}"
        return ui.Section[Any](text, accessory=TurnPageButton(page.about(str(entry.id))).labelled(_("Open")))

    async def controls(self, interaction: Interaction, page: PanelPage, found: Found[ServerWordList]) -> Items:
        """What adds some; or the list that the page is about, or an import."""
        if page.detail == AUTOMOD:
            return _automod(page, await automod_of(interaction, page.server_id))
        if page.detail:
            lists = await services(interaction).lists(context_of(interaction), page.server_id)
            return _one(page, list_of(page, lists))
        buttons = (
            AddListButton(page),
            TurnPageButton(page.about(AUTOMOD)).labelled(_("Import AutoMod words")),
            TurnPageButton(PanelPage.of(page.server_id, "phrases")).labelled(_("Allowed phrases")),
        )
        none = [] if found.entries else [shown([_("No lists yet.")])]
        return [*none, ui.ActionRow[Any](*buttons)]


async def automod_of(interaction: Interaction, server_id: int) -> AutoModImport:
    """Preview an import from AutoMod: the lists to save, and the rules that Easel cannot import.

    Raises AutoModUnread, and what `WordAdministration.automod` raises.
    """
    try:
        return await services(interaction).automod(context_of(interaction), server_id)
    except LookupFailed:
        raise AutoModUnread from None


def _automod(page: PanelPage, found: AutoModImport) -> list[ui.Item[Any]]:
    """What of AutoMod is kept and what is not, before it is."""
    words = sum(len(each.words) for each in found.lists)
    patterns = sum(len(each.patterns) for each in found.lists)
    lines = [
        _("Lists to import from AutoMod: {lists}. Words: {words}. Patterns: {patterns}.").format(
            lists=number(len(found.lists)), words=number(words), patterns=number(patterns)
        )
    ]
    lines += [f"- **{plain(each.name, MAX_NAME)}** · {_counts(each)}" for each in found.lists]
    if found.presets:
        told = _(
            "Discord does not reveal the words of its built-in lists, so Easel cannot import these lists: {names}."
        )
        lines.append(told.format(names=listed([plain(name, MAX_NAME) for name in found.presets])))
    if found.left_out:
        lines.append(_("Not imported:"))
        lines += bounded_lines([f"- {code(each.text, 60)}: {_(each.why)}" for each in found.left_out], LEFT_OUT_ROOM)
    lines.append(
        "-# "
        + _("This import replaces the previous one. Roles and channels that AutoMod exempts are not exempt in Easel.")
    )
    keep = KeepAutoModButton(page)
    keep.item.disabled = not found.lists and not found.replaced
    return [shown(lines), ui.ActionRow[Any](keep, all_lists_button(page))]


def _one(page: PanelPage, one: ServerWordList) -> list[ui.Item[Any]]:
    lines = [f"**{plain(one.name, MAX_NAME)}**", f"-# {_counts(one)}"]
    named = ((_("Words"), one.words), (_("Patterns"), one.patterns), (_("Exceptions"), one.exceptions))
    lines += [f"{title}: {_some(rules)}" for title, rules in named if rules]
    buttons: list[ui.Item[Any]] = [DeleteListButton(page), all_lists_button(page)]
    if one.rule_id is None:
        buttons.insert(0, EditListButton(page))
    else:
        imported = _(
            "This list was imported from AutoMod. To change its words, edit the list in AutoMod and import it again."
        )
        lines.append(f"-# {imported}")
    menus = (ui.ActionRow[Any](each.of(page, one)) for each in (ListModeMenu, NegativePromptsMenu, FormsMenu))
    return [shown(lines), *menus, ui.ActionRow[Any](*buttons)]


def _counts(one: ServerWordList) -> str:
    """What is in a list, and what it would have refused."""
    parts = [
        ngettext("{count} word", "{count} words", len(one.words)).format(count=number(len(one.words))),
        ngettext("{count} pattern", "{count} patterns", len(one.patterns)).format(count=number(len(one.patterns))),
    ]
    if one.negative_prompts:
        parts.append(_("also checks negative prompts"))
    if one.forms:
        parts.append(_("also matches plurals and typing mistakes"))
    if one.mode is WordListMode.SHADOW:
        text = ngettext("would have refused {count} text", "would have refused {count} texts", one.shadowed)
        parts.append(text.format(count=number(one.shadowed)))
    return " · ".join(parts)


def _some(rules: Sequence[str]) -> str:
    """The first words or patterns, in code spans, and how many more there are."""
    told, room = list[str](), RULE_ROOM
    for rule in rules[:SHOWN_RULES]:
        span = code(rule, 60)
        room -= len(span)
        if room < 0:
            break
        told.append(span)
    rest = len(rules) - len(told)
    if rest:
        told.append(ngettext("{count} more", "{count} more", rest).format(count=number(rest)))
    return " ".join(told)


class KeepAutoModButton(PanelButton, prefix="svautomod"):
    """Imports AutoMod's words, as they are when it is pressed."""

    label, style = later("Import"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Import them. Raises what `WordAdministration.import_automod` raises."""
        try:
            await services(interaction).import_automod(context_of(interaction), self.page.server_id)
        except LookupFailed:
            raise AutoModUnread from None
        await self.page.about("").show(interaction)


class ListMenu(PanelMenu):
    """Sets a `field` of the list that its page is about; `choices` are its values and their texts."""

    field: ClassVar[str]
    choices: ClassVar[Mapping[Any, str]]

    @classmethod
    def of(cls, page: PanelPage, one: ServerWordList) -> Self:
        """The menu with the current choice selected."""
        now = getattr(one, cls.field)
        return cls(page).offering(
            discord.SelectOption(label=_(text), value=str(value), default=value is now)
            for value, text in cls.choices.items()
        )

    async def handle(self, interaction: Interaction) -> None:
        """Save the choice. Raises NothingThere."""
        chosen = {str(value): value for value in self.choices}
        if self.value not in chosen or not is_id(self.page.detail):
            raise outdated_error()
        change = {self.field: chosen[self.value]}
        who, list_id = context_of(interaction), int(self.page.detail)
        await services(interaction).change(who, self.page.server_id, list_id, **change)
        await self.page.show(interaction)


class ListModeMenu(ListMenu, prefix="svwordmode"):
    """Whether a list refuses, counts or rests."""

    field, choices = "mode", _MODES


class NegativePromptsMenu(ListMenu, prefix="svwordneg"):
    """Whether a list reads negative prompts."""

    field = "negative_prompts"
    choices: ClassVar = {
        False: later("Negative prompts: not checked"),
        True: later("Negative prompts: also checked"),
    }


class FormsMenu(ListMenu, prefix="svwordforms"):
    """Whether a list matches other forms of its words."""

    field = "forms"
    choices: ClassVar = {
        False: later("Plurals and typing mistakes: not matched"),
        True: later("Plurals (words with 5 or more letters) and typing mistakes (words with 7 or more): also matched"),
    }


class DeleteListButton(PanelButton, prefix="svworddel"):
    """Asks, in place of the panel, whether a list is to be deleted."""

    label, style = later("Delete"), discord.ButtonStyle.danger

    async def handle(self, interaction: Interaction) -> None:
        """Ask. Raises NothingThere."""
        one = list_of(self.page, await services(interaction).lists(context_of(interaction), self.page.server_id))
        text = _("Easel will delete the list **{name}** and all its words. You cannot undo this.").format(
            name=plain(one.name, MAX_NAME)
        )
        keep = TurnPageButton(self.page).labelled(_("Keep list"))
        view = question_view(_("Delete this list?"), text, ConfirmListDeletionButton(self.page), keep)
        await acknowledge.replace(interaction, view)


class ConfirmListDeletionButton(PanelButton, prefix="svwordgone"):
    """Deletes a list, and shows the others."""

    label, style = later("Delete list"), discord.ButtonStyle.danger

    async def handle(self, interaction: Interaction) -> None:
        """Delete it. Raises NothingThere."""
        who, lists = context_of(interaction), services(interaction)
        one = list_of(self.page, await lists.lists(who, self.page.server_id))
        await lists.delete(who, self.page.server_id, one.id)
        await self.page.about("").show(interaction)

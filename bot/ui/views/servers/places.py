"""The section about where and with what is painted, and about what the server's members get by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import discord
from babel import Locale
from discord import ui

from bot.database.servers.settings import ServerSettings
from bot.i18n import _, label, later
from bot.i18n.catalogue import ENGLISH, languages
from bot.i18n.texts import several
from bot.servers.rights import checkpoint_allowed
from bot.ui.client import Interaction
from bot.ui.rendered_message import Items, RenderedMessage
from bot.ui.views.list_page import Cursor, Found, ListRef
from bot.ui.views.persistent_items import MENU
from bot.ui.views.servers.entity_menus import offering_channels
from bot.ui.views.servers.home import mentions
from bot.ui.views.servers.panel import (
    PanelMenu,
    PanelPage,
    PanelSection,
    shown,
)
from inference.lora.beside.categories import Category

_NONE, _CHOSEN = "-", "="  # the value of the option without a choice; what the value of a choice begins with
LISTED = MENU - 1  # checkpoints on a page: the menu of the default one has one more option


class PlacesSection(PanelSection[str]):
    """Channels, checkpoints, categories and defaults."""

    key, title = "places", later("Channels and defaults")

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[str]:
        """A page of the checkpoints."""
        installed = interaction.client.configuration.checkpoints.names
        return Found.counted(_on_page(installed, cursor), cursor, len(installed), LISTED)

    async def entries(
        self, interaction: Interaction, at: ListRef, query: PanelPage, found: Found[str], page: RenderedMessage
    ) -> Items:
        """What is set, and a menu for each setting."""
        settings, here = await query.settings(interaction), query.to(at.cursor)
        spoilers = SpoilersMenu(here)
        menus = (
            offering_channels(ChannelsMenu(here), interaction, settings.channels, _("Allowed channels")),
            offering_channels(spoilers, interaction, settings.spoiler_channels, _("Spoiler channels")),
            CheckpointsMenu.of(here, settings, found.entries),
            CategoriesMenu.of(here, settings),
            DefaultCheckpointMenu.of(here, settings, found.entries),
            PromptsMenu.of(here, settings),
            LanguageMenu.of(here, settings),
        )
        return [shown(_lines(settings)), *(ui.ActionRow[Any](menu) for menu in menus)]


def _on_page(installed: Sequence[str], cursor: Cursor) -> list[str]:
    """The checkpoints of a page."""
    return list(installed[cursor.number * LISTED :][:LISTED])


def _lines(settings: ServerSettings) -> list[str]:
    return [
        _("Allowed channels: **{names}**").format(names=mentions("#", settings.channels, _("all channels"))),
        _("Spoiler channels (pictures stay hidden until clicked): **{names}**").format(
            names=mentions("#", settings.spoiler_channels, _("none"))
        ),
        _("Allowed models: **{names}**").format(names=several(settings.checkpoints) or _("all")),
        _("Allowed LoRA categories: **{names}**").format(names=several(map(label, settings.categories)) or _("all")),
        _("Default model: **{name}**").format(
            name=several([settings.default_checkpoint])
            if settings.default_checkpoint
            else _("the first model in the list")
        ),
        _("Default prompt visibility: **{choice}**").format(choice=_prompts(shown=bool(settings.shows_prompt))),
        _("Language of public messages: **{name}**").format(name=_language(settings.language)),
        "-# " + _("To allow all channels, all models or all LoRA categories, leave the menu for them empty."),
    ]


def _prompts(*, shown: bool) -> str:
    return _("shown with pictures") if shown else _("private")


def _language(language: str | None) -> str:
    """The name of a language in itself."""
    return _("each user's own language") if language is None else Locale.parse(language).get_display_name() or language


class ServerSettingMenu(PanelMenu):
    """A menu that changes the setting `field` of the server and shows the section again."""

    field: ClassVar[str] = ""

    def setting(self) -> object:
        """The new value of the setting: the chosen channels or roles."""
        return self.discord_ids

    async def handle(self, interaction: Interaction) -> None:
        """Save and show. Raises what `SettingsAdministration.change` raises."""
        await self.page.change(interaction, **{self.field: self.setting()})


class ChannelsMenu(ServerSettingMenu, prefix="svchannels"):
    """The channels in which pictures are painted."""

    field = "channels"


class SpoilersMenu(ServerSettingMenu, prefix="svspoilers"):
    """The channels in which pictures are spoilers."""

    field = "spoiler_channels"


class CheckpointsMenu(PanelMenu, prefix="svmodels"):
    """The checkpoints that paint here; those of other pages stay as they are."""

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings, names: Sequence[str]) -> Self:
        """The menu with those selected that are allowed by name."""
        allowed = {name.casefold() for name in settings.checkpoints}
        options = [
            discord.SelectOption(label=name, value=f"{_CHOSEN}{name}", default=name.casefold() in allowed)
            for name in names
        ]
        return cls(page).offering(options, _("Allowed models"), min_values=0, max_values=len(options))

    async def handle(self, interaction: Interaction) -> None:
        """Save them. Checkpoints that are not installed any more are left out."""
        before = (await self.page.settings(interaction)).checkpoints
        installed = interaction.client.configuration.checkpoints.names
        here = _on_page(installed, self.page.cursor)
        chosen = [value.removeprefix(_CHOSEN) for value in self.values]
        kept = [name for name in before if name in installed and name not in here]
        await self.page.change(interaction, checkpoints=(*kept, *chosen))


class CategoriesMenu(ServerSettingMenu, prefix="svkinds"):
    """The categories of LoRAs that are used here."""

    field = "categories"

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings) -> Self:
        """The menu with the current ones selected."""
        options = [
            discord.SelectOption(label=label(each), value=each.value, default=each in settings.categories)
            for each in Category
        ]
        return cls(page).offering(options, _("Allowed LoRA categories"), min_values=0, max_values=len(options))

    def setting(self) -> tuple[Category, ...]:
        """The chosen categories."""
        return tuple(each for each in Category if each.value in self.values)


class NameMenu(ServerSettingMenu):
    """A menu of names, and of one option for none."""

    @classmethod
    def of_names(
        cls, page: PanelPage, none: str, names: Mapping[str, str], current: str | None, placeholder: str = ""
    ) -> Self:
        """The menu with the current one selected; `names` have their labels."""
        options = [discord.SelectOption(label=none, value=_NONE, default=current is None)]
        options += [
            discord.SelectOption(label=text, value=f"{_CHOSEN}{name}", default=name == current)
            for name, text in names.items()
        ]
        return cls(page).offering(options, placeholder)

    def setting(self) -> str | None:
        """The chosen name."""
        return self.value.removeprefix(_CHOSEN) if self.value.startswith(_CHOSEN) else None


class DefaultCheckpointMenu(NameMenu, prefix="svmodel"):
    """The checkpoint of people who have chosen none."""

    field = "default_checkpoint"

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings, names: Sequence[str]) -> Self:
        """The menu with the current one selected; those that are not allowed are left out."""
        allowed = {name: name for name in names if checkpoint_allowed(settings, name)}
        none = _("Default model: the first model in the list")
        return cls.of_names(page, none, allowed, settings.default_checkpoint, _("Default model"))


class PromptsMenu(ServerSettingMenu, prefix="svprompts"):
    """Whether prompts of people who have not chosen stand under their public pictures."""

    field = "shows_prompt"

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings) -> Self:
        """The menu with the current choice selected."""
        return cls(page).offering(
            discord.SelectOption(
                label=_("Default prompt visibility: {choice}").format(choice=_prompts(shown=choice)),
                value=str(int(choice)),
                default=bool(settings.shows_prompt) is choice,
            )
            for choice in (False, True)
        )

    def setting(self) -> bool:
        """Whether prompts are shown."""
        return self.value == "1"


class LanguageMenu(NameMenu, prefix="svlanguage"):
    """The language of the messages that everybody sees. A forged one raises LanguageUnknown."""

    field = "language"

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings) -> Self:
        """The menu with the current one selected."""
        names = {language: _language(language) for language in sorted(languages() | {ENGLISH})}
        return cls.of_names(page, _("Language: each user's own language"), names, settings.language)

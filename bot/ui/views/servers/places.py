"""The section about where and with what is painted, and about what the server's members get by default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import discord
from babel import Locale
from discord import ui

from bot.database.servers.settings import ServerSettings
from bot.i18n import _, label, later
from bot.i18n.catalogue import ENGLISH, languages
from bot.i18n.texts import several
from bot.servers.rights import checkpoint_allowed
from bot.ui.client import Interaction
from bot.ui.views.persistent_items import NO_CUSTOM_ID
from bot.ui.views.servers.entity_menus import channel_menu
from bot.ui.views.servers.home import mentions
from bot.ui.views.servers.panel import (
    MENU,
    PAGE,
    PanelMenu,
    PanelPage,
    PanelSection,
    administration,
    shown,
    turning,
)
from inference.lora.beside.categories import Category

_NONE, _CHOSEN = "-", "="  # the value of the option without a choice; what the value of a choice begins with
LISTED = MENU - 1  # checkpoints on a page: the menu of the default one has one more option


class PlacesSection(PanelSection):
    """Channels, checkpoints, categories and defaults."""

    key, title = "places", later("Channels and defaults")

    async def items(self, interaction: Interaction, page: PanelPage) -> Sequence[ui.Item[Any]]:
        """What is set, and a menu for each setting."""
        services, who = administration(interaction)
        settings = (await services.settings.setup(who, page.server_id)).settings
        installed = interaction.client.configuration.checkpoints.names
        names = _on_page(installed, page)
        menus = (
            ChannelsMenu(page, **channel_menu(interaction, page, settings.channels, _("Allowed channels"))),
            SpoilersMenu(page, **channel_menu(interaction, page, settings.spoiler_channels, _("Spoiler channels"))),
            CheckpointsMenu.of(page, settings, names),
            CategoriesMenu.of(page, settings),
            DefaultCheckpointMenu.of(page, settings, names),
            PromptsMenu.of(page, settings),
            LanguageMenu.of(page, settings),
        )
        return [
            shown(_lines(settings)),
            *(ui.ActionRow[Any](menu) for menu in menus),
            *turning(page, more=len(installed) > (page.page + 1) * LISTED),
        ]


def _on_page(installed: Sequence[str], page: PanelPage) -> list[str]:
    """The checkpoints of a page; of the first one beyond the end."""
    return list(installed[page.page * LISTED :][:LISTED] or installed[:LISTED])


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


class ServerSettingMenu(PanelMenu, template=NO_CUSTOM_ID):
    """A menu that changes one setting of the server and shows the section again."""

    async def change(self, interaction: Interaction, **changes: object) -> None:
        """Save and show. Raises what `SettingsAdministration.change` raises."""
        services, who = administration(interaction)
        await services.settings.change(who, self.page.server_id, **changes)
        await self.page.show(interaction)


class ChannelsMenu(ServerSettingMenu, template=rf"svchannels:{PAGE}"):
    """The channels in which pictures are painted."""

    name = "svchannels"

    async def handle(self, interaction: Interaction) -> None:
        """Save them."""
        await self.change(interaction, channels=self.ids(interaction))


class SpoilersMenu(ServerSettingMenu, template=rf"svspoilers:{PAGE}"):
    """The channels in which pictures are spoilers."""

    name = "svspoilers"

    async def handle(self, interaction: Interaction) -> None:
        """Save them."""
        await self.change(interaction, spoiler_channels=self.ids(interaction))


class CheckpointsMenu(ServerSettingMenu, template=rf"svmodels:{PAGE}"):
    """The checkpoints that paint here; those of other pages stay as they are."""

    name = "svmodels"

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings, names: Sequence[str]) -> Self:
        """The menu with those selected that are allowed by name."""
        allowed = {name.casefold() for name in settings.checkpoints}
        options = [
            discord.SelectOption(label=name, value=f"{_CHOSEN}{name}", default=name.casefold() in allowed)
            for name in names
        ]
        placeholder = _("Allowed models")
        return cls(page, options=options, min_values=0, max_values=len(options), placeholder=placeholder)

    async def handle(self, interaction: Interaction) -> None:
        """Save them. Checkpoints that are not installed any more are left out."""
        services, who = administration(interaction)
        before = (await services.settings.setup(who, self.page.server_id)).settings.checkpoints
        installed = interaction.client.configuration.checkpoints.names
        here = _on_page(installed, self.page)
        chosen = [value.removeprefix(_CHOSEN) for value in self.values(interaction)]
        kept = [name for name in before if name in installed and name not in here]
        await self.change(interaction, checkpoints=(*kept, *chosen))


class CategoriesMenu(ServerSettingMenu, template=rf"svkinds:{PAGE}"):
    """The categories of LoRAs that are used here."""

    name = "svkinds"

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings) -> Self:
        """The menu with the current ones selected."""
        options = [
            discord.SelectOption(label=label(each), value=each.value, default=each in settings.categories)
            for each in Category
        ]
        placeholder = _("Allowed LoRA categories")
        return cls(page, options=options, min_values=0, max_values=len(options), placeholder=placeholder)

    async def handle(self, interaction: Interaction) -> None:
        """Save them."""
        known = {each.value: each for each in Category}
        await self.change(
            interaction, categories=tuple(known[value] for value in self.values(interaction) if value in known)
        )


class DefaultCheckpointMenu(ServerSettingMenu, template=rf"svmodel:{PAGE}"):
    """The checkpoint of people who have chosen none."""

    name = "svmodel"

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings, names: Sequence[str]) -> Self:
        """The menu with the current one selected; those that are not allowed are left out."""
        options = [
            discord.SelectOption(label=name, value=f"{_CHOSEN}{name}", default=name == settings.default_checkpoint)
            for name in names
            if checkpoint_allowed(settings, name)
        ]
        first = discord.SelectOption(
            label=_("Default model: the first model in the list"),
            value=_NONE,
            default=settings.default_checkpoint is None,
        )
        return cls(page, options=[first, *options], placeholder=_("Default model"))

    async def handle(self, interaction: Interaction) -> None:
        """Save it."""
        value = self.value(interaction)
        await self.change(
            interaction, default_checkpoint=value.removeprefix(_CHOSEN) if value.startswith(_CHOSEN) else None
        )


class PromptsMenu(ServerSettingMenu, template=rf"svprompts:{PAGE}"):
    """Whether prompts of people who have not chosen stand under their public pictures."""

    name = "svprompts"

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings) -> Self:
        """The menu with the current choice selected."""
        options = [
            discord.SelectOption(
                label=_("Default prompt visibility: {choice}").format(choice=_prompts(shown=choice)),
                value=str(int(choice)),
                default=bool(settings.shows_prompt) is choice,
            )
            for choice in (False, True)
        ]
        return cls(page, options=options)

    async def handle(self, interaction: Interaction) -> None:
        """Save it."""
        await self.change(interaction, shows_prompt=self.value(interaction) == "1")


class LanguageMenu(ServerSettingMenu, template=rf"svlanguage:{PAGE}"):
    """The language of the messages that everybody sees."""

    name = "svlanguage"

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings) -> Self:
        """The menu with the current one selected."""
        each_own = discord.SelectOption(
            label=_("Language: each user's own language"), value=_NONE, default=settings.language is None
        )
        options = [
            discord.SelectOption(
                label=_language(language), value=f"{_CHOSEN}{language}", default=language == settings.language
            )
            for language in sorted(languages() | {ENGLISH})
        ]
        return cls(page, options=[each_own, *options])

    async def handle(self, interaction: Interaction) -> None:
        """Save it. Raises LanguageUnknown for a forged one."""
        value = self.value(interaction)
        await self.change(interaction, language=value.removeprefix(_CHOSEN) if value.startswith(_CHOSEN) else None)

"""The panel of `/settings`: a person's own defaults, each with the menu or button that changes it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.database.clock import now_ms
from bot.database.people.preferences import Preferences, find_preferences, save_preferences
from bot.database.servers.settings import ServerSettings
from bot.i18n import _, later
from bot.i18n.texts import plain
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.servers.defaults import shows_prompt
from bot.servers.rights import checkpoint_allowed
from bot.ui.access import context_of, server_settings
from bot.ui.client import Interaction
from bot.ui.interactions.acknowledge import replace
from bot.ui.rendered_message import view_of
from bot.ui.views.custom_ids import Switch
from bot.ui.views.people.limits_text import limits_text
from bot.ui.views.persistent_items import PersistentButton, PersistentMenu

SHAPES = ("square", "portrait", "landscape")
_USUAL, _CHOSEN = "-", "="  # the value of the option without a choice; what the value of a choice begins with


async def settings_view(interaction: Interaction, preferences: Preferences) -> ui.LayoutView:
    """The person's defaults, the controls that change them, and the limits that hold where they are.

    Raises DatabaseError.
    """
    checkpoints, server = interaction.client.configuration.checkpoints, await server_settings(interaction)
    limits = await interaction.client.servers.checks.limits_of(context_of(interaction))
    lines = _summary(checkpoints, preferences, server)
    if interaction.guild_id is not None:
        lines.append(
            "-# "
            + _(
                "This server's staff and the bot's operators can read the prompts of pictures that you "
                "show to everyone here."
            )
        )
    buttons: list[PersistentButton] = [
        PrivateResultsButton(on=not preferences.private),
        ShownPromptsButton(on=not shows_prompt(preferences, server)),
    ]
    if interaction.client.configuration.settings.looks_for_updates:
        buttons.append(UpdateMessagesButton(on=not preferences.update_messages))
    if preferences != Preferences():
        buttons.append(ResetSettingsButton())
    menus = UsualCheckpointMenu.of(checkpoints, preferences), UsualShapeMenu.of(preferences)
    rows = [*map(ui.ActionRow[Any], menus), ui.ActionRow[Any](*buttons)]
    return view_of("\n".join(lines), *rows, limits_text(limits, now_ms()))


def _summary(checkpoints: InstalledCheckpoints, preferences: Preferences, server: ServerSettings) -> list[str]:
    usual = _("default")
    checkpoint = usual if preferences.checkpoint is None else plain(preferences.checkpoint)
    if preferences.checkpoint is not None and checkpoints.find(preferences.checkpoint) is None:
        checkpoint = _("{checkpoint} (no longer installed)").format(checkpoint=checkpoint)
    lines = [
        f"## {_('Your settings')}",
        _("Model: **{checkpoint}**").format(checkpoint=checkpoint),
        _("Size: **{size}**").format(size=_shapes().get(preferences.size or "", usual)),
        _("Results: **only you see them**") if preferences.private else _("Results: **everyone sees them**"),
        _prompts(preferences, server),
        *(
            [_("New versions of bookmarked LoRAs: **Easel sends you a direct message**")]
            if preferences.update_messages
            else []
        ),
        "-# " + _("Easel uses these settings unless you choose something else."),
    ]
    if preferences.checkpoint is not None and not checkpoint_allowed(server, preferences.checkpoint):
        lines.append(
            _("This server does not allow {checkpoint}, so Easel uses another model here.").format(
                checkpoint=checkpoint
            )
        )
    return lines


def _prompts(preferences: Preferences, server: ServerSettings) -> str:
    if preferences.shows_prompt is not None:
        if preferences.shows_prompt:
            return _("Prompts: **shown with your pictures**")
        return _("Prompts: **private**")
    if shows_prompt(preferences, server):
        return _("Prompts: **shown with your pictures** (server default)")
    return _("Prompts: **private** (default)")


def _shapes() -> dict[str, str]:
    return dict(zip(SHAPES, (_("square"), _("portrait"), _("landscape")), strict=True))


async def _change(interaction: Interaction, changes: dict[str, object]) -> None:
    """Save the changes, and show the panel with them."""
    db, person_id = interaction.client.db, interaction.user.id
    preferences = (await find_preferences(db, person_id)).model_copy(update=changes)
    await save_preferences(db, person_id, preferences)
    await replace(interaction, await settings_view(interaction, preferences))


class SettingMenu(PersistentMenu):
    """A menu of one setting; its first option makes it as usual."""

    command = "settings"

    def chosen(self) -> str | None:
        """The chosen value; None: as usual."""
        return self.value.removeprefix(_CHOSEN) if self.value.startswith(_CHOSEN) else None


class UsualCheckpointMenu(SettingMenu, prefix="set:checkpoint"):
    """The checkpoint that paints when the person names none."""

    @classmethod
    def of(cls, checkpoints: InstalledCheckpoints, preferences: Preferences) -> Self:
        """The menu with the current one selected. It comes first, for a menu has no room for all of many."""
        current = checkpoints.find(preferences.checkpoint)
        usual = discord.SelectOption(label=_("Use default model"), value=_USUAL, default=preferences.checkpoint is None)
        options = [
            discord.SelectOption(
                label=each.name,
                value=f"{_CHOSEN}{each.name}",
                description=each.base_model.label[:100],
                default=each is current,
            )
            for each in sorted(checkpoints, key=lambda each: each is not current)  # else in the operator's order
        ]
        return cls().offering([usual, *options], _("Model"))

    async def handle(self, interaction: Interaction) -> None:
        """Save it. Raises CheckpointNotFound when it is not installed any more."""
        name = self.chosen()
        if name is not None:
            name = interaction.client.configuration.checkpoints.require(name).name
        await _change(interaction, {"checkpoint": name})


class UsualShapeMenu(SettingMenu, prefix="set:size"):
    """The shape of pictures when the person names none."""

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        """The menu with the current one selected."""
        usual = discord.SelectOption(label=_("Use default size"), value=_USUAL, default=preferences.size not in SHAPES)
        options = [
            discord.SelectOption(label=name, value=f"{_CHOSEN}{shape}", default=shape == preferences.size)
            for shape, name in _shapes().items()
        ]
        return cls().offering([usual, *options], _("Size"))

    async def handle(self, interaction: Interaction) -> None:
        """Save it."""
        shape = self.chosen()
        await _change(interaction, {"size": shape if shape in SHAPES else None})


class SettingSwitch(PersistentButton):
    """A button that switches a setting `on` or off; the custom_id says which, so that a double press does no harm."""

    command = "settings"
    setting: ClassVar[str]
    labels: ClassVar[tuple[str, str]]  # of what switches it off, and on

    on: Switch

    def text(self) -> str:
        """What it does, as its label."""
        return _(self.labels[self.on])

    async def handle(self, interaction: Interaction) -> None:
        """Save it."""
        await _change(interaction, {self.setting: self.on})


class PrivateResultsButton(SettingSwitch, prefix="set:private"):
    """Who sees the person's pictures."""

    setting = "private"
    labels = later("Show my results to everyone"), later("Make my results private")


class ShownPromptsButton(SettingSwitch, prefix="set:prompts"):
    """Whether the person's prompts stand under their pictures."""

    setting = "shows_prompt"
    labels = later("Keep my prompts private"), later("Show my prompts")


class UpdateMessagesButton(SettingSwitch, prefix="set:updates"):
    """Whether the person gets direct messages about newer versions of their bookmarks."""

    setting = "update_messages"
    labels = later("Stop messages about new LoRA versions"), later("Message me about new LoRA versions")


class ResetSettingsButton(PersistentButton, prefix="set:reset"):
    """Forgets what the person chose."""

    command, label = "settings", later("Reset to defaults")

    async def handle(self, interaction: Interaction) -> None:
        """Save the usual ones."""
        await _change(interaction, Preferences().model_dump())

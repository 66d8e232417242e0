"""The button and modal with which an operator declares the base model of a LoRA file."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import ui

from bot.database.loras import Lora, LoraVersion, find_lora
from bot.errors import NothingThere
from bot.i18n import _
from bot.i18n.texts import plain
from bot.servers.rights import Action
from bot.ui import acknowledge
from bot.ui.access import require
from bot.ui.client import Interaction
from bot.ui.replies import send_ephemeral_text
from bot.ui.views.persistent_items import ModalForm, PersistentButton
from inference.base_models import BaseModelId, known_base_models

MAX_OPTIONS = 25


class DeclareButton(PersistentButton, template=r"decl:(?P<lora>\d{1,18})"):
    """Opens the declaration. Only operators see it, and the permission is checked again on use."""

    command = "lora"
    opens_modal = True

    def __init__(self, lora_id: int) -> None:
        self.lora_id = lora_id
        super().__init__(ui.Button(label=_("Declare base model"), custom_id=f"decl:{lora_id}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]))

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        await require(interaction, Action.DECIDE_BASE_MODEL)
        lora = await find_lora(interaction.client.connection, self.lora_id)
        if lora is None or not lora.usable:
            raise NothingThere(what=_("There is no usable file of this LoRA to declare."))
        installed = list(interaction.client.configuration.checkpoints.base_models)
        await acknowledge.open_modal(interaction, DeclareModal(lora, installed, opening=interaction.id))


class DeclareModal(ModalForm):
    """The file, its base model and the reason. The base models of the installed checkpoints come first."""

    command = "lora"
    private = True

    def __init__(self, lora: Lora, installed: list[BaseModelId], *, opening: int) -> None:
        super().__init__(_("Declare {name}").format(name=lora.name), f"declare:{lora.id}", opening)
        self._versions = {str(version.id): version for version in lora.usable[:MAX_OPTIONS]}
        self.version: ui.Select[Any] = ui.Select(custom_id="version", options=_version_options(self._versions))
        self.base: ui.Select[Any] = ui.Select(custom_id="base", options=_base_options(installed))
        self.reason: ui.TextInput[Any] = ui.TextInput(custom_id="reason", max_length=1000)
        self.add_item(ui.Label[Any](text=_("File"), component=self.version))
        self.add_item(ui.Label[Any](text=_("Trained on"), component=self.base))
        self.add_item(ui.Label[Any](text=_("How do you know?"), component=self.reason))

    async def submitted(self, interaction: Interaction) -> None:
        """Store the declaration and match the library again, which takes a while for a large one."""
        await require(interaction, Action.DECIDE_BASE_MODEL)
        version = self._versions[self.version.values[0]]
        base = BaseModelId(self.base.values[0])
        assert version.sha256 is not None
        await interaction.client.keeper.declare(
            version.sha256, base, who=f"{interaction.user} ({interaction.user.id})", reason=self.reason.value
        )
        text = _("{name} is now {base}, for the bytes {hash}… alone.")
        await send_ephemeral_text(
            interaction, text.format(name=plain(version.name), base=base.label, hash=version.sha256[:10])
        )


def _version_options(versions: dict[str, LoraVersion]) -> list[discord.SelectOption]:
    first = next(iter(versions))
    return [
        discord.SelectOption(label=version.name[:100], value=key, description=version.path[-100:], default=key == first)
        for key, version in versions.items()
    ]


def _base_options(installed: list[BaseModelId]) -> list[discord.SelectOption]:
    bases = list(dict.fromkeys([*installed, *known_base_models()]))[:MAX_OPTIONS]
    return [discord.SelectOption(label=base.label[:100], value=base, description=str(base)) for base in bases]

"""The buttons of the studio panel. Each carries whose panel it is, and which revision of the draft it shows."""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import discord
from discord import ui

from bot import acknowledge
from bot.database.loras import find_lora
from bot.errors import NothingThere, NotYourPanel
from bot.studio import StudioLora
from bot.views.press import PressButton
from bot.views.studio.forms import AdjustForm, AdvancedForm, OptionsForm, PromptForm
from bot.words import _

if TYPE_CHECKING:
    from bot.views.press import Interaction
    from bot.views.studio.desk import Standing

NUDGE = 0.1  # of weight, by one press
_NEVER = r"(?!)"


@dataclass(frozen=True)
class PanelKey:
    """Whose panel a control stands on, and which revision of the draft that panel shows."""

    person_id: int
    revision: int

    @classmethod
    def of(cls, standing: Standing) -> PanelKey:
        """The key of a panel that shows `standing`."""
        return cls(standing.person_id, standing.revision)

    def custom_id(self, name: str, argument: object = "") -> str:
        """The id of the control `name` on this panel."""
        return f"st{name}:{self.person_id}:{self.revision}:{argument}"


def panel_id(name: str) -> str:
    """The pattern of the ids that `PanelKey.custom_id` makes for `name`."""
    return rf"st{name}:(?P<person>\d{{1,19}}):(?P<revision>\d{{1,15}}):(?P<argument>[\w:.-]{{0,40}})"


def key_in(match: re.Match[str]) -> PanelKey:
    """The key in a control's id."""
    return PanelKey(int(match["person"]), int(match["revision"]))


def require_mine(interaction: Interaction, key: PanelKey) -> None:
    """Raise NotYourPanel for anybody but the panel's person."""
    if interaction.user.id != key.person_id:
        raise NotYourPanel


class StudioButton(PressButton, template=_NEVER):
    """A button of the panel: subclasses say what it does in `act`."""

    name: ClassVar[str] = ""
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, key: PanelKey, argument: str = "", *, label: str = "…", disabled: bool = False) -> None:
        self.key, self.argument = key, argument
        custom_id = key.custom_id(self.name, argument)
        super().__init__(ui.Button(label=label[:80], style=self.style, custom_id=custom_id, disabled=disabled))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(key_in(match), match["argument"])

    async def press(self, interaction: Interaction) -> None:
        """Act, if it is the person's own."""
        require_mine(interaction, self.key)
        await self.act(interaction)

    @abstractmethod
    async def act(self, interaction: Interaction) -> None:
        """What the button does."""

    async def lora(self, interaction: Interaction) -> StudioLora:
        """The LoRA of the draft that the argument begins with. Raises NothingThere."""
        standing = await interaction.client.desk.standing(interaction.user.id)
        found = [lora for lora in standing.studio.loras if str(lora.lora_id) == self.argument.split(":")[0]]
        if not found:
            raise NothingThere(what=_("This LoRA is not in your studio any more."))
        return found[0]


class PromptButton(StudioButton, template=panel_id("prompt")):
    """Opens the prompt."""

    name = "prompt"

    async def act(self, interaction: Interaction) -> None:
        """Ask for prompt and negative prompt."""
        standing = await interaction.client.desk.standing(interaction.user.id)
        await acknowledge.ask(interaction, PromptForm(standing, opening=interaction.id))


class OptionsButton(StudioButton, template=panel_id("options")):
    """Opens what people change often: size, number of pictures, seed."""

    name = "options"

    async def act(self, interaction: Interaction) -> None:
        """Ask for them."""
        standing = await interaction.client.desk.standing(interaction.user.id)
        await acknowledge.ask(interaction, OptionsForm(standing, opening=interaction.id))


class AdvancedButton(StudioButton, template=panel_id("advanced")):
    """Opens what people change seldom: steps, guidance, sampler."""

    name = "advanced"

    async def act(self, interaction: Interaction) -> None:
        """Ask for them."""
        standing = await interaction.client.desk.standing(interaction.user.id)
        await acknowledge.ask(interaction, AdvancedForm(standing, opening=interaction.id))


class UndoButton(StudioButton, template=panel_id("undo")):
    """Brings back the draft from before the studio was filled from elsewhere."""

    name = "undo"

    async def act(self, interaction: Interaction) -> None:
        """Bring it back."""
        desk = interaction.client.desk
        await desk.redraw(interaction, await desk.undo(interaction.user.id), _("Your earlier draft is back."))


class NudgeButton(StudioButton, template=panel_id("nudge")):
    """A little more or less of a LoRA. The argument is `ID:1` or `ID:-1`."""

    name = "nudge"

    async def act(self, interaction: Interaction) -> None:
        """Change the weight from what it is now, also when this panel is out of date."""
        lora = await self.lora(interaction)
        desk = interaction.client.desk
        standing = await desk.standing(interaction.user.id)
        usual = next(row.weight for row in standing.rows if row.lora.lora_id == lora.lora_id)
        step = NUDGE * int(self.argument.split(":")[1])
        changed = await desk.change(
            interaction.user.id,
            lambda studio: studio.nudged(lora.lora_id, step, usual),
        )
        await desk.redraw(interaction, changed)


class AdjustButton(StudioButton, template=panel_id("adjust")):
    """Opens a LoRA's weight and trigger words."""

    name = "adjust"

    async def act(self, interaction: Interaction) -> None:
        """Ask for them."""
        lora = await self.lora(interaction)
        standing = await interaction.client.desk.standing(interaction.user.id)
        row = next(row for row in standing.rows if row.lora.lora_id == lora.lora_id)
        await acknowledge.ask(interaction, AdjustForm(row, opening=interaction.id))


class TakeOutButton(StudioButton, template=panel_id("out")):
    """Takes a LoRA out of the draft, with the trigger words it brought; without an argument all that do not fit."""

    name = "out"

    async def act(self, interaction: Interaction) -> None:
        """Take out."""
        desk = interaction.client.desk
        if self.argument:
            going = {int(self.argument)} if self.argument.isdecimal() else set[int]()
        else:
            going = {row.lora.lora_id for row in (await desk.standing(interaction.user.id)).misfits}
        changed = await desk.change(interaction.user.id, lambda studio: studio.without(going))
        await desk.redraw(interaction, changed)


class AddToStudioButton(PressButton, template=r"stadd:(?P<lora>\d{1,19})"):
    """On a LoRA's page: puts it into the studio of whoever presses, beside what is there."""

    def __init__(self, lora_id: int) -> None:
        self.lora_id = lora_id
        super().__init__(ui.Button(label=_("Add to studio"), custom_id=f"stadd:{lora_id}"))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]))

    async def press(self, interaction: Interaction) -> None:
        """Add it and show the studio."""
        lora = await find_lora(interaction.client.easel.connection, self.lora_id)
        if lora is None:
            raise NothingThere(what=_("This LoRA is not in the library any more."))
        await interaction.client.desk.open_with_lora(interaction, lora)

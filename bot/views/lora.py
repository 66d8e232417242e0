"""A LoRA's page, and the buttons by which it is used and kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot import acknowledge, background
from bot.assembly import Easel
from bot.database.bookmarks import add_bookmark, find_bookmark, remove_bookmark
from bot.database.loras import Lora, LoraVersion, find_lora
from bot.errors import NothingThere
from bot.replies import whisper
from bot.requests import LoraWish, Wish
from bot.texts import plain, several
from bot.views.declare import DeclareButton
from bot.views.page import Page
from bot.views.press import MODAL_SECONDS, PressButton
from inference.messages import MAX_PROMPT

if TYPE_CHECKING:
    from bot.views.press import Interaction

_GREY = discord.ButtonStyle.secondary
MAX_VERSIONS = 1700  # characters about them; a message holds 4000


class LoraButton(PressButton, template=r"(?!)"):
    """A button about one entry of the catalogue."""

    def __init__(self, lora_id: int, label: str, custom_id: str, style: discord.ButtonStyle = _GREY) -> None:
        self.lora_id = lora_id
        super().__init__(ui.Button(label=label, style=style, custom_id=custom_id))

    async def lora(self, interaction: Interaction) -> Lora:
        """The entry. Raises NothingThere."""
        lora = await find_lora(interaction.client.easel.connection, self.lora_id)
        if lora is None:
            raise NothingThere(what="This LoRA is not in the library any more.")
        return lora


class UseButton(LoraButton, template=r"use:(?P<lora>\d{1,19})"):
    """Asks for a prompt and paints with the LoRA on a checkpoint that fits."""

    def __init__(self, lora_id: int) -> None:
        super().__init__(lora_id, "Use now", f"use:{lora_id}", discord.ButtonStyle.primary)

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]))

    async def press(self, interaction: Interaction) -> None:
        """Open the prompt."""
        lora = await self.lora(interaction)
        fitting = interaction.client.easel.requests.checkpoints_for(lora)
        modal = PromptModal(lora, fitting[0] if fitting else None, opening=interaction.id)
        await acknowledge.ask(interaction, modal)


class BookmarkToggle(LoraButton, template=r"mark:(?P<lora>\d{1,19}):(?P<kept>[01])"):
    """Bookmarks the LoRA, or takes the bookmark away."""

    def __init__(self, lora_id: int, *, kept: bool) -> None:
        label = "Remove bookmark" if kept else "Bookmark"
        super().__init__(lora_id, label, f"mark:{lora_id}:{int(kept)}")
        self.kept = kept

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]), kept=match["kept"] == "1")

    async def press(self, interaction: Interaction) -> None:
        """Do it, and show the page as it is now."""
        lora = await self.lora(interaction)
        easel = interaction.client.easel
        change = remove_bookmark if self.kept else add_bookmark
        await change(easel.connection, interaction.user.id, lora.id)
        page = await lora_page(easel, interaction.user.id, lora)
        await acknowledge.replace(interaction, page.view, page.files)


class LoraPageButton(LoraButton, template=r"lora:(?P<lora>\d{1,19})"):
    """Opens a LoRA's page."""

    def __init__(self, lora_id: int) -> None:
        super().__init__(lora_id, "Details", f"lora:{lora_id}")

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]))

    async def press(self, interaction: Interaction) -> None:
        """Show the page, to this person only."""
        page = await lora_page(interaction.client.easel, interaction.user.id, await self.lora(interaction))
        await whisper(interaction, page.view, page.files)


class PromptModal(ui.Modal):
    """What shall be painted with this LoRA? `opening` tells it from the same modal that somebody else has open."""

    def __init__(self, lora: Lora, checkpoint: str | None, *, opening: int) -> None:
        title = f"Paint with {lora.name}"[:45]
        super().__init__(title=title, custom_id=f"prompt:{lora.id}:{opening}", timeout=MODAL_SECONDS)
        self._lora_id, self._checkpoint = lora.id, checkpoint
        example = next((v.found.sidecar.example_prompt for v in lora.usable if v.found), "")
        self.prompt: ui.TextInput[Any] = ui.TextInput(
            custom_id="prompt",
            style=discord.TextStyle.paragraph,
            default=example or None,
            max_length=MAX_PROMPT,
        )
        where = f"On {checkpoint}" if checkpoint else "No checkpoint here fits it; you will see why"
        self.add_item(ui.Label[Any](text="Prompt", description=where[:100], component=self.prompt))

    async def on_submit(self, interaction: Interaction) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Paint it."""
        acknowledge.in_time(interaction, private=False)
        wish = Wish(
            prompt=self.prompt.value,
            checkpoint=self._checkpoint,
            loras=(LoraWish(name=f"#{self._lora_id}"),),
        )
        await background.guard(
            interaction.client.orders.paint(interaction, wish),
            "a modal",
            lambda error: interaction.client.tell(interaction, error),
        )


async def lora_page(easel: Easel, person_id: int, lora: Lora) -> Page:
    """Description, versions with base model and evidence, trigger words, preview; and what to do with it."""
    page = Page()
    kept = await find_bookmark(easel.connection, person_id, lora.id) is not None
    container = ui.Container[Any](ui.TextDisplay[Any](_head(lora)))
    if preview := await page.attach_preview(easel, lora):
        container.add_item(ui.MediaGallery[Any](discord.MediaGalleryItem(preview, description="Preview")))
    versions = _versions(lora)
    container.add_item(ui.TextDisplay[Any](versions or "No file of it is in the library."))
    fitting = easel.requests.checkpoints_for(lora)
    fits = f"Fits {several(fitting, 200)}" if fitting else "No checkpoint installed here fits it"
    container.add_item(ui.TextDisplay[Any](f"-# {fits}"))
    page.view.add_item(container)
    buttons: list[PressButton] = [UseButton(lora.id), BookmarkToggle(lora.id, kept=kept)]
    if person_id in easel.settings.discord.operators:
        buttons.append(DeclareButton(lora.id))
    page.view.add_item(ui.ActionRow[Any](*buttons))
    return page


def _head(lora: Lora) -> str:
    description = f"\n{plain(lora.description, 700)}" if lora.description else ""
    return f"## {plain(lora.name)}\n{lora.category}{description}"


def _versions(lora: Lora) -> str:
    """As many as have room, and how many there are besides."""
    told = [_version(version) for version in lora.versions]
    shown = [text for number, text in enumerate(told) if len("\n".join(told[: number + 1])) <= MAX_VERSIONS]
    more = len(told) - len(shown)
    return "\n".join([*shown, f"-# … and {more} more"] if more else shown)


def _version(version: LoraVersion) -> str:
    """One version: its base model and how that is known, its trigger words and weight, or why it cannot be used."""
    if version.problem or version.missing:
        return f"**{plain(version.name)}** cannot be used: {plain(version.problem or 'its file is gone')}"
    base = version.base_model.label if version.base_model else "base model unknown"
    lines = [f"**{plain(version.name)}** · {base} · {version.evidence.value}"]
    if version.trigger_words:
        lines.append(f"Trigger words: {several(version.trigger_words)}")
    if version.recommended_weight is not None:
        lines.append(f"Recommended weight: {version.recommended_weight:g}")
    return "\n".join(lines)

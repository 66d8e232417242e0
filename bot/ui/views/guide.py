"""The pages of the guide. The custom_ids of its components hold chapter and answer, so pages work after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, NamedTuple, Self

import discord
from discord import ui

from bot.app.samples import sample_prompt
from bot.database.database import Database
from bot.database.loras.base_models import COUNT_LORAS_FOR
from bot.database.loras.search import Sort
from bot.errors.missing import NothingThere
from bot.i18n import _, later, ngettext, number
from bot.i18n.texts import plain, several
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.pictures.attachments import PictureFile
from bot.requests.builder import LoraDraft, RequestDraft
from bot.ui.access import checkpoints_here
from bot.ui.client import Interaction
from bot.ui.guide import PICTURES
from bot.ui.guide.answers import QUESTIONS, GuideAnswer, GuideLink, answer
from bot.ui.guide.chapters import CHAPTERS, Chapter, chapter
from bot.ui.interactions import acknowledge
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.bookmarks.bookmarks import open_bookmarks
from bot.ui.views.custom_ids import IdPart, Word
from bot.ui.views.list_page import BACK, NEXT
from bot.ui.views.loras.market import open_market
from bot.ui.views.persistent_items import PersistentButton, PersistentMenu
from bot.workspace.browsing import first_in_market, first_of_bookmarks, first_to_try
from inference.lora.beside.categories import Category

MAX_BASES = 12  # lines of the table of base models; a message holds 4000 characters


class ChapterMenu(PersistentMenu, prefix="guide:menu"):
    """Shows the chosen chapter."""

    command = "guide"

    @classmethod
    def of(cls, shown: Chapter) -> Self:
        """The menu with this chapter selected."""
        return cls().offering(
            discord.SelectOption(label=_(each.title), value=each.key, default=each is shown) for each in CHAPTERS
        )

    async def handle(self, interaction: Interaction) -> None:
        """Show that chapter in place of this one."""
        await _show_chapter(interaction, self.value)


class ChapterButton(PersistentButton, prefix="guide:go"):
    """Shows the previous or the next chapter."""

    command = "guide"

    key: Word

    async def handle(self, interaction: Interaction) -> None:
        """Show that chapter in place of this one."""
        await _show_chapter(interaction, self.key)


class QuestionMenu(PersistentMenu, prefix="guide:ask"):
    """A question about the person's goal or problem; the answer is shown below it."""

    command = "guide"

    key: Annotated[str, IdPart("|".join(QUESTIONS))]

    @classmethod
    def of(cls, key: str, answered: GuideAnswer | None) -> Self:
        """The menu with this answer selected."""
        options = [
            discord.SelectOption(label=_(each.question), value=each.key, default=each == answered)
            for each in QUESTIONS[key]
        ]
        return cls(key).offering(options, _("Choose your goal") if key == "goal" else _("What went wrong?"))

    async def handle(self, interaction: Interaction) -> None:
        """Show the answer."""
        await _show_chapter(interaction, self.key, self.value)


class GuideLinkButton(PersistentButton, prefix="guide:open"):
    """Opens the list or the studio that an answer recommends, in a further message."""

    link: GuideLink
    category: Category | None = None

    @property
    def checked_command(self) -> str:
        """That which opens the same."""
        return _LINKS[self.link].command

    def text(self) -> str:
        """What it opens."""
        return _(_LINKS[self.link].label)

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await _LINKS[self.link].open(interaction, self.category)


class PaintOneButton(PersistentButton, prefix="guide:paint"):
    """Paints a first picture with a LoRA that fits, from its example prompt."""

    command = "imagine"
    sends_message = True
    label, style = later("Generate a picture now"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Order the picture. Raises NothingThere."""
        client, checkpoints = interaction.client, await checkpoints_here(interaction)
        found = await first_to_try(client.db, checkpoints, interaction.user.id)
        if found is None:
            raise NothingThere(what=_("No LoRA here fits an installed model yet. Try /imagine without a LoRA."))
        lora, checkpoint = found
        version = checkpoints.version_for(lora, checkpoint)
        loras = (LoraDraft(name=f"#{lora.id}"),)
        draft = RequestDraft(prompt=sample_prompt(version, lora.category), checkpoint=checkpoint.name, loras=loras)
        await client.orders.paint(interaction, draft)


async def _open_bookmarks(interaction: Interaction, category: Category | None) -> None:
    suited = await first_of_bookmarks(interaction.client.db, await checkpoints_here(interaction), interaction.user.id)
    await open_bookmarks(interaction, suited.but(category=category))


async def _open_market(interaction: Interaction, category: Category | None) -> None:
    suited = await first_in_market(interaction.client.db, await checkpoints_here(interaction), interaction.user.id)
    await open_market(interaction, suited.but(category=category, sort=Sort.TOP_RATED))


async def _open_studio(interaction: Interaction, _category: Category | None) -> None:
    await interaction.client.studios.open(interaction)


class _Link(NamedTuple):
    """Where a button leads; the command opens the same."""

    label: str
    command: str
    open: Callable[[Interaction, Category | None], Awaitable[None]]


_LINKS = {
    GuideLink.BOOKMARKS: _Link(later("Your bookmarks"), "bookmarks", _open_bookmarks),
    GuideLink.MARKET: _Link(later("Market"), "lora", _open_market),
    GuideLink.STUDIO: _Link(later("Open the studio"), "studio", _open_studio),
}


async def guide_page(db: Database, checkpoints: InstalledCheckpoints, key: str, answered: str = "") -> RenderedMessage:
    """A chapter; one with a question also shows the answer to the chosen option."""
    current = chapter(key)
    page, neighbours = RenderedMessage(), list(_neighbour_buttons(current))
    container = ui.Container[Any](ui.TextDisplay[Any](f"## {_(current.title)}\n{_(current.text)}"))
    if current.key == "bases":
        container.add_item(ui.TextDisplay[Any](await _base_model_table(db, checkpoints)))
    data = await asyncio.to_thread((PICTURES / current.picture).read_bytes)
    picture = discord.MediaGalleryItem(page.attach(PictureFile(current.picture, data)), description=_(current.shown))
    container.add_item(ui.MediaGallery[Any](picture))
    container.add_item(ui.TextDisplay[Any](f"-# {_(current.shown)}"))
    if current.key in QUESTIONS:
        _add_question(container, current, answer(current.key, answered))
    return page.add(container, ui.ActionRow[Any](ChapterMenu.of(current)), ui.ActionRow[Any](*neighbours))


def _add_question(container: ui.Container[Any], current: Chapter, answered: GuideAnswer | None) -> None:
    container.add_item(ui.ActionRow[Any](QuestionMenu.of(current.key, answered)))
    if answered is None:
        return
    container.add_item(ui.TextDisplay[Any](_(answered.text)))
    container.add_item(ui.ActionRow[Any](*(GuideLinkButton(link, answered.category) for link in answered.links)))


def _neighbour_buttons(current: Chapter) -> Iterable[PersistentButton]:
    """The buttons for the previous and the next chapter; after the last one a first picture."""
    place = CHAPTERS.index(current)
    if place:
        yield ChapterButton(CHAPTERS[place - 1].key).labelled(_(BACK))
    if place + 1 < len(CHAPTERS):
        yield ChapterButton(CHAPTERS[place + 1].key).labelled(_(NEXT), style=discord.ButtonStyle.primary)
    else:
        yield PaintOneButton()


async def _base_model_table(db: Database, checkpoints: InstalledCheckpoints) -> str:
    """The installed base models, each with its checkpoints and the number of LoRAs that fit."""
    lines: list[str] = []
    for base, names in checkpoints.base_models.items():
        count = await db.get(COUNT_LORAS_FOR, base_models=checkpoints.lora_bases_for(base))
        text = ngettext(
            "**{base}** · {checkpoints} · {count} LoRA fits", "**{base}** · {checkpoints} · {count} LoRAs fit", count
        )
        lines.append(text.format(base=plain(base.label, 60), checkpoints=several(names, 150), count=number(count)))
    more = len(lines) - MAX_BASES
    if more > 0:
        lines[MAX_BASES:] = [ngettext("… and {count} more.", "… and {count} more.", more).format(count=more)]
    return "\n".join(lines)


async def _show_chapter(interaction: Interaction, key: str, answered: str = "") -> None:
    client = interaction.client
    page = await guide_page(client.db, await checkpoints_here(interaction), key, answered)
    await acknowledge.replace(interaction, page)

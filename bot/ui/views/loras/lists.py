"""Lists of LoRAs, as cards with previews or as compact lines with menus."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from discord import ui

from bot.database.loras.catalogue import Lora
from bot.i18n import _, label, later, ngettext, number
from bot.i18n.texts import base_models, clipped
from bot.pictures.attachments import PictureFile
from bot.requests.builder import usual_checkpoint
from bot.ui.access import checkpoints_here
from bot.ui.client import Interaction
from bot.ui.rendered_message import Items, RenderedMessage
from bot.ui.views.browse import BrowseList
from bot.ui.views.list_page import Found, ListRef
from bot.ui.views.loras import text as lora_text
from bot.ui.views.loras.buttons import lora_option
from bot.ui.views.persistent_items import MENU, PersistentMenu
from bot.workspace.browsing import BrowseQuery

MAX_LINE_NAME, MAX_LINE_BASES = 50, 40  # characters of an entry's line; 25 lines share the 4000 of a message
MAX_LINES, MAX_REMARK = 3300, 100  # characters of all lines, and of a remark


class EntriesMenu(PersistentMenu):
    """A menu of the LoRAs of a compact list. Subclasses define `handle`."""

    placeholder: ClassVar[str] = later("Open a LoRA")
    several: ClassVar[bool] = False  # whether more than one can be chosen

    at: ListRef

    def of(self, loras: Sequence[Lora]) -> Self:
        """The same menu with these entries."""
        options = [lora_option(lora) for lora in loras[:MENU]]
        return self.offering(options, _(self.placeholder), max_values=len(options) if self.several else 1)


@dataclass(frozen=True)
class ListedLora:
    """An entry: `remark` ends its line in a compact list, `details` are further lines of its card."""

    lora: Lora
    remark: str = ""
    details: Sequence[str] = ()


class LoraList(BrowseList[ListedLora]):
    """A list of LoRAs."""

    compact, crowded = True, True
    menus: ClassVar[Sequence[type[EntriesMenu]]]  # below compact lines

    @abstractmethod
    def card(self, at: ListRef, entry: ListedLora, shown: ui.Item[Any]) -> Items:
        """An entry with its buttons; `shown` is its text with the preview."""

    async def entries(
        self, interaction: Interaction, at: ListRef, query: BrowseQuery, found: Found[ListedLora], page: RenderedMessage
    ) -> Items:
        """Cards, or lines and the menus."""
        loras = [each.lora for each in found.entries]
        if query.compact and loras:
            remarks = {each.lora.id: each.remark for each in found.entries if each.remark}
            lines = lines_text(loras, at.cursor.number * self.size(query) + 1, remarks)
            return [ui.TextDisplay[Any](lines), *(ui.ActionRow[Any](menu(at).of(loras)) for menu in self.menus)]
        client, checkpoints = interaction.client, await checkpoints_here(interaction)
        usual = await usual_checkpoint(client.db, checkpoints, interaction.user.id)
        base_model = query.base_model or (usual.base_model if usual else None)
        items: list[ui.Item[Any]] = []
        for each in found.entries:
            text = lora_text.entry_text(checkpoints, each.lora, usual.name if usual else None)
            preview = await client.lora_pictures.preview(each.lora, base_model)
            items += self.card(at, each, with_preview(page, "\n".join([text, *each.details]), preview))
        return items


def with_preview(page: RenderedMessage, text: str, preview: PictureFile | None) -> ui.Item[Any]:
    """A text, and beside it the preview of its LoRA if there is one."""
    if preview is None:
        return ui.TextDisplay[Any](text)
    return ui.Section[Any](text, accessory=ui.Thumbnail[Any](page.attach(preview), description=_("Preview")))


def lines_text(loras: Sequence[Lora], first: int, remarks: Mapping[int, str]) -> str:
    """The entries of a compact list, a line each; `first` is the number of the first one, from 1.

    `remarks` are put behind them, by id. Long ones are cut where many lines have one.
    """
    lines = [
        f"{n}. **{clipped(lora.name, MAX_LINE_NAME)}** · {label(lora.category)}"
        f" · {clipped(base_models(lora), MAX_LINE_BASES)}"
        for n, lora in enumerate(loras, first)
    ]
    room = (MAX_LINES - len("\n".join(lines))) // max(len(remarks), 1) - len(" · ")
    shown = {lora_id: clipped(remark, max(1, min(room, MAX_REMARK))) for lora_id, remark in remarks.items()}
    return "\n".join(
        f"{line} · {shown[lora.id]}" if lora.id in shown else line for line, lora in zip(lines, loras, strict=True)
    )


def hidden_line(count: int) -> list[str]:
    """The line that says how many entries are rated above what this place shows; none without any."""
    text = ngettext(
        "{count} LoRA is not shown here because of its content rating. To see it, use an age-restricted "
        "channel in a server.",
        "{count} LoRAs are not shown here because of their content ratings. To see them, use an "
        "age-restricted channel in a server.",
        count,
    )
    return [f"-# {text.format(count=number(count))}"] if count else []

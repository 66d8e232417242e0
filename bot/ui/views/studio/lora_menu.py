"""The select menu that adds LoRAs: a page of LoRAs that fit, and options for paging, search and source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import discord

from bot.database.bookmarks.bookmarks import list_bookmarks
from bot.database.database import Database
from bot.database.loras.catalogue import Lora, Sort, browse_loras
from bot.database.loras.search import Shown
from bot.i18n import _, label, later, ngettext
from bot.i18n.texts import base_models
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.studio_session import StudioSnapshot
from bot.ui.views.custom_ids import is_id
from bot.ui.views.forms import ChoiceField, Option, TextField
from bot.ui.views.loras.buttons import stored_lora
from bot.ui.views.studio.forms import StudioForm
from bot.ui.views.studio.menus import StudioMenu
from bot.workspace.browsing import in_order
from bot.workspace.studio_draft import LoraMenuFilter, Studio
from inference.lora.beside.categories import Category

PAGE = 20  # LoRAs of one page; the menu has five further options
MAX_SEARCH = 100  # characters
_ANY = "-"
_SORTS = (Sort.NEWEST, Sort.OLDEST, Sort.MOST_USED, Sort.NAME)


@dataclass(frozen=True)
class LoraMenuPage:
    """A page of LoRAs that fit and are not in the studio yet. `total` is known for bookmarks only."""

    loras: Sequence[Lora]
    bookmarks: bool
    total: int | None
    more: bool


async def lora_menu_page(
    db: Database, checkpoints: InstalledCheckpoints, snapshot: StudioSnapshot, shown: Shown
) -> LoraMenuPage:
    """The LoRAs for the menu's filter. If none of the person's bookmarks fits, the best rated of the library."""
    menu_filter = snapshot.studio.lora_menu
    bases = checkpoints.lora_bases_for(snapshot.checkpoint.base_model)
    wanted: dict[str, Any] = {
        "limit": PAGE,
        "offset": menu_filter.page * PAGE,
        "search": menu_filter.search,
        "category": menu_filter.category,
        "base_models": bases,
        "shown": shown,
    }
    if menu_filter.bookmarks:
        page = await list_bookmarks(db, snapshot.person_id, **wanted, sort=menu_filter.sort)
        if page.total or menu_filter.filtered:
            loras = [bookmark.lora for bookmark in page.bookmarks]
            return LoraMenuPage(
                loras, bookmarks=True, total=page.total, more=(menu_filter.page + 1) * PAGE < page.total
            )
    found = await browse_loras(db, **wanted, sort=Sort.TOP_RATED)
    return LoraMenuPage(found.loras, bookmarks=False, total=None, more=found.more)


class AddLoraMenu(StudioMenu, prefix="stadd"):
    """Adds the chosen LoRA, or changes page, search, or source (bookmarks or library)."""

    opens_modal = True

    @classmethod
    async def of(
        cls,
        snapshot: StudioSnapshot,
        db: Database,
        checkpoints: InstalledCheckpoints,
        limit: int,
        shown: Shown,
    ) -> Self:
        """The menu for the current filter; `limit` is the number of LoRAs that go together."""
        found = await lora_menu_page(db, checkpoints, snapshot, shown)
        menu_filter = snapshot.studio.lora_menu
        options = [_option(lora) for lora in found.loras if not snapshot.studio.has(lora.id)]
        ways = [
            (menu_filter.page > 0, "<", _("Previous page"), ""),
            (found.more, ">", _("Next page"), ""),
            (menu_filter.filtered, "clear", _("Clear filter"), _filter(menu_filter)),
            (not menu_filter.bookmarks, "mine", _("Your bookmarks"), ""),
            (found.bookmarks, "all", _("All LoRAs that fit the model"), ""),
            (True, "search", _("Search, filter or sort …"), ""),
        ]
        options += [
            discord.SelectOption(label=text, value=value, description=detail[:100] or None)
            for shown, value, text, detail in ways
            if shown
        ]
        full = len(snapshot.rows) >= limit
        full_hint = _("You have reached the LoRA limit of {limit}. Remove a LoRA to add another.").format(limit=limit)
        placeholder = full_hint if full else _placeholder(found, snapshot)
        return cls(snapshot.revision).offering(options, placeholder[:150], disabled=full)

    async def handle(self, interaction: Interaction) -> None:
        """Add the LoRA, or change the filter."""
        studios = interaction.client.studios
        chosen = self.value
        if chosen == "search":
            snapshot = await studios.snapshot(interaction)
            await acknowledge.open_modal(interaction, LoraMenuSearchForm(snapshot.studio.lora_menu, interaction.id))
            return
        note = ""
        if is_id(chosen):
            note = await studios.add(interaction, await stored_lora(interaction, int(chosen)))
            snapshot = await studios.snapshot(interaction)
        else:
            snapshot = await studios.change(interaction, lambda studio: _changed_filter(studio, chosen))
        await studios.redraw(interaction, snapshot, note)


def _changed_filter(studio: Studio, way: str) -> Studio:
    page = studio.lora_menu.page
    ways: dict[str, dict[str, object]] = {
        "<": {"page": max(0, page - 1)},
        ">": {"page": page + 1},
        "all": {"bookmarks": False},
        "mine": {"bookmarks": True},
        "clear": {"search": "", "category": None},
    }
    return studio.with_menu(**ways.get(way, {}))


def _option(lora: Lora) -> discord.SelectOption:
    words = ", ".join(next((version.trigger_words for version in lora.usable if version.trigger_words), ()))
    text = " · ".join(part for part in (label(lora.category), base_models(lora), words) if part)
    return discord.SelectOption(label=lora.name[:100], value=str(lora.id), description=text[:100])


def _filter(menu_filter: LoraMenuFilter) -> str:
    chosen = (
        f"“{menu_filter.search}”" if menu_filter.search else "",
        label(menu_filter.category) if menu_filter.category else "",
    )
    return " · ".join(part for part in chosen if part)


def _placeholder(found: LoraMenuPage, snapshot: StudioSnapshot) -> str:
    checkpoint = snapshot.checkpoint.name
    chosen = _filter(snapshot.studio.lora_menu)
    if not found.loras:
        text = _("No LoRA for {checkpoint} matches {filter}") if chosen else _("No LoRA here fits {checkpoint}")
        return text.format(checkpoint=checkpoint, filter=chosen)
    if found.bookmarks:
        text = ngettext(
            "Add from bookmarks · {count} fits {checkpoint}",
            "Add from bookmarks · {count} fit {checkpoint}",
            found.total or 0,
        )
        text = text.format(count=found.total, checkpoint=checkpoint)
    else:
        text = _("Add a LoRA for {checkpoint} · best rated first").format(checkpoint=checkpoint)
    return f"{text} · {chosen}" if chosen else text


class LoraMenuSearchForm(StudioForm, key="stsearch"):
    """Search words, category, source and order of the menu."""

    search = TextField(
        later("Search"),
        later("Words to find in names, trigger words and your notes"),
        length=MAX_SEARCH,
        required=False,
    )
    category = ChoiceField(later("Category"))
    where = ChoiceField(later("Source"))
    sort = ChoiceField(later("Sort bookmarks by"))

    def __init__(self, menu_filter: LoraMenuFilter, opening: int) -> None:
        form, categories = LoraMenuSearchForm, [Option(category, label(category)) for category in Category]
        sources = [Option("mine", _("Your bookmarks")), Option("all", _("All LoRAs that fit the model"))]
        orders = [Option(sort, in_order(sort)) for sort in _SORTS]
        super().__init__(
            _("Find a LoRA to add"),
            opening,
            search=menu_filter.search,
            category=form.category.but(
                choices=[Option(_ANY, _("all categories")), *categories], value=menu_filter.category or _ANY
            ),
            where=form.where.but(choices=sources, value="mine" if menu_filter.bookmarks else "all"),
            sort=form.sort.but(choices=orders, value=menu_filter.sort),
        )

    async def submitted(self, interaction: Interaction) -> None:
        """Change the filter."""
        fields: dict[str, object] = {
            "search": " ".join(self.search.split()),
            "category": None if self.category == _ANY else Category(self.category),
            "bookmarks": self.where == "mine",
            "sort": Sort(self.sort),
        }
        await interaction.client.studios.apply(interaction, lambda studio: studio.with_menu(**fields))

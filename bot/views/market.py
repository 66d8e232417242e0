"""The market: the library's LoRAs by what people make of them, narrowed down by menus and words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot import acknowledge
from bot.assembly import Easel
from bot.database.bookmarks import find_bookmark
from bot.database.lora_search import Sort
from bot.database.loras import Lora, LoraPage, browse_loras
from bot.database.tags import popular_tags
from bot.market import MAX_SEARCH, Place, Query, base_model_in, first_query, place_of, query_at
from bot.preferences import usual_checkpoint
from bot.replies import whisper
from bot.texts import clipped
from bot.views import about_lora
from bot.views.lora import LoraPageButton, bookmark_label, toggle_bookmark
from bot.views.page import Page
from bot.views.press import Form, PressButton, PressSelect
from bot.words import _, label, ngettext, number
from inference.base_models import BaseModelId
from inference.lora.sidecar import Category

if TYPE_CHECKING:
    from bot.views.press import Interaction

PAGE_SIZE = 4  # entries of 7 components each; beside them 12 for title, menus and buttons make Discord's 40
MENU, MAX_OPTION = 25, 100  # choices of one menu, characters of one
MAX_NAME = 80  # characters of a name in what is told of a press
_NEVER = r"(?!)"
_PLACE = r"(?P<page>\d{1,6}):(?P<key>.{2,80})"
_ALL = "-"  # the choice that does not narrow anything down


class MarketButton(PressButton, template=r"market"):
    """Opens the market, for whoever presses."""

    def __init__(self) -> None:
        super().__init__(ui.Button(label=_("Market"), custom_id="market"))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls()

    async def press(self, interaction: Interaction) -> None:
        """Show it as it opens without a wish."""
        await open_market(interaction)


class TurnButton(PressButton, template=rf"mk(?P<way>[pn]):{_PLACE}"):
    """Turns to another page."""

    def __init__(self, place: Place, *, way: str, disabled: bool = False) -> None:
        self.place = place
        text = _("Back") if way == "p" else _("More")
        super().__init__(ui.Button(label=text, custom_id=f"mk{way}:{place}", disabled=disabled))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(_place_in(match), way=match["way"])

    async def press(self, interaction: Interaction) -> None:
        """Show that page in place of this one."""
        await _show(interaction, self.place)


class KeepButton(PressButton, template=rf"mkk:(?P<lora>\d{{1,19}}):(?P<kept>[01]):{_PLACE}"):
    """Bookmarks an entry without leaving the market, or takes the bookmark away."""

    def __init__(self, lora_id: int, place: Place, *, kept: bool) -> None:
        self.lora_id, self.place, self.kept = lora_id, place, kept
        button: ui.Button[Any] = ui.Button(
            label=bookmark_label(kept=kept), custom_id=f"mkk:{lora_id}:{int(kept)}:{place}"
        )
        super().__init__(button)

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["lora"]), _place_in(match), kept=match["kept"] == "1")

    async def press(self, interaction: Interaction) -> None:
        """Do it, and show the page as it is now, with a word on where what was kept is found."""
        lora = await toggle_bookmark(interaction, self.lora_id, kept=self.kept)
        told = _("{lora} is in your /bookmarks now, and /imagine offers it first.")
        await _show(interaction, self.place, "" if self.kept else told.format(lora=clipped(lora.name, MAX_NAME)))


class SearchButton(PressButton, template=rf"mkf:{_PLACE}"):
    """Asks for the words to look for."""

    asks = True

    def __init__(self, place: Place) -> None:
        self.place = place
        super().__init__(ui.Button(label=_("Search"), style=discord.ButtonStyle.primary, custom_id=f"mkf:{place}"))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(_place_in(match))

    async def press(self, interaction: Interaction) -> None:
        """Open the form."""
        query = await query_at(interaction.client.easel.connection, interaction.user.id, self.place)
        await acknowledge.ask(interaction, SearchForm(query, opening=interaction.id))


class EverythingButton(PressButton, template=rf"mkx:{_PLACE}"):
    """Forgets what was searched for; menus stay as they are."""

    def __init__(self, place: Place) -> None:
        self.place = place
        super().__init__(ui.Button(label=_("Without search"), custom_id=f"mkx:{place}"))

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(_place_in(match))

    async def press(self, interaction: Interaction) -> None:
        """Show everything that the menus leave."""
        query = await query_at(interaction.client.easel.connection, interaction.user.id, self.place)
        await _show_query(interaction, query.but(search=""))


class SearchForm(Form):
    """The words to look for in names, trigger words and descriptions."""

    posts = False

    def __init__(self, query: Query, *, opening: int) -> None:
        super().__init__(_("Search the market"), "marketsearch", opening)
        self._query = query
        self.words: ui.TextInput[Any] = ui.TextInput(
            custom_id="words", default=query.search or None, required=False, max_length=MAX_SEARCH
        )
        told = _("Names, trigger words, descriptions; a typo does no harm")
        self.add_item(ui.Label[Any](text=_("Words"), description=told, component=self.words))

    async def submitted(self, interaction: Interaction) -> None:
        """Show what is found."""
        await _show_query(interaction, self._query.but(search=" ".join(self.words.value.split())))


class MarketMenu(PressSelect, template=_NEVER):
    """A menu that changes the query. Subclasses say how."""

    name = ""

    def __init__(self, place: Place, options: Sequence[discord.SelectOption] = (), placeholder: str = "…") -> None:
        self.place = place
        menu: ui.Select[Any] = ui.Select(
            custom_id=f"{self.name}:{place}", options=list(options)[:MENU], placeholder=placeholder
        )
        super().__init__(menu)

    @classmethod
    def read(cls, match: re.Match[str]) -> Self:
        """The menu that this custom_id means."""
        return cls(_place_in(match))

    async def press(self, interaction: Interaction) -> None:
        """Show the first page of what was chosen."""
        query = await query_at(interaction.client.easel.connection, interaction.user.id, self.place)
        (chosen,) = self.values
        await _show_query(interaction, self.changed(query, chosen))

    def changed(self, query: Query, chosen: str) -> Query:
        """The query after a choice; the same for one that is unknown."""
        raise NotImplementedError


class SortMenu(MarketMenu, template=rf"mks:{_PLACE}"):
    """In which order."""

    name = "mks"

    @classmethod
    def of(cls, place: Place, query: Query) -> Self:
        """The menu with the order that is chosen."""
        options = [
            discord.SelectOption(label=label(sort), value=sort.value, default=sort is query.sort)
            for sort in (Sort.TRENDING, Sort.TOP_RATED, Sort.MOST_USED, Sort.NEWEST, Sort.OLDEST, Sort.NAME)
        ]
        return cls(place, options, _("In which order"))

    def changed(self, query: Query, chosen: str) -> Query:
        """Another order."""
        return query.but(sort=Sort(chosen)) if chosen in Sort.__members__.values() else query


class CategoryMenu(MarketMenu, template=rf"mkc:{_PLACE}"):
    """What for: a category, or a tag inside the one that is chosen; inside *other* when none is."""

    name = "mkc"

    @classmethod
    async def of(cls, place: Place, query: Query, easel: Easel) -> Self:
        """The menu with what is chosen."""
        everything = query.category is None and not query.tag
        options = [discord.SelectOption(label=_("Every category"), value=_ALL, default=everything)]
        options += [
            discord.SelectOption(
                label=label(category), value=category.value, default=category is query.category and not query.tag
            )
            for category in Category
        ]
        category = query.category or Category.OTHER
        found = await popular_tags(easel.connection, category, limit=MENU - len(options))
        tags = dict.fromkeys([*([query.tag] if query.tag else []), *(each.tag for each in found)])
        options += [
            discord.SelectOption(
                label=f"{label(category)} · {tag}"[:MAX_OPTION], value=f"#{tag}", default=tag == query.tag
            )
            for tag in tags
        ]
        return cls(place, options, _("Which category"))

    def changed(self, query: Query, chosen: str) -> Query:
        """Another category, or a tag in it."""
        if chosen.startswith("#"):
            return query.but(category=query.category or Category.OTHER, tag=chosen[1:])
        category = next((each for each in Category if each.value == chosen), None)
        return query.but(category=category, tag="")


class BaseMenu(MarketMenu, template=rf"mkb:{_PLACE}"):
    """On which checkpoints they go."""

    name = "mkb"

    @classmethod
    def of(cls, place: Place, query: Query, easel: Easel) -> Self:
        """The menu with what is chosen, the installed checkpoints' base models first."""
        checkpoints: dict[BaseModelId, list[str]] = {} if query.base_model is None else {query.base_model: []}
        for spec in easel.checkpoints:
            checkpoints.setdefault(spec.base_model, []).append(spec.name)
        options = [
            discord.SelectOption(label=_("For any base model"), value=_ALL, default=query.base_model is None),
            *(
                discord.SelectOption(
                    label=_("For {base_model}").format(base_model=base.label)[:MAX_OPTION],
                    value=base,
                    description=", ".join(names)[:MAX_OPTION] or None,
                    default=base == query.base_model,
                )
                for base, names in checkpoints.items()
            ),
        ]
        return cls(place, options, _("For which base model"))

    def changed(self, query: Query, chosen: str) -> Query:
        """Another base model."""
        return query.but(base_model=base_model_in(chosen))


# To be registered, so that pages from before a restart are alive.
CONTROLS: tuple[type[ui.DynamicItem[Any]], ...] = (
    BaseMenu,
    CategoryMenu,
    EverythingButton,
    KeepButton,
    MarketButton,
    SearchButton,
    SortMenu,
    TurnButton,
)


def _place_in(match: re.Match[str]) -> Place:
    return Place(int(match["page"]), match["key"])


async def _show(interaction: Interaction, place: Place, note: str = "") -> None:
    page = await market_page(interaction.client.easel, interaction.user.id, place, note)
    await acknowledge.replace(interaction, page.view, page.files)


async def _show_query(interaction: Interaction, query: Query) -> None:
    await _show(interaction, await place_of(interaction.client.easel, interaction.user.id, query))


async def open_market(interaction: Interaction, query: Query | None = None) -> None:
    """Show the market in a message that only the person sees; None shows what suits the person best."""
    easel, person_id = interaction.client.easel, interaction.user.id
    wanted = query or await first_query(easel, person_id)
    page = await market_page(easel, person_id, await place_of(easel, person_id, wanted))
    await whisper(interaction, page.view, page.files)


async def market_page(easel: Easel, person_id: int, place: Place, note: str = "") -> Page:
    """One page of what was looked for; `note` says what has just happened.

    Raises NothingThere when the place is too old.
    """
    query = await query_at(easel.connection, person_id, place)
    found = await browse_loras(
        easel.connection,
        limit=PAGE_SIZE,
        offset=place.page * PAGE_SIZE,
        search=query.search,
        category=query.category,
        tag=query.tag or None,
        base_models=easel.settings.matching.table.fitting(query.base_model) if query.base_model else None,
        sort=query.sort,
    )
    if not found.loras and place.page:  # the library has become smaller
        return await market_page(easel, person_id, place.turned(-place.page))
    page = Page()
    title = await _title(easel, person_id, query, place, found)
    page.view.add_item(ui.TextDisplay[Any](f"{title}\n{note}".rstrip()))
    usual = await usual_checkpoint(easel.connection, easel.settings, person_id)
    for lora in found.loras:
        await _add(page, easel, person_id, about_lora.entry(easel, lora, usual.name if usual else None), lora, place)
    page.view.add_item(ui.ActionRow[Any](*_buttons(place, query, found)))
    page.view.add_item(ui.ActionRow[Any](SortMenu.of(place, query)))
    page.view.add_item(ui.ActionRow[Any](await CategoryMenu.of(place, query, easel)))
    page.view.add_item(ui.ActionRow[Any](BaseMenu.of(place, query, easel)))
    return page


def _buttons(place: Place, query: Query, found: LoraPage) -> list[PressButton]:
    buttons: list[PressButton] = [SearchButton(place)]
    if query.search:
        buttons.append(EverythingButton(place))
    if place.page or found.more:
        buttons.append(TurnButton(place.turned(-1), way="p", disabled=not place.page))
        buttons.append(TurnButton(place.turned(1), way="n", disabled=not found.more))
    return buttons


async def _title(easel: Easel, person_id: int, query: Query, place: Place, found: LoraPage) -> str:
    """What is shown, and to whom it may help, a word on what to do."""
    lines = [f"## {_('Market')}"]
    if not found.total:
        return "\n".join([*lines, _nothing(query)])
    count = ngettext("{count} LoRA", "{count} LoRAs", found.total).format(count=number(found.total))
    parts = [count, *_chosen(query), label(query.sort)]
    if found.total > PAGE_SIZE:
        pages = -(-found.total // PAGE_SIZE)
        parts.append(_("page {page} of {pages}").format(page=number(place.page + 1), pages=number(pages)))
    lines.append(f"-# {' · '.join(parts)}")
    if query == await first_query(easel, person_id) and query.sort is Sort.TOP_RATED and not place.page:
        lines.append(
            _("Your first time here? *Details* shows what a LoRA does and paints with it, *Bookmark* keeps it.")
        )
    return "\n".join(lines)


def _chosen(query: Query) -> list[str]:
    """What the LoRAs are narrowed down by."""
    kind = f"{label(query.category)} · {clipped(query.tag, MAX_OPTION)}" if query.category and query.tag else ""
    return [
        part
        for part in (
            f"“{clipped(query.search, 2 * MAX_SEARCH)}”" if query.search else "",
            kind or (label(query.category) if query.category else clipped(query.tag, MAX_OPTION)),
            _("For {base_model}").format(base_model=query.base_model.label) if query.base_model else "",
        )
        if part
    ]


def _nothing(query: Query) -> str:
    """Nothing was found: why that may be, and what to do."""
    chosen = " · ".join(_chosen(query))
    if not chosen:
        return _("There is no LoRA here yet. The operator of this bot puts their files into its library.")
    told = _("Nothing here matches {filters}.").format(filters=chosen)
    if query.search:
        return f"{told} " + _("Try other words, or choose *For any base model* below.")
    return f"{told} " + _("Choose something else below.")


async def _add(page: Page, easel: Easel, person_id: int, text: str, lora: Lora, place: Place) -> None:
    """An entry: its picture, what is known of it, and what to do with it."""
    preview = await page.attach_preview(easel, lora)
    container = ui.Container[Any]()
    if preview is None:
        container.add_item(ui.TextDisplay[Any](text))
    else:
        container.add_item(ui.Section[Any](text, accessory=ui.Thumbnail[Any](preview, description=_("Preview"))))
    kept = await find_bookmark(easel.connection, person_id, lora.id) is not None
    container.add_item(ui.ActionRow[Any](LoraPageButton(lora.id), KeepButton(lora.id, place, kept=kept)))
    page.view.add_item(container)

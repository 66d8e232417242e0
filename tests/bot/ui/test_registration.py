"""Cogs, persistent items and page kinds are registered when their class is defined, and custom_ids are unambiguous."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Self

import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st

from bot.database.loras.search import Sort
from bot.ui.bot import load_features
from bot.ui.client import Cog, Interaction
from bot.ui.page_kind import PageKind
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.browse import TurnPageButton
from bot.ui.views.persistent_items import NO_CUSTOM_ID, PersistentButton, PersistentItem
from bot.workspace.browsing import PageRef

load_features()
ITEMS = tuple(PersistentItem.registered)


@pytest.fixture
def registries() -> Iterator[None]:
    """Remove what the test registers, so that other tests see the bot's own classes alone."""
    cogs, items, kinds = list(Cog.registered), list(PersistentItem.registered), dict(PageKind.registered)
    yield
    Cog.registered[:], PersistentItem.registered[:] = cogs, items
    PageKind.registered.clear()
    PageKind.registered.update(kinds)


@pytest.mark.usefixtures("registries")
def test_defining_a_cog_registers_it() -> None:
    class ExampleCog(Cog):
        """A cog without commands."""

    assert Cog.registered.count(ExampleCog) == 1


@pytest.mark.usefixtures("registries")
def test_defining_a_button_with_a_template_registers_it() -> None:
    class AbstractButton(PersistentButton, template=NO_CUSTOM_ID):
        """A base class."""

    class ExampleButton(AbstractButton, template=r"example:(?P<number>\d{1,3})"):
        """A button that holds a number."""

        def __init__(self, number: int) -> None:
            super().__init__(ui.Button(label="…", custom_id=f"example:{number}"))

        @classmethod
        def from_match(cls, match: re.Match[str]) -> Self:
            return cls(int(match["number"]))

        async def handle(self, interaction: Interaction) -> None:
            raise NotImplementedError

    assert PersistentItem.registered.count(ExampleButton) == 1
    assert AbstractButton not in PersistentItem.registered
    assert matching("example:7") == [ExampleButton]


@pytest.mark.usefixtures("registries")
def test_defining_a_page_kind_registers_it_and_its_controls_find_it() -> None:
    class Examples(PageKind):
        """A third list of LoRAs."""

        command, key = "lora", "example-"
        sorts = (Sort.NEWEST,)
        tags = False
        search_title = search_hint = "…"

        async def page(self, interaction: Interaction, page_ref: PageRef) -> RenderedMessage:
            raise NotImplementedError

    assert isinstance(PageKind.of("example-"), Examples)
    custom_id = f"example-n:{PageRef(1, 't-::0.')}"
    assert matching(custom_id) == [TurnPageButton]
    match = template(TurnPageButton).fullmatch(custom_id)
    assert match and isinstance(TurnPageButton.from_match(match).location.page_kind(), Examples)


def test_the_items_of_the_bot_have_unique_templates() -> None:
    assert len(ITEMS) == len({template(item).pattern for item in ITEMS}) > 0


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.__name__)
@given(data=st.data())
def test_no_custom_id_matches_two_items(item: type[PersistentItem[Any]], data: st.DataObject) -> None:
    custom_id = data.draw(st.from_regex(template(item), fullmatch=True))
    assert matching(custom_id, ITEMS) == [item]


def template(item: type[PersistentItem[Any]]) -> re.Pattern[str]:
    return item.__discord_ui_compiled_template__


def matching(
    custom_id: str, items: tuple[type[PersistentItem[Any]], ...] | None = None
) -> list[type[PersistentItem[Any]]]:
    """The registered items that discord.py would choose for a custom_id."""
    known = PersistentItem.registered if items is None else items
    return [item for item in known if template(item).fullmatch(custom_id)]

"""Cogs, persistent items and lists are registered when their class is defined, and custom_ids are unambiguous."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st

from bot.ui.bot import load_features
from bot.ui.client import Cog, Interaction
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.custom_ids import Position
from bot.ui.views.list_page import Cursor, Found, ListPage, ListRef, TurnPageButton
from bot.ui.views.persistent_items import PersistentButton, PersistentItem

load_features()
ITEMS = tuple(PersistentItem.registered)


@pytest.fixture
def registries() -> Iterator[None]:
    """Remove what the test registers, so that other tests see the bot's own classes alone."""
    cogs, items, lists = list(Cog.registered), list(PersistentItem.registered), dict(ListPage.registered)
    yield
    Cog.registered[:], PersistentItem.registered[:] = cogs, items
    ListPage.registered.clear()
    ListPage.registered.update(lists)


@pytest.mark.usefixtures("registries")
def test_defining_a_cog_registers_it() -> None:
    class ExampleCog(Cog):
        """A cog without commands."""

    assert Cog.registered.count(ExampleCog) == 1


@pytest.mark.usefixtures("registries")
def test_defining_a_button_with_a_prefix_registers_it() -> None:
    class AbstractButton(PersistentButton):
        """A base class."""

        number: Position

    class ExampleButton(AbstractButton, prefix="example"):
        """A button that holds a number."""

        async def handle(self, interaction: Interaction) -> None:
            raise NotImplementedError

    assert PersistentItem.registered.count(ExampleButton) == 1
    assert AbstractButton not in PersistentItem.registered
    assert matching("example:7") == [ExampleButton]
    assert (button := ExampleButton.from_text("example:7")) is not None and button.number == 7


@pytest.mark.usefixtures("registries")
def test_defining_a_list_registers_it_and_its_controls_find_it() -> None:
    class Examples(ListPage[str, str]):
        """A list of texts."""

        command, key = "lora", "example"

        async def query(self, interaction: Interaction, text: str) -> str:
            return text

        async def fetch(self, interaction: Interaction, query: str, cursor: Cursor) -> Found[str]:
            raise NotImplementedError

        async def heading(self, interaction: Interaction, at: ListRef, query: str, found: Found[str]) -> str:
            raise NotImplementedError

        async def entry(
            self, interaction: Interaction, at: ListRef, query: str, entry: str, page: RenderedMessage
        ) -> Sequence[ui.Item[Any]]:
            raise NotImplementedError

    at = ListRef("example", "a:b", Cursor(1))
    custom_id = TurnPageButton(at).custom_id
    assert matching(custom_id) == [TurnPageButton]
    button = TurnPageButton.from_text(custom_id)
    assert button is not None and button.at == at and isinstance(button.at.list, Examples)
    assert TurnPageButton.from_text("pg:nothing:1:a:b") is None, "there is no such list"


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

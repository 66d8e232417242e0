"""An `Easel` whose worker was never started: for pages, which only look at what there is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from discord import ui

from bot.app.assembly import Easel, assemble, open_catalogue
from bot.config import LibrarySettings
from bot.ui.client import Interaction
from bot.ui.rendered_message import RenderedMessage
from tests.house import House


@asynccontextmanager
async def open_shelf(house: House) -> AsyncIterator[Easel]:
    """The house's library, scanned; samples are wanted, though nobody paints them."""
    settings = house.settings.model_copy(update={"library": LibrarySettings(folder=house.library)})
    async with open_catalogue(settings) as found:
        yield assemble(found)


def visit(easel: Easel, person_id: int) -> Interaction:
    """An interaction in a person's direct messages, as far as lists read it."""
    nowhere = dict.fromkeys(("guild_id", "channel_id", "guild", "channel", "type", "command"))
    direct, person = SimpleNamespace(dm_channel=True), SimpleNamespace(id=person_id)
    visitor = SimpleNamespace(client=easel, user=person, id=1, extras={}, context=direct, **nowhere)
    return cast("Interaction", visitor)


def text_of(page: RenderedMessage) -> str:
    return "\n".join(item.content for item in page.view.walk_children() if isinstance(item, ui.TextDisplay))


def custom_ids(page: RenderedMessage) -> list[str]:
    return [item.custom_id for item in _controls(page) if item.custom_id]


def _controls(page: RenderedMessage) -> Iterator[ui.Button[Any] | ui.Select[Any]]:
    for item in page.view.walk_children():
        control = item.item if isinstance(item, ui.DynamicItem) else item
        if isinstance(control, ui.Button | ui.Select):
            yield control


def assert_fits_a_message(page: RenderedMessage) -> None:
    """Within Discord's limits, and every picture that is named comes along."""
    view = page.view
    assert view.total_children_count <= 40
    assert view.content_length() <= 4000
    assert all(len(custom_id) <= 100 for custom_id in custom_ids(page))
    assert len(set(custom_ids(page))) == len(custom_ids(page))
    assert len(page.files) <= 10
    for control in _controls(page):
        if isinstance(control, ui.Select):
            assert 1 <= len(control.options) <= 25
            assert all(len(o.label) <= 100 and len(o.description or "") <= 100 for o in control.options)
            assert len({o.value for o in control.options}) == len(control.options)
            assert sum(o.default for o in control.options) <= 1
    named = str(view.to_components())
    assert all(f"attachment://{file.filename}" in named for file in page.files)
    assert named.count("attachment://") == len(page.files)

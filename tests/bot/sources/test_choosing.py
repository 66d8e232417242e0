"""Which version of a page is added, and what is refused before anything is fetched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.sources.choosing import choose
from bot.sources.errors import (
    AddingOff,
    Archived,
    FitsNoCheckpoint,
    MinorAndMature,
    NoLink,
    NoSafetensors,
    NotLora,
    RealPerson,
    SourceError,
)
from bot.sources.hubs.links import CivitaiLink
from tests.bot.sources.adding import (
    demo_lora,
    opened,
)
from tests.bot.sources.hubs import Hubs
from tests.house import House


async def test_the_version_for_the_checkpoints_here_is_chosen(house: House, hubs: Hubs) -> None:
    model_id = hubs.add_model("Komori")
    fitting = hubs.add_version(model_id, demo_lora(), "Other")
    hubs.add_version(model_id, b"newest", "Flux.1 D")
    async with opened(house, hubs) as (found, additions):
        model = await additions.look_up(f"https://civitai.com/models/{model_id}")
        chosen = choose(model, found.configuration.checkpoints, found.configuration.settings.sources)
        assert chosen.version_id == fitting


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda m: m.update(type="Checkpoint"), NotLora),
        (lambda m: m.update(mode="Archived"), Archived),
        (lambda m: m.update(poi=True), RealPerson),
        (lambda m: (m.update(minor=True), m["modelVersions"][0].update(nsfwLevel=8)), MinorAndMature),
        (lambda m: (m.update(minor=True, nsfwLevel=31), m["modelVersions"][0].update(nsfwLevel=1)), MinorAndMature),
        (lambda m: (m.update(minor=True, nsfwLevel=0), m["modelVersions"][0].update(nsfwLevel=0)), MinorAndMature),
        (lambda m: m["modelVersions"][0]["files"][0].update(name="komori.pt"), NoSafetensors),
        (lambda m: m["modelVersions"][0].update(baseModel="Pony V7"), FitsNoCheckpoint),
        (lambda m: m["modelVersions"][0].update(baseModel="Wan Video 14B t2v"), FitsNoCheckpoint),
    ],
)
async def test_what_is_not_added_is_told_before_anything_is_fetched(
    house: House, hubs: Hubs, change: Callable[[dict[str, Any]], object], error: type[SourceError]
) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    (model,) = hubs.models.values()
    change(model)
    async with opened(house, hubs) as (found, additions):
        told = await additions.look_up_link(CivitaiLink(model["id"], version_id))
        with pytest.raises(error):
            choose(told, found.configuration.checkpoints, found.configuration.settings.sources)
    assert not hubs.requests(hubs.file_path(version_id))


async def test_nothing_is_asked_where_adding_is_off_or_no_link_is_given(house: House, hubs: Hubs) -> None:
    async with opened(house, hubs, enabled=False) as (_found, additions):
        with pytest.raises(AddingOff):
            await additions.look_up("https://civitai.com/models/1")
        with pytest.raises(NoLink):
            await additions.look_up("Komori")
    assert not hubs.asked

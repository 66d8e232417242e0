"""Look-ups for people: so many of each in a while, and a hub is not asked again for what it has just said."""

from __future__ import annotations

import pytest

from bot.sources.errors import Gone, LookedUpTooOften
from bot.sources.hubs.links import CivitaiLink, Link
from bot.sources.hubs.remote import RemoteModel
from bot.sources.look_ups import MAX_REMEMBERED, MOST, REMEMBERED_SECONDS, WINDOW_SECONDS, LookUps

ADA, BO = 1, 2
MODEL = RemoteModel(name="Komori", versions=())


class Hub:
    """Knows every link but the model 404, and counts what it is asked; `now` is the time."""

    def __init__(self) -> None:
        self.asked: list[Link] = []
        self.now = 0.0
        self.look_ups = LookUps(self.answer, clock=lambda: self.now)

    async def answer(self, link: Link) -> RemoteModel:
        self.asked.append(link)
        if link == CivitaiLink(404, None):
            raise Gone(host="here")
        return MODEL


async def test_a_person_has_so_many_in_a_while_and_nobody_else_pays() -> None:
    hub = Hub()
    for number in range(MOST):
        await hub.look_ups.model(CivitaiLink(1000 + number, None), ADA)
    for _ in range(3):
        with pytest.raises(LookedUpTooOften, match="in 10 min"):
            await hub.look_ups.model(CivitaiLink(1, None), ADA)
    assert len(hub.asked) == MOST
    await hub.look_ups.model(CivitaiLink(1, None), BO)
    hub.now = WINDOW_SECONDS + 1
    await hub.look_ups.model(CivitaiLink(1, None), ADA)


async def test_what_is_not_found_counts_too() -> None:
    hub = Hub()
    for _ in range(MOST):
        with pytest.raises(Gone):
            await hub.look_ups.model(CivitaiLink(404, None), ADA)
    with pytest.raises(LookedUpTooOften):
        await hub.look_ups.model(CivitaiLink(404, None), ADA)


async def test_an_answer_is_remembered_for_a_while_and_for_everybody() -> None:
    hub, link = Hub(), CivitaiLink(7, None)
    for person in range(MOST * 2):
        assert await hub.look_ups.model(link, person, remembered=True) == MODEL
        assert await hub.look_ups.model(link, ADA, remembered=True) == MODEL
    assert len(hub.asked) == 1
    await hub.look_ups.model(link, ADA)
    assert len(hub.asked) == 2, "what is added is asked for anew"
    hub.now = REMEMBERED_SECONDS + 1
    await hub.look_ups.model(link, ADA, remembered=True)
    assert len(hub.asked) == 3


async def test_only_so_much_is_remembered() -> None:
    hub, first = Hub(), CivitaiLink(1, None)
    for number in range(MAX_REMEMBERED + 1):
        await hub.look_ups.model(CivitaiLink(1 + number, None), number, remembered=True)
    await hub.look_ups.model(first, BO, remembered=True)
    assert hub.asked.count(first) == 2

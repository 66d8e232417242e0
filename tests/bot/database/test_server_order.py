"""The market in a server: its publications and likes count in what trends and in what is top rated."""

from __future__ import annotations

import pytest

from bot.database.database import Database
from bot.database.gallery.likes import like, unlike
from bot.database.gallery.publications import BEGIN_REMOVAL
from bot.database.loras import search as lora_search
from bot.database.loras.ratings import rate_lora
from bot.database.loras.search import Facets, Sort, find_loras
from bot.database.loras.uses import record_uses
from bot.database.trends import HALF_LIFE_MS, lowered, raised
from inference.lora.beside.categories import Category
from inference.messages.request import LoraUse
from tests.bot.database.conftest import add_lora, sha
from tests.bot.database.publishing import SERVER, published


@pytest.fixture(params=[lora_search.SORTED_HITS, 2], ids=["few", "too many to sort"])
def hits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many entries are sorted."""
    monkeypatch.setattr(lora_search, "SORTED_HITS", request.param)


async def order(
    db: Database, sort: Sort, server: int | None, facets: Facets | None = None, search: str = ""
) -> list[int]:
    """The whole list, read in pages of two and of three."""
    lists: list[list[int]] = []
    for limit in (2, 3):
        ids: list[int] = []
        for offset in range(0, 12, limit):
            page = await find_loras(db, facets or Facets(), search, sort, limit=limit, offset=offset, server_id=server)
            ids += page.ids
        lists.append(ids)
    assert lists[0] == lists[1]
    return lists[0]


@pytest.mark.usefixtures("hits")
async def test_publications_and_likes_of_a_server_count_there(db: Database) -> None:
    loras = [await add_lora(db, f"Lora {number}", category="style") for number in range(6)]
    ids = [lora.id for lora in loras]
    for lora, uses in ((loras[5], 3), (loras[4], 1)):
        for _ in range(uses):
            await record_uses(db, 1, [LoraUse(sha256=sha(f"{lora.name}.safetensors"), name="x", weight=1)])
    await rate_lora(db, 1, ids[3], 5)
    liked = await published(db, loras[0].name)
    for person in range(5):
        await like(db, liked.id, person + 1)
    both = await published(db, loras[1].name, loras[2].name)
    for facets, search in ((None, ""), (Facets(category=Category.STYLE), ""), (None, "lora")):
        trending, rated = [await order(db, sort, SERVER, facets, search) for sort in (Sort.TRENDING, Sort.TOP_RATED)]
        assert trending == [ids[0], ids[5], ids[2], ids[1], ids[4], ids[3]]
        assert rated[0] == ids[0] and set(rated[1:4]) == {ids[1], ids[2], ids[3]}
        for other in (None, SERVER + 1):
            assert (await order(db, Sort.TRENDING, other, facets, search))[0] == ids[5]
            assert (await order(db, Sort.TOP_RATED, other, facets, search))[0] == ids[3]
    await db.one(BEGIN_REMOVAL, both.id)
    await db.one(BEGIN_REMOVAL, liked.id)
    assert (await order(db, Sort.TRENDING, SERVER))[0] == ids[5]
    assert (await order(db, Sort.TOP_RATED, SERVER))[0] == ids[3]


async def test_a_like_that_is_taken_back_leaves_no_trend(db: Database) -> None:
    one = await published(db, "Komori")

    async def trend() -> float:
        rows = await db.connection.execute_fetchall("SELECT trend FROM lora_in_server")
        return next(iter(rows))[0]

    before = await trend()
    await like(db, one.id, 5)
    assert await trend() == pytest.approx(before + 1, abs=0.01), "twice as much"
    await unlike(db, one.id, 5)
    assert await trend() == pytest.approx(before, abs=1e-6)


def test_what_was_raised_is_lowered() -> None:
    now = 3000 * HALF_LIFE_MS
    once = raised(0, now)
    assert lowered(raised(once, now + 5), now + 5) == pytest.approx(once)
    assert lowered(once, now) == 0

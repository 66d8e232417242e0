"""The pages of the market: filters, order, and custom_ids that hold any query."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from bot.app.assembly import Easel
from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.loras.catalogue import find_lora_by_name
from bot.database.loras.ratings import rate_lora
from bot.database.loras.search import Sort
from bot.database.people.drafts import save_draft
from bot.database.people.preferences import Preferences, save_preferences
from bot.errors.missing import NothingThere
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.browse import ANY_TAG, BrowseMenu, CategoryMenu, FilterForm, SortMenu
from bot.ui.views.forms import ChoiceField
from bot.ui.views.list_page import Cursor, ListButton, ListRef
from bot.ui.views.loras.market import Market
from bot.ui.views.loras.page import BookmarkToggle
from bot.ui.views.persistent_items import PersistentItem
from bot.workspace.browsing import MAX_SEARCH, BrowseQuery, first_in_market
from inference.base_models import BaseModelId
from inference.lora.beside.categories import Category
from tests.bot.lora_shelf import assert_fits_a_message, custom_ids, open_shelf, text_of, visit
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

ADA, GRACE = 1, 2
HERE = ListRef("mk", "t-::0.")


@pytest.fixture
async def easel(house: House) -> AsyncIterator[Easel]:
    for number, (name, category, tags) in enumerate(
        (
            ("Lamp", "other", ["Lighting"]),
            ("Lens", "other", ["camera", "lighting"]),
            ("Oil", "style", ["painting"]),
            ("Jump", "pose", []),
            ("Skin", "detail", []),
        )
    ):
        path = house.add_lora(name, None, seed=10 + number)
        write_sidecar(path, name=name, base_model=BASES[VIVID], category=category, tags=tags)
    async with open_shelf(house) as easel:
        yield easel


async def page_of(easel: Easel, person: int, query: BrowseQuery, page: int = 0) -> RenderedMessage:
    """The page of a query that was stored and read back."""
    visitor = visit(easel, person)
    return await HERE.list.render(visitor, await Market().at(visitor, query, Cursor(page)))


async def first_of(easel: Easel, person: int) -> BrowseQuery:
    return await first_in_market(easel.db, easel.configuration.checkpoints, person)


async def shown(easel: Easel, query: BrowseQuery, page: int = 0, person: int = ADA) -> list[str]:
    """The names on a page."""
    found = await page_of(easel, person, query, page)
    assert_fits_a_message(found)
    return re.findall(r"^\*\*(\w+)\*\*$", text_of(found), re.MULTILINE)


async def test_filters_by_category_tag_base_model_and_words(easel: Easel) -> None:
    by_name = BrowseQuery(sort=Sort.NAME)
    assert await shown(easel, by_name) == ["Bat", "Jump", "Lamp", "Lens"]
    assert await shown(easel, by_name, 1) == ["mystery", "Oil", "Skin", "Wash"]
    assert await shown(easel, by_name.but(category=Category.STYLE)) == ["Oil"]
    assert await shown(easel, by_name.but(category=Category.OTHER, tag="lighting")) == ["Lamp", "Lens"]
    assert await shown(easel, by_name.but(base_model=BaseModelId(BASES[PASTEL]))) == ["Wash"]
    assert await shown(easel, by_name.but(search="lmap")) == ["Lamp"], "a typo does no harm"
    assert await shown(easel, by_name.but(search="lamp", base_model=BaseModelId(BASES[PASTEL]))) == []


async def test_the_default_order_is_top_rated_for_newcomers_else_trending(easel: Easel) -> None:
    lens, wash = [await find_lora_by_name(easel.db, name) for name in ("Lens", "Wash")]
    assert lens and wash
    for person in (7, 8):
        await rate_lora(easel.db, person, lens.id, 5)
        await rate_lora(easel.db, person, wash.id, 5)
    first = await first_of(easel, ADA)
    assert (first.sort, first.base_model) == (Sort.TOP_RATED, BASES[VIVID])
    assert (await shown(easel, first))[0] == "Lens"
    page = await page_of(easel, ADA, first)
    assert "New here?" in text_of(page) and "★★★★★ 5 (2)" in text_of(page) and "Wash" not in text_of(page)
    await add_bookmark(easel.db, ADA, lens.id)
    assert (await first_of(easel, ADA)).sort is Sort.TRENDING
    await save_preferences(easel.db, GRACE, Preferences(checkpoint=PASTEL))
    assert await shown(easel, await first_of(easel, GRACE), person=GRACE) == ["Wash"]


async def test_misfits_are_marked(easel: Easel) -> None:
    page = await page_of(easel, ADA, BrowseQuery(sort=Sort.NAME), 1)
    told = {part.splitlines()[0]: part for part in re.split(r"\n(?=\*\*)", text_of(page))}
    assert f"Does not fit {VIVID}, but fits {PASTEL}" in told["**Wash**"]
    assert "Fits no model" in told["**mystery**"] and "fit" not in told["**Oil**"].lower()


async def test_bookmarked_entries_are_marked(easel: Easel) -> None:
    lens = await find_lora_by_name(easel.db, "Lens")
    assert lens
    await add_bookmark(easel.db, ADA, lens.id)
    query = BrowseQuery(search="lens")
    for person, kept in ((ADA, 1), (GRACE, 0)):
        page = await page_of(easel, person, query)
        assert any(custom_id.startswith(f"mark:{lens.id}:{kept}:") for custom_id in custom_ids(page))


async def test_an_empty_result_has_a_hint(easel: Easel) -> None:
    page = await page_of(easel, ADA, BrowseQuery(search="zzzzzz"))
    assert "No matches here for these filters: “zzzzzz”" in text_of(page) and "other words" in text_of(page)
    assert_fits_a_message(page)
    beyond = await page_of(easel, ADA, BrowseQuery(), 99)
    assert "page 2 of 2" in text_of(beyond), "the last one"


@pytest.mark.parametrize(
    "query",
    [
        BrowseQuery(),
        BrowseQuery(sort=Sort.OLDEST, category=Category.OTHER, tag="a:b.c", search="12.x:y"),
        BrowseQuery(base_model=BaseModelId("sdxl/illustrious"), search="x" * MAX_SEARCH),
        BrowseQuery(tag="t" * 40, search="~1"),
        BrowseQuery(search="🦉" * 30),
        BrowseQuery(search="‏بومة" * 20, base_model=BaseModelId("sd1/" + "m" * 60)),
        *(BrowseQuery(sort=sort) for sort in Sort),
        *(BrowseQuery(category=category) for category in Category),
    ],
    ids=lambda query: query.key[:40],
)
async def test_the_custom_ids_of_a_page_hold_its_query(easel: Easel, query: BrowseQuery) -> None:
    page = await page_of(easel, ADA, query, 999_999)
    assert_fits_a_message(page)
    for custom_id in custom_ids(page):
        assert len(custom_id.encode("utf-16-le")) // 2 <= 100
        (control,) = filter(None, (each.from_text(custom_id) for each in PersistentItem.registered))
        if isinstance(control, ListButton | BrowseMenu | BookmarkToggle):
            assert await Market().query(visit(easel, ADA), control.at.query) == query


async def test_a_foreign_or_expired_page_is_refused(easel: Easel) -> None:
    hers = await Market().at(visit(easel, ADA), BrowseQuery(search="x" * MAX_SEARCH))
    other_draft = await save_draft(easel.db, ADA, '{"prompt": "a bat"}')
    for person, key in ((GRACE, hers.query), (ADA, "~999"), (ADA, f"~{other_draft}"), (ADA, "zz"), (ADA, "ne-::")):
        with pytest.raises(NothingThere, match="outdated"):
            await Market().render(visit(easel, person), ListRef("mk", key))


async def test_menus_change_one_filter_and_ignore_unknown_values(easel: Easel) -> None:
    query = BrowseQuery(search="l", category=Category.STYLE, tag="painting")
    assert SortMenu(HERE).changed(query, "newest") == query.but(sort=Sort.NEWEST)
    assert SortMenu(HERE).changed(query, "nonsense") == query
    assert CategoryMenu(HERE).changed(query, "pose") == query.but(category=Category.POSE, tag="")
    assert CategoryMenu(HERE).changed(query, "-") == query.but(category=None, tag="")


async def test_a_form_offers_base_models_and_the_tags_of_the_category(easel: Easel) -> None:
    form = await FilterForm.of(visit(easel, ADA), HERE, BrowseQuery(base_model=BaseModelId(BASES[PASTEL])))
    offered = {name: field for name, (field, _) in form.shown.items()}
    base, tag = offered["base"], offered["tag"]
    assert list(offered) == ["base", "tag", "compact"]
    assert isinstance(base, ChoiceField) and isinstance(tag, ChoiceField)
    assert [choice.value for choice in base.choices] == [BASES[VIVID], BASES[PASTEL], "-"], "that of her model first"
    assert [choice.text for choice in tag.choices] == ["All tags", "lighting", "camera"]
    assert (base.value, tag.value) == (BASES[PASTEL], ANY_TAG)


async def test_the_longest_entries_fit_into_a_message(easel: Easel, house: House) -> None:
    for number in range(5):
        path = house.add_lora(f"long{number}", None, seed=40 + number)
        write_sidecar(
            path,
            name=f"{number}".ljust(100, "*"),
            base_model=BASES[VIVID],
            trigger_words=[f"{n:02}".ljust(100, "_") for n in range(50)],
            tags=[f"{n:02}".ljust(40, "_") for n in range(20)],
            description="*" * 4000,
        )
        Image.new("RGB", (300, 300), (number, 0, 0)).save(path.with_suffix(".png"))
    await easel.keeper.scan()
    await save_preferences(easel.db, ADA, Preferences(checkpoint=PASTEL))
    query = BrowseQuery(search="0" + "*" * (MAX_SEARCH - 1), tag="00".ljust(40), category=Category.OTHER)
    assert_fits_a_message(await page_of(easel, ADA, query))
    found = await page_of(easel, ADA, BrowseQuery(sort=Sort.NEWEST, search="00"))
    assert_fits_a_message(found)
    assert "page 1 of 2" in text_of(found) and found.view.total_children_count == 39, "also with Clear search"
    page = await page_of(easel, ADA, BrowseQuery(sort=Sort.NEWEST, category=Category.OTHER))
    assert len(page.files) == 4 and page.view.total_children_count >= 38
    assert page.view.content_length() <= 3400, "room for checkpoints and base models with longer names"
    assert_fits_a_message(page)

"""Words as they are sought, typos as they are forgiven, and the order in which what was found comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.database import Database
from bot.database.dictionary import near_words
from bot.database.loras.autocomplete import lora_choices
from bot.database.loras.catalogue import Sort, browse_loras
from bot.database.loras.records import mark_missing
from bot.database.loras.search import KEPT_FOR_TYPOS
from bot.database.search import indexed, one_typo_apart, together, typo_keys, words_of
from inference.lora.beside.categories import Category

from .conftest import ILLUSTRIOUS, PONY, add_lora

MISO = 1


async def browse(db: Database, search: str, **conditions: object) -> list[str]:
    page = await browse_loras(db, limit=6, search=search, **conditions)  # type: ignore[arg-type]
    assert page.total >= len(page.loras)
    return [lora.name for lora in page.loras]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Änne-LISE's", ["anne", "lise", "s"]),
        ("komori_shy", ["komori", "shy"]),
        ("ｋｏｍｏｒｉ", ["komori"]),  # noqa: RUF001 - full width on purpose
        ("蝙蝠少女 ガ", ["蝙蝠少女", "ガ"]),
        ("ﾊﾞｯﾄ", ["バット"]),
        ("Летучая", ["летучая"]),
        ("हिन्दी", ["हिन्दी"]),
        ("⭐ ", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words_of(text) == expected


def test_scripts_without_blanks_are_indexed_from_every_place() -> None:
    assert indexed("赤い鳥 bird") == "赤い鳥 い鳥 鳥 bird"
    assert together("Wet paper_2") == "wetpaper2"


WORDS = st.text(alphabet="abжмш蝙蝠1", min_size=1, max_size=14)


@given(word=WORDS, data=st.data())
def test_every_single_typo_leads_back_to_its_word(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word)))
    other = data.draw(st.sampled_from("abxк幅"))
    typos = {
        word[:at] + other + word[at:],
        word[:at] + word[at + 1 :],
        word[:at] + other + word[at + 1 :],
        word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    }
    for typo in typos - {word, ""}:
        assert one_typo_apart(word, typo) and one_typo_apart(typo, word)
        if len(word) > 1:
            assert set(typo_keys(word)) & set(typo_keys(typo))


@pytest.mark.parametrize(
    ("one", "other"),
    [("bat", "bat"), ("bat", "tab"), ("bat", "batman"), ("bat", "hut"), ("ab", "ba c"), ("abcd", "badc")],
)
def test_two_typos_are_two(one: str, other: str) -> None:
    assert not one_typo_apart(one, other)


@pytest.fixture
async def library(db: Database) -> Database:
    await add_lora(db, "Bat", category="character", base_model=ILLUSTRIOUS, trigger_words=["komori_met"])
    await add_lora(db, "蝙蝠少女", base_model=PONY, trigger_words=["蝙蝠"])
    await add_lora(db, "Летучая мышь", base_model=PONY, trigger_words=["мышь"])
    await add_lora(db, "Straße", category="style", description="an old bat on the wall")
    return db


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Bta", "Bat"),
        ("Bt", "Bat"),
        ("Baat", "Bat"),
        ("Bst", "Bat"),
        ("komroi_met", "Bat"),
        ("komorimet", "Bat"),
        ("komori met", "Bat"),
        ("komor_imet", "Bat"),
        ("komori-nmet", "Bat"),
        ("kom", "Bat"),
        ("蝙幅", "蝙蝠少女"),
        ("蝠蝙", "蝙蝠少女"),
        ("蝠少女", "蝙蝠少女"),  # from within
        ("少女", "蝙蝠少女"),
        ("蝙蝠女少", "蝙蝠少女"),
        ("летучаа", "Летучая мышь"),
        ("мыш", "Летучая мышь"),
        ("мыьш", "Летучая мышь"),
        ("strasse", "Straße"),
        ("stasse", "Straße"),
    ],
)
async def test_one_typo_finds_it_in_browsing_and_while_typing(library: Database, typed: str, name: str) -> None:
    assert name in await browse(library, typed)
    assert name in [choice.name for choice in await lora_choices(library, MISO, typed)]


async def test_exact_then_beginnings_then_typos(db: Database) -> None:
    for name in ("Bta", "Batik", "Bat", "The bat"):
        await add_lora(db, name)
    assert await browse(db, "bat", sort=Sort.OLDEST) == ["Bat", "Batik", "The bat", "Bta"]
    await mark_missing(db, ["Bta.safetensors", "Batik.safetensors"])
    assert await browse(db, "bat") == ["Batik", "Bta"]


async def test_many_loras_of_one_name_do_not_hide_another_that_may_be_meant(db: Database) -> None:
    for number in range(8):
        await add_lora(db, f"Bat {number}", trigger_words=["komora"])
    await add_lora(db, "Komoru")
    assert "Komoru" in await browse(db, "komori")
    pages = [await browse_loras(db, limit=2, offset=offset, search="komori") for offset in range(0, 10, 2)]
    assert len({lora.name for page in pages for lora in page.loras}) == 9


async def test_the_same_letters_in_another_order_are_likelier_meant_than_another_letter(
    db: Database,
) -> None:
    for name in ("kamo", "komo", "okma", "koma"):
        await add_lora(db, name)
    assert await near_words(db, "kmoa") == ["koma"]
    assert await near_words(db, "koam") == ["koma"]
    await add_lora(db, "koaz")
    assert await near_words(db, "koam") == ["koma", "koaz"]


async def test_a_typo_that_begins_many_names_still_finds_its_name_on_the_first_page(
    db: Database,
) -> None:
    await add_lora(db, "Kazu")
    for number in range(40):
        await add_lora(db, f"Kasumi {number}")
    pages = [await browse_loras(db, limit=6, offset=offset, search="kasu") for offset in range(0, 48, 6)]
    names = [lora.name for page in pages for lora in page.loras]
    assert "Kazu" in names[:6] and names.index("Kazu") == 5
    assert len(names) == len(set(names)) == pages[0].total == 41
    assert [page.more for page in pages] == [True] * 6 + [False] * 2
    choices = [choice.name for choice in await lora_choices(db, MISO, "kasu")]
    assert len(choices) == 25 and "Kazu" in choices


async def test_suggestions_are_bookmarks_first_and_fitting_first(db: Database) -> None:
    for number, base in enumerate([ILLUSTRIOUS, PONY] * 3):
        await add_lora(db, f"Owl {number}", base_model=base)
    await add_lora(db, "Owls", base_model=ILLUSTRIOUS)
    for lora_id in (1, 2, 7):
        await add_bookmark(db, MISO, lora_id)
    choices = await lora_choices(db, MISO, "owl", fitting=[ILLUSTRIOUS])
    assert [c.name for c in choices] == ["Owls", "Owl 0", "Owl 1", "Owl 4", "Owl 2", "Owl 5", "Owl 3"]
    assert [(c.bookmarked, c.fits) for c in choices[:4]] == [(True, True), (True, True), (True, False), (False, True)]
    few = await lora_choices(db, MISO, "owl 5", fitting=[ILLUSTRIOUS], limit=3)
    assert [c.name for c in few][:1] == ["Owl 5"] and KEPT_FOR_TYPOS < 3


async def test_narrowed_down_by_everything_at_once(library: Database) -> None:
    await add_lora(library, "Bat lamp", category="other", base_model=PONY, tags=["lighting"])
    both = {"category": Category.OTHER, "tag": "lighting", "base_models": [PONY, ILLUSTRIOUS]}
    assert await browse(library, "lamp", **both) == ["Bat lamp"]
    assert await browse(library, "lmap", **both) == ["Bat lamp"]
    assert await browse(library, "", **both) == ["Bat lamp"]
    assert await browse(library, "", **{**both, "base_models": [ILLUSTRIOUS]}) == []
    assert await browse(library, "lamp", category=Category.STYLE) == []
    assert await browse(library, "", base_models=[]) == []


async def test_facets_cannot_be_typed(library: Database) -> None:
    for typed in ("u", "cstyle", "facets", "facets : u", f"b{PONY.encode().hex()}"):
        assert await browse(library, typed) == []


async def test_words_near_a_single_character_are_not_looked_for(library: Database) -> None:
    assert await near_words(library, "b") == []
    assert await near_words(library, "bta") == ["bat"]

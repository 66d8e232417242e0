"""Finding LoRAs: by name, by file, by pages and while somebody types."""

from __future__ import annotations

import hashlib

import pytest

from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.database import Database
from bot.database.loras.autocomplete import lora_choices
from bot.database.loras.base_models import COUNT_LORAS_FOR
from bot.database.loras.catalogue import (
    VERSION_BY_SHA256,
    VERSIONS_WITH_PROBLEM,
    Sort,
    browse_loras,
    find_lora,
    find_lora_by_name,
    find_version_by_short_hash,
    find_version_by_stem,
    similar_names,
)
from bot.database.loras.records import mark_missing, record_found
from bot.library.catalogue import scan_library
from inference.lora.beside.categories import Category
from inference.lora.evidence import Source
from inference.lora.knowledge import Knowledge
from inference.lora.library import FileStamp, FoundLora
from tests.lora_files import write_lora

from .conftest import ILLUSTRIOUS, PONY, add_lora, found_lora, sha


@pytest.fixture
async def library(db: Database) -> Database:
    await add_lora(db, "Komori", category="character", base_model=ILLUSTRIOUS, trigger_words=["shy", "bat"])
    await add_lora(db, "Watercolour", category="style", base_model=PONY, description="wet paper")
    await add_lora(db, "Komodo", category="character", base_model=PONY)
    await add_lora(db, "Mystery")
    return db


async def browse(db: Database, **conditions: object) -> list[str]:
    page = await browse_loras(db, limit=50, **conditions)  # type: ignore[arg-type]
    return [lora.name for lora in page.loras]


async def test_a_version_carries_all_that_is_known_of_its_file(library: Database) -> None:
    lora = await find_lora(library, 1)
    assert lora is not None
    (version,) = lora.versions
    assert (version.base_model, version.evidence, version.usable) == (ILLUSTRIOUS, Source.SIDECAR, True)
    assert (version.trigger_words, version.found) == (
        ("shy", "bat"),
        found_lora("Komori", category="character", base_model=ILLUSTRIOUS, trigger_words=["shy", "bat"]),
    )
    assert await library.one(VERSION_BY_SHA256, sha("Komori.safetensors")) == version
    assert await library.one(VERSION_BY_SHA256, sha("nothing")) is None


@pytest.mark.parametrize("name", ["Komori", "komori", "  KOMORI ", "ｋｏｍｏｒｉ"])  # noqa: RUF001
async def test_names_are_found_in_any_case(library: Database, name: str) -> None:
    lora = await find_lora_by_name(library, name)
    assert lora is not None
    assert lora.id == 1


@pytest.mark.parametrize("name", ["", "komor", "komori:0.8", "\0", "\ud800", "' OR 1=1", "x" * 10_000])
async def test_other_names_are_not(library: Database, name: str) -> None:
    assert await find_lora_by_name(library, name) is None


@pytest.mark.parametrize("place", ["style/_x.safetensors_/OWL_v2.1.safetensors", "OWL_v2.1.safetensors"])
async def test_a_file_is_found_by_its_stem_where_only_one_has_it(db: Database, place: str) -> None:
    owl = await add_lora(db, "Night owl", path=place)
    await add_lora(db, "Owl", path="OWL_v2.safetensors")
    assert await find_version_by_stem(db, "owl_v2.1") == owl.versions[0]
    for other in ("owl_v2.1.safetensors", "owl_v2%", "", "\0", "\ud800", "style/_x.safetensors_/OWL_v2.1"):
        assert await find_version_by_stem(db, other) is None
    again = await add_lora(db, "Another owl", path="other/owl_V2.1.safetensors")
    assert await find_version_by_stem(db, "OWL_v2.1") is None, "nobody knows which"
    await mark_missing(db, [place, "OWL_v2.safetensors"])
    assert await find_version_by_stem(db, "OWL_v2.1") == owl.versions[0], "the other one is gone"
    assert again.versions[0].usable


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, ["Mystery", "Komodo", "Watercolour", "Komori"]),
        ({"sort": Sort.OLDEST}, ["Komori", "Watercolour", "Komodo", "Mystery"]),
        ({"sort": Sort.NAME}, ["Komodo", "Komori", "Mystery", "Watercolour"]),
        ({"category": Category.CHARACTER}, ["Komodo", "Komori"]),
        ({"base_models": [PONY], "sort": Sort.NAME}, ["Komodo", "Watercolour"]),
        ({"base_models": [PONY], "category": Category.STYLE}, ["Watercolour"]),
        ({"search": "komo", "sort": Sort.NAME}, ["Komodo", "Komori"]),
        ({"search": "bat sh"}, ["Komori"]),
        ({"search": "paper"}, ["Watercolour"]),
        ({"search": "komo", "base_models": [PONY], "category": Category.CHARACTER}, ["Komodo"]),
        ({"search": '"*'}, []),
    ],
)
async def test_browsing(library: Database, conditions: dict[str, object], expected: list[str]) -> None:
    assert await browse(library, **conditions) == expected


async def test_pages_tell_whether_there_is_more(library: Database) -> None:
    first = await browse_loras(library, limit=3)
    last = await browse_loras(library, limit=3, offset=3)
    assert ([len(first.loras), first.more], [len(last.loras), last.more]) == ([3, True], [1, False])


async def test_what_has_no_usable_file_is_not_browsed(library: Database) -> None:
    await mark_missing(library, ["Komodo.safetensors"])
    assert await browse(library) == ["Komodo"]
    assert [choice.name for choice in await lora_choices(library, 1, "komo")] == ["Komodo"]


async def test_an_entry_with_two_files_counts_once(library: Database) -> None:
    await add_lora(library, "Komori", path="komori2.safetensors", base_model=ILLUSTRIOUS)
    await add_lora(library, "Komori", path="komori3.safetensors", base_model=PONY)
    for base_models, count in (([ILLUSTRIOUS], 1), ([PONY], 3), ([ILLUSTRIOUS, PONY], 3), ([], 0)):
        assert await library.get(COUNT_LORAS_FOR, base_models=base_models) == count


async def test_broken_files_are_listed_with_their_problem(library: Database) -> None:
    broken = FoundLora(path="bad.safetensors", stamp=FileStamp(size=1, mtime_ns=1), problem="it is too short")
    await record_found(library, broken, broken.judge(Knowledge()), last_word=True)
    assert [(v.path, v.problem) for v in await library.all(VERSIONS_WITH_PROBLEM)] == [
        ("bad.safetensors", "it is too short")
    ]
    assert "bad" not in await browse(library)


async def test_choices_without_a_word_are_bookmarks_then_what_fits_then_the_rest(
    library: Database,
) -> None:
    await add_bookmark(library, 1, 4)
    await add_bookmark(library, 1, 2)
    choices = await lora_choices(library, 1, "", fitting=[ILLUSTRIOUS])
    assert [(c.name, c.bookmarked, c.fits) for c in choices] == [
        ("Watercolour", True, False),
        ("Mystery", True, False),
        ("Komori", False, True),
        ("Komodo", False, False),
    ]
    fitting_first = await lora_choices(library, 1, " ", fitting=[PONY], limit=2)
    assert [c.name for c in fitting_first] == ["Watercolour", "Mystery"]
    assert choices[2].base_models == (ILLUSTRIOUS,)
    assert choices[1].base_models == ()


async def test_choices_for_a_typed_word(library: Database) -> None:
    await add_bookmark(library, 1, 3)
    found = await lora_choices(library, 1, "Komo", fitting=[ILLUSTRIOUS])
    assert [(c.name, c.bookmarked) for c in found] == [("Komodo", True), ("Komori", False)]
    for_another = await lora_choices(library, 2, "Komo", fitting=[ILLUSTRIOUS])
    assert [(c.name, c.fits) for c in for_another] == [("Komori", True), ("Komodo", False)]
    assert [c.name for c in await lora_choices(library, 1, "ba")] == ["Komori"]
    assert await lora_choices(library, 1, '":*') == ()
    assert len(await lora_choices(library, 1, "komo", limit=1)) == 1


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("komory", {"Komori"}),
        ("komoddy", {"Komori", "Komodo"}),  # two typos: the same letters stand together
        ("mori", {"Komori"}),
        ("ko", {"Komori", "Komodo"}),
        ("qqqq", set()),
        ("", set()),
        ('"""', set()),
        ("\0\0\0\0", set()),
        ("*:^", set()),
        ("\ud800\ud800\ud800", set()),
        ("x" * 10_000, set()),
    ],
)
async def test_similar_names(library: Database, typed: str, expected: set[str]) -> None:
    assert set(await similar_names(library, typed)) == expected


async def test_a_file_is_found_by_the_short_hashes_that_pictures_name(db: Database, tmp_path) -> None:
    path = write_lora(tmp_path / "bat.safetensors")
    await scan_library(db, tmp_path, {})
    raw = path.read_bytes()
    body = raw[8 + int.from_bytes(raw[:8], "little") :]
    autov2, autov3 = hashlib.sha256(raw).hexdigest()[:10], hashlib.sha256(body).hexdigest()[:12]
    for short in (autov2, autov3, autov3.upper()):
        version = await find_version_by_short_hash(db, short)
        assert version is not None and version.path == "bat.safetensors"
    for stranger in ("0" * 10, "f" * 12, "", autov2[:9], "%" * 10, autov3 + "0"):
        assert await find_version_by_short_hash(db, stranger) is None

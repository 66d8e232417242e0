"""Adding LoRAs: from a link to an entry of the catalogue, with the real clients, a real database and a real library."""

from __future__ import annotations

import asyncio
import re

import pytest

from bot.database.additions.additions import FIND_ADDITION, SOURCES_OF, WAITING_ADDITIONS, AdditionState
from bot.database.loras.catalogue import find_lora_by_name
from bot.i18n import explained, speaking
from bot.sources.additions import Withdrawal
from bot.sources.errors import (
    AddingOff,
    FileOfUnknownModel,
    FileUnsupported,
    FileUnusable,
    WrongHash,
)
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category
from inference.lora.evidence import Source
from tests.bot.sources.adding import (
    ADA,
    BO,
    SERVER,
    add,
    anybody,
    attach,
    demo_lora,
    ended,
    entry,
    left,
    opened,
    png_bytes,
    taking,
)
from tests.bot.sources.hubs import COMMIT, Hubs, content, sha256
from tests.house import BASES, VIVID, House
from tests.lora_files import lora_tensors, safetensors_bytes


async def test_a_link_becomes_an_entry_that_is_known_as_what_it_is(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    model_id = hubs.add_model("Komori Met", tags=["anime", "style"], nsfwLevel=2)
    version_id = hubs.add_version(model_id, data, "Other", nsfwLevel=2)
    async with opened(house, hubs) as (found, additions):
        done = await add(found, additions, hubs.link(version_id))
        assert (done.state, done.sha256) == (AdditionState.ADDED, sha256(data))
        lora = await entry(found, "Komori Met")
        (version,) = lora.usable
        assert (version.base_model, version.evidence) == (BASES[VIVID], Source.TRAINING_BASE)
        assert (lora.category, lora.content_rating, lora.added_by) == (Category.STYLE, ContentRating.TEEN, ADA)
        assert version.trigger_words == ("komori", "blue dress, hat")
        assert lora.description == "About Komori Met"
        (source,) = await found.db.all(SOURCES_OF, sha256(data))
        assert '"credit":true' in source.source
    assert len(left(house)) == 2, "the file and its sidecar"


@pytest.mark.parametrize(
    ("level", "picture", "kept"),
    [
        (1, 1, True), (1, 4, False), (1, 0, False), (1, None, False), (4, None, False), (16, None, True),
        (16, 16, True), (0, 0, False), (0, 1, True),
    ],
)  # fmt: skip
async def test_a_preview_is_kept_if_it_may_be_shown_where_the_lora_is(
    house: House, hubs: Hubs, level: int, picture: int | None, kept: bool
) -> None:
    data, shown = demo_lora(), {"url": f"{hubs.url}/preview.png", "nsfwLevel": picture}
    version_id = hubs.add_version(hubs.add_model("Komori"), data, "Other", nsfwLevel=level, images=[shown])
    hubs.fault("/preview.png", content(png_bytes()))
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, hubs.link(version_id))
        assert any(name.endswith(".preview.png") for name in left(house)) is kept


@pytest.mark.parametrize("hub", ["Civitai", "Hugging Face"])
async def test_twenty_people_at_once_make_one_download(house: House, hubs: Hubs, hub: str) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    link, path = hubs.link(version_id), hubs.file_path(version_id)
    if hub == "Hugging Face":
        repository = hubs.add_repository("maker/Komori", {"komori.safetensors": demo_lora()})
        link, path = f"https://huggingface.co/{repository}", f"/{repository}/resolve/{COMMIT}/komori.safetensors"
    hubs.paused.clear()
    async with opened(house, hubs) as (found, additions):
        model = await additions.look_up(link)
        begun = await asyncio.gather(
            *(additions.add(model.versions[0], person, SERVER, anybody) for person in range(1, 21))
        )
        assert len({addition.id for addition in begun}) == 1
        hubs.paused.set()
        ends = await asyncio.gather(*(ended(additions, addition) for addition in begun))
        assert {addition.state for addition in ends} == {AdditionState.ADDED}
        assert len(hubs.requests(path)) == 1
        assert (await entry(found, "Komori")).added_by in range(1, 21)


async def test_what_cannot_be_had_leaves_no_file_and_no_entry(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    hubs.fault(hubs.file_path(version_id), content(demo_lora(seed=8)))
    async with opened(house, hubs) as (found, additions):
        done = await add(found, additions, hubs.link(version_id))
        assert done.state is AdditionState.FAILED and isinstance(done.failure, WrongHash)
        assert await find_lora_by_name(found.db, "Komori") is None
        assert left(house) == []
        hubs.faults.clear()
        assert (await add(found, additions, hubs.link(version_id))).state is AdditionState.ADDED


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (safetensors_bytes(lora_tensors({"lora_unet_nobody_knows_it": (8, 8)})), FileOfUnknownModel),
        (safetensors_bytes({}), FileUnsupported),
        (demo_lora()[:-4], FileUnusable),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{not json at all", FileUnusable),
    ],
    ids=["of no model", "empty", "cut", "no header"],
)
async def test_a_file_that_the_library_would_refuse_is_refused(
    house: House, hubs: Hubs, data: bytes, error: type[FileUnusable]
) -> None:
    version_id = hubs.add_lora("Komori", data, "Other")
    async with opened(house, hubs) as (found, additions):
        done = await add(found, additions, hubs.link(version_id))
        assert type(done.failure) is error, done.failure
        with speaking("ja"):
            said = explained(done.failure)
            assert not re.findall("[A-Za-z]{3,}", said.replace("Komori", "").replace("LoRA", "")), said
        assert await find_lora_by_name(found.db, "Komori") is None
    assert left(house) == []


async def test_it_is_cancelled_when_nobody_wants_it_any_more(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    hubs.paused.clear()
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        addition = await additions.add(version, ADA, None, anybody)
        await additions.add(version, BO, None, anybody)
        assert await additions.cancel(addition.id, ADA) is Withdrawal.OTHERS
        assert await additions.cancel(addition.id, 99) is Withdrawal.OTHERS, "who did not ask cannot cancel"
        assert await additions.cancel(addition.id, BO) is Withdrawal.CANCELLED
        assert await additions.cancel(addition.id, BO) is Withdrawal.ENDED
        done = await found.db.one(FIND_ADDITION, addition.id)
        assert done is not None and done.state is AdditionState.CANCELLED
        assert left(house) == []
        hubs.paused.set()
        assert (await add(found, additions, hubs.link(version_id))).state is AdditionState.ADDED


async def test_who_cancels_never_removes_what_somebody_else_added(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(seed=9), "Other")
    hubs.models[max(hubs.models)]["modelVersions"][0]["files"][0]["hashes"] = {}
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        await ended(additions, await additions.add(version, ADA, None, anybody))
        before = left(house)
        hubs.paused.clear()
        again = await additions.add(version, BO, None, anybody)
        assert await additions.cancel(again.id, BO) is Withdrawal.CANCELLED
        hubs.paused.set()
        assert left(house) == before
        await found.keeper.scan()
        assert (await entry(found, "Komori")).usable


async def test_who_is_not_admitted_leaves_no_row_and_no_file(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]

        async def nobody(_addition_id: int) -> None:
            raise AddingOff

        with pytest.raises(AddingOff):
            await additions.add(version, ADA, SERVER, nobody)
        async with taking(additions, "owl.safetensors", demo_lora()) as taken:
            with pytest.raises(AddingOff):
                await additions.add_attached(version, taken, ADA, SERVER, nobody)
        assert await found.db.all(WAITING_ADDITIONS) == [] and left(house) == []


@pytest.mark.parametrize(
    ("name", "metadata", "category"),
    [
        ("owl_artstyle", {}, Category.STYLE),
        ("owl", {"modelspec.tags": "anime, character"}, Category.CHARACTER),
        ("owl", {"ss_output_name": "StandingPose_v2"}, Category.POSE),
        ("owl", {"modelspec.title": "Owl detailer"}, Category.DETAIL),
        ("owl", {}, Category.OTHER),
    ],
)
async def test_what_it_is_for_is_guessed_by_name_and_metadata(
    house: House, hubs: Hubs, name: str, metadata: dict[str, str], category: Category
) -> None:
    async with opened(house, hubs) as (found, additions):
        await ended(additions, await attach(additions, f"{name}.safetensors", demo_lora(seed=90, **metadata)))
        assert (await entry(found, name)).category is category

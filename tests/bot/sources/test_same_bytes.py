"""A link is judged by every page that has the same bytes, and refused where nobody can say whom the file shows."""

from __future__ import annotations

import pytest

from bot.database.additions.additions import WAITING_ADDITIONS, AdditionState
from bot.database.loras.catalogue import find_lora_by_name
from bot.i18n import explained
from bot.sources.claims.further_pages import Namer
from bot.sources.errors import MinorAndMature, ModelUnreadable, NotLookedUp, RealPerson, SourceError
from bot.sources.hubs.remote import RemoteVersion
from inference.content_rating import ContentRating
from tests.bot.sources.adding import ADA, BO, SERVER, add, anybody, attach, demo_lora, ended, entry, left, opened
from tests.bot.sources.hubs import Hubs, json_of, running_hubs, sha256, status
from tests.house import House

BY_HASH = "/api/v1/model-versions/by-hash"
COPY = "https://huggingface.co/another/copy"


def copied(hubs: Hubs, data: bytes) -> None:
    """A copy on Hugging Face, whose page says nothing of the file."""
    hubs.add_repository("another/copy", {"copy.safetensors": data})


FLAGS: dict[str, tuple[dict[str, object], int, type[SourceError]]] = {
    "real person": ({"poi": True}, 1, RealPerson),
    "minor": ({"minor": True}, 4, MinorAndMature),
    "minor of an archived page": ({"minor": True, "mode": "Archived", "nsfwLevel": 16}, 1, MinorAndMature),
}


@pytest.mark.parametrize("flag", FLAGS)
async def test_a_copy_elsewhere_is_refused_as_its_page_at_civitai_is(house: House, hubs: Hubs, flag: str) -> None:
    data = demo_lora()
    model, level, refusal = FLAGS[flag]
    hubs.add_version(hubs.add_model("Komori", **model), data, "Other", nsfwLevel=level)
    copied(hubs, data)
    async with opened(house, hubs) as (found, additions):
        with pytest.raises(refusal):
            await add(found, additions, COPY)
        assert await found.db.all(WAITING_ADDITIONS) == []


async def test_a_copy_has_the_highest_rating_of_all_pages(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    hubs.add_lora("Tame", data, "Other")
    hubs.add_version(hubs.add_model("Komori"), data, "Other", nsfwLevel=16)
    copied(hubs, data)
    async with opened(house, hubs) as (found, additions):
        assert (await add(found, additions, COPY)).state is AdditionState.ADDED
        assert (await entry(found, "copy")).content_rating is ContentRating.EXPLICIT


async def test_pages_of_civitai_are_judged_by_each_other(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    version_id = hubs.add_lora("Komori", data, "Other")
    hubs.add_lora("Copy", data, "Other", poi=True)
    async with opened(house, hubs) as (found, additions):
        with pytest.raises(RealPerson):
            await add(found, additions, hubs.link(version_id))


async def test_a_rating_of_the_page_of_a_link_is_not_lowered(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    hubs.add_lora("Tame", data, "Other")
    copied(hubs, data)
    hubs.repositories["another/copy"]["tags"] = ["not-for-all-audiences"]
    async with opened(house, hubs) as (_, additions):
        version = await additions.choose(await additions.look_up(COPY))
        assert (version.hub, version.rating) == ("Hugging Face", ContentRating.EXPLICIT)


async def test_a_copy_is_refused_while_civitai_is_silent_and_had_later(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    copied(hubs, data)
    hubs.fault(BY_HASH, status(500))
    async with opened(house, hubs) as (found, additions):
        with pytest.raises(NotLookedUp):
            await add(found, additions, COPY)
        hubs.faults.clear()
        assert (await add(found, additions, COPY)).state is AdditionState.ADDED
        hubs.fault(BY_HASH, status(500))
        version = await additions.choose(await additions.look_up(COPY))
        assert await additions.here(version) is not None, "what is here already needs no answer"


async def test_a_page_of_civitai_is_enough_while_nothing_is_found_by_hash(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    hubs.fault(BY_HASH, status(500))
    async with opened(house, hubs) as (found, additions):
        assert (await add(found, additions, hubs.link(version_id))).state is AdditionState.ADDED


@pytest.mark.parametrize("code", [400, 404, 451])
async def test_a_version_whose_model_is_gone_is_refused(house: House, hubs: Hubs, code: int) -> None:
    data = demo_lora()
    model_id = hubs.add_model("Komori", minor=True)
    version_id = hubs.add_version(model_id, data, "Other", nsfwLevel=16)
    hubs.fault(f"/api/v1/models/{model_id}", status(code))
    copied(hubs, data)
    async with opened(house, hubs) as (found, additions):
        for link in (f"https://civitai.com/model-versions/{version_id}", sha256(data)):
            with pytest.raises(ModelUnreadable) as refused:
                await add(found, additions, link)
            assert f"modelVersionId={version_id}" in explained(refused.value)
        with pytest.raises(NotLookedUp):
            await add(found, additions, COPY)
        with pytest.raises(NotLookedUp):
            await attach(additions, "owl.safetensors", data)
        assert left(house) == []


async def test_copies_are_taken_as_their_page_says_where_files_are_not_looked_up(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    hubs.add_lora("Komori", data, "Other", poi=True)
    copied(hubs, data)
    async with opened(house, hubs, look_up_files=False) as (found, additions):
        assert (await add(found, additions, COPY)).state is AdditionState.ADDED
    assert not hubs.requests(BY_HASH)


def without_hash(version: RemoteVersion) -> RemoteVersion:
    assert version.file is not None
    return version.model_copy(update={"file": version.file.model_copy(update={"sha256": None})})


async def test_a_file_whose_hub_tells_no_hash_is_judged_when_it_has_come(house: House, hubs: Hubs) -> None:
    real, adult = demo_lora(seed=1), demo_lora(seed=2)
    hubs.add_lora("Komori", real, "Other", poi=True)
    hubs.add_version(hubs.add_model("Adult"), adult, "Other", nsfwLevel=16)
    hubs.add_repository("another/copy", {"real.safetensors": real, "adult.safetensors": adult})
    async with opened(house, hubs) as (found, additions):
        model = await additions.look_up(COPY)
        done = {
            version.version: await ended(additions, await additions.add(without_hash(version), ADA, SERVER, anybody))
            for version in model.versions
        }
        assert isinstance(done["real"].failure, RealPerson)
        assert await find_lora_by_name(found.db, "copy · real") is None
        assert len(left(house)) == 2, "the other file and its sidecar"
        assert (await entry(found, "copy · adult")).content_rating is ContentRating.EXPLICIT


async def test_both_sites_are_asked(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    copied(hubs, data)
    async with running_hubs() as red:
        red.add_lora("Komori", data, "Other", poi=True)
        async with opened(house, hubs, civitai_red_endpoint=red.url) as (found, additions):
            with pytest.raises(RealPerson):
                await add(found, additions, COPY)


@pytest.mark.parametrize("file", ["linked", "attached"])
async def test_who_joins_by_an_explicit_page_rates_what_comes(house: House, hubs: Hubs, file: str) -> None:
    data = demo_lora()
    copied(hubs, data)
    version_id = hubs.add_version(hubs.add_model("Komori", nsfwLevel=31), data, "Other", nsfwLevel=16)
    hubs.fault(BY_HASH, json_of([]))
    async with opened(house, hubs, at_once=1) as (found, additions):
        hubs.paused.clear()
        other = hubs.add_lora("Another", demo_lora(seed=8), "Other")
        await additions.add((await additions.look_up(hubs.link(other))).versions[0], BO, SERVER, anybody)
        if file == "linked":
            begun = await additions.add((await additions.look_up(COPY)).versions[0], BO, SERVER, anybody)
        else:
            begun = await attach(additions, "copy.safetensors", data, BO)
        page = (await additions.look_up(hubs.link(version_id))).versions[0]
        joined = await additions.add(page, ADA, SERVER, anybody)
        hubs.paused.set()
        await ended(additions, joined)
        assert joined.id == begun.id
        assert (await entry(found, "copy")).content_rating is ContentRating.EXPLICIT


async def test_a_page_that_is_named_for_what_is_here_raises_its_rating(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    copied(hubs, data)
    version_id = hubs.add_version(hubs.add_model("Komori", nsfwLevel=31), data, "Other", nsfwLevel=16)
    hubs.fault(BY_HASH, json_of([]))
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, COPY)
        lora = await entry(found, "copy")
        assert lora.content_rating is None
        page = (await additions.look_up(hubs.link(version_id))).versions[0]
        await additions.note_page(lora, page, Namer(BO, SERVER, anybody))
        assert (await entry(found, "copy")).content_rating is ContentRating.EXPLICIT

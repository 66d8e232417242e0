"""What several pages say of the base model of the same bytes: unlike claims are a dispute until an operator decides."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from bot.app.assembly import Catalogued
from bot.database.additions.additions import MAX_PAGES, SOURCES_OF, UNTOLD_REQUESTS, AdditionState, recent_requests
from bot.database.additions.disputes import OPEN_DISPUTES
from bot.database.clock import now_ms
from bot.sources.additions import Withdrawal
from bot.sources.choosing import choose
from bot.sources.claims.further_pages import Namer
from bot.sources.claims.provenance import provenance_of
from bot.sources.errors import FitsNoCheckpoint, LookedUpTooOften
from bot.sources.hubs.remote import RemoteVersion
from bot.sources.updates import Updates
from inference.base_models import BaseModelId
from inference.lora.evidence import Source
from inference.lora.known.registry import FILE_NAME, read_answers
from tests.bot.sources.adding import (
    ADA,
    BO,
    PATIENCE,
    SERVER,
    add,
    anybody,
    demo_lora,
    ended,
    entry,
    opened,
    place,
    sdxl_lora,
)
from tests.bot.sources.hubs import Hubs, sha256, status
from tests.bot.sources.test_updates import a_day_later
from tests.house import House

PONY = "AstraliteHeart/pony-diffusion-v6"


def without_hash(version: RemoteVersion) -> RemoteVersion:
    """As a hub tells of a file whose hash it does not know."""
    assert version.file is not None
    return version.model_copy(update={"file": version.file.model_copy(update={"sha256": None})})


async def known_as(found: Catalogued, name: str) -> tuple[BaseModelId | None, Source]:
    (version,) = (await entry(found, name)).usable
    return version.base_model, version.evidence


async def disputes(found: Catalogued, data: bytes) -> list[BaseModelId]:
    return [base for each in await found.db.all(OPEN_DISPUTES, [sha256(data)]) for base in each.base_models]


async def test_another_page_never_changes_what_a_file_is_known_as(house: House, hubs: Hubs) -> None:
    data = sdxl_lora(seed=5)
    version_id = hubs.add_lora("Komori", data, "Illustrious")
    hubs.add_repository("another/copy", {"a.safetensors": data}, base_model=PONY)
    async with opened(house, hubs) as (found, additions):
        first = (await additions.look_up(hubs.link(version_id))).versions[0]
        await ended(additions, await additions.add(first, ADA, None, anybody))
        assert await known_as(found, "Komori") == ("sdxl/illustrious", Source.REGISTRY)
        second = without_hash((await additions.look_up("https://huggingface.co/another/copy")).versions[0])
        assert (await ended(additions, await additions.add(second, BO, None, anybody))).state is AdditionState.ADDED
        assert await known_as(found, "Komori") == ("sdxl/illustrious", Source.REGISTRY), "for those who had it"
        assert await disputes(found, data) == ["sdxl/pony"]
        assert (await entry(found, "Komori")).usable[0].disputed
        await found.keeper.declare(sha256(data), BaseModelId("sdxl/illustrious"), who="operator", reason="painted")
        assert await known_as(found, "Komori") == ("sdxl/illustrious", Source.DECLARATION)
        assert await disputes(found, data) == [] and not (await entry(found, "Komori")).usable[0].disputed


async def test_pages_that_say_the_same_agree(house: House, hubs: Hubs) -> None:
    data = sdxl_lora(seed=5)
    ids = [hubs.add_lora(name, data, "Pony") for name in ("Komori", "Owl")]
    async with opened(house, hubs) as (found, additions):
        for version_id in ids:
            version = without_hash((await additions.look_up(hubs.link(version_id))).versions[0])
            await ended(additions, await additions.add(version, ADA, None, anybody))
        assert await known_as(found, "Komori") == ("sdxl/pony", Source.REGISTRY)


async def test_a_copy_s_name_for_another_family_takes_the_lora_from_nobody(house: House, hubs: Hubs) -> None:
    data = sdxl_lora(seed=5)
    ids = [hubs.add_lora(name, data, "Illustrious") for name in ("Komori", "Komori PonyXL")]
    async with opened(house, hubs) as (found, additions):
        for version_id in ids:
            version = without_hash((await additions.look_up(hubs.link(version_id))).versions[0])
            await ended(additions, await additions.add(version, ADA, None, anybody))
        assert await known_as(found, "Komori") == ("sdxl/illustrious", Source.REGISTRY)
        assert await disputes(found, data) == []


async def test_a_page_may_correct_itself(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", sdxl_lora(seed=5), "Pony")
    async with opened(house, hubs) as (found, additions):
        for base in ("Pony", "Illustrious"):
            hubs.models[max(hubs.models)]["modelVersions"][0]["baseModel"] = base
            version = (await additions.look_up(hubs.link(version_id))).versions[0]
            await ended(additions, await additions.add(version, ADA, None, anybody))
        assert await known_as(found, "Komori") == ("sdxl/illustrious", Source.REGISTRY)


async def test_a_page_of_what_is_here_already_says_its_word_too(house: House, hubs: Hubs) -> None:
    data = sdxl_lora(seed=5)
    hubs.add_repository("another/copy", {"a.safetensors": data}, base_model=PONY)
    version_id = hubs.add_lora("Komori", data, "Illustrious")
    async with opened(house, hubs) as (found, additions):
        first = (await additions.look_up("https://huggingface.co/another/copy")).versions[0]
        await ended(additions, await additions.add(first, BO, None, anybody))
        second = (await additions.look_up(hubs.link(version_id))).versions[0]
        here = await additions.here(second)
        assert here is not None and await known_as(found, here.name) == ("sdxl/pony", Source.REGISTRY)
        assert len(await found.db.all(SOURCES_OF, sha256(data))) == 1, "who only asks writes nothing"
        await additions.note_page(here, second, Namer(BO, SERVER, anybody))
        told: list[tuple[str, BaseModelId]] = []
        assert await known_as(found, here.name) == ("sdxl/pony", Source.REGISTRY)
        assert await disputes(found, data) == ["sdxl/illustrious"]
        additions.disputes.opened = lambda lora, base: told.append((lora.name, base))
        await additions.note_page(here, second, Namer(BO, SERVER, anybody))
        assert told == [], "operators are told once"
        assert len(await found.db.all(SOURCES_OF, sha256(data))) == 2


async def test_pages_that_contradict_each_other_at_the_same_time_are_both_heard(house: House, hubs: Hubs) -> None:
    data = sdxl_lora(seed=5)
    ids = [hubs.add_lora("Komori", data, base) for base in ("Illustrious", "Pony")]
    hubs.paused.clear()
    async with opened(house, hubs) as (found, additions):
        versions = [(await additions.look_up(hubs.link(version_id))).versions[0] for version_id in ids]
        begun = [await additions.add(version, ADA, None, anybody) for version in versions]
        hubs.paused.set()
        assert [(await ended(additions, addition)).state for addition in begun] == [AdditionState.ADDED] * 2
        base, source = await known_as(found, "Komori")  # of whichever came first
        assert source is Source.REGISTRY and base in {"sdxl/illustrious", "sdxl/pony"}
        assert await disputes(found, data) == [{"sdxl/illustrious": "sdxl/pony"}.get(base, "sdxl/illustrious")]
    assert len(list((house.library / "added").glob("*.safetensors"))) == 1


async def test_a_page_that_contradicts_what_is_certain_disputes_nothing(house: House, hubs: Hubs) -> None:
    data = demo_lora()  # its metadata have the hash of the checkpoint
    version_id = hubs.add_lora("Komori", data, "Other")
    other = hubs.add_lora("Copy", data, "Pony")
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, hubs.link(version_id))
        version = (await additions.look_up(hubs.link(other))).versions[0]
        await additions.note_page(await entry(found, "Komori"), version, Namer(BO, SERVER, anybody))
        assert await disputes(found, data) == [] and (await known_as(found, "Komori"))[0] == "demo/vivid"


async def test_a_page_that_takes_its_word_back_ends_the_dispute(house: House, hubs: Hubs) -> None:
    data = sdxl_lora(seed=5)
    ids = [hubs.add_lora(name, data, base) for name, base in (("Komori", "Illustrious"), ("Copy", "Pony"))]
    async with opened(house, hubs) as (found, additions):
        first, second = [(await additions.look_up(hubs.link(each))).versions[0] for each in ids]
        await ended(additions, await additions.add(first, ADA, None, anybody))
        await additions.note_page(await entry(found, "Komori"), second, Namer(BO, SERVER, anybody))
        assert await disputes(found, data) == ["sdxl/pony"]
        told: list[BaseModelId] = []
        updates = Updates(found.db, found.configuration, additions.civitai, additions.hugging_face, pause=0)
        updates.disputes.opened = lambda _lora, base: told.append(base)
        for base, bases in (("Pony", ["sdxl/pony"]), ("Illustrious", []), ("NoobAI", ["sdxl/noobai"])):
            hubs.models[max(hubs.models)]["modelVersions"][0]["baseModel"] = base
            await a_day_later(found.db)
            await updates.look()
            assert await disputes(found, data) == bases
        assert told == ["sdxl/noobai"]


async def test_pages_of_a_training_base_contradict_each_other_too(house: House, hubs: Hubs) -> None:
    for name, base in (("Merge", "Illustrious"), ("Copy", "Pony")):
        hubs.add_version(hubs.add_model(name, type="Checkpoint"), b"a checkpoint", base)
    version_id = hubs.add_lora("Komori", sdxl_lora(ss_new_sd_model_hash=sha256(b"a checkpoint")), "Other")
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        await ended(additions, await additions.add(version, ADA, None, anybody))
        assert await known_as(found, "Komori") == (None, Source.CONFLICT)


async def test_metadata_say_nothing_of_other_peoples_loras(house: House, hubs: Hubs) -> None:
    there = sdxl_lora(seed=9, ss_sd_model_name="ponyDiffusionV6XL_v6StartWithThisOne")
    place(house.library / "theirs.safetensors", there)
    unlike = [
        hubs.add_version(hubs.add_model("Copy", type=kind), there, "Illustrious") for kind in ("LORA", "Checkpoint")
    ]
    later = sdxl_lora(seed=10)
    hubs.add_lora("Not here yet", later, "Illustrious")
    metadata = [{"ss_new_sd_model_hash": sha256(each)} for each in (there, later)]
    metadata += [{"ss_sd_model_name": f"{version_id}.safetensors"} for version_id in unlike]
    async with opened(house, hubs) as (found, additions):
        await found.keeper.scan()
        before = await known_as(found, "theirs")
        for number, told in enumerate(metadata):
            link = hubs.link(hubs.add_lora(f"Mine {number}", sdxl_lora(20 + number, **told), "Other"))
            version = (await additions.look_up(link)).versions[0]
            await ended(additions, await additions.add(version, BO, None, anybody))
        assert before[0] == "sdxl/pony"
        assert await known_as(found, "theirs") == before
        assert not {sha256(there), sha256(later)} & read_answers(house.library).keys()


async def test_a_file_is_known_by_few_pages_each_once(house: House, hubs: Hubs) -> None:
    data = sdxl_lora(seed=5)
    version_id = hubs.add_lora("Komori", data, "Illustrious")
    async with opened(house, hubs) as (found, additions):
        first = (await additions.look_up(hubs.link(version_id))).versions[0]
        await ended(additions, await additions.add(first, ADA, None, anybody))
        lora = await entry(found, "Komori")
        for number in (*range(MAX_PAGES + 5), *([MAX_PAGES] * 5)):
            page = f"https://huggingface.co/another/copy{number}"
            update = {"hub": "Hugging Face", "page": page, "model_id": None, "version_id": None, "base_model": None}
            await additions.note_page(lora, first.model_copy(update=update), Namer(BO, SERVER, anybody))
        row = await found.db.fetch_one("SELECT count(*) AS rows FROM addition")
        assert row is not None and row["rows"] == MAX_PAGES


async def test_who_names_a_page_has_it_counted_among_their_additions(house: House, hubs: Hubs) -> None:
    data, full = sdxl_lora(seed=5, ss_sd_model_name="ponyDiffusionV6XL_v6StartWithThisOne"), LookedUpTooOften(minutes=1)
    place(house.library / "theirs.safetensors", data)
    links = [hubs.link(hubs.add_lora("Copy", data, base)) for base in ("Pony", "Illustrious")]

    async def nobody(_addition_id: int) -> None:
        raise full

    async with opened(house, hubs) as (found, additions):
        await found.keeper.scan()
        lora = await entry(found, "theirs")
        versions = [(await additions.look_up(link)).versions[0] for link in links]
        for _ in range(2):  # the second time it says nothing new
            await additions.note_page(lora, versions[0], Namer(BO, SERVER, anybody))
        recent = await recent_requests(found.db, BO, SERVER, now_ms())
        assert (len(recent.here), len(recent.everywhere), len(recent.of_server)) == (1, 1, 1)
        assert [each.version_id for each in (await provenance_of(found.db, lora)).others] == [versions[0].version_id]
        await additions.note_page(lora, versions[1], Namer(BO, SERVER, nobody))
        assert (await known_as(found, "theirs"))[0] == "sdxl/pony", "who may add no more says nothing"
        assert len(await found.db.all(SOURCES_OF, sha256(data))) == 1
        await additions.note_page(lora, versions[1], Namer(ADA, None, anybody))
        assert (await known_as(found, "theirs"))[0] == "sdxl/pony"
        assert await disputes(found, data) == ["sdxl/illustrious"]
        assert not await found.db.all(UNTOLD_REQUESTS), "they were told at once"


async def test_what_is_cancelled_leaves_no_claim(house: House, hubs: Hubs) -> None:
    asked, ever = asyncio.Event(), asyncio.Event()

    async def waiting(_request: web.Request) -> web.StreamResponse:
        asked.set()
        await ever.wait()
        return web.Response(status=404)

    version_id = hubs.add_lora("Komori", sdxl_lora(seed=5), "Pony")
    hubs.fault("/preview.png", waiting)  # the last that is fetched
    async with opened(house, hubs) as (_found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        addition = await additions.add(version, ADA, None, anybody)
        await asked.wait()
        assert await additions.cancel(addition.id, ADA) is Withdrawal.CANCELLED
    assert not (house.library / FILE_NAME).exists()


async def test_what_fails_leaves_no_claim(house: House, hubs: Hubs) -> None:
    data = sdxl_lora(seed=5)
    version_id = hubs.add_lora("Komori", data, "Pony")
    async with opened(house, hubs) as (_found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        addition = await additions.add(version, ADA, None, anybody)
        (house.library / addition.path).with_suffix(".json").mkdir(parents=True)  # its sidecar cannot be written
        done = await additions.until_ended(addition.id, PATIENCE)
        assert done is not None and done.state is AdditionState.FAILED
    assert read_answers(house.library) == {}


async def test_a_page_that_contradicts_the_file_leaves_it_to_an_operator(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", sdxl_lora(ss_sd_model_name="illustriousXL_v01.safetensors"), "Pony")
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        await ended(additions, await additions.add(version, ADA, None, anybody))
        (there,) = (await entry(found, "Komori")).versions
        assert (there.base_model, there.evidence) == (None, Source.CONFLICT)
        assert any("sdxl/pony" in told for told in there.contradictions)


async def test_a_page_never_stands_over_the_shapes(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", sdxl_lora(), "Flux.1 D")
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        await ended(additions, await additions.add(version, ADA, None, anybody))
        assert (await entry(found, "Komori")).versions[0].base_model is None


async def test_the_training_base_is_asked_about_by_hash_and_by_id(house: House, hubs: Hubs) -> None:
    base = hubs.add_model("Merge", type="Checkpoint")
    base_id = hubs.add_version(base, b"a checkpoint", "Illustrious")
    by_hash = hubs.add_lora("By hash", sdxl_lora(1, ss_new_sd_model_hash=sha256(b"a checkpoint")), "SDXL 1.0")
    by_id = hubs.add_lora("By id", sdxl_lora(2, ss_sd_model_name=f"{base_id}.safetensors"), "Other")
    old = hubs.add_model("Old merge", type="Checkpoint", mode="Archived")
    old_id = hubs.add_version(old, b"an old checkpoint", "Illustrious", file={"name": "old.ckpt"})
    by_old = hubs.add_lora("By an archived id", sdxl_lora(3, ss_sd_model_name=f"{old_id}.safetensors"), "Other")
    async with opened(house, hubs) as (found, additions):
        for name, version_id in (("By hash", by_hash), ("By id", by_id), ("By an archived id", by_old)):
            await add(found, additions, hubs.link(version_id))
            (version,) = (await entry(found, name)).versions
            assert (version.base_model, version.evidence) == ("sdxl/illustrious", Source.BASE_TOLD), name


async def test_what_one_question_about_the_training_base_misses_another_may_tell(house: House, hubs: Hubs) -> None:
    base_id = hubs.add_version(hubs.add_model("Merge", type="Checkpoint"), b"a checkpoint", "Illustrious")
    metadata = {"ss_new_sd_model_hash": "7" * 64, "ss_sd_model_name": f"{base_id}.safetensors"}
    link = hubs.link(hubs.add_lora("By both", sdxl_lora(4, **metadata), "Other"))
    hubs.fault("/api/v1/model-versions/by-hash", status(500))
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, link)
        (version,) = (await entry(found, "By both")).versions
        assert (version.base_model, version.evidence) == ("sdxl/illustrious", Source.BASE_TOLD)


@pytest.mark.parametrize(
    "name", ["maker/merge", "https://huggingface.co/maker/merge", "/hub/models--maker--merge/snapshots/0123"]
)
async def test_the_training_base_is_asked_about_by_its_repository(house: House, hubs: Hubs, name: str) -> None:
    hubs.add_repository("maker/merge", {}, base_model="OnomaAIResearch/Illustrious-xl-early-release-v0")
    link = hubs.link(hubs.add_lora("Komori", sdxl_lora(5, ss_sd_model_name=name), "Other"))
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, link)
        (version,) = (await entry(found, "Komori")).versions
        assert (version.base_model, version.evidence) == ("sdxl/illustrious", Source.BASE_TOLD)


@pytest.mark.parametrize(
    "card", [{}, {"base_model": ["a/b", "c/d"]}, {"base_model": "nobody/knows"}, {"base_model": "?"}]
)
async def test_a_repository_that_names_no_base_model_tells_nothing(
    house: House, hubs: Hubs, card: dict[str, object]
) -> None:
    hubs.add_repository("maker/merge", {}, **card)
    names = ("maker/merge", "nobody/there")
    links = [
        hubs.link(hubs.add_lora(each, sdxl_lora(6 + n, ss_sd_model_name=each), "Other")) for n, each in enumerate(names)
    ]
    async with opened(house, hubs) as (found, additions):
        for name, link in zip(names, links, strict=True):
            await add(found, additions, link)
            assert (await entry(found, name)).versions[0].evidence is Source.NONE


async def test_a_repository_never_stands_over_the_shapes(house: House, hubs: Hubs) -> None:
    hubs.add_repository("maker/merge", {}, base_model="black-forest-labs/FLUX.1-dev")
    link = hubs.link(hubs.add_lora("Komori", sdxl_lora(9, ss_sd_model_name="maker/merge"), "Other"))
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, link)
        assert (await entry(found, "Komori")).versions[0].base_model is None


async def test_a_repository_is_added_with_its_claim(house: House, hubs: Hubs) -> None:
    base = "OnomaAIResearch/Illustrious-xl-early-release-v0"
    hubs.add_repository("maker/komori", {"komori.safetensors": sdxl_lora()}, base_model=base, license="mit")
    async with opened(house, hubs) as (found, additions):
        model = await additions.look_up("https://huggingface.co/maker/komori")
        with pytest.raises(FitsNoCheckpoint, match="Illustrious"):
            choose(model, found.configuration.checkpoints, found.configuration.settings.sources)
        await ended(additions, await additions.add(model.versions[0], ADA, None, anybody))
        (version,) = (await entry(found, "komori")).versions
        assert (version.base_model, version.evidence) == ("sdxl/illustrious", Source.REGISTRY)

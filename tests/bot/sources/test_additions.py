"""Adding LoRAs: from a link to an entry of the catalogue, with the real clients, a real database and a real library."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.app.assembly import Catalogued, open_catalogue
from bot.database.additions import AdditionState, LoraAddition, find_addition, sources_of, waiting_additions
from bot.database.loras import Lora, find_lora_by_name
from bot.i18n import explained, speaking
from bot.sources.additions import Additions, Withdrawal
from bot.sources.attached import TakenFile
from bot.sources.choosing import choose
from bot.sources.errors import (
    AddingOff,
    Archived,
    FileOfUnknownModel,
    FileUnsupported,
    FileUnusable,
    FitsNoCheckpoint,
    MinorAndMature,
    NoLink,
    NoSafetensors,
    NotLora,
    RealPerson,
    SourceError,
    WrongHash,
)
from bot.sources.http import SourceHttp
from bot.sources.links import CivitaiLink
from bot.sources.placing import part_path
from inference.content_rating import ContentRating
from inference.demo import CHECKPOINTS
from inference.hashes import checkpoint_sha256
from inference.lora.evidence import Source
from inference.lora.sidecar import Category
from tests.bot.sources.hubs import COMMIT, Hubs, content, sha256, status
from tests.house import BASES, VIVID, House, attention_modules
from tests.lora_files import lora_tensors, safetensors_bytes

ADA, BO = 11, 12
SERVER = 77


def demo_lora(seed: int = 7, **metadata: str) -> bytes:
    """A LoRA trained on the demo checkpoint Vivid, as its metadata say by the hash of that."""
    base = {"ss_new_sd_model_hash": checkpoint_sha256(CHECKPOINTS[0].path)}
    return safetensors_bytes(lora_tensors(attention_modules(), seed=seed), {**base, **metadata})


def sdxl_lora(seed: int = 1, **metadata: str) -> bytes:
    """A LoRA that only SDXL has the layers of."""
    return safetensors_bytes(lora_tensors(seed=seed), metadata)


@asynccontextmanager
async def opened(house: House, hubs: Hubs, **changes: object) -> AsyncGenerator[tuple[Catalogued, Additions]]:
    sources = hubs.settings.model_copy(update=changes)
    settings = house.settings.model_copy(update={"sources": sources})
    async with open_catalogue(settings) as found:
        http = SourceHttp(lambda: found.configuration.settings.sources, waits=(0.01, 0.01))
        additions = Additions(found.connection, found.configuration, found.keeper, http, retry_seconds=0.01)
        yield found, additions
        await additions.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def ended(additions: Additions, addition: LoraAddition) -> LoraAddition:
    done = await additions.until_ended(addition.id, 60)
    assert done is not None and done.state is not AdditionState.WAITING
    return done


async def add(found: Catalogued, additions: Additions, link: str, person: int = ADA) -> LoraAddition:
    model = await additions.look_up(link)
    version = choose(model, found.configuration.checkpoints, found.configuration.settings.sources)
    return await ended(additions, await additions.add(version, person, SERVER, anybody))


async def anybody(_addition_id: int) -> None:
    """Admits everybody."""


@asynccontextmanager
async def taking(additions: Additions, name: str, data: bytes) -> AsyncGenerator[TakenFile]:
    async def read() -> bytes:
        return data

    async with additions.taking(name, len(data), read) as taken:
        yield taken


async def attach(additions: Additions, name: str, data: bytes, person: int = ADA) -> LoraAddition:
    async with taking(additions, name, data) as taken:
        version = await additions.describe_attached(taken, person)
        return await additions.add_attached(version, taken, person, None, anybody)


def left(house: House) -> list[str]:
    folder = house.library / "added"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def entry(found: Catalogued, name: str) -> Lora:
    lora = await find_lora_by_name(found.connection, name)
    assert lora is not None
    return lora


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
        (source,) = await sources_of(found.connection, sha256(data))
        assert '"credit":true' in source.source
    assert len(left(house)) == 2, "the file and its sidecar"


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
        assert await find_lora_by_name(found.connection, "Komori") is None
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
        assert await find_lora_by_name(found.connection, "Komori") is None
    assert left(house) == []


async def test_a_program_that_ended_in_the_middle_goes_on_at_its_next_start(house: House, hubs: Hubs) -> None:
    data = safetensors_bytes(
        lora_tensors(attention_modules(), rank=200, seed=3),
        {"ss_new_sd_model_hash": checkpoint_sha256(CHECKPOINTS[0].path)},
    )
    version_id = hubs.add_lora("Komori", data, "Other")
    hubs.paused.clear()
    async with opened(house, hubs) as (_found, additions):
        model = await additions.look_up(hubs.link(version_id))
        addition = await additions.add(model.versions[0], ADA, None, anybody)
    hubs.paused.set()
    async with opened(house, hubs) as (found, additions):
        assert [waiting.id for waiting in await waiting_additions(found.connection)] == [addition.id]
        await additions.resume()
        assert (await ended(additions, addition)).state is AdditionState.ADDED
        assert (await entry(found, "Komori")).usable


async def test_a_file_that_was_placed_before_the_end_is_not_fetched_again(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    version_id = hubs.add_lora("Komori", data, "Other")
    hubs.paused.clear()
    async with opened(house, hubs) as (_found, additions):
        addition = await additions.add((await additions.look_up(hubs.link(version_id))).versions[0], ADA, None, anybody)
    place(house.library / addition.path, data)
    hubs.paused.set()
    before = len(hubs.requests(hubs.file_path(version_id)))
    async with opened(house, hubs) as (_found, additions):
        await additions.resume()
        assert (await ended(additions, addition)).state is AdditionState.ADDED
    assert len(hubs.requests(hubs.file_path(version_id))) == before


def place(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


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
        done = await find_addition(found.connection, addition.id)
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
        again = await additions.add(version, BO, None, anybody)
        assert await additions.cancel(again.id, BO) is Withdrawal.CANCELLED
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
        assert await waiting_additions(found.connection) == [] and left(house) == []


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


async def test_an_attached_file_joins_the_download_of_the_same(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    version_id = hubs.add_lora("Komori", data, "Other")
    hubs.paused.clear()
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        downloaded = await additions.add(version, ADA, None, anybody)
        attached = await attach(additions, "my own name.safetensors", data, BO)
        assert attached.id == downloaded.id
        hubs.paused.set()
        assert (await ended(additions, attached)).state is AdditionState.ADDED
        assert (await entry(found, "Komori")).added_by == ADA
    assert len(left(house)) == 2, "the file and its sidecar"


@pytest.mark.parametrize("cancelled", [True, False])
async def test_an_attached_file_outlasts_a_download_of_the_same(house: House, hubs: Hubs, *, cancelled: bool) -> None:
    data, asked, goes_on = demo_lora(), asyncio.Event(), asyncio.Event()
    version_id = hubs.add_lora("Komori", data, "Other")
    hubs.fault(hubs.file_path(version_id), _gone_after(asked, goes_on))
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        downloaded = await additions.add(version, ADA, None, anybody)
        await asked.wait()
        async with taking(additions, "my own.safetensors", data) as taken:
            mine = await additions.describe_attached(taken, BO)
            cancelling = asyncio.create_task(additions.cancel(downloaded.id, ADA)) if cancelled else None
            attached = await additions.add_attached(mine, taken, BO, None, anybody)
        goes_on.set()
        assert (await ended(additions, attached)).state is AdditionState.ADDED
        assert (await entry(found, "Komori")).usable
        if cancelling is not None:
            await cancelling
    assert len(left(house)) == 2, "the file and its sidecar"


def _gone_after(asked: asyncio.Event, goes_on: asyncio.Event) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request) -> web.StreamResponse:
        asked.set()
        await goes_on.wait()
        return web.Response(status=404)

    return answer


async def test_parts_that_nobody_asks_for_are_removed_at_the_start(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    hubs.paused.clear()
    async with opened(house, hubs) as (_found, additions):
        addition = await additions.add((await additions.look_up(hubs.link(version_id))).versions[0], ADA, None, anybody)
    place(house.library / part_path(addition.key), demo_lora()[:5000])
    (part,) = left(house)
    place(house.library / "added" / "owl-0123456789ab.safetensors.part", b"old")
    place(house.library / "added" / "0123.attached.part", b"lost")
    async with opened(house, hubs) as (_found, additions):
        await additions.resume()
        assert left(house) == [part], "what is still asked for stays"
        hubs.paused.set()
        assert (await ended(additions, addition)).state is AdditionState.ADDED


async def test_pages_of_one_name_that_come_together_are_two_entries(house: House, hubs: Hubs) -> None:
    ids = [hubs.add_lora("Owl", demo_lora(seed=60 + n), "Other", creator={"username": f"m{n}"}) for n in range(4)]
    async with opened(house, hubs, at_once=4) as (found, additions):
        versions = [(await additions.look_up(hubs.link(each))).versions[0] for each in ids]
        begun = await asyncio.gather(*(additions.add(version, ADA, None, anybody) for version in versions))
        await asyncio.gather(*(ended(additions, addition) for addition in begun))
        entries = [
            await find_lora_by_name(found.connection, name) for name in ("Owl", *(f"Owl (m{n})" for n in range(4)))
        ]
        assert sorted(len(each.versions) for each in entries if each) == [1, 1, 1, 1]


async def test_the_same_file_under_two_names_is_one(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    first, second = hubs.add_lora("Komori", data, "Other"), hubs.add_lora("Owl", data, "Other")
    async with opened(house, hubs) as (found, additions):
        await add(found, additions, hubs.link(first))
        here = await additions.here((await additions.look_up(hubs.link(second))).versions[0])
        assert here is not None and here.name == "Komori"
        assert (await add(found, additions, hubs.link(second), BO)).state is AdditionState.ADDED
        assert await find_lora_by_name(found.connection, "Owl") is None
        assert len(hubs.requests(hubs.file_path(second))) + len(hubs.requests(hubs.file_path(first))) <= 2
    assert len(left(house)) == 2


async def test_a_page_of_the_same_name_is_another_entry_and_a_newer_version_the_same(house: House, hubs: Hubs) -> None:
    mine = hubs.add_model("Bat")  # as a LoRA of the library
    old, new = (hubs.add_version(mine, demo_lora(seed=seed), "Other") for seed in (31, 32))
    other = hubs.add_lora("Bat", demo_lora(seed=33), "Other", creator={"username": "somebody"})
    third = hubs.add_lora("Bat", demo_lora(seed=34), "Other", creator={"username": "somebody"})
    async with opened(house, hubs) as (found, additions):
        for version_id in (old, new, other, third):
            await add(found, additions, hubs.link(version_id))
        assert len((await entry(found, "Bat")).versions) == 1
        assert len((await entry(found, "Bat (maker)")).versions) == 2
        assert len((await entry(found, "Bat (somebody)")).versions) == 1
        assert len((await entry(found, "Bat (2)")).versions) == 1


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


async def test_an_attached_file_is_added_and_described_if_its_page_is_known(house: House, hubs: Hubs) -> None:
    known = demo_lora(seed=41)
    hubs.add_lora("Komori", known, "Other")
    async with opened(house, hubs) as (found, additions):
        plain = await attach(additions, "my_owl.safetensors", demo_lora(seed=42))
        assert (await ended(additions, plain)).state is AdditionState.ADDED
        assert (await entry(found, "my_owl")).usable
        await ended(additions, await attach(additions, "x.safetensors", known))
        assert (await entry(found, "Komori")).usable[0].trigger_words == ("komori", "blue dress, hat")
        assert not hubs.requests(hubs.file_path(50_000))


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

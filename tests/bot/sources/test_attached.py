"""Files that people attach: one at a time in memory; not where there is no room, no right or no answer of a hub."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from bot.database.additions.additions import AdditionState, recent_requests
from bot.database.clock import now_ms
from bot.i18n import explained, speaking
from bot.sources.additions import Additions, Withdrawal
from bot.sources.choosing import why_not
from bot.sources.errors import (
    AddingOff,
    FileTooLarge,
    MinorAndMature,
    NoRoom,
    NotLookedUp,
    RealPerson,
)
from bot.sources.hubs.remote import RemoteVersion
from bot.sources.look_ups import MOST, LookedUpTooOften
from inference.content_rating import ContentRating
from tests.bot.sources.adding import (
    ADA,
    BO,
    SERVER,
    anybody,
    attach,
    demo_lora,
    ended,
    entry,
    left,
    opened,
    taking,
)
from tests.bot.sources.hubs import Answer, Hubs, content, json_of, running_hubs, sha256, status
from tests.house import House

BY_HASH = "/api/v1/model-versions/by-hash"


async def described(additions: Additions, data: bytes, person: int = ADA) -> RemoteVersion:
    async with taking(additions, "owl.safetensors", data) as taken:
        return await additions.describe_attached(taken, person)


async def test_files_are_read_one_after_the_other(house: House, hubs: Hubs) -> None:
    held, most = 0, 0
    async with opened(house, hubs) as (_, additions):

        async def read() -> bytes:
            nonlocal held, most
            held, most = held + 1, max(most, held + 1)
            await asyncio.to_thread(lambda: None)
            held -= 1
            return b"0" * 1000

        async def take() -> None:
            async with additions.taking("owl.safetensors", 1000, read) as taken:
                assert taken.path.read_bytes() == b"0" * 1000

        await asyncio.gather(*(take() for _ in range(20)))
    assert (held, most, left(house)) == (0, 1, [])


async def test_nobody_waits_while_a_file_of_another_is_looked_up(house: House, hubs: Hubs) -> None:
    asked, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.set()
        await goes_on.wait()
        return await hubs.usual(request)

    hubs.fault(BY_HASH, slow, hubs.usual)
    async with opened(house, hubs) as (_, additions):
        waiting = asyncio.create_task(described(additions, demo_lora(seed=1)))
        await asked.wait()
        assert (await described(additions, demo_lora(seed=2), BO)).name == "owl"
        goes_on.set()
        await waiting


async def test_a_file_without_room_is_not_taken(house: House, hubs: Hubs) -> None:
    async def read() -> bytes:
        raise AssertionError

    async with opened(house, hubs, free_gigabytes=2**20, max_lora_megabytes=1) as (_, additions):
        with pytest.raises(NoRoom):
            async with additions.taking("owl.safetensors", 1000, read):
                pass
        with pytest.raises(FileTooLarge):
            async with additions.taking("owl.safetensors", 2**20 + 1, read):
                pass


async def test_nothing_is_kept_for_who_may_not_add(house: House, hubs: Hubs) -> None:
    async with opened(house, hubs) as (_, additions):

        async def nobody(_addition_id: int) -> None:
            raise AddingOff

        async with taking(additions, "owl.safetensors", demo_lora()) as taken:
            version = await additions.describe_attached(taken, ADA)
            with pytest.raises(AddingOff):
                await additions.add_attached(version, taken, ADA, SERVER, nobody)
    assert left(house) == []


async def test_all_pages_say_whom_it_shows_and_for_whom_it_is(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    hubs.add_lora("Komori", data, "Other")
    hubs.add_version(hubs.add_model("Copy", minor=True), data, "Other", nsfwLevel=4)
    async with opened(house, hubs) as (found, additions):
        version = await described(additions, data)
        assert (version.name, version.rating, version.minor) == ("Komori", ContentRating.MATURE, True)
        settings = found.configuration.settings.sources
        assert isinstance(why_not(version, found.configuration.checkpoints, settings), MinorAndMature)
        hubs.add_version(hubs.add_model("Second copy", poi=True), data, "Other")
        version = await described(additions, data)
        assert isinstance(why_not(version, found.configuration.checkpoints, settings), RealPerson)


async def test_pages_that_one_of_the_sites_leaves_out_are_asked_for_at_the_other(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    hubs.add_lora("Komori", data, "Other")
    async with running_hubs() as red:
        red.add_model("Another")
        red.add_version(red.add_model("Copy", poi=True), data, "Other", id=60_000)
        async with opened(house, hubs, civitai_red_endpoint=red.url) as (_, additions):
            version = await described(additions, data)
            assert (version.name, version.real_person) == ("Komori", True)
            red.fault(BY_HASH, status(500))
            with pytest.raises(NotLookedUp):
                await described(additions, data)


async def test_a_page_without_files_is_heard_too(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    hubs.add_lora("Komori", data, "Other", poi=True, mode="Archived")
    (model,) = hubs.models.values()
    told = {**model["modelVersions"][0], "model": {"name": "Komori", "type": "LORA", "poi": True}, "files": []}
    hubs.fault(BY_HASH, json_of([told]))
    async with opened(house, hubs) as (_, additions):
        assert (await described(additions, data)).real_person


# Answers in place of versions of a file: none of them says that nobody knows it.
GARBAGE: list[object] = [
    [None], [{}], ["x"], [[]], {}, None, "", 0, [{"id": 1, "files": [{}]}], [{"id": 1, "files": [{"hashes": {}}]}],
    [{"id": 1, "modelId": 1000, "files": [{"hashes": {"SHA256": "AB" * 32}}]}], [{"modelId": 1000}],
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (BY_HASH, status(401)),
        (BY_HASH, status(403)),
        (BY_HASH, status(404)),
        (BY_HASH, status(429, None, **{"Retry-After": "300"})),
        (BY_HASH, status(500)),
        (BY_HASH, content(b"<html>", "text/html")),
        (BY_HASH, content(b'{"error": "x"}', "application/json")),
        (BY_HASH, content(b'[{"id": 1}]', "application/json")),
        *((BY_HASH, json_of(said)) for said in GARBAGE),
        ("/api/v1/models/1000", status(500)),
    ],
    ids=["401", "403", "404", "429", "500", "HTML", "no list", "no version", *map(str, GARBAGE), "model 500"],
)
async def test_what_cannot_be_looked_up_is_refused_and_had_later(
    house: House, hubs: Hubs, path: str, answer: Answer
) -> None:
    data = demo_lora()
    hubs.add_version(hubs.add_model("Komori"), data, "Other", nsfwLevel=16)
    hubs.fault(path, answer)
    async with opened(house, hubs) as (found, additions):
        with pytest.raises(NotLookedUp) as refused:
            await attach(additions, "owl.safetensors", data)
        for language, word in (("en-US", "again later"), ("ja", "もう一度")):
            with speaking(language):
                assert word in explained(refused.value)
        assert left(house) == []
        hubs.faults.clear()
        done = await ended(additions, await attach(additions, "owl.safetensors", data))
        assert done.state is AdditionState.ADDED
        assert (await entry(found, "Komori")).content_rating is ContentRating.EXPLICIT


async def test_without_a_hub_files_are_taken_as_they_are(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    async with opened(house, hubs, look_up_files=False) as (found, additions):
        done = await ended(additions, await attach(additions, "owl.safetensors", data))
        assert (done.state, done.sha256) == (AdditionState.ADDED, sha256(data))
        assert (await entry(found, "owl")).content_rating is None
    assert not hubs.asked


async def test_a_person_has_so_many_files_looked_up(house: House, hubs: Hubs) -> None:
    async with opened(house, hubs) as (_, additions):
        for _number in range(MOST):
            additions.look_ups.count(ADA)
        with pytest.raises(LookedUpTooOften):
            await described(additions, demo_lora())
        assert (await described(additions, demo_lora(), BO)).name == "owl"


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


async def test_what_is_cancelled_before_it_has_a_slot_counts(house: House, hubs: Hubs) -> None:
    """It was uploaded, and read."""
    slow = hubs.add_lora("Slow", demo_lora(seed=60), "Other")
    async with opened(house, hubs, at_once=1) as (found, additions):
        hubs.paused.clear()
        first = await additions.add((await additions.look_up(hubs.link(slow))).versions[0], BO, None, anybody)
        second = await attach(additions, "owl.safetensors", demo_lora(seed=61))
        assert await additions.cancel(second.id, ADA) is Withdrawal.CANCELLED
        assert len((await recent_requests(found.db, ADA, None, now_ms())).everywhere) == 1
        hubs.paused.set()
        await ended(additions, first)


async def test_its_name_has_no_characters_that_nobody_sees(house: House, hubs: Hubs) -> None:
    async with opened(house, hubs) as (found, additions):
        await ended(additions, await attach(additions, "Ko\u200bmo\u202eri\x07.safetensors", demo_lora(seed=62)))
        assert (await entry(found, "Komori")).usable

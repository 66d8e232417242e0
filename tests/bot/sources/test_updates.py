"""What hubs say now of LoRAs that came from them: asked once a day, many in one question, and nothing is lost by it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.app.assembly import Catalogued
from bot.config import Settings, load_settings
from bot.config.sections.sources import SourcesSettings
from bot.database.additions.hub_looks import (
    LOOK_WITH_NEWER,
    LOOKS_OF,
    MARK_MESSAGED,
    MARK_UPDATES_TOLD,
    PEOPLE_TO_MESSAGE,
    UNTOLD_UPDATES,
    HubLook,
    HubState,
)
from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import Lora
from bot.database.loras.file_counts import COUNT_AT_HUBS, HubCount
from bot.database.loras.records import DOUBT_FILE, rate_content
from bot.database.people.blocks import LIFT_BLOCK, LORA_BLOCKS, BlockKind
from bot.database.people.preferences import Preferences, save_preferences
from bot.sources.additions import Additions
from bot.sources.claims.further_pages import Namer
from bot.sources.claims.provenance import provenance_of
from bot.sources.hubs.remote import RemoteVersion
from bot.sources.updates import Updates
from bot.ui.views.loras.origin_text import provenance_lines
from inference.content_rating import ContentRating
from inference.lora.known.registry import RegistryAnswer, keep_answer
from inference.queue.policy import EVERYWHERE
from tests.bot.sources.adding import ADA, BO, PATIENCE, add, anybody, demo_lora, entry, opened, sdxl_lora
from tests.bot.sources.hubs import Hubs, content, sha256, status
from tests.house import House


@asynccontextmanager
async def looking(house: House, hubs: Hubs, **changes: object) -> AsyncGenerator[tuple[Catalogued, Additions, Updates]]:
    async with opened(house, hubs, **changes) as (found, additions):
        updates = Updates(found.db, found.configuration, additions.civitai, additions.hugging_face, pause=0.0)
        yield found, additions, updates


async def a_day_later(db: Database) -> None:
    await db.connection.execute("UPDATE hub_look SET looked_at = looked_at - 86400001")
    await db.connection.commit()


async def look_of(found: Catalogued, data: bytes) -> HubLook:
    (look,) = await found.db.all(LOOKS_OF, [sha256(data)])
    return look


def newer(look: HubLook) -> str | None:
    return RemoteVersion.model_validate_json(look.newer).version if look.newer else None


async def test_what_came_from_a_hub_is_asked_about_once_a_day_in_one_question(house: House, hubs: Hubs) -> None:
    files = [demo_lora(seed=100 + n) for n in range(4)]
    links = [hubs.link(hubs.add_lora(f"Komori {n}", data, "Other")) for n, data in enumerate(files)]
    async with looking(house, hubs) as (found, additions, updates):
        for link in links:
            await add(found, additions, link)
        hubs.asked.clear()
        await updates.look()
        assert not hubs.asked, "it was asked about just now"
        await a_day_later(found.db)
        await updates.look()
        assert [asked.path for asked in hubs.asked] == ["/api/v1/models"]
        await updates.look()
        assert len(hubs.asked) == 1
        assert (await look_of(found, files[0])).state is HubState.THERE


async def test_who_has_it_among_the_bookmarks_is_told_once_of_a_newer_version(house: House, hubs: Hubs) -> None:
    model_id, old, new = hubs.add_model("Komori"), demo_lora(seed=110), demo_lora(seed=111)
    hubs.add_version(model_id, old, "Other")
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, f"https://civitai.com/models/{model_id}")
        lora = await entry(found, "Komori")
        await add_bookmark(found.db, ADA, lora.id)
        newest = hubs.add_version(model_id, new, "Other")
        await a_day_later(found.db)
        await updates.look()
        assert newer(await look_of(found, old)) == "v2"
        await add_bookmark(found.db, BO, lora.id)
        assert await found.db.all(UNTOLD_UPDATES, ADA) == [lora.id]
        assert await found.db.all(UNTOLD_UPDATES, BO) == [], "the page told it when it was bookmarked"
        await found.db.run(MARK_UPDATES_TOLD, person=ADA, ids=[lora.id], until=now_ms())
        await a_day_later(found.db)
        await updates.look()
        assert await found.db.all(UNTOLD_UPDATES, ADA) == []
        hubs.add_version(model_id, demo_lora(seed=112), "Other")
        await a_day_later(found.db)
        await updates.look()
        assert newer(await look_of(found, old)) == "v3"
        assert await found.db.all(UNTOLD_UPDATES, ADA) == [lora.id], "a still newer one is told"
        await add(found, additions, hubs.link(newest + 1))
        assert await found.db.all(UNTOLD_UPDATES, ADA) == [], "it is here"
        assert (await found.db.get(COUNT_AT_HUBS)).newer == 0
        versions = (await entry(found, "Komori")).usable
        assert {version.sha256 for version in versions} >= {sha256(old)}, "the old one stays"


async def test_a_page_that_only_has_the_same_file_gives_no_versions(house: House, hubs: Hubs) -> None:
    data, first, second = demo_lora(seed=115), hubs.add_model("Komori"), hubs.add_model("Copy")
    ids = [hubs.add_version(model_id, data, "Other") for model_id in (first, second)]
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(ids[0]))
        lora = await entry(found, "Komori")
        await additions.note_page(
            lora, (await additions.look_up(hubs.link(ids[1]))).versions[0], Namer(BO, None, anybody)
        )
        await add_bookmark(found.db, ADA, lora.id)
        new = demo_lora(seed=116)
        hubs.add_version(second, new, "Other")
        del hubs.models[first]
        await a_day_later(found.db)
        await updates.look()
        pages = {look.page: look for look in await found.db.all(LOOKS_OF, [sha256(data)])}
        gone, there = (
            pages[f"https://civitai.com/models/{m}?modelVersionId={v}"]
            for m, v in zip((first, second), ids, strict=True)
        )
        assert (gone.state, there.state, newer(there)) == (HubState.GONE, HubState.THERE, None)
        assert await found.db.all(UNTOLD_UPDATES, ADA) == []
        assert await found.db.get(COUNT_AT_HUBS) == HubCount(lost=0, newer=0), "it is not lost while a page has it"
        lines = provenance_lines(await provenance_of(found.db, lora))
        assert any(line.startswith("Komori: Civitai no longer has this LoRA") for line in lines)
        assert await found.db.one(LOOK_WITH_NEWER, sha256(new)) is None


async def test_a_version_for_another_base_model_is_not_newer(house: House, hubs: Hubs) -> None:
    model_id, data = hubs.add_model("Komori"), sdxl_lora(120, ss_sd_model_name="290640.safetensors")
    hubs.add_version(model_id, data, "Pony")
    async with looking(house, hubs) as (found, additions, updates):
        version = (await additions.look_up(f"https://civitai.com/models/{model_id}")).versions[0]
        addition = await additions.add(version, ADA, None, anybody)
        await additions.until_ended(addition.id, PATIENCE)
        hubs.add_version(model_id, demo_lora(seed=121), "Other")
        hubs.add_version(model_id, demo_lora(seed=122), "Illustrious")
        await a_day_later(found.db)
        await updates.look()
        assert newer(await look_of(found, data)) is None


@pytest.mark.parametrize(
    "fields",
    [{"earlyAccessEndsAt": "2099-01-01T00:00:00.000Z"}, {"files": []}, {"baseModel": "Flux.1 D"}],
    ids=["early access", "no file", "another base"],
)
async def test_a_version_that_cannot_be_had_is_not_offered(house: House, hubs: Hubs, fields: dict[str, object]) -> None:
    model_id, data = hubs.add_model("Komori"), demo_lora(seed=130)
    hubs.add_version(model_id, data, "Other")
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, f"https://civitai.com/models/{model_id}")
        hubs.add_version(model_id, demo_lora(seed=131), "Other", **fields)
        await a_day_later(found.db)
        await updates.look()
        assert newer(await look_of(found, data)) is None


async def test_what_a_hub_does_not_have_any_more_stays_here_and_is_known_as_that(house: House, hubs: Hubs) -> None:
    gone, archived, version_gone, hidden, early = (demo_lora(seed=140 + n) for n in range(5))
    models = [hubs.add_model(f"Komori {n}") for n in range(5)]
    for model_id, data in zip(models, (gone, archived, version_gone, hidden, early), strict=True):
        hubs.add_version(model_id, data, "Other")
    async with looking(house, hubs) as (found, additions, updates):
        for model_id in models:
            await add(found, additions, f"https://civitai.com/models/{model_id}")
        del hubs.models[models[0]]
        hubs.models[models[1]]["mode"] = "Archived"
        hubs.models[models[2]]["modelVersions"] = []
        hubs.add_version(models[2], demo_lora(seed=149), "Pony")
        hubs.unlisted.add(models[3])
        hubs.models[models[3]]["allowNoCredit"] = True
        hubs.models[models[4]]["modelVersions"][0]["earlyAccessEndsAt"] = "2099-01-01T00:00:00.000Z"
        await a_day_later(found.db)
        await updates.look()
        states = [(await look_of(found, data)).state for data in (gone, archived, version_gone, hidden, early)]
        assert states == [HubState.GONE, HubState.ARCHIVED, HubState.GONE, HubState.THERE, HubState.THERE]
        look = await look_of(found, hidden)
        told = [RemoteVersion.model_validate_json(each).terms.credit for each in (look.added, look.says)]
        assert told == [True, False]
        says = RemoteVersion.model_validate_json((await look_of(found, early)).says)
        assert says.ends == "2099-01-01 00:00 UTC"
        assert (await found.db.get(COUNT_AT_HUBS)).lost == 3
        assert all([(await entry(found, f"Komori {n}")).usable for n in range(5)])
        since = (await look_of(found, gone)).since
        await a_day_later(found.db)
        await updates.look()
        assert (await look_of(found, gone)).since == since


async def test_a_page_that_is_closed_by_410_is_archived(house: House, hubs: Hubs) -> None:
    data = demo_lora(seed=150)
    version_id = hubs.add_lora("Komori", data, "Other")
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(version_id))
        (model_id,) = hubs.models
        hubs.unlisted.add(model_id)
        hubs.fault(f"/api/v1/models/{model_id}", status(410))
        await a_day_later(found.db)
        await updates.look()
        assert (await look_of(found, data)).state is HubState.ARCHIVED


@pytest.mark.parametrize("answer", [status(429, None, **{"Retry-After": "600"}), status(500), status(401)])
async def test_trouble_of_a_hub_says_nothing_of_a_file_and_is_asked_again(
    house: House, hubs: Hubs, answer: object
) -> None:
    data = demo_lora(seed=160)
    version_id = hubs.add_lora("Komori", data, "Other")
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(version_id))
        await a_day_later(found.db)
        before = await look_of(found, data)
        hubs.fault("/api/v1/models", answer)  # pyright: ignore[reportArgumentType]
        await updates.look()
        assert await look_of(found, data) == before
        hubs.faults.clear()
        await updates.look()
        assert (await look_of(found, data)).looked_at > before.looked_at


async def test_an_answer_that_cannot_be_read_is_asked_for_model_by_model(house: House, hubs: Hubs) -> None:
    data = demo_lora(seed=170)
    version_id = hubs.add_lora("Komori", data, "Other")
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(version_id))
        hubs.fault("/api/v1/models", content(b"<html>"))
        (model_id,) = hubs.models
        await a_day_later(found.db)
        await updates.look()
        assert (await look_of(found, data)).state is HubState.THERE
        hubs.fault(f"/api/v1/models/{model_id}", content(b"<html>"))
        await a_day_later(found.db)
        hubs.asked.clear()
        await updates.look()
        await updates.look()
        assert (await look_of(found, data)).state is HubState.THERE
        assert len(hubs.requests(f"/api/v1/models/{model_id}")) == 1, "not again on the same day"


async def test_a_restart_asks_about_what_is_left_alone(house: House, hubs: Hubs) -> None:
    links = [hubs.link(hubs.add_lora(f"Komori {n}", demo_lora(seed=180 + n), "Other")) for n in range(3)]
    async with looking(house, hubs) as (found, additions, updates):
        for link in links:
            await add(found, additions, link)
        await a_day_later(found.db)
        await found.db.connection.execute(
            "UPDATE hub_look SET looked_at = looked_at + 86400001 WHERE sha256 <> ?", (sha256(demo_lora(seed=182)),)
        )
        await found.db.connection.commit()
    hubs.asked.clear()
    async with looking(house, hubs) as (_found, _additions, updates):
        await updates.look()
    (asked,) = hubs.asked
    assert asked.query.startswith("ids=1002&")


async def test_a_file_that_left_the_library_is_not_asked_about(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(seed=190), "Other")
    async with looking(house, hubs) as (found, additions, updates):
        done = await add(found, additions, hubs.link(version_id))
        (house.library / done.path).unlink()
        await found.keeper.scan()
        await a_day_later(found.db)
        hubs.asked.clear()
        await updates.look()
        assert not hubs.asked


@pytest.mark.parametrize("registry", [None, "https://civitai.com/api/v1"])
async def test_files_that_the_operator_s_registry_knows_are_asked_about_too(
    house: House, hubs: Hubs, registry: str | None
) -> None:
    model_id, data = hubs.add_model("Owl"), demo_lora(seed=240)
    version_id = hubs.add_version(model_id, data, "Other")
    (house.library / "owl.safetensors").write_bytes(data)
    answer = RegistryAnswer(
        sha256=sha256(data), registry="civitai.com", when=datetime.now(UTC), base_model="Other", version_id=version_id
    )
    keep_answer(house.library, answer)
    async with looking(house, hubs) as (found, _additions, updates):
        settings = found.configuration.settings
        library = settings.library.model_copy(update={"registry": registry})
        found.configuration.settings = settings.model_copy(update={"library": library})
        await updates.look()
        if registry is None:
            assert not hubs.asked
            return
        assert [asked.path for asked in hubs.asked] == ["/api/v1/model-versions/by-hash"]
        await updates.look()
        assert len(hubs.asked) == 1
        hubs.add_version(model_id, demo_lora(seed=241), "Other")
        await a_day_later(found.db)
        await updates.look()
        assert newer(await look_of(found, data)) == "v2"


@pytest.mark.parametrize("suffix", [".civitai.info", ".metadata.json"])
async def test_files_that_another_program_fetched_from_civitai_are_asked_about_too(
    house: House, hubs: Hubs, suffix: str
) -> None:
    model_id, data = hubs.add_model("Owl"), demo_lora(seed=245)
    version_id = hubs.add_version(model_id, data, "Other")
    told = hubs.models[model_id]["modelVersions"][0]
    if suffix == ".metadata.json":
        told = {"sha256": sha256(data), "civitai": {"id": version_id}}
    (house.library / "owl.safetensors").write_bytes(data)
    sidecar = house.library / f"owl{suffix}"
    sidecar.write_text(json.dumps({**told, "id": 0, "civitai": {}}))  # as of a file that no page has
    async with looking(house, hubs) as (found, _additions, updates):
        await updates.look()
        assert not hubs.asked
        sidecar.write_text(json.dumps(told))
        await updates.look()
        assert [asked.path for asked in hubs.asked] == ["/api/v1/model-versions/by-hash"]
        await updates.look()
        assert len(hubs.asked) == 1
        hubs.add_version(model_id, demo_lora(seed=246), "Other")
        await a_day_later(found.db)
        await updates.look()
        assert newer(await look_of(found, data)) == "v2"


async def test_a_repository_is_asked_for_its_file_as_it_is_now(house: House, hubs: Hubs) -> None:
    old, new = demo_lora(seed=200), demo_lora(seed=201)
    hubs.add_repository("maker/komori", {"style/komori v1.safetensors": old}, license="mit")
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, "https://huggingface.co/maker/komori/blob/main/style/komori%20v1.safetensors")
        await a_day_later(found.db)
        await updates.look()
        assert newer(await look_of(found, old)) is None
        hubs.trees["maker/komori"]["style/komori v1.safetensors"] = new
        hubs.repositories["maker/komori"]["cardData"]["license"] = "cc-by-nc-4.0"
        await a_day_later(found.db)
        await updates.look()
        look = await look_of(found, old)
        assert (look.state, look.newer_sha256) == (HubState.THERE, sha256(new))
        terms = [RemoteVersion.model_validate_json(each).terms.licence for each in (look.added, look.says)]
        assert terms == ["mit", "cc-by-nc-4.0"]
        hubs.repositories["maker/komori"]["gated"] = "manual"
        await a_day_later(found.db)
        await updates.look()
        assert (await look_of(found, old)).state is HubState.LOCKED
        del hubs.repositories["maker/komori"]
        await a_day_later(found.db)
        await updates.look()
        assert (await look_of(found, old)).state is HubState.GONE


async def test_one_hub_s_trouble_keeps_nothing_from_the_other(house: House, hubs: Hubs) -> None:
    data = demo_lora(seed=210)
    civitai = hubs.add_lora("Komori", demo_lora(seed=211), "Other")
    hubs.add_repository("maker/owl", {"owl.safetensors": data})
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(civitai))
        await add(found, additions, "https://huggingface.co/maker/owl")
        hubs.fault("/api/v1/models", status(500))
        await a_day_later(found.db)
        before = await look_of(found, data)
        await updates.look()
        assert (await look_of(found, data)).looked_at > before.looked_at


@pytest.mark.parametrize("changes", [{"updates": False}, {"enabled": False}])
async def test_it_can_be_turned_off(house: House, hubs: Hubs, changes: dict[str, object]) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(seed=220), "Other")
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(version_id))
        await a_day_later(found.db)
    hubs.asked.clear()
    async with looking(house, hubs, **changes) as (_found, _additions, updates):
        await updates.look()
    assert not hubs.asked


def test_nobody_is_asked_unless_the_settings_say_so(tmp_path: Path) -> None:
    assert not Settings().looks_for_updates
    assert not Settings(sources=SourcesSettings(at_once=1)).looks_for_updates
    config = tmp_path / "config.toml"
    config.write_text("[sources]\nupdates = true\n", "utf-8")
    assert load_settings(config).looks_for_updates


async def test_direct_messages_are_for_those_who_want_them(house: House, hubs: Hubs) -> None:
    model_id = hubs.add_model("Komori")
    hubs.add_version(model_id, demo_lora(seed=230), "Other")
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, f"https://civitai.com/models/{model_id}")
        for person in (ADA, BO):
            await add_bookmark(found.db, person, (await entry(found, "Komori")).id)
        await save_preferences(found.db, BO, Preferences(update_messages=True))
        hubs.add_version(model_id, demo_lora(seed=231), "Other")
        await a_day_later(found.db)
        await updates.look()
        assert await found.db.all(PEOPLE_TO_MESSAGE) == [BO]
        assert await found.db.run(MARK_MESSAGED, BO)
        assert not await found.db.run(MARK_MESSAGED, BO)
        assert await found.db.all(PEOPLE_TO_MESSAGE) == []
        assert await found.db.all(UNTOLD_UPDATES, BO), "until it has been sent"


async def test_pages_with_trouble_keep_nothing_from_the_others(house: House, hubs: Hubs) -> None:
    files = {name: demo_lora(seed=230 + n) for n, name in enumerate(("ann/a", "ann/b", "ann/c", "bob/d"))}
    async with looking(house, hubs) as (found, additions, updates):
        for name, data in files.items():
            hubs.add_repository(name, {"x.safetensors": data})
            await add(found, additions, f"https://huggingface.co/{name}")
        await a_day_later(found.db)
        before = {name: (await look_of(found, data)).looked_at for name, data in files.items()}
        for name in ("ann/a", "ann/b"):
            hubs.fault(f"/api/models/{name}", status(501))
        await updates.look()
        after = {name: (await look_of(found, data)).looked_at for name, data in files.items()}
        assert after["bob/d"] > after["ann/a"] > before["ann/a"], "a page with trouble is asked about sooner"
        hubs.asked.clear()
        await updates.look()
        assert not hubs.asked


async def test_a_hub_whose_pages_all_have_trouble_is_left_alone(house: House, hubs: Hubs) -> None:
    names = [f"ann/{letter}" for letter in "abcde"]
    async with looking(house, hubs) as (found, additions, updates):
        for n, name in enumerate(names):
            hubs.add_repository(name, {"x.safetensors": demo_lora(seed=240 + n)})
            await add(found, additions, f"https://huggingface.co/{name}")
        await a_day_later(found.db)
        for name in names[:3]:
            hubs.fault(f"/api/models/{name}", status(501))
        hubs.asked.clear()
        await updates.look()
        assert [asked.path for asked in hubs.asked] == [f"/api/models/{name}" for name in names[:3]]
        hubs.asked.clear()
        await updates.look()
        assert [asked.path for asked in hubs.asked] == [f"/api/models/{name}" for name in names[3:]]


async def test_an_unforeseen_error_at_one_hub_keeps_nothing_from_the_other(
    house: House, hubs: Hubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = demo_lora(seed=251)
    civitai = hubs.add_lora("Komori", demo_lora(seed=250), "Other")
    hubs.add_repository("maker/owl", {"owl.safetensors": data})
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(civitai))
        await add(found, additions, "https://huggingface.co/maker/owl")
        await a_day_later(found.db)
        before = await look_of(found, data)
        monkeypatch.setattr(additions.civitai, "models", None)
        with pytest.raises(TypeError):
            await updates.look()
        assert (await look_of(found, data)).looked_at > before.looked_at


async def test_an_unreadable_row_keeps_nothing_from_the_others(
    house: House, hubs: Hubs, caplog: pytest.LogCaptureFixture
) -> None:
    broken, data = demo_lora(seed=252), demo_lora(seed=253)
    async with looking(house, hubs) as (found, additions, updates):
        for name, each in (("Broken", broken), ("Whole", data)):
            await add(found, additions, hubs.link(hubs.add_lora(name, each, "Other")))
        await a_day_later(found.db)
        await found.db.connection.execute("UPDATE hub_look SET says = '{}' WHERE sha256 = ?", (sha256(broken),))
        await found.db.connection.commit()
        before = await look_of(found, data)
        await updates.look()
        assert (await look_of(found, data)).looked_at > before.looked_at
        assert any("cannot read" in message for message in caplog.messages)


async def changed(found: Catalogued, updates: Updates, model: dict[str, Any], level: int, **flags: object) -> Lora:
    """The entry, a day after its page changed."""
    model.update(flags)
    model["modelVersions"][0]["nsfwLevel"] = level
    await a_day_later(found.db)
    await updates.look()
    return await entry(found, "Komori")


async def test_a_rating_that_a_page_raises_is_raised_here_and_never_lowered(house: House, hubs: Hubs) -> None:
    data, model_id = demo_lora(seed=5), hubs.add_model("Komori")
    version_id, model = hubs.add_version(model_id, data, "Other"), hubs.models[model_id]
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(version_id))
        assert (await entry(found, "Komori")).content_rating is ContentRating.GENERAL
        for level in (16, 1):
            assert (await changed(found, updates, model, level)).content_rating is ContentRating.EXPLICIT
        await found.keeper.scan()
        await found.db.run(DOUBT_FILE, sha256(data))
        await found.keeper.scan()
        assert (await entry(found, "Komori")).content_rating is ContentRating.EXPLICIT
        async with found.db.transaction():
            await rate_content(found.db, (await entry(found, "Komori")).id, ContentRating.TEEN, 1)
        lora = await changed(found, updates, model, 16)
        assert lora.content_rating is ContentRating.TEEN, "an operator's word stands"
        assert await found.db.all(LORA_BLOCKS, EVERYWHERE) == []


@pytest.mark.parametrize("flags", [{"poi": True}, {"minor": True, "nsfwLevel": 16}])
async def test_what_would_not_be_added_any_more_is_blocked_once(
    house: House, hubs: Hubs, flags: dict[str, object]
) -> None:
    data, model_id, told = demo_lora(seed=5), hubs.add_model("Komori"), list[int]()
    version_id, model = hubs.add_version(model_id, data, "Other"), hubs.models[model_id]
    async with looking(house, hubs) as (found, additions, updates):
        updates.blocked = lambda lora: told.append(lora.id)
        await add(found, additions, hubs.link(version_id))
        lora = await changed(found, updates, model, 1, **flags)
        assert told == [lora.id]
        (block,) = await found.db.all(LORA_BLOCKS, EVERYWHERE)
        assert block.reason.startswith("According to its page, this LoRA shows a ")
        await changed(found, updates, model, 1)
        await found.db.one(LIFT_BLOCK, server=EVERYWHERE, kind=BlockKind.LORA, id=lora.id)
        await changed(found, updates, model, 1)
        assert told == [lora.id]
        assert await found.db.all(LORA_BLOCKS, EVERYWHERE) == [], "an operator allows it"


async def test_a_page_of_a_minor_that_is_for_everybody_blocks_nothing_until_it_is_not(house: House, hubs: Hubs) -> None:
    data, model_id = demo_lora(seed=5), hubs.add_model("Komori")
    version_id, model = hubs.add_version(model_id, data, "Other"), hubs.models[model_id]
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(version_id))
        await changed(found, updates, model, 1, minor=True)
        assert await found.db.all(LORA_BLOCKS, EVERYWHERE) == []
        lora = await changed(found, updates, model, 4)
        assert [block.target_id for block in await found.db.all(LORA_BLOCKS, EVERYWHERE)] == [lora.id]


async def test_a_newer_version_whose_name_breaks_a_rule_on_words_is_not_told(house: House, hubs: Hubs) -> None:
    old, model_id = demo_lora(seed=5), hubs.add_model("Komori")
    version_id = hubs.add_version(model_id, old, "Other")
    async with looking(house, hubs) as (found, additions, updates):
        await add(found, additions, hubs.link(version_id))
        hubs.add_version(model_id, demo_lora(seed=6), "Other", name="child porn")
        await a_day_later(found.db)
        await updates.look()
        assert newer(await look_of(found, old)) is None

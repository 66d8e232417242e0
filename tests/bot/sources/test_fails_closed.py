"""What a page says of viruses, of people and of early access keeps a file out, in whatever spelling it says so."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from bot.database.additions.additions import AdditionState
from bot.database.people.blocks import FIND_BLOCK, BlockKind
from bot.sources import additions as additions_module
from bot.sources import errors
from bot.sources.choosing import choose, why_not
from bot.sources.downloads.placing import part_path
from bot.sources.hubs.links import CivitaiLink
from bot.sources.hubs.remote import RemoteModel
from bot.sources.updates import Updates
from inference.content_rating import ContentRating
from inference.queue.policy import EVERYWHERE
from tests.bot.sources.adding import ADA, add, anybody, demo_lora, ended, entry, left, opened, place, taking
from tests.bot.sources.hubs import Hubs, cut_after, sha256, status
from tests.bot.sources.test_faults import large_lora
from tests.bot.sources.test_updates import a_day_later
from tests.house import House

SCANS = ("virusScanResult", "pickleScanResult")
TRUE: tuple[Any, ...] = (True, 1, 1.0, "true", "True", "TRUE", " yes ", "y", "1", "on", "Yes", "maybe", ["x"])
FALSE: tuple[Any, ...] = (False, None, 0, "", "false", "False", "no", "0", "None", "off", [], {})


def file_of(hubs: Hubs, version_id: int) -> dict[str, Any]:
    versions = (version for model in hubs.models.values() for version in model["modelVersions"])
    return next(version for version in versions if version["id"] == version_id)["files"][0]


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize(
    ("result", "error"),
    [
        ("Danger", "FileInfected"),
        ("danger", "FileInfected"),
        ("Something new", "FileInfected"),
        (7, "FileInfected"),
        ("Pending", "FileUnscanned"),
        ("Error", "FileUnscanned"),
        ("Success", None),
        (None, None),
    ],
)
async def test_a_file_is_added_only_after_its_scan(
    house: House, hubs: Hubs, scan: str, result: object, error: str | None
) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    file_of(hubs, version_id)[scan] = result
    async with opened(house, hubs) as (found, additions):
        told = await additions.look_up_link(CivitaiLink(version_id=version_id))
        if error is None:
            assert choose(told, found.configuration.checkpoints, hubs.settings).version_id == version_id
            return
        with pytest.raises(getattr(errors, error)):
            choose(told, found.configuration.checkpoints, hubs.settings)
    assert not hubs.requests(hubs.file_path(version_id))


async def test_a_copy_elsewhere_is_judged_by_the_scan_of_its_bytes(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    version_id = hubs.add_version(hubs.add_model("Komori"), b"the primary file", "Other")
    primary = file_of(hubs, version_id)
    second = {**primary, "primary": False, "virusScanResult": "Danger", "hashes": {"SHA256": sha256(data).upper()}}
    hubs.models[max(hubs.models)]["modelVersions"][0]["files"].append(second)
    hubs.add_repository("another/copy", {"a.safetensors": data})
    async with opened(house, hubs) as (_found, additions):
        with pytest.raises(errors.FileInfected):
            await add(_found, additions, "https://huggingface.co/another/copy")
        with pytest.raises(errors.FileInfected):
            await additions.choose(await additions.look_up(sha256(data)))
    assert left(house) == []


async def test_a_virus_that_is_found_later_blocks_the_lora(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    async with opened(house, hubs) as (found, additions):
        assert (await add(found, additions, hubs.link(version_id))).state is AdditionState.ADDED
        lora = await entry(found, "Komori")
        updates = Updates(found.db, found.configuration, additions.civitai, additions.hugging_face, pause=0)
        for result, blocked in (("Pending", False), ("Danger", True)):
            file_of(hubs, version_id)["virusScanResult"] = result
            await a_day_later(found.db)
            await updates.look()
            block = await found.db.one(FIND_BLOCK, server=EVERYWHERE, kind=BlockKind.LORA, id=lora.id)
            assert (block is not None) is blocked
        assert block is not None and "dangerous" in block.reason


@pytest.mark.parametrize(("value", "says"), [*((each, True) for each in TRUE), *((each, False) for each in FALSE)])
async def test_flags_are_read_in_any_spelling(house: House, hubs: Hubs, value: object, says: bool) -> None:
    ids = {
        flag: hubs.add_lora(flag, demo_lora(seed=n), "Other", **{flag: value})
        for n, flag in enumerate(("poi", "minor", "nsfw"))
    }
    async with opened(house, hubs) as (_found, additions):
        told = {flag: (await _told(additions, each)).versions[0] for flag, each in ids.items()}
    assert told["poi"].real_person is says
    assert told["minor"].minor is says
    assert (told["nsfw"].rating is ContentRating.MATURE) is says


@pytest.mark.parametrize("level", [16, 16.0, "16", " 16 ", "16.0"])
async def test_a_rating_is_read_in_any_spelling(house: House, hubs: Hubs, level: object) -> None:
    version_id = hubs.add_version(hubs.add_model("Komori"), demo_lora(), "Other", nsfwLevel=level)
    async with opened(house, hubs) as (_found, additions):
        assert (await _told(additions, version_id)).versions[0].rating is ContentRating.EXPLICIT


async def _told(additions: additions_module.Additions, version_id: int) -> RemoteModel:
    return await additions.look_up_link(CivitaiLink(version_id=version_id))


@pytest.mark.parametrize("code", [401, 403])
@pytest.mark.parametrize("end", ["2099-01-01T00:00:00.000Z", None])
async def test_a_locked_version_in_early_access_is_told_as_that(
    house: House, hubs: Hubs, code: int, end: str | None
) -> None:
    model_id = hubs.add_model("Komori")
    early: dict[str, object] = {"availability": "EarlyAccess", "earlyAccessEndsAt": end}
    version_id = hubs.add_version(model_id, demo_lora(), "Other", **early)
    hubs.fault(hubs.file_path(version_id), status(code))
    async with opened(house, hubs) as (found, additions):
        failure = (await add(found, additions, hubs.link(version_id))).failure
    assert type(failure) is (errors.EarlyAccess if end else errors.EarlyAccessOpen)
    assert ("2099-01-01 00:00 UTC" in str(failure)) is bool(end)


async def test_what_came_before_the_last_break_goes_on_when_it_is_added_again(house: House, hubs: Hubs) -> None:
    data = large_lora(7)
    version_id = hubs.add_lora("Komori", data, "Other")
    path, step = hubs.file_path(version_id), 2**18
    hubs.fault(path, *(cut_after(hubs, step) for _ in range(6)), hubs.usual)
    async with opened(house, hubs) as (found, additions):
        failed = await add(found, additions, hubs.link(version_id))
        assert isinstance(failed.failure, errors.CutShort)
        part = house.library / part_path(failed.key)
        assert left(house) == [part.name]
        size = part.stat().st_size
    async with opened(house, hubs) as (found, additions):
        await additions.resume()
        assert (await add(found, additions, hubs.link(version_id))).state is AdditionState.ADDED
    assert hubs.requests(path)[-1].headers["Range"] == f"bytes={size}-" and size >= step
    assert not [name for name in left(house) if name.endswith(".part")]


async def test_few_parts_are_kept_and_none_for_long(house: House, hubs: Hubs) -> None:
    names = [f"{number:032x}.part" for number in range(7)]
    for number, name in enumerate(names):
        place(house.library / "added" / name, b"some")
        os.utime(house.library / "added" / name, (now := time.time() - 100 * number, now))
    os.utime(house.library / "added" / names[1], (old := time.time() - 2 * 24 * 3600, old))
    async with opened(house, hubs) as (_found, additions):
        await additions.resume()
    assert left(house) == [names[0], names[2], names[3], names[4]]


async def test_where_there_is_no_room_no_part_is_kept(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    place(house.library / "added" / f"{7:032x}.part", b"some")
    async with opened(house, hubs, free_gigabytes=1e6) as (_found, additions):
        version = (await _told(additions, version_id)).versions[0]
        failed = await ended(additions, await additions.add(version, ADA, None, anybody))
        assert isinstance(failed.failure, errors.NoRoom)
        assert left(house) == []


async def test_an_attached_copy_is_judged_by_the_scan_of_its_bytes(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    file_of(hubs, version_id)["pickleScanResult"] = "Danger"
    async with opened(house, hubs) as (found, additions):
        async with taking(additions, "copy.safetensors", demo_lora()) as taken:
            told = await additions.describe_attached(taken, ADA)
        refusal = why_not(told, found.configuration.checkpoints, hubs.settings)
    assert isinstance(refusal, errors.FileInfected)

"""What additions leave on the disk when the program ends in the middle, and what goes on at the next start."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from bot.database.additions.additions import WAITING_ADDITIONS, AdditionState
from bot.sources.downloads.placing import file_path, key_of, part_path, preview_path, remove
from bot.sources.errors import (
    AddingOff,
    DiskFailed,
    Gone,
)
from inference.demo import CHECKPOINTS
from inference.files.hashes import checkpoint_sha256
from tests.bot.sources.adding import (
    ADA,
    anybody,
    demo_lora,
    ended,
    entry,
    left,
    opened,
    place,
    png_bytes,
)
from tests.bot.sources.hubs import Hubs, status
from tests.house import House, attention_modules
from tests.lora_files import lora_tensors, safetensors_bytes

REFUSES = """
    CREATE TRIGGER refuses BEFORE UPDATE ON addition WHEN new.state = '{}' BEGIN SELECT raise(ABORT, 'disk full'); END
"""


async def test_a_preview_is_written_in_one_step(tmp_path: Path, hubs: Hubs) -> None:
    house = House(tmp_path)
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    async with opened(house, hubs) as (_found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        assert version.file is not None and version.file.sha256 is not None
        preview = preview_path(house.library / file_path(version, version.file.sha256))
        earlier = house.library / "earlier"
        preview.parent.mkdir()
        preview.write_bytes(b"half of one")
        earlier.hardlink_to(preview)

        async def picture(_request: web.Request) -> web.Response:
            return web.Response(body=png_bytes(), content_type="image/png")

        hubs.fault("/preview.png", picture)
        await ended(additions, await additions.add(version, ADA, None, anybody))
        assert preview.read_bytes().startswith(b"\x89PNG") and earlier.read_bytes() == b"half of one"


async def test_a_failure_that_cannot_be_stored_at_once_is_stored_later(tmp_path: Path, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    hubs.fault(hubs.file_path(version_id), status(404))
    async with opened(House(tmp_path), hubs) as (found, additions):
        await found.db.write(REFUSES.format("failed"))
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        addition = await additions.add(version, ADA, None, anybody)
        waiting = await additions.until_ended(addition.id, 0.1)
        assert waiting is not None and waiting.state is AdditionState.WAITING
        await found.db.write("DROP TRIGGER refuses")
        assert isinstance((await ended(additions, addition)).failure, Gone)


async def test_what_cannot_be_removed_keeps_no_failure_from_being_told(tmp_path: Path, hubs: Hubs) -> None:
    house = House(tmp_path)
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    hubs.fault(hubs.file_path(version_id), status(404))
    hubs.paused.clear()
    async with opened(house, hubs) as (_found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        folder = house.library / part_path(key_of(version))
        (folder / "inside").mkdir(parents=True)  # in place of a file: it is neither read nor removed
        hubs.paused.set()
        done = await ended(additions, await additions.add(version, ADA, None, anybody))
        assert done.state is AdditionState.FAILED and isinstance(done.failure, DiskFailed)


async def test_what_an_operator_removed_stays_removed_when_it_is_not_added_again(tmp_path: Path, hubs: Hubs) -> None:
    house = House(tmp_path)
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    async with opened(house, hubs) as (found, additions):
        version = (await additions.look_up(hubs.link(version_id))).versions[0]
        first = await ended(additions, await additions.add(version, ADA, None, anybody))
        remove(house.library / first.path, house.library / part_path(first.key))
        await found.keeper.scan()
        await found.db.write(REFUSES.format("added"))
        again = await ended(additions, await additions.add(version, ADA, None, anybody))
        assert (again.state, again.path) == (AdditionState.FAILED, first.path)
        assert left(house) == []


async def test_nothing_goes_on_at_a_start_with_adding_off(tmp_path: Path, hubs: Hubs) -> None:
    house = House(tmp_path)
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    hubs.paused.clear()
    async with opened(house, hubs) as (_found, additions):
        addition = await additions.add((await additions.look_up(hubs.link(version_id))).versions[0], ADA, None, anybody)
    hubs.paused.set()
    before = len(hubs.asked)
    async with opened(house, hubs, enabled=False) as (_found, additions):
        await additions.resume()
        done = await ended(additions, addition)
        assert (done.state, type(done.failure)) == (AdditionState.FAILED, AddingOff)
    assert len(hubs.asked) == before and left(house) == []


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
        assert [waiting.id for waiting in await found.db.all(WAITING_ADDITIONS)] == [addition.id]
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

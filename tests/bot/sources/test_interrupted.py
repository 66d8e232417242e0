"""What additions leave on the disk when the program ends in the middle, and what goes on at the next start."""

from __future__ import annotations

import io
from pathlib import Path

from aiohttp import web
from PIL import Image

from bot.database.additions import AdditionState
from bot.sources.errors import AddingOff
from bot.sources.placing import file_path, preview_path
from tests.bot.sources.hubs import Hubs
from tests.bot.sources.test_additions import ADA, anybody, demo_lora, ended, left, opened
from tests.house import House


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


def png_bytes() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


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

"""Pictures that are delivered with a C2PA signature: the same file where it was ordered and out of the history."""

from __future__ import annotations

import io
import json
from pathlib import Path

import aiohttp
import pytest

from playground.visible_message import VisibleMessage
from tests.bot.pictures.certificates import settings_in
from tests.discord.conftest import PROMPT, Scene, told
from tests.xmp import source_types

c2pa = pytest.importorskip("c2pa")


async def the_file(message: VisibleMessage) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(str(message.attachments[0]["url"])) as response:
        return await response.read()


def source_type(picture: bytes) -> str:
    with c2pa.Reader("image/png", io.BytesIO(picture)) as reader:
        store = json.loads(reader.json())
        assert reader.get_validation_state() == "Valid"
    (assertion,) = store["manifests"][store["active_manifest"]]["assertions"]
    (action,) = assertion["data"]["actions"]
    assert action["action"] == "c2pa.created"
    return action["digitalSourceType"].rpartition("/")[2]


async def test_what_is_delivered_is_signed_once(empty: Scene, tmp_path: Path) -> None:
    empty.changes = {"c2pa": settings_in(tmp_path / "certificates")}
    ada = empty.ada
    async with empty.opened():
        picture = await empty.painted(await ada.slash("imagine", prompt=PROMPT, steps=1))
        public = await the_file(picture)
        assert source_type(public) == "trainedAlgorithmicMedia" == source_types(public)[0]
        assert PROMPT.encode() not in public
        own = [await the_file(await (await ada.press(await told(ada, "history"), "Open")).reply()) for _ in range(2)]
        assert own[0] == own[1] and source_type(own[0]) == "trainedAlgorithmicMedia" and PROMPT.encode() in own[0]
        sweep = await empty.painted(await ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0 0.4 0.8"))
        sheet = await the_file(sweep)
        assert source_type(sheet) == "trainedAlgorithmicMedia" == source_types(sheet)[0]
    empty.changes = {}
    async with empty.opened():
        opened = await (await ada.press(await told(ada, "history"), "Open")).reply()
        unsigned = await the_file(opened)
        assert b"c2pa" not in unsigned

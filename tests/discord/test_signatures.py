"""Pictures that are delivered with a C2PA signature: the same file where it was ordered and out of the history."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp
import c2pa
from PIL import Image

from bot.cli.setup.certificate import certificate_in
from bot.pictures.signing.certificates import make_certificate
from bot.pictures.similarity.perceptual_hash import hash_file
from playground.control import File, Person
from playground.visible_message import VisibleMessage
from tests.bot.pictures.certificates import settings_in
from tests.discord.conftest import PATIENCE, PROMPT, Scene, told, use_picture
from tests.discord.test_restarts import EDITS, bot_process
from tests.xmp import source_types


async def the_file(message: VisibleMessage) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(str(message.attachments[0]["url"])) as response:
        return await response.read()


async def opened(person: Person) -> bytes:
    """The newest picture of a person, out of the history."""
    return await the_file(await (await person.press(await told(person, "history"), "Open")).reply())


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
        own = [await opened(ada) for _ in range(2)]
        assert own[0] == own[1] and source_type(own[0]) == "trainedAlgorithmicMedia" and PROMPT.encode() in own[0]
        sweep = await empty.painted(await ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0 0.4 0.8"))
        sheet = await the_file(sweep)
        assert source_type(sheet) == "trainedAlgorithmicMedia" == source_types(sheet)[0]
    empty.changes = {}
    async with empty.opened():
        assert b"c2pa" not in await opened(ada)


def make_plain(scene: Scene) -> Path:
    """Make the only stored picture white. A comparison cannot recognize it then."""
    (file,) = scene.settings.storage.pictures.rglob("*.png")
    Image.new("RGB", (64, 64), "white").save(file)
    with closing(sqlite3.connect(scene.settings.storage.database, timeout=PATIENCE)) as connection, connection:
        connection.execute("UPDATE picture_hash SET hash = ?", (hash_file(file),))
    return file


async def test_a_signed_file_of_a_plain_picture_is_recognized(empty: Scene, tmp_path: Path) -> None:
    """Nothing but the signature tells where it comes from. Only the owner and operators see the job."""
    empty.changes = {"c2pa": settings_in(tmp_path / "certificates")}
    async with empty.opened():
        await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT, steps=1))
        stored = await asyncio.to_thread(make_plain, empty)
        signed = await opened(empty.ada)
        message = await empty.grace.say("is this AI?", "general", File("white.png", signed))
        changed = await empty.grace.say("and this?", "general", File("more.png", signed + b"more"))

        async def details(name: str, of: VisibleMessage = message) -> str:
            return (await (await use_picture(empty.control.person(name), of, "Details")).reply()).text

        said = await details("Linus")
        assert said.startswith("This picture is AI-generated. This bot generated it on "), said
        assert "signature" in said and "job" not in said.lower() and "<@" not in said
        assert "of job " in await details("Margaret")
        assert PROMPT in await details("Ada") and "of job " in await details("Ada")
        said = await details("Linus", changed)
        assert "too little detail" in said and "generated it on" not in said
        stored.unlink()
        said = await details("Linus")
        assert said.startswith("This picture is AI-generated. This bot generated it and signed the file."), said


async def test_a_killed_bot_delivers_the_same_signed_file_again(empty: Scene) -> None:
    """Discord takes the picture, but its answer is lost. The next process delivers again."""
    ada, control, certificate = empty.ada, empty.control, certificate_in(empty.house.folder)
    make_certificate(certificate)
    signing = {"C2PA__CERTIFICATE": str(certificate.certificate), "C2PA__KEY": str(certificate.key)}
    async with bot_process(empty, **signing) as process:
        await control.fault(EDITS, method="PATCH", kind="late", uploads=True, count=99)
        order = await (await ada.slash("imagine", prompt=PROMPT)).reply()
        await control.wait_message(order.id, lambda seen: "Again" in seen.buttons, PATIENCE)
        process.kill()
        await process.wait()
        await control.wait_online(online=False)
    first = await control.message(order.id)
    assert first
    await control.clear_faults()
    async with bot_process(empty, **signing):
        await control.wait_exchange(lambda seen: bool(seen["files"]) and not seen["injected"], PATIENCE)
        again = await control.message(order.id)
        assert again and again.attachments[0]["id"] != first.attachments[0]["id"], "it was uploaded again"
        assert await the_file(again) == await the_file(first)
        assert source_type(await the_file(again)) == "trainedAlgorithmicMedia"
        own = [await opened(ada) for _ in range(2)]
        assert own[0] == own[1] != await the_file(again), "with the prompt it is another form, signed once too"

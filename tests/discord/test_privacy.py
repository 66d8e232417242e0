"""`/privacy`: everybody sees, takes along and deletes what is kept of them, also who is blocked."""

from __future__ import annotations

import io
import logging
import os
import re
import sqlite3
import zipfile
from contextlib import closing, suppress
from pathlib import Path

import aiohttp
import pytest

from playground import default_world
from playground.control import Person, SentInteraction
from playground.visible_message import VisibleMessage
from tests.bot.privacy.people import spellings
from tests.discord.conftest import PATIENCE, Scene, asked, confirmed, told
from tests.discord.test_server import chosen, filled, pressed, server_with_bot

pytestmark = pytest.mark.asyncio(loop_scope="session")


def id_of(scene: Scene, person: Person) -> int:
    return next(
        int(user.id)
        for user in scene.playground.world.users.values()
        if person.name in (user.username, user.global_name)
    )


def left(scene: Scene, person_id: int, *words: str) -> list[str]:
    """The files of the data folder in which the id or one of the words stands."""
    traces = [*spellings(person_id), *(word.encode() for word in words)]
    found = list[str]()
    for folder, _folders, names in os.walk(scene.settings.storage.folder):
        for name in names:
            with suppress(FileNotFoundError):  # what a worker or the database has just taken away
                content = Path(folder, name).read_bytes()
                found += [name] if any(trace in content for trace in traces) else []
    return found


async def archives(sent: SentInteraction, count: int = 1) -> list[zipfile.ZipFile]:
    await sent.reply(PATIENCE)
    async with aiohttp.ClientSession() as session:
        return [
            zipfile.ZipFile(io.BytesIO(await (await session.get(attachment["url"])).read()))
            for message in await sent.messages(count, PATIENCE)
            for attachment in message.attachments
        ]


async def delete_all(scene: Scene, person: Person, page: VisibleMessage) -> VisibleMessage:
    """Press the button, answer the question, and wait for the receipt."""
    question = await asked(person, page, "Delete my data …")
    assert "cannot be undone" in question.text
    await confirmed(person, question)
    return await scene.control.wait_message(question.id, lambda seen: "was deleted" in seen.text, PATIENCE)


async def test_one_sees_takes_along_and_deletes_everything(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    mary = await scene.control.new_person("Marigold")
    page = await told(mary, "privacy show")
    assert page.ephemeral and "Easel stores no data about you." in page.text and not page.buttons
    public = await scene.painted(await mary.slash("imagine", prompt="a zebrafinch in the rain", lora1="Bat"))
    direct = await scene.painted(await mary.slash("imagine", prompt="a zebrafinch at home", in_="dm"))
    await (await mary.slash("settings", results="only I see them")).reply()
    await scene.painted(await mary.slash("imagine", prompt="a zebrafinch alone"))
    person_id = id_of(scene, mary)
    assert set(left(scene, person_id)) and set(left(scene, person_id, "zebrafinch"))
    page = await told(mary, "privacy show")
    assert "Pictures: 3" in page.text and "Requests, with prompts and settings: 3" in page.text
    (archive,) = await archives(await mary.slash("privacy export"))
    assert len([name for name in archive.namelist() if name.startswith("pictures/")]) == 3
    assert b"zebrafinch at home" in archive.read("data/job-001.json")
    shown = archive.read("index.html").decode()
    assert shown.count('<img src="pictures/') == 3 and "a zebrafinch at home" in shown and "Your requests" in shown
    assert "Data controller: the operator of this bot" in page.text and "Recipients: Discord" in page.text
    (archive,) = await archives(await mary.press(page, "Export"))
    assert "data/person-001.json" in archive.namelist()
    await mary.slash("imagine", prompt="an endless zebrafinch", steps=150, count=4)
    receipt = await delete_all(scene, mary, await told(mary, "privacy delete"))
    assert (
        receipt.ephemeral and "was deleted" in receipt.text and re.search("Requests: 4 · Pictures: [37]", receipt.text)
    ), "four more if it ended before"
    assert re.search("(2 private replies|1 private reply) about requests? (is|are) still visible to you", receipt.text)
    await scene.gone(public)
    await scene.gone(direct)
    assert left(scene, person_id, "zebrafinch") == []
    assert str(person_id) not in caplog.text and "zebrafinch" not in caplog.text
    page = await told(mary, "privacy show", in_="dm")
    assert receipt.text in page.text and "Easel stores no data about you." in page.text


async def test_who_is_blocked_can_do_so_too(scene: Scene) -> None:
    person = await scene.control.new_person("Bramble")
    person_id = id_of(scene, person)
    await (await person.slash("settings", size="portrait")).reply()
    with closing(sqlite3.connect(scene.settings.storage.database)) as connection, connection:
        connection.execute(
            "INSERT INTO block (server_id, kind, target_id, reason, created_by, created_at)"
            " VALUES (0, 'person', ?, 'spam', 1, 1)",
            (person_id,),
        )
    assert "spam" in (await told(person, "imagine", prompt="x")).text
    page = await told(person, "privacy show")
    assert "Blocks" in page.text
    (archive,) = await archives(await person.slash("privacy export"))
    assert b"spam" in archive.read("data/block-001.json")
    receipt = await delete_all(scene, person, page)
    assert "was deleted" in receipt.text and left(scene, person_id) == []
    assert "spam" in (await told(person, "imagine", prompt="x")).text, "a deletion lifts no block"


async def test_staff_still_see_and_lift_what_a_deletion_left(scene: Scene) -> None:
    sorrel, linus = await scene.control.new_person("Sorrel"), scene.control.person("Linus")
    person_id = id_of(scene, sorrel)
    harbour = await server_with_bot(scene, "Moor", "heath")
    await scene.control.set_member("Sorrel", guild="Moor")
    page = await harbour.panel("blocks")
    page = await filled(linus, page, "Block a user by ID", user=str(person_id), reason="spam")
    await filled(linus, page, "Block a user by ID", user=default_world.ADA, reason="noise")
    limits = await chosen(linus, await harbour.panel("limits"), "svlimitwho", "Sorrel")
    await filled(linus, limits, "Daily and queue limits", pictures_per_day="1")
    receipt = await delete_all(scene, sorrel, await told(sorrel, "privacy delete", in_=harbour.channel))
    assert "was deleted" in receipt.text
    page = await harbour.panel("blocks")
    assert "a user who has deleted their data" in page.text and "spam" in page.text and "noise" in page.text
    assert "a user who has deleted their data" in (await harbour.panel("limits")).text
    assert "<@-" not in page.text + (await harbour.panel("audit")).text
    page = await pressed(linus, page, "Unblock")
    assert "spam" not in page.text and "noise" in page.text, "the keyed hash is negative, so it is the first"


async def test_messages_in_a_server_that_the_bot_has_left_are_counted(scene: Scene) -> None:
    person = await scene.control.new_person("Juniper")
    await scene.control.new_server("Attic", "Juniper", "loft")
    await scene.control.add_bot("Attic")
    picture = await scene.painted(await person.slash("imagine", prompt="a lamp", in_="loft"))
    await scene.control.remove_bot("Attic")
    receipt = await delete_all(scene, person, await told(person, "privacy delete"))
    assert "Easel no longer has permission to delete 1 message" in receipt.text
    assert "Pictures: 1 · Messages: 0" in receipt.text
    assert await scene.control.message(picture.id) is not None


async def test_a_part_beyond_the_last_is_refused(scene: Scene) -> None:
    await (await scene.ada.slash("settings", reset=True)).reply()
    page = await told(scene.ada, "privacy show")
    message = scene.playground.world.messages[page.id]
    for row in message.components:
        for part in row.get("components", []):
            if part.get("label") == "Export":
                part["custom_id"] = "privacy-export:999999999"
    answer = await (await scene.ada.press(page, "privacy-export:999999999")).reply()
    assert answer.ephemeral and "is outdated" in answer.text

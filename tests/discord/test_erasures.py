"""`/privacy delete` in the middle of things: it ends complete, once, and no message of the bot names the person."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import asdict

import pytest
from PIL import Image

from bot.database.gallery.likes import like
from bot.database.gallery.publications import Publication
from bot.database.jobs.jobs import FIND_JOB
from bot.database.servers.settings import ArtChannel
from bot.servers.context import ActionContext
from playground import default_world
from playground.control import File, Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, Scene, asked, confirmed, told, use_picture
from tests.discord.test_privacy import archives, delete_all, id_of, left
from tests.discord.test_published_pictures import of_menu
from tests.discord.test_publishing import add_art_channels, is_post, posted
from tests.discord.test_removals import files_of, rows
from tests.discord.test_reports import choose_channel, decide, letter, report, report_form, send
from tests.discord.test_restarts import bot_process
from tests.discord.test_server import chosen, pressed

MANAGE_GUILD = 1 << 5
WORD = "zebrafinch"  # in everything that the person wrote
NOTE = "bittern"  # in the note of somebody who reports
NOTHING_LEFT = "SELECT count(*) FROM erasure_file UNION ALL SELECT count(*) FROM erasure_message"


def reachable(scene: Scene, person: Person, *words: str) -> list[str]:
    """The messages that the bot may delete in which the person's id, name or a word stands."""
    world = scene.playground.world
    traces = (str(id_of(scene, person)), person.name, *words)
    found = list[str]()
    for message in world.messages.values():
        guild = world.channels[message.channel_id].guild_id
        there = guild is None or world.bot_id in world.guilds[guild].members
        if message.author_id == world.bot_id and message.visible_to is None and there:
            text = json.dumps(asdict(message), default=str)
            found += [text for trace in traces if trace in text]
    return found


async def paint(scene: Scene, person: Person, **options: object) -> VisibleMessage:
    return await scene.painted(await person.slash("imagine", prompt=f"a {WORD}", **options))


async def erased(scene: Scene, person: Person) -> VisibleMessage:
    """Delete all that is kept of the person; the receipt."""
    receipt = await delete_all(scene, person, await told(person, "privacy delete"))
    assert receipt.ephemeral and "was deleted" in receipt.text, receipt.text
    return receipt


async def until_complete(scene: Scene) -> None:
    """Wait until an erasure is complete."""
    async with asyncio.timeout(PATIENCE):
        while not await rows(scene, "SELECT 1 FROM erasure WHERE state = 'complete'"):
            await told(scene.grace, "privacy show")


def red(size: int = 90) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), "red").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.asyncio(loop_scope="session")
async def test_while_the_picture_is_being_painted(scene: Scene) -> None:
    mary = await scene.control.new_person("Marabou")
    order = await told(mary, "imagine", prompt=f"an endless {WORD}", steps=150, count=4)
    await scene.until_painting(order)
    receipt = await erased(scene, mary)
    assert "Requests: 1 · Pictures: 0 · Messages: 1" in receipt.text
    await scene.gone(order)
    assert left(scene, id_of(scene, mary), WORD) == [] and reachable(scene, mary, WORD) == []
    await scene.painted(await scene.ada.slash("imagine", prompt="a red circle"))  # the worker goes on


@pytest.mark.asyncio(loop_scope="session")
async def test_while_an_upload_is_being_taken(scene: Scene) -> None:
    """What is ordered with it is cancelled, and the upload is gone too."""
    mary = await scene.control.new_person("Manakin")
    before = set(scene.settings.storage.inputs.iterdir())
    posted = await mary.say("look", "general", File("red.png", red(91)))
    await scene.control.fault("/attachments/", method="GET", kind="slow", count=3)
    sent = [
        await mary.slash("imagine", prompt=f"a {WORD}", steps=150, image=File("red.png", red(92))),
        await mary.slash("studio", image=File("red.png", red(93))),
        await use_picture(mary, posted, "Start from it"),
    ]
    async with asyncio.timeout(PATIENCE):
        while scene.playground.faults.waiting:
            await told(scene.grace, "privacy show")
    question = await asked(mary, await told(mary, "privacy delete"), "Delete my data …")
    await (await confirmed(mary, question)).reply(PATIENCE)
    await scene.control.clear_faults()
    receipt = await scene.control.wait_message(question.id, lambda seen: "was deleted" in seen.text, PATIENCE)
    assert "Requests: 1 ·" in receipt.text and "Messages: 1" in receipt.text
    for one in sent:
        await one.answered(PATIENCE)
    assert left(scene, id_of(scene, mary), WORD) == [] and reachable(scene, mary, WORD) == []
    assert set(scene.settings.storage.inputs.iterdir()) == before


@pytest.mark.asyncio(loop_scope="session")
async def test_what_was_opened_before_brings_nothing_back(scene: Scene) -> None:
    """Neither while the data is being deleted nor after it. A command starts anew, also with its own buttons."""
    mary = await scene.control.new_person("Mandarin")
    panel = await told(mary, "studio", add="Bat")
    forms = [await mary.press(panel, "Edit prompt") for _time in range(2)]
    for form in forms:
        await form.modal(PATIENCE)
    shared = await scene.painted(await scene.ada.slash("imagine", prompt="a red circle"))
    question = await asked(mary, await told(mary, "privacy delete"), "Delete my data …")
    await scene.control.fault("/users/@me/channels", method="POST", kind="slow", seconds=PATIENCE)
    await (await confirmed(mary, question)).reply(PATIENCE)
    during = [
        await mary.submit(forms[0], {"prompt": f"a {WORD}"}),
        await mary.press(panel, "Generate"),
        await mary.press(shared, "Vary"),
        await mary.slash("studio", add="Bat"),
    ]
    for sent in during:
        refused = await sent.reply(PATIENCE)
        assert refused.ephemeral and "is deleting all your data, so it did not carry out your request." in refused.text
    assert "Easel has been deleting all your data" in (await told(mary, "privacy show")).text
    await scene.control.clear_faults()
    await scene.control.wait_message(question.id, lambda seen: "was deleted" in seen.text, PATIENCE)
    for sent in (await mary.submit(forms[1], {"prompt": f"a {WORD}"}), await mary.press(panel, "Generate")):
        refused = await sent.reply(PATIENCE)
        assert refused.ephemeral and "All your data was deleted after you opened this" in refused.text
    assert left(scene, id_of(scene, mary), WORD) == []
    anew = await mary.press(await told(mary, "studio"), "Edit prompt")
    await anew.modal(PATIENCE)
    assert WORD in (await (await mary.submit(anew, {"prompt": f"a {WORD}"})).reply(PATIENCE)).text
    offered = await (await mary.press(shared, "Vary")).reply(PATIENCE)
    assert "Remix" in offered.buttons, "what everybody sees works again"
    await erased(scene, mary)


async def told_of_a_warning(scene: Scene, picture: VisibleMessage) -> None:
    """Let somebody report a picture, and staff hide it and warn its owner, who is told by a direct message."""
    await report(scene.control.person("Linus"), picture)
    case = await scene.control.wait_in_channel(
        "staff-room", lambda seen: "Hide and warn author" in seen.buttons, PATIENCE
    )
    await decide(scene.grace, case, "Hide and warn author", note="Not here.")
    await scene.control.wait_message(picture.id, lambda seen: "picture was removed" in seen.text, PATIENCE)
    await letter(scene, "Marlin", "removed one of your pictures and warned you")


async def keep_much(person: Person) -> None:
    """Bookmark with a note, rate, ask for what does not fit and for what fails, and give a picture to start from."""
    await told(person, "bookmarks", add="Bat", note=f"my {WORD}")
    await chosen(person, await told(person, "lora info", name="Bat"), "rate", "5")
    await told(person, "imagine", prompt=f"a {WORD}", lora1="Mystery")
    await told(person, "imagine", prompt=f"a {WORD}", image=File("broken.png", WORD.encode()))
    await told(person, "studio", image=File("red.png", red(97)))


async def posted_stack(person: Person) -> VisibleMessage:
    """Post the code of a stack for everybody."""
    await told(person, "studio", add="Bat")
    await told(person, "stack save", name=f"My {WORD}")
    return await pressed(person, await told(person, "stack share", name=f"My {WORD}"), "Post stack in this channel")


async def test_a_killed_bot_goes_on_while_a_report_is_open(empty: Scene) -> None:
    """Discord does not answer when the bot is killed; afterwards the reported picture waits for the decision."""
    scene, control = empty, empty.control
    logs = scene.settings.storage.folder / "logs"  # `left` reads them too
    async with bot_process(scene, LOGS__FOLDER=str(logs)) as process:
        await choose_channel(scene, scene.grace)
        mary = await control.new_person("Marlin")
        person_id = id_of(scene, mary)
        await keep_much(mary)
        await told_of_a_warning(scene, await paint(scene, mary, seed=901))
        shown = [await posted_stack(mary), await paint(scene, mary), await paint(scene, mary, in_="dm")]
        reported = await paint(scene, mary, seed=902)
        (held,) = files_of(scene, reported)
        await report(control.person("Linus"), reported)
        case = await control.wait_in_channel("staff-room", lambda seen: "seed 902" in seen.text, PATIENCE)
        assert len(reachable(scene, mary, WORD)) > len(shown) + 2
        await control.fault("/messages/", method="DELETE", status=503, count=999)
        await confirmed(mary, await asked(mary, await told(mary, "privacy delete"), "Delete my data …"))
        await control.wait_exchange(lambda sent: sent["method"] == "DELETE" and sent["status"] == 503, PATIENCE)
        process.kill()
        await process.wait()
        await control.wait_online(online=False)
    assert await rows(scene, f"SELECT * FROM person WHERE id = {person_id}") == [], "the rows are gone all the same"
    await control.clear_faults()
    assert list(logs.glob("easel-*.log"))
    async with bot_process(scene, LOGS__FOLDER=str(logs)) as process:
        for message in (*shown, reported):
            await scene.gone(message)
        await control.wait_message(case.id, lambda seen: "seed 902" not in seen.text, PATIENCE)
        assert held.exists() and (await control.message(case.id)).attachments, "staff still see what they decide on"
        assert "1 of your pictures was reported" in (await told(mary, "privacy show")).text
        await pressed(scene.grace, case, "Dismiss")
        process.kill()
        await process.wait()
        await control.wait_online(online=False)
    async with bot_process(scene, LOGS__FOLDER=str(logs)):
        await until_complete(scene)
        page = await told(mary, "privacy show")
    assert "Requests: 4 · Pictures: 4" in page.text and "Easel stores no data about you." in page.text
    assert len(await rows(scene, "SELECT * FROM erasure")) == 1 and await rows(scene, NOTHING_LEFT) == [(0,), (0,)]
    assert not held.exists() and left(scene, person_id, WORD) == [] and reachable(scene, mary, WORD) == []


async def reported_with_a_note(scene: Scene, reporter: Person, seed: int, picture: VisibleMessage) -> VisibleMessage:
    """Report a picture; the message to staff."""
    await send(reporter, await report_form(reporter, picture), note=f"no {NOTE} here")
    return await scene.control.wait_in_channel("staff-room", lambda seen: f"seed {seed}" in seen.text, PATIENCE)


@pytest.mark.asyncio(loop_scope="function")
async def test_messages_to_staff_name_and_quote_nobody_who_has_gone(empty: Scene) -> None:
    """Of who painted and appealed, and of who reported, when the receipt says that all was deleted."""
    scene, control = empty, empty.control
    async with scene.bot():
        await choose_channel(scene, scene.grace)
        mary, teal = await control.new_person("Mallard"), await control.new_person("Teal")
        case = await reported_with_a_note(scene, teal, 911, await paint(scene, mary, seed=911))
        opened = await reported_with_a_note(scene, teal, 912, await paint(scene, mary, seed=912))
        await decide(scene.grace, case, "Hide and warn author", note="Not here.")
        opener = await mary.press(
            await letter(scene, "Mallard", "removed one of your pictures and warned you"), "Appeal"
        )
        await opener.modal(PATIENCE)
        await mary.submit(opener, {"text": f"It is a {WORD}."})
        appealed = await control.wait_message(case.id, lambda seen: WORD in seen.text, PATIENCE)
        await pressed(scene.grace, appealed, "Reverse decision")
        await letter(scene, "Mallard", "reviewed the decision and reversed it")
        assert any(f"Appeal by <@{id_of(scene, mary)}>" in text for text in reachable(scene, mary, WORD))
        await confirmed(mary, await asked(mary, await told(mary, "privacy delete"), "Delete my data …"))
        held = await control.wait_message(opened.id, lambda seen: "seed 912" not in seen.text, PATIENCE)
        assert "a user who has deleted their data" in held.text and held.attachments, "staff decide on it"
        await pressed(scene.grace, held, "Dismiss")
        await erased(scene, teal)
        assert reachable(scene, teal, NOTE) == [] and left(scene, id_of(scene, teal), NOTE) == []
        await until_complete(scene)
        assert reachable(scene, mary, WORD) == []
        assert "The users who sent this report have deleted their data" in (await control.message(case.id)).text
        page = await told(mary, "privacy show")
        assert "no longer has permission to delete" not in page.text


@pytest.mark.asyncio(loop_scope="function")
async def test_a_message_to_staff_that_is_out_of_reach_is_counted(empty: Scene) -> None:
    scene, control = empty, empty.control
    async with scene.bot():
        await choose_channel(scene, scene.grace)
        teal = await control.new_person("Teal")
        await reported_with_a_note(scene, teal, 913, await paint(scene, scene.ada, seed=913))
        await control.set_channel("staff-room", overwrite=default_world.APPLICATION_ID, allow=0, deny=0)
        receipt = await erased(scene, teal)
        assert "Easel no longer has permission to delete 1 message" in receipt.text, receipt.text
        assert reachable(scene, teal, NOTE), "the test sees what the bot cannot"


@pytest.mark.asyncio(loop_scope="function")
async def test_publications_and_likes_go_too(empty: Scene) -> None:
    """The post in the art channel, what the gallery finds it by, and the likes that the person gave."""
    art, workshop = int(default_world.ART), int(default_world.WORKSHOP)
    async with empty.opened() as (easel, bot):
        staff = ActionContext(
            person_id=int(default_world.ADA), server_id=workshop, permissions=MANAGE_GUILD, checked_by_discord=True
        )
        channels = (ArtChannel(channel_id=art),)
        await easel.servers.administration.settings.change(staff, workshop, art_channels=channels)
        mary = await empty.control.new_person("Mandarin")
        posted = list[Publication]()
        for person in (mary, empty.ada):
            await empty.painted(await person.slash("imagine", prompt=f"a {WORD if person is mary else 'wren'}"))
            (row,) = await easel.db.fetch("SELECT max(id) AS id FROM job")
            job = await easel.db.one(FIND_JOB, row["id"])
            assert job is not None
            who = ActionContext(person_id=job.person_id, server_id=workshop, checked_by_discord=True)
            posted.append(await bot.publishing.publish(who, job, 0, art, shows_prompt=True))
        await like(easel.db, posted[0].id, id_of(empty, empty.ada))
        await like(easel.db, posted[1].id, id_of(empty, mary))
        (archive,) = await archives(await mary.slash("privacy export"))
        names = {name.partition("-")[0] for name in archive.namelist()}
        assert names >= {"data/publication", "data/publication_like"}
        receipt = await erased(empty, mary)
        assert "Requests: 1 · Pictures: 1 · Messages: 2" in receipt.text, "the result and the post"
        async with asyncio.timeout(PATIENCE):
            while await easel.db.fetch("SELECT 1 FROM publication WHERE state = 'removing'"):
                await told(empty.grace, "privacy show")
        (left_over,) = await easel.db.fetch("SELECT id, likes FROM publication")
        assert (left_over["id"], left_over["likes"]) == (posted[1].id, 0)
    assert left(empty, id_of(empty, mary), WORD) == [] and reachable(empty, mary, WORD) == []


async def test_the_start_picture_that_somebody_made_from_a_published_picture_goes_too(empty: Scene) -> None:
    """The receipt says so, also after a second confirmation. Who has it in the studio is told that it is gone."""
    scene = empty
    async with scene.opened() as (easel, _bot):
        await add_art_channels(scene, "art")
        mary, linus = await scene.control.new_person("Mandarin"), scene.control.person("Linus")
        picture = await paint(scene, mary)
        question = await pressed(mary, picture, "Publish")
        await pressed(mary, question, "Publish")
        post = await posted(scene, is_post)
        panel = await of_menu(scene, "Linus", "Start from it", post)
        assert "Starts from this picture" in panel.text
        (kept,) = [path for path in scene.settings.storage.inputs.iterdir() if path.is_file()]
        assert [tuple(row) for row in await easel.db.fetch("SELECT * FROM start_picture_source")] == [
            (id_of(scene, mary), kept.name)
        ]
        receipt = await erased(scene, mary)
        assert "Easel also deleted 1 start picture that another user had made from one of your pictures" in receipt.text
        assert not kept.exists()
        assert "The start picture is no longer stored" in (await told(linus, "studio")).text
        again = await erased_again(scene, mary)
        assert again.text == receipt.text, "a second confirmation changes nothing"


async def erased_again(scene: Scene, person: Person) -> VisibleMessage:
    """Confirm a deletion when all is deleted; the receipt."""
    question = await asked(person, await told(person, "privacy delete"), "Delete my data …")
    await confirmed(person, question)
    return await scene.control.wait_message(question.id, lambda seen: "was deleted" in seen.text, PATIENCE)

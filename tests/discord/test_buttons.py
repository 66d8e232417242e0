"""The buttons of results: who may use them, and what they do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from playground import default_world
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUSED = {"Delete"}  # buttons for the person who asked alone
REMIXED = {"Again", "Vary", "Edit", "Upscale", "Try weights"}  # too, and they offer a remix to others


async def test_again_paints_the_same_with_another_seed(scene: Scene) -> None:
    first = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", seed=7))
    second = await scene.painted(await scene.ada.press(first, "Again"))
    assert second.id != first.id and "Bat" in second.text and "seed 7 " not in second.text


async def test_what_a_button_paints_names_its_person_and_pings_nobody(scene: Scene) -> None:
    named = f"by <@{default_world.ADA}>"
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat"))
    again = await scene.painted(await scene.ada.press(picture, "Again"))
    sheet = await scene.painted(await scene.ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0.2 0.5 0.8"))
    for message in (picture, again, sheet, await ended_without_a_picture(scene)):
        assert named in message.text and message.pinged == []
    details = await (await scene.grace.press(again, "Details")).reply()
    assert f"Generated {named}" in details.text and details.pinged == []


async def test_again_on_anothers_picture_is_one_press_from_a_remix(scene: Scene) -> None:
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", weight1=0.7))
    offer = await (await scene.grace.press(picture, "Again")).reply()
    assert offer.ephemeral and f"by <@{default_world.ADA}>" in offer.text and list(offer.buttons) == ["Remix"]
    panel = await (await scene.grace.press(offer, "Remix")).reply()
    assert panel.ephemeral and "## Studio" in panel.text and "Bat" in panel.text and "0.7" in panel.text


async def test_the_loras_of_anybodys_picture_can_be_bookmarked(scene: Scene) -> None:
    dorothy = await scene.control.new_person("Dorothy")  # who has no bookmarks yet
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat"))
    reply = await (await dorothy.press(picture, "Bookmark LoRAs")).reply()
    assert reply.ephemeral and "Bookmarked Bat" in reply.text
    assert "Already bookmarked: Bat" in (await (await dorothy.press(picture, "Bookmark LoRAs")).reply()).text
    assert "Bat" in (await (await dorothy.slash("bookmarks")).reply()).text


async def ended_without_a_picture(scene: Scene) -> VisibleMessage:
    waiting = await (await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", steps=150, count=4)).reply()
    await scene.ada.press(waiting, "Cancel")
    return await scene.ended(waiting)


async def a_sheet(scene: Scene) -> VisibleMessage:
    return await scene.painted(await scene.ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0.2 0.5 0.8"))


async def a_picture(scene: Scene) -> VisibleMessage:
    return await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat"))


@pytest.mark.parametrize("made", [a_picture, a_sheet, ended_without_a_picture])
async def test_buttons_of_other_people_are_refused_or_act_for_the_presser(
    scene: Scene, made: Callable[[Scene], Awaitable[VisibleMessage]]
) -> None:
    message = await made(scene)
    studio = (await (await scene.ada.slash("studio")).reply()).text
    linus = scene.control.person("Linus")  # Grace owns the server
    refused, remixed = set[str](), set[str]()
    for button in message.buttons:
        sent = await linus.press(message, button)
        if (await sent.answered())["modal"] is not None:
            reply = await (await linus.submit(sent, {"name": f"Taken {message.id}"})).reply()
        else:
            reply = await sent.reply()
        assert reply.ephemeral and reply.id not in {one.id for one in await scene.ada.messages()}
        refused |= {button} if "belongs to another user" in reply.text else set()
        remixed |= {button} if "Remix" in reply.buttons and button in REMIXED else set()
    assert refused == REFUSED & set(message.buttons)
    assert remixed == REMIXED & set(message.buttons)
    after = await scene.control.message(message.id)
    assert after is not None and after.components == message.components
    assert (await (await scene.ada.slash("studio")).reply()).text == studio


async def test_only_the_owner_cancels_a_queued_job_by_button(scene: Scene) -> None:
    busy = await (await scene.grace.slash("imagine", prompt=PROMPT, steps=150, count=4)).reply()
    waiting = await (await scene.grace.slash("imagine", prompt=PROMPT, steps=150, count=4)).reply()
    assert "belongs to" in (await (await scene.ada.press(waiting, "Cancel")).reply()).text
    await scene.grace.press(waiting, "Cancel")
    assert "Cancelled" in (await scene.ended(waiting)).text
    await scene.grace.press(busy, "Cancel")
    ended = await scene.ended(busy)
    assert "Cancelled" in ended.text and not ended.attachments


async def test_staff_cancel_anybodys_job_in_their_server(scene: Scene) -> None:
    painting = await (await scene.ada.slash("imagine", prompt=PROMPT, steps=150, count=4)).reply()
    await scene.grace.press(painting, "Cancel")
    assert "Cancelled" in (await scene.ended(painting)).text


async def test_queue_and_cancel_show_own_jobs_only(scene: Scene) -> None:
    busy = await (await scene.grace.slash("imagine", prompt="something long", steps=150, count=4)).reply()
    mine = await (await scene.ada.slash("queue")).reply()
    assert mine.ephemeral and "nothing in the queue" in mine.text
    assert "something long" in (await (await scene.grace.slash("queue")).reply()).text
    assert "nothing in the queue" in (await (await scene.ada.slash("cancel")).reply()).text
    assert "Cancelled" in (await (await scene.grace.slash("cancel")).reply()).text
    assert "Cancelled" in (await scene.ended(busy)).text

"""Buttons under results: whose they are, and what they do."""

from __future__ import annotations

import pytest

from tests.discord.conftest import PROMPT, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_again_paints_the_same_with_another_seed(scene: Scene) -> None:
    first = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", seed=7))
    second = await scene.painted(await scene.ada.press(first, "Again"))
    assert second.id != first.id and "Bat" in second.text and "seed 7 " not in second.text


async def test_the_loras_of_anybodys_picture_can_be_kept(scene: Scene) -> None:
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat"))
    reply = await (await scene.grace.press(picture, "Bookmark LoRAs")).reply()
    assert reply.ephemeral and "Bookmarked Bat" in reply.text
    assert "You had Bat already" in (await (await scene.grace.press(picture, "Bookmark LoRAs")).reply()).text
    assert "Bat" in (await (await scene.grace.slash("bookmarks")).reply()).text


@pytest.mark.parametrize("button", ["Again", "Vary", "Edit", "Upscale", "Delete"])
async def test_somebody_elses_buttons_do_nothing_but_say_so(scene: Scene, button: str) -> None:
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))
    reply = await (await scene.control.person("Linus").press(picture, button)).reply()  # Grace owns the server
    assert reply.ephemeral and "belongs to the person who asked" in reply.text
    assert await scene.control.message(picture.id) is not None


async def test_staff_take_a_message_away_and_its_owner_keeps_the_picture(scene: Scene) -> None:
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))
    (name,) = [attachment["filename"] for attachment in picture.attachments]
    await scene.control.person("Margaret").press(picture, "Delete")
    await scene.gone(picture)
    assert next(scene.settings.storage.pictures.rglob(name)).exists()


async def test_delete_takes_message_and_files_away(scene: Scene) -> None:
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))
    (name,) = [attachment["filename"] for attachment in picture.attachments]
    kept = next(scene.settings.storage.pictures.rglob(name))
    await scene.ada.press(picture, "Delete")
    await scene.gone(picture)
    assert not kept.exists()


async def test_a_waiting_job_is_cancelled_by_its_button_only_by_its_owner(scene: Scene) -> None:
    busy = await (await scene.grace.slash("imagine", prompt=PROMPT, steps=150, count=4)).reply()
    waiting = await (await scene.ada.slash("imagine", prompt=PROMPT)).reply()
    assert "belongs to" in (await (await scene.grace.press(waiting, "Cancel")).reply()).text
    await scene.ada.press(waiting, "Cancel")
    assert "Cancelled" in (await scene.ended(waiting)).text
    await scene.grace.press(busy, "Cancel")
    ended = await scene.ended(busy)
    assert "Cancelled" in ended.text and not ended.attachments


async def test_queue_and_cancel_are_about_my_own_jobs(scene: Scene) -> None:
    busy = await (await scene.grace.slash("imagine", prompt="something long", steps=150, count=4)).reply()
    mine = await (await scene.ada.slash("queue")).reply()
    assert mine.ephemeral and "nothing in the queue" in mine.text
    assert "something long" in (await (await scene.grace.slash("queue")).reply()).text
    assert "nothing in the queue" in (await (await scene.ada.slash("cancel")).reply()).text
    assert "Cancelled" in (await (await scene.grace.slash("cancel")).reply()).text
    assert "Cancelled" in (await scene.ended(busy)).text


async def test_delete_may_be_pressed_twice(scene: Scene) -> None:
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))
    seen = len(await scene.ada.messages())
    presses = [await scene.ada.press(picture, "Delete") for _ in range(2)]
    for press in presses:
        await press.answered()
    await scene.control.wait_exchange(lambda exchange: exchange["method"] == "DELETE" and exchange["status"] == 404)
    await (await scene.ada.slash("queue")).reply()
    assert not [m for m in (await scene.ada.messages())[seen - 1 :] if "broke" in m.text]

"""*Delete* and *Undo* at the edges: archived threads, two clients at once, and while Discord is slow."""

from __future__ import annotations

import asyncio

import pytest

from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, Scene, asked, confirmed, told
from tests.discord.limits import ARCHIVED
from tests.discord.test_removals import files_of, hidden, paint, rows, undo_in_vain

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def copy_of(scene: Scene) -> VisibleMessage:
    """Ada's newest picture, opened from her history."""
    return await (await scene.ada.press(await told(scene.ada, "history"), "Open")).reply(PATIENCE)


async def shown(scene: Scene, message: VisibleMessage) -> VisibleMessage:
    """Wait until a message shows its picture again."""
    seen = await scene.control.wait_message(message.id, lambda seen: "Delete" in seen.buttons, PATIENCE)
    assert seen.attachments
    return seen


async def until(scene: Scene, sql: str) -> None:
    """Wait until a statement finds something."""
    async with asyncio.timeout(PATIENCE):
        while not await rows(scene, sql):
            await told(scene.grace, "privacy show", in_="dm")


def number_of(picture: VisibleMessage) -> str:
    return str(picture.buttons["Delete"]["custom_id"]).partition(":")[2]


async def test_in_an_archived_thread(scene: Scene) -> None:
    """It is opened: what was deleted is hidden there, comes back there, and at last goes."""
    thread = await scene.ada.open_thread("general", "Old sketches")
    picture = await paint(scene, in_=thread)
    files, copy = files_of(scene, picture), await copy_of(scene)
    await scene.control.set_channel(thread, archived=True)
    await confirmed(scene.ada, await asked(scene.ada, copy))
    await hidden(scene, picture)
    copy = await hidden(scene, copy)
    await scene.control.set_channel(thread, archived=True)
    await scene.ada.press(copy, "Undo")
    await shown(scene, picture)
    copy = await copy_of(scene)
    await confirmed(scene.ada, await asked(scene.ada, copy))
    await hidden(scene, picture)
    copy = await hidden(scene, copy)
    await scene.control.set_channel(thread, archived=True)
    await scene.control.fault(f"/messages/{picture.id}", method="DELETE", status=400, code=ARCHIVED)
    await undo_in_vain(scene, copy)
    await scene.gone(picture)
    await until(scene, "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM deletion)")
    assert not any(file.exists() for file in files)


async def test_a_locked_thread_keeps_nothing_from_being_deleted(scene: Scene) -> None:
    """Staff have locked it, so nothing is edited there; the picture goes all the same."""
    thread = await scene.ada.open_thread("general", "Locked sketches")
    picture = await paint(scene, in_=thread)
    files, copy = files_of(scene, picture), await copy_of(scene)
    await scene.control.set_channel(thread, archived=True, locked=True)
    await confirmed(scene.ada, await asked(scene.ada, copy))
    await undo_in_vain(scene, await hidden(scene, copy))
    await scene.gone(picture)
    assert not any(file.exists() for file in files)


async def test_delete_and_undo_pressed_at_once(scene: Scene) -> None:
    """By two clients of one person, again and again: the message shows what the database says, and nothing is gone."""
    picture = await paint(scene)
    files, number = files_of(scene, picture), number_of(picture)
    for _ in range(4):
        copy = await copy_of(scene)
        first, second = await asked(scene.ada, picture), await asked(scene.ada, copy)
        await confirmed(scene.ada, first)
        undo = await hidden(scene, picture)
        sent = await asyncio.gather(scene.ada.press(undo, "Undo"), confirmed(scene.ada, second))
        for one in sent:
            await one.answered(PATIENCE)
        await told(scene.ada, "privacy show")
        assert all(file.exists() for file in files)
        if await rows(scene, f"SELECT 1 FROM job WHERE id = {number} AND delete_at IS NOT NULL"):
            await scene.ada.press(await hidden(scene, picture), "Undo")
        picture = await shown(scene, picture)
    assert all(file.exists() for file in files)
    assert await rows(scene, f"SELECT delete_at FROM job WHERE id = {number}") == [(None,)]


async def test_undo_pressed_twice_at_once(scene: Scene) -> None:
    picture = await paint(scene)
    copy = await copy_of(scene)
    await confirmed(scene.ada, await asked(scene.ada, copy))
    pressed = await asyncio.gather(
        scene.ada.press(await hidden(scene, picture), "Undo"), scene.ada.press(await hidden(scene, copy), "Undo")
    )
    for one in pressed:
        await one.answered(PATIENCE)
    await shown(scene, picture)
    assert await rows(scene, f"SELECT delete_at FROM job WHERE id = {number_of(picture)}") == [(None,)]


async def test_undo_in_time_counts_while_discord_is_slow(scene: Scene) -> None:
    """Another message is being hidden, which hangs: the press counts at once, and not when that is over."""
    other = await paint(scene)
    picture = await paint(scene)
    await confirmed(scene.ada, await asked(scene.ada, picture))
    undo = await hidden(scene, picture)
    page = await told(scene.ada, "history")
    copy = await (await scene.ada.press(page, "Open")).reply(PATIENCE)
    assert number_of(copy) == number_of(other)
    await scene.control.fault(f"/messages/{other.id}$", method="PATCH", kind="slow", seconds=PATIENCE)
    await confirmed(scene.ada, await asked(scene.ada, copy))
    async with asyncio.timeout(PATIENCE):
        while scene.playground.faults.waiting:
            await told(scene.grace, "privacy show", in_="dm")
    await scene.ada.press(undo, "Undo")
    await until(scene, f"SELECT 1 FROM job WHERE id = {number_of(picture)} AND delete_at IS NULL")
    await scene.control.clear_faults()
    await shown(scene, picture)
    await hidden(scene, other)

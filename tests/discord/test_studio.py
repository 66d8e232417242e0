"""The studio panel."""

from __future__ import annotations

import pytest

from playground.control import Person, SentInteraction
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")


def control(panel: VisibleMessage, name: str) -> str:
    """The custom_id of a menu or button of the panel."""
    ids = [*panel.selects, *(str(button.get("custom_id")) for button in panel.buttons.values())]
    return next(custom_id for custom_id in ids if custom_id.startswith(f"st{name}:"))


async def pick(person: Person, panel: VisibleMessage, name: str, *values: str) -> VisibleMessage:
    return await (await person.select(panel, control(panel, name), *values)).reply()


async def press(person: Person, panel: VisibleMessage, label: str) -> VisibleMessage:
    return await (await person.press(panel, label)).reply()


async def fresh(scene: Scene, person: Person, **options: str) -> VisibleMessage:
    """The person's studio with nothing in it but what `options` put there."""
    panel = await (await person.slash("studio", checkpoint=VIVID)).reply()
    while "✕" in panel.buttons:
        panel = await press(person, panel, "✕")
    if "Take out what does not fit" in panel.buttons:
        panel = await press(person, panel, "Take out what does not fit")
    return await (await person.slash("studio", **options)).reply() if options else panel


async def say(person: Person, panel: VisibleMessage, prompt: str) -> VisibleMessage:
    opener = await person.press(panel, "Edit prompt")
    await opener.modal()
    return await (await person.submit(opener, {"prompt": prompt})).reply()


async def newest_panel(person: Person) -> VisibleMessage:
    return [message for message in await person.messages() if "## Studio" in message.text][-1]


async def test_the_studio_orders_a_picture_and_keeps_the_panel(scene: Scene) -> None:
    empty = await fresh(scene, scene.control.person("Linus"))
    assert empty.ephemeral and "No prompt yet" in empty.text and "LoRAs 0 of 5" in empty.text
    panel = await fresh(scene, scene.ada)
    panel = await say(scene.ada, panel, PROMPT)
    bat = next(o["value"] for o in panel.selects[control(panel, "add")]["options"] if o["label"] == "Bat")
    panel = await pick(scene.ada, panel, "add", bat)
    assert "**Bat** · other · at **0.8**" in panel.text and "all fit Vivid" in panel.text
    panel = await press(scene.ada, panel, "+0.1")
    assert "**0.9**" in panel.text
    sent: SentInteraction = await scene.ada.press(panel, "Generate")
    picture = await scene.painted(sent)
    assert picture.id != panel.id and "Bat at 0.9" in picture.text
    after = await scene.control.message(panel.id)
    assert after is not None and after.text == panel.text


async def test_misfits_stay_visible_and_are_left_out_after_confirmation(scene: Scene) -> None:
    panel = await fresh(scene, scene.ada, add="Bat")
    panel = await say(scene.ada, panel, PROMPT)
    panel = await pick(scene.ada, panel, "checkpoint", PASTEL)
    assert "~~Bat~~" in panel.text and "was trained on Vivid" in panel.text and "is Pastel" in panel.text
    question = await press(scene.ada, panel, "Generate")
    assert question.ephemeral and "Paint without Bat?" in question.text
    picture = await scene.painted(await scene.ada.press(question, "Paint without it"))
    assert PASTEL in picture.text and "Bat" not in picture.text
    panel = await pick(scene.ada, panel, "checkpoint", VIVID)
    assert "~~" not in panel.text and "**Bat**" in panel.text


async def test_clip_skip_is_counted_as_in_a1111(scene: Scene) -> None:
    panel = await fresh(scene, scene.ada)
    opener = await scene.ada.press(panel, "Advanced")
    await opener.modal()
    panel = await (await scene.ada.submit(opener, {"clip_skip": "3"})).reply()
    assert "clip skip 3" in panel.text
    opener = await scene.ada.press(panel, "Advanced")
    await opener.modal()
    assert "from 1 to 12" in (await (await scene.ada.submit(opener, {"clip_skip": "13"})).reply()).text

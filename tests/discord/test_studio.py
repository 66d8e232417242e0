"""The studio panel."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from playground.control import File, Person, SentInteraction
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, use_picture
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
    if "Remove picture" in panel.buttons:
        panel = await press(person, panel, "Remove picture")
    if "Remove incompatible LoRAs" in panel.buttons:
        panel = await press(person, panel, "Remove incompatible LoRAs")
    if "Areas" in panel.buttons:
        opener = await person.press(panel, "Areas")
        await opener.modal()
        panel = await (await person.submit(opener, {"layout": "-"})).reply()
    return await (await person.slash("studio", **options)).reply() if options else panel


async def say(person: Person, panel: VisibleMessage, prompt: str) -> VisibleMessage:
    opener = await person.press(panel, "Edit prompt")
    await opener.modal()
    return await (await person.submit(opener, {"prompt": prompt})).reply()


async def newest_panel(person: Person) -> VisibleMessage:
    return [message for message in await person.messages() if "## Studio" in message.text][-1]


async def pick_bat(person: Person, panel: VisibleMessage) -> VisibleMessage:
    offered = {option["label"]: option["value"] for option in panel.selects[control(panel, "add")]["options"]}
    if "Bat" not in offered:  # the studio keeps how its menu was searched and filtered, by another test perhaps
        return await (await person.slash("studio", add="Bat")).reply()
    return await pick(person, panel, "add", offered["Bat"])


async def test_the_studio_orders_a_picture_and_keeps_the_panel(scene: Scene) -> None:
    empty = await fresh(scene, scene.control.person("Linus"))
    assert empty.ephemeral and "No prompt yet" in empty.text and "LoRAs: 0 of 5" in empty.text
    panel = await fresh(scene, scene.ada)
    panel = await say(scene.ada, panel, PROMPT)
    panel = await pick_bat(scene.ada, panel)
    assert "**Bat** · other · weight **0.8**" in panel.text and "all LoRAs fit Vivid" in panel.text
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
    assert "~~Bat~~" in panel.text and "is made for Vivid" in panel.text and "is based on Pastel" in panel.text
    question = await press(scene.ada, panel, "Generate")
    assert question.ephemeral and "Generate without Bat?" in question.text
    picture = await scene.painted(await scene.ada.press(question, "Generate without this LoRA"))
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


async def test_the_spacing_of_the_steps_is_chosen_apart_from_the_sampler(scene: Scene) -> None:
    panel = await say(scene.ada, await fresh(scene, scene.ada), PROMPT)
    opener = await scene.ada.press(panel, "Advanced")
    await opener.modal()
    panel = await (await scene.ada.submit(opener, {"sampler": "euler", "spacing": "trailing", "steps": "4"})).reply()
    assert "4 steps · euler · " in panel.text and "trailing spacing" in panel.text
    picture = await scene.painted(await scene.ada.press(panel, "Generate"))
    details = await press(scene.ada, picture, "Details")
    assert "trailing spacing" in details.text
    studio = await press(scene.ada, details, "Remix")
    assert "trailing spacing" in studio.text


async def test_all_weights_are_scaled_with_one_in_proportion(scene: Scene) -> None:
    await fresh(scene, scene.ada, add="Bat")
    panel = await (await scene.ada.slash("studio", add="Cape")).reply()
    assert panel.text.count("weight **0.8**") == 2
    buttons = [custom_id for button in panel.buttons.values() if (custom_id := str(button.get("custom_id")))]
    assert any(custom_id.startswith("stadjust:") for custom_id in buttons)
    opener = await scene.ada.press(panel, "Weight")
    await opener.modal()
    panel = await (await scene.ada.submit(opener, {"weight": "0.4", "scales_all": True})).reply()
    assert panel.text.count("weight **0.4**") == 2


async def test_generate_without_a_prompt_asks_for_one_and_paints_it(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    panel = await fresh(scene, margaret)
    opener = await margaret.press(panel, "Generate")
    await opener.modal()
    sent = await margaret.submit(opener, {"prompt": PROMPT})
    after, (order,) = await sent.reply(), await sent.messages(1)
    assert after.id == panel.id and PROMPT in after.text, "the panel shows the prompt"
    picture = await scene.ended(order)
    assert picture.attachments and not picture.ephemeral


async def test_a_prompt_of_blanks_is_asked_for_like_an_empty_one(scene: Scene) -> None:
    grace = scene.control.person("Grace")
    panel = await say(grace, await fresh(scene, grace), " \u200b ")
    assert "No prompt yet" in panel.text
    assert "Describe the picture first" in (await press(grace, await pick_bat(grace, panel), "Compare")).text
    opener = await grace.press(await newest_panel(grace), "Generate")
    await opener.modal()
    (told,) = await (await grace.submit(opener, {"prompt": "   "})).messages(1)
    assert told.ephemeral and "Please describe the picture that you want" in told.text


async def test_the_shapes_of_the_options_are_in_the_persons_language(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    await scene.control.set_person("Margaret", locale="ja")
    panel = await (await margaret.slash("studio", checkpoint=VIVID)).reply()
    form = await (await margaret.press(panel, control(panel, "options"))).modal()
    await scene.control.set_person("Margaret", locale="en-US")
    (sizes,) = (one["component"]["options"] for one in form["components"] if one["component"]["custom_id"] == "size")
    assert [size["label"] for size in sizes[1:]] == ["正方形 · 64x64", "横長 · 80x48", "縦長 · 48x80"]


async def test_a_starting_picture_is_uploaded_in_the_options(scene: Scene) -> None:
    grace = scene.grace
    panel = await fresh(scene, grace)
    buffer = io.BytesIO()
    Image.new("RGB", (200, 300), "teal").save(buffer, "PNG")
    refused, taken = File("sea.txt", b"no picture"), File("sea.png", buffer.getvalue())
    told = await optioned(grace, panel, count="2", picture=[refused])
    assert told.ephemeral and "cannot be used" in told.text and "1 picture" in (await newest_panel(grace)).text
    panel = await optioned(grace, panel, count="2", picture=[taken])
    assert "Starts from this picture" in panel.text and "2 pictures" in panel.text and len(panel.attachments) == 1
    panel = await optioned(grace, panel, count="1")
    assert "Starts from this picture" in panel.text and "1 picture" in panel.text, "without another one it stays"
    assert "Starts from" not in (await press(grace, panel, "Remove picture")).text


async def optioned(person: Person, panel: VisibleMessage, **values: object) -> VisibleMessage:
    """The reply to the options, filled in so."""
    opener = await person.press(panel, "Options")
    await opener.modal()
    return await (await person.submit(opener, {**values})).reply()


async def test_a_starting_picture_is_shown_changed_and_removed(scene: Scene) -> None:
    grace = scene.grace
    await fresh(scene, grace)
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(buffer, "JPEG")
    panel = await (await grace.slash("studio", image=File("sea.jpg", buffer.getvalue()))).reply()
    assert "Starts from this picture" in panel.text and "**0.6**" in panel.text and len(panel.attachments) == 1
    opener = await grace.press(panel, "Strength")
    await opener.modal()
    panel = await (await grace.submit(opener, {"strength": "0,3"})).reply()
    assert "**0.3**" in panel.text
    panel = await say(grace, panel, PROMPT)
    picture = await scene.painted(await grace.press(panel, "Generate"))
    panel = await press(grace, panel, "Remove picture")
    assert "Starts from" not in panel.text and not panel.attachments
    panel = await press(grace, picture, "Edit")
    assert "Starts from this picture" in panel.text and "**0.3**" in panel.text, "Edit shows what it keeps"


async def test_the_studio_starts_from_the_picture_of_a_message(scene: Scene) -> None:
    await fresh(scene, scene.ada)
    painted = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=3))
    grace = scene.grace
    panel = await (await use_picture(grace, painted, "Start from it")).reply()
    assert panel.ephemeral and "Starts from this picture" in panel.text and panel.attachments
    said = await scene.ada.say("no picture here")
    refused = await (await use_picture(grace, said, "Start from it")).reply()
    assert "no picture that Easel can read" in refused.text

"""Pictures with parts that have words and LoRAs of their own."""

from __future__ import annotations

from typing import Any

import pytest

from playground.component_shapes import walk
from playground.visible_message import VisibleMessage
from tests.discord.conftest import Scene, told
from tests.discord.test_content_rules import REFUSED, TEXT
from tests.discord.test_imagine import the_picture
from tests.discord.test_studio import control, fresh, press
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")
TWO: dict[str, Any] = {"lora1": "Bat", "side1": "left", "lora2": "Cape", "side2": "right", "seed": 7}


async def test_imagine_paints_each_lora_on_its_side(scene: Scene) -> None:
    message = await scene.painted(await scene.ada.slash("imagine", prompt="an owl | a zither | a meadow", **TWO))
    assert "Bat at 0.8 (left)" in message.text and "Cape at 0.8 (right)" in message.text
    assert "left and right" not in message.text, "the LoRAs say it"
    assert "zither" not in message.text, "the words stay the person's own"
    told_in_file = (await the_picture(scene, message)).text
    assert 'Regions: "left, right"' in told_in_file["parameters"] and "<lora:Cape:0.8>" in told_in_file["parameters"]
    assert not any("zither" in text for text in told_in_file.values()), "the file is for everybody too"
    details = await (await scene.ada.press(message, "Details")).reply()
    assert "left: an owl · right: a zither · a meadow" in details.text and "Cape** at 0.8 (right)" in details.text
    assert "zither" in (await told(scene.ada, "history", search="zither")).text, "words of parts are found"
    again = await scene.painted(await scene.ada.press(message, "Again"))
    varied = await scene.painted(await scene.ada.press(message, "Vary"))
    assert all("Bat at 0.8 (left)" in each.text for each in (again, varied))


async def test_words_without_bars_are_said_to_be_for_the_whole_picture(scene: Scene) -> None:
    sent = await scene.ada.slash("imagine", prompt="a meadow", **TWO)
    note = "To give each area its own prompt, write the prompt in /imagine like this: left | right"
    assert note in (await sent.reply()).text, "also while it waits"
    message = await scene.painted(sent)
    assert note in message.text
    details = await (await scene.ada.press(message, "Details")).reply()
    assert "Areas with separate LoRAs: left and right" in details.text


async def test_nothing_forbidden_is_painted_in_a_part_alone(scene: Scene) -> None:
    for prompt in (f"{TEXT} | a heart", f"an owl | {TEXT}", f"an owl | a heart | {TEXT}", "a child | a nude woman"):
        refusal = await told(scene.ada, "imagine", prompt=prompt, **TWO)
        assert refusal.ephemeral and REFUSED in refusal.text


async def test_what_does_not_go_together_is_refused_kindly(scene: Scene) -> None:
    refusal = await told(scene.ada, "imagine", prompt="an owl", side1="left")
    assert "Please choose a LoRA in *lora1*" in refusal.text
    refusal = await told(scene.ada, "imagine", prompt="an owl", **{**TWO, "side2": "top"})
    assert "cannot be combined" in refusal.text
    refusal = await told(scene.ada, "imagine", prompt="a | b", checkpoint=PASTEL, **TWO)
    assert "one area of the picture: left" in refusal.text and "is made for Vivid" in refusal.text
    message = await scene.painted(await scene.ada.press(refusal, f"Generate with {VIVID}"))
    assert "Bat at 0.8 (left)" in message.text


async def divided(scene: Scene, panel: VisibleMessage, **fields: str) -> VisibleMessage:
    button = next(part for part in walk(panel.components) if part.get("custom_id") == control(panel, "parts"))
    opener = await scene.ada.press(panel, control(panel, "parts"))
    assert (await opener.modal())["title"] == button["label"]
    return await (await scene.ada.submit(opener, fields)).reply()


async def test_the_studio_divides_a_picture_and_gives_each_part_a_lora(scene: Scene) -> None:
    await fresh(scene, scene.ada, add="Bat")
    panel = await (await scene.ada.slash("studio", add="Cape")).reply()
    panel = await divided(scene, panel, layout="left,right", part0="an owl", part1="a viola", prompt="a meadow")
    assert "**left** · an owl" in panel.text and "**right** · a viola" in panel.text
    assert "**everywhere** · a meadow" in panel.text and "counts as 2 pictures" in panel.text
    assert any(file["filename"] == "layout-left-right-160x160.png" for file in panel.attachments), panel.attachments
    for number, side in enumerate(("left", "right")):
        ids = [str(part.get("custom_id")) for part in walk(panel.components)]
        opener = await scene.ada.press(panel, [each for each in ids if each.startswith("stadjust:")][number])
        await opener.modal()
        panel = await (await scene.ada.submit(opener, {"weight": "0.7", "region": side})).reply()
    assert "weight **0.7** · **left**" in panel.text and "weight **0.7** · **right**" in panel.text
    assert "Added to the prompt (left): bat" in panel.text and "Added to the prompt (right): cape" in panel.text
    waiting = await (await scene.ada.press(panel, "Generate")).reply()
    assert "this request counts as 2 pictures in the queue." in waiting.text
    message = await scene.ended(waiting)
    assert all(said in message.text for said in ("Bat at 0.7 (left)", "Cape at 0.7 (right)"))
    edited = await press(scene.ada, message, "Edit")
    assert "**right** · a viola" in edited.text and "· **right**" in edited.text
    opener = await scene.ada.press(edited, "Edit prompt")
    await opener.modal()
    panel = await (await scene.ada.submit(opener, {"part0": "a crow", "part1": "", "prompt": ""})).reply()
    assert "**left** · a crow" in panel.text and "**right** · no prompt" in panel.text
    panel = await divided(scene, panel, layout="top,centre,bottom", part2="a pond")
    assert "**bottom** · a pond" in panel.text and "counts as 3 pictures" in panel.text
    refused = await divided(scene, panel, layout="top,bottom")
    assert "this layout has only two areas" in refused.text
    panel = await divided(scene, panel, layout="-")
    assert "> a crow, a pond" in panel.text and "**left**" not in panel.text, "no word is lost"


async def test_it_is_told_where_the_lora_of_a_third_part_is_now(scene: Scene) -> None:
    panel = await fresh(scene, scene.ada, add="Bat")
    for two, place in (("left,right", "right"), ("top,bottom", "the whole picture")):
        panel = await divided(scene, panel, layout="left,centre,right", part0="an owl")
        assert "third area" not in panel.text
        opener = await scene.ada.press(panel, next(each for each in _ids(panel) if each.startswith("stadjust:")))
        await opener.modal()
        panel = await (await scene.ada.submit(opener, {"region": "right"})).reply()
        panel = await divided(scene, panel, layout=two)
        assert f"no longer has a third area. The LoRAs from that area now apply elsewhere: Bat ({place})." in panel.text


def _ids(message: VisibleMessage) -> list[str]:
    return [str(part.get("custom_id")) for part in walk(message.components)]


async def test_words_that_are_too_long_together_change_nothing(scene: Scene) -> None:
    panel = await fresh(scene, scene.ada)
    panel = await divided(scene, panel, layout="left,right", part0="an owl", part1="a crow", prompt="a meadow")
    long = "x" * 2500
    too_long = "The prompt has 5002 characters; the limit is 4000."
    for layout in ("top,bottom", "-"):
        refused = await divided(scene, panel, layout=layout, part0=long, part1=long, prompt="")
        assert too_long in refused.text
    opener = await scene.ada.press(panel, "Edit prompt")
    await opener.modal()
    refused = await (await scene.ada.submit(opener, {"part0": long, "part1": long, "prompt": ""})).reply()
    assert too_long in refused.text
    panel = await (await scene.ada.slash("studio")).reply()
    for words in ("**left** · an owl", "**right** · a crow", "**everywhere** · a meadow"):
        assert words in panel.text


async def test_a_stack_keeps_the_sides_of_its_loras(scene: Scene) -> None:
    owner = await scene.control.new_person("Siskin")  # who has no other stack
    message = await scene.painted(await owner.slash("imagine", prompt="an owl | a heart", **TWO))
    opener = await owner.press(message, "Save as stack")
    await opener.modal()
    saved = await (await owner.submit(opener, {"name": "Two sides"})).reply()
    assert "Bat at 0.8 (left), Cape at 0.8 (right)" in saved.text
    sent = await owner.slash("imagine", prompt="a star | a moon | a lake", stack="Two sides", checkpoint=VIVID)
    painted = await scene.painted(sent)
    assert "Bat at 0.8 (left)" in painted.text
    other = {"stack": "Two sides", "lora1": "Bat", "side1": "top", "checkpoint": VIVID}
    assert "(with the stack Two sides) cannot be combined" in (await told(owner, "imagine", prompt="a", **other)).text
    panel = await fresh(scene, owner)
    listed = await told(owner, "stack list")
    panel = await (await owner.press(listed, "Use stack")).reply()
    assert "weight **0.8** · **left**" in panel.text and "**right**" in panel.text
    assert REFUSED in (await told(owner, "stack compare", name="Two sides", prompt=f"an owl | {TEXT}")).text
    await told(owner, "stack delete", name="Two sides")

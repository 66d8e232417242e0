"""Sweeps and comparisons: one job, one contact sheet, and buttons that copy a variant to the studio."""

from __future__ import annotations

import pytest

from tests.discord.conftest import PROMPT, Scene
from tests.discord.test_stacks import stacked
from tests.discord.test_studio import fresh, press, say
from tests.house import VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_sweep_is_delivered_as_one_contact_sheet(scene: Scene) -> None:
    sent = await scene.ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0 0.4 0.8", seed=7, checkpoint=VIVID)
    message = await scene.painted(sent)
    assert len(message.attachments) == 1 and message.attachments[0]["width"] > 3 * 200
    assert "**Bat** at the weights 0 · 0.4 · 0.8" in message.text and "seed 7" in message.text
    await fresh(scene, scene.ada)
    panel = await press(scene.ada, message, "Bat at 0.4")
    assert panel.ephemeral and "**Bat** · other · weight **0.4**" in panel.text
    panel = await press(scene.ada, message, "without Bat")
    assert "LoRAs: 0 of 5" in panel.text


async def test_another_person_copies_the_weight_but_not_the_prompt(scene: Scene) -> None:
    secret = "a secret garden"
    sent = await scene.ada.slash("sweep", lora="Bat", prompt=secret, weights="0.2 0.5 0.8", checkpoint=VIVID)
    message = await scene.painted(sent)
    await fresh(scene, scene.grace)
    panel = await press(scene.grace, message, "Bat at 0.5")
    assert "**0.5**" in panel.text and secret not in panel.text


async def test_invalid_weights_are_refused(scene: Scene) -> None:
    reply = await (await scene.ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0.4 0.8")).reply()
    assert reply.ephemeral and "3 to 5" in reply.text


async def test_the_panel_sweeps_and_compares(scene: Scene) -> None:
    panel = await say(scene.ada, await fresh(scene, scene.ada, add="Bat"), PROMPT)
    opener = await scene.ada.press(panel, "Try weights")
    await opener.modal()
    message = await scene.painted(await scene.ada.submit(opener, {"weights": "0,3 0,6 0,9"}))
    assert "**Bat** at the weights 0.3 · 0.6 · 0.9" in message.text
    message = await scene.painted(await scene.ada.press(panel, "Compare"))
    assert "**Bat** at the weights 0.8 · 0" in message.text and "without Bat" in message.buttons


async def test_compare_paints_a_stack_with_and_without_each_lora(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Two", "Bat", "Cape")
    sent = await scene.ada.slash("stack compare", name="Two", prompt=PROMPT, checkpoint=VIVID)
    message = await scene.painted(sent)
    assert "Effect of each LoRA" in message.text
    assert {"all LoRAs", "without Bat", "without Cape", "without LoRAs"} <= set(message.buttons)


async def test_a_sweep_of_a_finished_picture(scene: Scene) -> None:
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", checkpoint=VIVID))
    opener = await scene.ada.press(picture, "Try weights")
    await opener.modal()
    message = await scene.painted(await scene.ada.submit(opener, {}))
    assert "**Bat** at the weights 0.2 · 0.5 · 0.8 · 1.1" in message.text
    offer = await press(scene.grace, picture, "Try weights")
    assert offer.ephemeral and "press *Try weights* under a LoRA" in offer.text
    panel = await say(scene.grace, await press(scene.grace, offer, "Remix"), PROMPT)
    await (await scene.grace.press(panel, "Try weights")).modal()

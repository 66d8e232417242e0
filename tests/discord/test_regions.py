"""Pictures with parts that have words and LoRAs of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.discord.conftest import Scene, told
from tests.discord.test_content_rules import REFUSED, TEXT
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")
TWO: dict[str, Any] = {"lora1": "Bat", "side1": "left", "lora2": "Cape", "side2": "right", "seed": 7}


async def test_imagine_paints_each_lora_on_its_side(scene: Scene) -> None:
    message = await scene.painted(await scene.ada.slash("imagine", prompt="an owl | a zither | a meadow", **TWO))
    assert "Bat at 0.8 (left)" in message.text and "Cape at 0.8 (right)" in message.text
    assert "left and right" in message.text and "zither" not in message.text, "the words stay the person's own"
    details = await (await scene.ada.press(message, "Details")).reply()
    assert "left: an owl · right: a zither · a meadow" in details.text and "Cape** at 0.8 (right)" in details.text
    assert "zither" in (await told(scene.ada, "history", search="zither")).text, "words of parts are found"
    again = await scene.painted(await scene.ada.press(message, "Again"))
    varied = await scene.painted(await scene.ada.press(message, "Vary"))
    assert all("Bat at 0.8 (left)" in each.text for each in (again, varied))


async def test_nothing_forbidden_is_painted_in_a_part_alone(scene: Scene) -> None:
    for prompt in (f"{TEXT} | a heart", f"an owl | {TEXT}", f"an owl | a heart | {TEXT}", "a child | a nude woman"):
        refusal = await told(scene.ada, "imagine", prompt=prompt, **TWO)
        assert refusal.ephemeral and REFUSED in refusal.text


async def test_what_does_not_go_together_is_refused_kindly(scene: Scene) -> None:
    refusal = await told(scene.ada, "imagine", prompt="an owl", side1="left")
    assert "side1 belongs to lora1" in refusal.text
    refusal = await told(scene.ada, "imagine", prompt="an owl", **{**TWO, "side2": "top"})
    assert "do not go together" in refusal.text
    refusal = await told(scene.ada, "imagine", prompt="a | b", checkpoint=PASTEL, **TWO)
    assert "one part of the picture: left" in refusal.text and "was trained on Vivid" in refusal.text
    message = await scene.painted(await scene.ada.press(refusal, f"Paint on {VIVID}"))
    assert "Bat at 0.8 (left)" in message.text

"""The page of a LoRA: content and buttons."""

from __future__ import annotations

import re

import pytest

from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, menu
from tests.house import PASTEL

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def page_of(scene: Scene, who: str, name: str) -> VisibleMessage:
    page = await (await scene.control.person(who).slash("lora info", name=name)).reply()
    assert page.ephemeral
    return page


async def test_the_page_shows_base_model_and_evidence(scene: Scene) -> None:
    page = await page_of(scene, "Ada", "Wash")
    for word in (
        "Wash",
        "Pastel",
        "stated in the LoRA's description",
        "Trigger words: wash",
        f"Fits {PASTEL}",
        "operator",
    ):
        assert word in page.text
    assert "No ratings yet" in page.text


async def test_a_rating_is_set_changed_and_removed(scene: Scene) -> None:
    page = await page_of(scene, "Ada", "Wash")

    async def rate(who: str, on: VisibleMessage, stars: str, then: str) -> VisibleMessage:
        await scene.control.person(who).select(on, menu(on, "rate"), stars)
        return await scene.control.wait_message(on.id, lambda seen: then in seen.text)

    await rate("Ada", page, "5", "★★★★★ 5 (1)")
    mine = await rate("Ada", page, "2", "★★☆☆☆ 2 (1)")
    chosen = [option["value"] for option in mine.selects[menu(mine, "rate")]["options"] if option.get("default")]
    assert chosen == ["2"]
    theirs = await page_of(scene, "Grace", "Wash")
    assert not any(option.get("default") for option in theirs.selects[menu(theirs, "rate")]["options"])
    await rate("Grace", theirs, "5", "3.5 (2)")
    await rate("Ada", page, "0", "★★★★★ 5 (1)")
    await rate("Grace", theirs, "0", "No ratings yet")


def uses(page: VisibleMessage) -> int:
    """How often a LoRA was used here; tests of other files may have done so before."""
    if "used once here" in page.text:
        return 1
    told = re.search(r"used (\d+) times here", page.text)
    return int(told[1]) if told else 0


async def test_loras_used_together_link_to_each_other(scene: Scene) -> None:
    before = uses(await page_of(scene, "Grace", "Cape"))
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", lora2="Cape", steps=2))
    page = await page_of(scene, "Grace", "Bat")
    assert "Often used with Cape" in page.text and "here" in page.text
    (other,) = page.selects[menu(page, "with")]["options"]
    reply = await (await scene.grace.select(page, menu(page, "with"), other["value"])).reply()
    assert "## Cape" in reply.text and reply.ephemeral and uses(reply) == before + 1


async def test_a_lora_is_added_to_the_studio(scene: Scene) -> None:
    page = await page_of(scene, "Grace", "Bat")
    panel = await (await scene.grace.press(page, "Add to studio")).reply()
    assert "Studio" in panel.text and "Bat" in panel.text

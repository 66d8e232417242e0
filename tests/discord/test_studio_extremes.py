"""The fullest studio panel fits into a message, and is the same after a restart and in every message."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from inference.demo import LORAS
from playground.component_shapes import walk
from playground.control import File
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, open_scene
from tests.discord.test_studio import control, fresh, pick, press, say
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

BAIT = "[free](https://evil.example) @everyone <@1174109840998400011> **"
SMALL = (LORAS / "gloss-vivid.preview.png").read_bytes()
ARABIC = "ليلى تقرأ في المكتبة والمطر "


def crowded(folder: Path) -> House:
    """Five LoRAs for one checkpoint and three for the other, with the longest names and words, some right to left."""
    house = House(folder)
    for number in range(8):
        path = house.add_lora(f"crowd{number}", None, seed=60 + number)
        text = ARABIC if number % 2 else BAIT
        words = {"trigger_words": [f"{word:02} {text}".ljust(100, "*") for word in range(50)]}
        if number % 3 == 0:  # groups, and as few words as fill the menus
            groups = {f"{word:02} {text}".ljust(100, "*"): f"{word:02}, {text * 20}"[:300] for word in range(12)}
            words = {"trigger_words": words["trigger_words"][:13], "trigger_groups": groups}
        write_sidecar(
            path,
            name=f"{number} {text}".ljust(100, "*" if number % 2 else "_"),
            base_model=BASES[VIVID if number < 5 else PASTEL],
            recommended_weight=1.3,
            **words,
        )
        Image.new("RGB", (64, 64), (number * 20, 80, 120)).save(path.with_suffix(".png"))
    return house


def fits(panel: VisibleMessage) -> bool:
    """What Discord would refuse, and what would ping or lead somewhere."""
    components = list(walk(panel.components))
    assert len(components) <= 40, len(components)
    assert "://" not in panel.text and "@everyone" not in panel.text and not panel.pinged
    return "## Studio" in panel.text and len(panel.text) <= 4000


async def add(scene: Scene, number: int) -> VisibleMessage:
    panel = await (await scene.ada.slash("studio", add=f"#{number}")).reply()
    assert fits(panel), panel.text
    return panel


async def ids(scene: Scene) -> dict[int, str]:
    """The ids of the eight, by their number."""
    found: dict[int, str] = {}
    for number in range(8):
        typed = str(number)
        choices = await scene.ada.autocomplete("studio", "add", typed)
        while not any(c["value"].startswith("#") for c in choices):  # a busy bot offers what was typed, without a list
            choices = await scene.ada.autocomplete("studio", "add", typed)
        (choice,) = [c for c in choices if c["name"].lstrip("\u2068")[0] == typed]
        found[number] = choice["value"].removeprefix("#")
    return found


async def test_the_fullest_panel_fits_and_survives_a_restart(tmp_path: Path) -> None:
    async with open_scene(crowded(tmp_path / "house")) as scene:
        async with scene.bot():
            known = await ids(scene)
            panel = await (await scene.ada.slash("studio", checkpoint=VIVID)).reply()
            panel = await say(scene.ada, panel, (BAIT * 70)[:4000])
            for number in (0, 1, 2, 5, 6):
                panel = await add(scene, int(known[number]))
            assert "LoRAs: 5 of 5" in panel.text and "2 LoRAs do not fit" in panel.text
            panel = await pick(
                scene.ada, panel, "words", *[o["value"] for o in panel.selects[control(panel, "words")]["options"]]
            )
            assert fits(panel) and "Trigger words: 25 of 25 active" in str(panel.selects)
            panel = await (await scene.ada.slash("studio", image=File("h.png", SMALL))).reply()
            assert fits(panel) and "Starts from this picture" in panel.text and "2 LoRAs do not fit" in panel.text
            others = panel.selects[control(panel, "others")]["options"]
            assert len(others) == 2, "one LoRA has controls, two are collapsed"
            opener = await scene.ada.press(panel, "Two characters")
            await opener.modal()
            parts = {f"part{number}": (text * 70)[:990] for number, text in enumerate((BAIT, ARABIC, BAIT))}
            fields = {"layout": "left,centre,right", "prompt": (ARABIC * 200)[:990], **parts}
            panel = await (await scene.ada.submit(opener, fields)).reply()
            assert fits(panel) and "counts as 3 pictures" in panel.text
            question = await press(scene.ada, panel, "Generate")
            assert "Generate without" in question.text and "@everyone" not in question.text
            panel = await press(scene.ada, panel, "Remove incompatible LoRAs")
            for number in (3, 4):
                panel = await add(scene, int(known[number]))
            offered = panel.selects[control(panel, "words")]["options"]
            panel = await pick(scene.ada, panel, "words", offered[0]["value"])
            assert "all LoRAs fit Vivid" in panel.text and "⚠" in panel.text, "some have no trigger word any more"
            others = panel.selects[control(panel, "others")]["options"]
            assert len(others) == 4
            panel = await pick(scene.ada, panel, "others", others[0]["value"])
            assert fits(panel)
            panel = await press(scene.ada, panel, "Remove picture")
            assert len(panel.selects[control(panel, "others")]["options"]) == 3 and fits(panel)
            full = await (await scene.ada.slash("studio", add=f"#{known[5]}")).reply()
            assert "can use up to 5" in full.text
        async with scene.bot():
            again = await press(scene.ada, panel, "+0.1")
            assert fits(again) and "1.4" in again.text
            panel = await pick(scene.ada, again, "checkpoint", PASTEL)
            assert fits(panel) and panel.text.count("~~") >= 4 and "5 LoRAs do not fit Pastel" in panel.text
            picture = await (await scene.ada.slash("imagine", prompt=PROMPT, checkpoint=PASTEL)).reply()
            picture = await scene.ended(picture)
            panel = await press(scene.ada, picture, "Edit")
            assert fits(panel) and "Restore my draft" in panel.buttons and "LoRAs: 0 of 5" in panel.text
            panel = await press(scene.ada, panel, "Restore my draft")
            assert fits(panel) and "5 LoRAs do not fit Pastel" in panel.text


@pytest.mark.asyncio(loop_scope="session")
async def test_two_panels_show_the_same(scene: Scene) -> None:
    await fresh(scene, scene.ada)
    first = await say(scene.ada, await (await scene.ada.slash("studio", checkpoint=VIVID, add="Bat")).reply(), PROMPT)
    second = await press(scene.ada, await (await scene.ada.slash("studio")).reply(), "+0.1")
    assert "**0.9**" in second.text and "**0.8**" in first.text
    first = await press(scene.ada, first, "Generate")  # it shows something else than would be painted
    assert "out of date" in first.text and "**0.9**" in first.text
    chips = control(second, "words")
    await press(scene.ada, first, "+0.1")
    stale = await (await scene.ada.select(second, chips)).reply()
    assert "out of date" in stale.text and "**1**" in stale.text and "1 of 1 active" in str(stale.selects)
    picture = await scene.painted(await scene.ada.press(stale, "Generate"))
    assert "Bat at 1" in picture.text

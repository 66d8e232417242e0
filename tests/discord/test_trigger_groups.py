"""Trigger words in groups: outfits are put in and taken out as one, and the LoRA's page shows them."""

from __future__ import annotations

from pathlib import Path

from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, open_scene
from tests.discord.test_studio import control, fresh, pick, say
from tests.house import BASES, VIVID, House
from tests.lora_files import write_sidecar

LONG = ", ".join(f"part {number} of the gown" for number in range(13))
GROUPS = {"Red coat": "komori, red coat, hat", "Night": "komori, pyjamas", "[Gown](https://evil.example)": LONG}


def values_by_label(panel: VisibleMessage) -> dict[str, str]:
    return {option["label"]: option["value"] for option in panel.selects[control(panel, "words")]["options"]}


def joining(panel: VisibleMessage) -> str:
    return next((line for line in panel.text.splitlines() if "Added to the prompt" in line), "")


async def test_groups_from_the_page_to_the_picture(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    path = house.add_lora("Owl", BASES[VIVID], seed=40)
    write_sidecar(path, name="Owl", base_model=BASES[VIVID], trigger_words=["komori"], trigger_groups=GROUPS)
    async with open_scene(house) as scene, scene.bot():
        page = await (await scene.ada.slash("lora info", name="Owl")).reply()
        assert "Trigger words: komori\n" in page.text and "- **Red coat** · komori, red coat, hat" in page.text
        assert "[Gown](" not in page.text, "it is escaped"

        await fresh(scene, scene.ada, add="Owl")
        panel = await say(scene.ada, await (await scene.ada.slash("studio")).reply(), PROMPT)
        offered = values_by_label(panel)
        assert list(offered) == ["komori", *GROUPS] and joining(panel).endswith(" komori"), "the first joins by itself"
        panel = await pick(scene.ada, panel, "words", offered["Red coat"])
        assert "komori, red coat, hat" in joining(panel)
        panel = await pick(scene.ada, panel, "words", offered["Red coat"], offered["Night"])
        assert "komori, red coat, hat, pyjamas" in joining(panel) and joining(panel).count("komori") == 1
        panel = await pick(scene.ada, panel, "words", offered["Night"])
        assert "coat" not in joining(panel) and "komori, pyjamas" in joining(panel), "the shared word stays"

        await adjust_and_paint(scene, panel)


async def test_the_first_group_joins_in_imagine_and_is_named(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    path = house.add_lora("Owl", BASES[VIVID], seed=40)
    outfits = ["komori, red coat, hat", "komori, pyjamas"]
    write_sidecar(path, name="Owl", base_model=BASES[VIVID], trigger_words=outfits)
    async with open_scene(house) as scene, scene.bot():
        begun = await scene.begun(lora1="Owl")
        assert begun.text.count("Trigger words added to the prompt: komori, red coat, hat.") == 1
        await scene.ada.press(begun, "Cancel")

        picture = await scene.painted(await scene.ada.slash("imagine", prompt="Komori at home", lora1="Owl"))
        told = "Trigger words added to the prompt: red coat, hat."
        details = await (await scene.ada.press(picture, "Details")).reply()
        assert picture.text.count(told) == 1 and details.text.count(told) == 1
        again = await scene.painted(await scene.ada.press(picture, "Again"))
        assert again.text.count(told) == 1

        picture = await scene.painted(await scene.ada.slash("imagine", prompt="komori, PYJAMAS", lora1="Owl"))
        assert "Trigger words" not in picture.text, "the person wrote an outfit"
        panel = await (await scene.ada.press(picture, "Edit")).reply()
        assert joining(panel).endswith(" komori, pyjamas")

        panel = await pick(scene.ada, panel, "words")
        assert not joining(panel)
        picture = await scene.painted(await scene.ada.press(panel, "Generate"))
        assert "Trigger words" not in picture.text, "the person chose none"


async def adjust_and_paint(scene: Scene, panel: VisibleMessage) -> None:
    opener = await scene.ada.press(panel, "Weight")
    form = await opener.modal()
    (menu,) = [one["component"] for one in form["components"] if one["component"]["custom_id"] == "words0"]
    by_label = {option["label"]: option["value"] for option in menu["options"]}
    assert [option["label"] for option in menu["options"] if option.get("default")] == ["Night"]
    gown = by_label["[Gown](https://evil.example)"]
    panel = await (await scene.ada.submit(opener, {"weight": "0.8", "words0": [gown]})).reply()
    assert "part 0 of the gown, part 1" in joining(panel)
    picture = await scene.painted(await scene.ada.press(panel, "Generate"))
    details = await (await scene.ada.press(picture, "Details")).reply()
    studio = await (await scene.ada.press(details, "Remix")).reply()
    assert "part 0 of the gown, part 1" in joining(studio)

"""Few-step LoRAs in Discord: painted as they were made for without touching an option, said in one line, and *Fast*."""

from __future__ import annotations

import json
from pathlib import Path

from bot.config import Settings
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, open_scene
from tests.discord.test_studio import fresh, press, say
from tests.house import BASES, VIVID, House
from tests.lora_files import write_sidecar

LIGHTNING, LCM = "Quick", "Quicker"
ASKED = {"prompt": PROMPT, "checkpoint": VIVID}


class FastHouse(House):
    """A house with two few-step LoRAs, one of which joins by itself."""

    @property
    def settings(self) -> Settings:
        settings = super().settings
        vivid, *others = settings.checkpoints
        return settings.model_copy(
            update={"checkpoints": (vivid.model_copy(update={"fast": LIGHTNING, "negative_prompt": "dull"}), *others)}
        )


def fast_house(folder: Path) -> FastHouse:
    house = FastHouse(folder)
    for number, (file, name) in enumerate((("demo_lightning_4step_lora", LIGHTNING), ("lcm_lora_demo", LCM))):
        path = house.add_lora(file, None, seed=60 + number)
        write_sidecar(path, name=name, base_model=BASES[VIVID])
    return house


async def details_of(scene: Scene, picture: VisibleMessage) -> VisibleMessage:
    return await (await scene.ada.press(picture, "Details")).reply()


async def test_few_step_loras_from_their_page_to_the_remix(tmp_path: Path) -> None:
    async with open_scene(fast_house(tmp_path / "house")) as scene, scene.bot():
        page = await (await scene.ada.slash("lora info", name=LIGHTNING)).reply()
        assert "Few-step LoRA, made for 4 steps · euler · trailing spacing · no guidance" in page.text

        told = "Settings for Quick: steps 4, sampler euler · trailing, guidance 1."
        picture = await scene.painted(await scene.ada.slash("imagine", **ASKED, lora1=LIGHTNING))
        assert told in picture.text and "Quick at 1" in picture.text
        assert "uses a negative prompt only" not in picture.text, "the checkpoint's own is nobody's words"
        details = await details_of(scene, picture)
        assert "4 steps · euler · trailing spacing · guidance 1" in details.text
        assert "Steps, sampler and guidance are the defaults of Quick" in details.text
        studio = await press(scene.ada, details, "Remix")
        assert "4 steps · euler · guidance 1" in studio.text and "trailing spacing" in studio.text

        fast = await scene.painted(await scene.ada.slash("imagine", **ASKED, fast=True))
        assert told in fast.text and "Quick at 1" in fast.text

        asked = {**ASKED, "lora1": LIGHTNING, "steps": 9, "negative_prompt": "a hat"}
        far = await scene.painted(await scene.ada.slash("imagine", **asked))
        assert (
            "For Quick, the number of steps should be 4, not 9. Leave the steps empty, or use another LoRA or model."
            in far.text
        )
        assert f"{VIVID} uses a negative prompt only with guidance above 1, so Easel ignored yours." in far.text

        both = await (await scene.ada.slash("imagine", **ASKED, lora1=LIGHTNING, lora2=LCM)).reply()
        assert "made for a low number of steps: Quick and Quicker" in both.text
        studio = await press(scene.ada, both, "Open in studio")
        assert "made for a low number of steps" in studio.text
        studio = await press(scene.ada, studio, "✕")
        assert "is made for few steps" in studio.text and "a low number of steps" not in studio.text

        opener = await scene.ada.press(await (await scene.ada.slash("studio", add="Bat")).reply(), "Weight")
        form = json.dumps(await opener.modal())
        assert "weight" in form and "scale" not in form, "a few-step LoRA keeps its weight"


async def test_fast_in_the_studio(tmp_path: Path) -> None:
    async with open_scene(fast_house(tmp_path / "house")) as scene, scene.bot():
        panel = await say(scene.ada, await fresh(scene, scene.ada), PROMPT)
        assert "8 steps" in panel.text and "fast" not in panel.text
        opener = await scene.ada.press(panel, "Options")
        await opener.modal()
        panel = await (await scene.ada.submit(opener, {"fast": True})).reply()
        assert "4 steps · euler · guidance 1" in panel.text and "· fast" in panel.text
        assert "Quick is made for few steps" in panel.text
        picture = await scene.painted(await scene.ada.press(panel, "Generate"))
        assert "Quick at 1" in picture.text and "Settings for Quick: steps 4" in picture.text
        opener = await scene.ada.press(panel, "Advanced")
        await opener.modal()
        panel = await (await scene.ada.submit(opener, {"steps": "20"})).reply()
        assert "For Quick, the number of steps should be 4, not 20" in panel.text

"""After a LoRA file and a checkpoint were removed, everything that refers to them stays usable, with a warning."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.config import Settings
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, open_scene
from tests.discord.test_stacks import stacked
from tests.discord.test_studio import control, fresh, pick, press, say
from tests.house import BASES, PASTEL, VIVID, House

pytestmark = pytest.mark.asyncio(loop_scope="module")


class ShrinkingHouse(House):
    """A house whose checkpoints can be removed."""

    removed = ""

    @property
    def settings(self) -> Settings:
        """Those of the house, without what was removed."""
        settings = super().settings
        kept = tuple(checkpoint for checkpoint in settings.checkpoints if checkpoint.name != self.removed)
        return settings.model_copy(update={"checkpoints": kept})


class Before:
    """What Ada had before the removal."""

    with_bat: VisibleMessage
    on_pastel: VisibleMessage
    panel: VisibleMessage
    listed: VisibleMessage
    code: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Scene, Before]]:
    """The bot after the file of Bat was deleted, that of Moth damaged and the checkpoint of Wash removed."""
    house = ShrinkingHouse(tmp_path_factory.mktemp("gone") / "house")
    house.add_lora("Cape", BASES[VIVID], seed=21)
    moth = house.add_lora("Moth", BASES[VIVID], seed=22)
    before = Before()
    async with open_scene(house) as scene:
        async with scene.bot():
            ada = scene.ada
            for name in ("Bat", "Cape", "Wash"):
                before.listed = await (await ada.slash("bookmarks", add=name)).reply()
            await stacked(scene, ada, "Night", "Bat", "Cape")
            before.code = (await (await ada.slash("stack share", name="Night")).reply()).text.split("`")[1]
            sent = await ada.slash("imagine", prompt=PROMPT, lora1="Bat", lora2="Cape", checkpoint=VIVID, seed=7)
            before.with_bat = await scene.painted(sent)
            before.on_pastel = await scene.painted(await ada.slash("imagine", prompt=PROMPT, checkpoint=PASTEL))
            await (await ada.slash("settings", checkpoint=PASTEL)).reply()
            await fresh(scene, ada)
            for name in ("Bat", "Cape"):
                await (await ada.slash("studio", add=name)).reply()
            panel = await say(ada, await (await ada.slash("studio")).reply(), PROMPT)
            before.panel = await pick(ada, panel, "checkpoint", PASTEL)
        house.bat.unlink()
        house.bat.with_suffix(".json").unlink()
        moth.write_bytes(b"no header")
        house.removed = PASTEL
        async with scene.bot():
            yield scene, before


async def test_bookmarks(gone: tuple[Scene, Before]) -> None:
    scene, _before = gone
    page = await (await scene.ada.slash("bookmarks", base="any")).reply()
    assert all(f"**{name}**" in page.text for name in ("Bat", "Cape", "Wash"))
    assert page.text.count("file is no longer in the library") == 1
    details = await (await scene.ada.slash("lora info", name="Bat")).reply()
    assert "file is no longer in the library" in details.text and "Use now" not in details.buttons
    assert "Remove bookmark" in details.buttons
    wash = await (await scene.ada.slash("lora info", name="Wash")).reply()
    assert "Fits no model installed here" in wash.text


async def test_missing_parts_are_refused_with_a_reason(gone: tuple[Scene, Before]) -> None:
    scene, _before = gone
    bat = await (await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat")).reply()
    assert bat.ephemeral and "The file of Bat cannot be used: it is no longer in the library" in bat.text
    assert "choose another" in bat.text
    wash = await (await scene.ada.slash("imagine", prompt=PROMPT, lora1="Wash")).reply()
    assert (
        wash.ephemeral and "is made for Pastel" in wash.text and "The LoRA fits none of this bot's models" in wash.text
    )
    pastel = await (await scene.ada.slash("imagine", prompt=PROMPT, checkpoint=PASTEL)).reply()
    assert pastel.ephemeral and "Available models: " in pastel.text and VIVID in pastel.text


async def test_why_a_file_cannot_be_used_is_for_operators(gone: tuple[Scene, Before]) -> None:
    scene, _before = gone
    iris = await scene.control.new_person("Iris")
    for locale, kindly in (("en-US", "Easel cannot use the files of"), ("ja", "破損")):
        await scene.control.set_person("Iris", locale=locale)
        told = await (await iris.slash("imagine", prompt=PROMPT, lora1="Moth")).reply()
        assert told.ephemeral and "Moth" in told.text and kindly in told.text
        assert "safetensors" not in told.text and "header" not in told.text
    status = await (await scene.control.person("Margaret").slash("status")).reply()
    assert "`moth.safetensors`: " in status.text and "header" in status.text


async def test_the_studio(gone: tuple[Scene, Before]) -> None:
    scene, before = gone
    panel = await (await scene.ada.slash("studio")).reply()
    assert f"{PASTEL} is no longer installed" in panel.text and VIVID in panel.text
    assert "~~Bat~~" in panel.text and "**Cape**" in panel.text and PROMPT in panel.text
    question = await press(scene.ada, panel, "Generate")
    assert "Generate without Bat?" in question.text
    picture = await scene.painted(await scene.ada.press(question, "Generate without this LoRA"))
    assert VIVID in picture.text and "Cape" in picture.text and "Bat" not in picture.text
    old = await (await scene.ada.select(before.panel, control(before.panel, "checkpoint"), VIVID)).reply()
    assert "is no longer installed" not in old.text and "~~Bat~~" in old.text
    panel = await press(scene.ada, old, "Remove incompatible LoRAs")
    assert "all LoRAs fit" in panel.text


async def test_stacks(gone: tuple[Scene, Before]) -> None:
    scene, before = gone
    listed = await (await scene.ada.slash("stack list")).reply()
    assert "**Night**" in listed.text and "No longer in the library: Bat" in listed.text
    refused = await (await scene.ada.slash("imagine", prompt=PROMPT, stack="Night", checkpoint=VIVID)).reply()
    assert refused.ephemeral and "Bat" in refused.text and "Open in studio" in refused.buttons
    panel = await press(scene.ada, refused, "Open in studio")
    assert "~~Bat~~" in panel.text and "**Cape**" in panel.text
    copy = await (await scene.grace.slash("stack import", code=before.code)).reply()
    assert "Copied **Night**" in copy.text and "No longer in the library: Bat" in copy.text


async def test_old_results(gone: tuple[Scene, Before]) -> None:
    scene, before = gone
    refused = await press(scene.ada, before.with_bat, "Again")
    assert refused.ephemeral and "no longer available here: Bat" in refused.text and "*Edit*" in refused.text
    refused = await press(scene.ada, before.with_bat, "Vary")
    assert refused.ephemeral and "no longer available here: Bat" in refused.text
    sent = await scene.ada.press(before.with_bat, "Upscale")
    larger = await scene.control.wait_message((await sent.reply()).id, lambda seen: "Delete" in seen.buttons, PATIENCE)
    assert (
        larger.attachments
        and "without adding new detail" in larger.text
        and "no longer available here: Bat" in larger.text
    )
    panel = await press(scene.ada, before.with_bat, "Edit")
    assert "~~Bat~~" in panel.text and "**Cape**" in panel.text
    details = await press(scene.grace, before.with_bat, "Details")
    assert "the LoRA file is no longer in the library" in details.text
    kept = await press(scene.grace, before.with_bat, "Bookmark LoRAs")
    assert "Cape" in kept.text
    refused = await press(scene.ada, before.on_pastel, "Again")
    assert refused.ephemeral and PASTEL in refused.text
    panel = await press(scene.ada, before.on_pastel, "Edit")
    assert f"The model {PASTEL} is not available here" in panel.text and PROMPT in panel.text
    details = await press(scene.ada, before.on_pastel, "Details")
    assert f"**{PASTEL}** · not installed here" in details.text


async def test_history_and_settings(gone: tuple[Scene, Before]) -> None:
    scene, _before = gone
    told = await (await scene.ada.slash("settings")).reply()
    assert f"{PASTEL} (no longer installed)" in told.text
    page = await (await scene.ada.slash("history")).reply()
    assert "no longer available: Bat" in page.text and f"no longer available: {PASTEL}" in page.text

"""`/lora add` across restarts of the bot."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.component_shapes import walk
from playground.visible_message import VisibleMessage
from playground.wire import Json, as_objects
from tests.bot.sources.adding import demo_lora
from tests.bot.sources.hubs import running_hubs, status
from tests.discord.conftest import PATIENCE, Scene, open_scene, told
from tests.discord.test_adding import added, begun_by
from tests.house import House


@pytest.mark.parametrize("late", [False, True], ids=["within fifteen minutes", "later"])
async def test_a_restart_in_the_middle_is_told_once(tmp_path: Path, late: bool) -> None:
    async with running_hubs() as hubs, open_scene(House(tmp_path / "house")) as scene:
        scene.changes = {"sources": hubs.settings}
        version_id = hubs.add_lora("Komori", demo_lora(seed=57), "Other")
        hubs.paused.clear()
        async with scene.bot():
            offer = await told(scene.grace, "imagine", prompt=f"a house {hubs.link(version_id)}", steps=2)
            begun = await begun_by(scene.grace, offer, "Add LoRA")
            assert "Cancel" in (await added(scene, begun, "MB downloaded")).buttons, "and which message it is was noted"
        hubs.paused.set()
        if late:
            await scene.control.advance_clock(16 * 60)
        async with scene.bot():
            if late:
                letter = await first_letter(scene, "Grace", "is now in the library")
                assert {"Details", "Generate with this LoRA"} <= set(letter.buttons)
            else:
                page = await added(scene, begun, "is now in the library")
                assert "Details" in page.buttons and "Cancel" not in page.buttons
                assert not await scene.control.messages("dm", "Grace")
                picture = await scene.painted(await scene.grace.press(page, "Generate with this LoRA"))
                assert "Komori" in picture.text


async def test_two_users_who_wait_for_one_lora_both_get_a_message(tmp_path: Path) -> None:
    async with running_hubs() as hubs, open_scene(House(tmp_path / "house")) as scene:
        scene.changes = {"sources": hubs.settings}
        version_id = hubs.add_lora("Komori", demo_lora(seed=58), "Other")
        hubs.paused.clear()
        async with scene.bot():
            for person in (scene.grace, scene.control.person("Margaret")):
                offer = await told(person, "imagine", prompt=f"a house {hubs.link(version_id)}", steps=2)
                begun = await begun_by(person, offer, "Add LoRA")
                await added(scene, begun, "MB downloaded")
        hubs.paused.set()
        await scene.control.advance_clock(16 * 60)
        async with scene.bot():
            for name in ("Grace", "Margaret"):
                assert await first_letter(scene, name, "is now in the library")


async def test_what_failed_after_a_restart_can_be_added_by_its_notice(tmp_path: Path) -> None:
    async with running_hubs() as hubs, open_scene(House(tmp_path / "house")) as scene:
        scene.changes = {"sources": hubs.settings}
        version_id = hubs.add_lora("Komori", demo_lora(seed=68), "Other")
        hubs.paused.clear()
        async with scene.bot():
            offer = await told(scene.grace, "imagine", prompt=f"a house {hubs.link(version_id)}", steps=2)
            begun = await begun_by(scene.grace, offer, "Add LoRA")
            await added(scene, begun, "MB downloaded")
        hubs.fault(hubs.file_path(version_id), status(401))
        hubs.paused.set()
        async with scene.bot():
            notice = await added(scene, begun, "logged in")
            assert "Add LoRA" in notice.buttons
            hubs.fault(hubs.file_path(version_id))
            page = await added(scene, await begun_by(scene.grace, notice, "Add LoRA"), "is now in the library")
            assert "Generate with this LoRA" in page.buttons


async def first_letter(scene: Scene, name: str, text: str) -> VisibleMessage:
    """Wait for a direct message with this text."""

    async def ask(since: int | None) -> Json:
        return await scene.control.get("messages", channel="dm", as_=name, since=since, timeout=PATIENCE)

    def found(answer: Json) -> VisibleMessage | None:
        return next((one for one in map(VisibleMessage, as_objects(answer["messages"])) if text in one.text), None)

    return await scene.control.wait(ask, found, PATIENCE)


async def test_a_choice_survives_a_restart_and_takes_nothing_that_it_did_not_offer(tmp_path: Path) -> None:
    async with running_hubs() as hubs, open_scene(House(tmp_path / "house")) as scene:
        scene.changes = {"sources": hubs.settings}
        model_id = hubs.add_model("Choices")
        ids = [hubs.add_version(model_id, demo_lora(seed=seed), "Other") for seed in (761, 762)]
        elsewhere = hubs.add_lora("Elsewhere", demo_lora(seed=763), "Other")
        async with scene.bot():
            choice = await told(scene.grace, "lora add", link=f"https://civitai.com/models/{model_id}")
        (select,) = choice.selects
        async with scene.bot():
            options = scene.playground.world.messages[choice.id].components
            for value in (f"v{elsewhere}", "v0", "f0123456789abcdef", ""):
                next(part for part in walk(options) if part.get("custom_id") == select)["options"][0]["value"] = value
                answer = await (await scene.grace.select(choice, select, value)).reply(PATIENCE)
                assert "The page no longer offers this LoRA" in answer.text
            value = f"v{ids[0]}"
            next(part for part in walk(options) if part.get("custom_id") == select)["options"][0]["value"] = value
            (begun,) = await (await scene.grace.select(choice, select, value)).messages(1, PATIENCE)
            await added(scene, begun, "is now in the library")
        assert not hubs.requests(hubs.file_path(elsewhere))

"""`/lora add`: from a link to a page with samples, in one command, against both hubs on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from playground.visible_message import VisibleMessage
from playground.wire import Json, as_objects
from tests.bot.sources.hubs import Hubs, content, running_hubs, status
from tests.bot.sources.test_additions import demo_lora, sdxl_lora
from tests.discord.conftest import PATIENCE, Scene, menu, open_scene, told
from tests.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hubs() -> AsyncGenerator[Hubs]:
    async with running_hubs() as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def adding(tmp_path_factory: pytest.TempPathFactory, hubs: Hubs) -> AsyncGenerator[Scene]:
    """A bot that knows both hubs, and paints samples."""
    house = House(tmp_path_factory.mktemp("adding") / "house")
    async with open_scene(house) as scene:
        library = house.settings.library.model_copy(update={"samples": 1})
        limits = house.settings.limits.model_copy(update={"loras_per_day": 1000, "server_loras_per_day": 1000})
        scene.changes = {"sources": hubs.settings, "library": library, "limits": limits}
        async with scene.bot():
            yield scene


async def added(scene: Scene, message: VisibleMessage, text: str) -> VisibleMessage:
    return await scene.control.wait_message(message.id, lambda seen: text in seen.text, PATIENCE)


async def test_a_link_becomes_a_page_with_samples(adding: Scene, hubs: Hubs) -> None:
    model_id = hubs.add_model("Komori Met", tags=["style"], nsfwLevel=1)
    version_id = hubs.add_version(model_id, demo_lora(seed=51), "Other")
    hubs.paused.clear()
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    assert begun.ephemeral and "Adding Komori Met" in begun.text and "Cancel" in begun.buttons
    assert "Pictures made with it" not in begun.text and "named" in begun.text
    hubs.paused.set()
    page = await added(adding, begun, "is in the library now")
    assert "filed under style" in page.text and "Use now" in page.buttons
    assert "[Civitai](https://civitai.com/models/" in page.text
    assert "komori, blue dress, hat" in page.text or "blue dress, hat" in page.text
    await adding.grace.select(page, menu(page, "addcat"), "pose")
    page = await added(adding, page, "pose")

    async def with_samples() -> bool:
        shown = await told(adding.grace, "lora info", name="Komori Met")
        return "Samples are painted as soon" not in shown.text and bool(shown.attachments)

    async with asyncio.timeout(PATIENCE):
        while not await with_samples():  # noqa: ASYNC110 (the page offers nothing to wait on)
            await asyncio.sleep(0.5)


async def test_who_may_not_add_is_told(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Refused", demo_lora(seed=52), "Other")
    answer = await told(adding.ada, "lora add", link=hubs.link(version_id))
    assert "people who manage it" in answer.text
    assert not hubs.requests(hubs.file_path(version_id))


@pytest.mark.parametrize(
    ("link", "words"),
    [("Komori", "no link of a LoRA"), ("https://civitai.com/models/999999", "does not have this"), (None, "no link")],
)
async def test_what_is_no_lora_is_told(adding: Scene, link: str | None, words: str) -> None:
    options = {} if link is None else {"link": link}
    assert words in (await told(adding.grace, "lora add", **options)).text


async def test_what_goes_wrong_meanwhile_is_told_in_its_message(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Locked", demo_lora(seed=53), "Other")
    hubs.fault(hubs.file_path(version_id), status(401))
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    assert "logged in" in (await added(adding, begun, "logged in")).text
    hubs.fault(hubs.file_path(version_id), content(b"<html>", "text/html"))
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    assert (await added(adding, begun, "web page")).buttons == {}
    assert "closest" in (answer := await told(adding.grace, "lora info", name="Locked")).text or answer.text


async def test_it_can_be_cancelled_by_who_added_it_alone(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Unwanted", demo_lora(seed=54), "Other")
    hubs.paused.clear()
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    await adding.grace.press(begun, "Cancel")
    done = await added(adding, begun, "cancelled")
    assert done.buttons == {}
    hubs.paused.set()
    assert not (adding.house.library / "added").exists() or not list((adding.house.library / "added").glob("unwanted*"))


async def test_a_lora_for_no_checkpoint_here_is_refused_before_it_is_fetched(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("For Pony", sdxl_lora(), "Pony")
    answer = await told(adding.grace, "lora add", link=hubs.link(version_id))
    assert "made for Pony" in answer.text and "Vivid" in answer.text
    assert not hubs.requests(hubs.file_path(version_id))


async def test_one_that_is_rated_too_high_for_a_place_is_not_added_there(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_version(hubs.add_model("Hot", nsfwLevel=16), demo_lora(seed=55), "Other", nsfwLevel=16)
    answer = await told(adding.grace, "lora add", link=hubs.link(version_id))
    assert "above what this place shows" in answer.text
    assert not hubs.requests(hubs.file_path(version_id))


async def test_what_is_here_already_is_shown(adding: Scene, hubs: Hubs) -> None:
    data = demo_lora(seed=56)
    first, second = hubs.add_lora("Twice", data, "Other"), hubs.add_lora("Once more", data, "Other")
    begun = await (await adding.grace.slash("lora add", link=hubs.link(first))).reply(PATIENCE)
    await added(adding, begun, "is in the library now")
    answer = await told(adding.grace, "lora add", link=hubs.link(second))
    assert "Twice is in the library already" in answer.text


async def test_a_link_in_imagine_is_offered_and_used_once_it_is_here(adding: Scene, hubs: Hubs) -> None:
    link = hubs.link(hubs.add_lora("Linked Owl", demo_lora(seed=61), "Other"))
    refused = await told(adding.ada, "imagine", prompt=f"a house {link}")
    assert "Linked Owl is not here yet" in refused.text and refused.buttons == {}, "she may not add it"
    offer = await told(adding.grace, "imagine", prompt=f"a house {link}")
    begun = await (await adding.grace.press(offer, "Add it")).reply(PATIENCE)
    await added(adding, begun, "is in the library now")
    picture = await adding.painted(await adding.ada.slash("imagine", prompt=f"a house {link}", steps=2))
    assert "Linked Owl" in picture.text and "civitai" not in picture.text
    picture = await adding.painted(await adding.ada.slash("imagine", prompt="a house", lora1=link, steps=2))
    assert "Linked Owl" in picture.text


@pytest.mark.parametrize("late", [False, True], ids=["within fifteen minutes", "later"])
async def test_a_restart_in_the_middle_is_told_once(tmp_path: Path, late: bool) -> None:
    async with running_hubs() as hubs, open_scene(House(tmp_path / "house")) as scene:
        scene.changes = {"sources": hubs.settings}
        version_id = hubs.add_lora("Komori", demo_lora(seed=57), "Other")
        hubs.paused.clear()
        async with scene.bot():
            begun = await (await scene.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
            assert "Cancel" in begun.buttons
        hubs.paused.set()
        if late:
            await scene.control.advance_clock(16 * 60)
        async with scene.bot():
            if late:
                letter = await first_letter(scene, "Grace", "is in the library now")
                assert "Details" in letter.buttons
            else:
                page = await added(scene, begun, "is in the library now")
                assert "Details" in page.buttons and "Cancel" not in page.buttons
                assert not await scene.control.messages("dm", "Grace")


async def first_letter(scene: Scene, name: str, text: str) -> VisibleMessage:
    """Wait for a direct message with this text."""

    async def ask(since: int | None) -> Json:
        return await scene.control.get("messages", channel="dm", as_=name, since=since, timeout=PATIENCE)

    def found(answer: Json) -> VisibleMessage | None:
        return next((one for one in map(VisibleMessage, as_objects(answer["messages"])) if text in one.text), None)

    return await scene.control.wait(ask, found, PATIENCE)

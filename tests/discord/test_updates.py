"""What hubs say now of LoRAs, on pages, in `/bookmarks` and in direct messages; a press adds a newer version."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bot.app.assembly import Easel
from playground.visible_message import VisibleMessage
from tests.bot.sources.adding import demo_lora
from tests.bot.sources.hubs import Hubs, running_hubs
from tests.bot.sources.test_updates import a_day_later
from tests.discord.conftest import PATIENCE, Scene, open_scene, told
from tests.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

IN_LIBRARY = "is (now|already) in the library"


@dataclass
class Place:
    """A running bot that knows both hubs."""

    scene: Scene
    easel: Easel
    hubs: Hubs

    async def add(self, link: str, who: str = "Grace") -> None:
        """Add a LoRA, as staff; each may add ten in a day."""
        begun = await (await self.scene.control.person(who).slash("lora add", link=link)).reply(PATIENCE)
        await self.scene.control.wait_message(begun.id, lambda seen: bool(re.search(IN_LIBRARY, seen.text)), PATIENCE)

    async def look(self) -> None:
        """A day later hubs are asked again."""
        await a_day_later(self.easel.db)
        await self.easel.updates.look()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Place]:
    house = House(tmp_path_factory.mktemp("updates") / "house")
    async with running_hubs() as hubs, open_scene(house) as scene:
        sources = hubs.settings.model_copy(update={"person_per_day": 1000, "server_per_day": 1000})
        scene.changes = {"sources": sources}
        async with scene.opened() as (easel, _bot):
            yield Place(scene, easel, hubs)


async def until(seen: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await seen():  # noqa: ASYNC110 (a direct message that nobody waits for)
            await asyncio.sleep(0.2)


async def test_a_newer_version_is_told_once_and_added_by_one_press(place: Place) -> None:
    model_id = place.hubs.add_model("Komori")
    old = demo_lora(seed=301)
    place.hubs.add_version(model_id, old, "Other")
    await place.add(f"https://civitai.com/models/{model_id}")
    ada, grace = place.scene.ada, place.scene.grace
    for person in (ada, grace):
        page = await told(person, "lora info", name="Komori")
        assert "newer" not in page.text
        await (await person.press(page, "Bookmark")).answered(PATIENCE)
    place.hubs.add_version(model_id, demo_lora(seed=302), "Other")
    await place.look()
    page = await told(ada, "lora info", name="Komori")
    assert "Newer version for" in page.text and "v2" in page.text
    assert "Add v2" not in page.buttons, "she may not add LoRAs"
    listed = await told(ada, "bookmarks")
    assert "Komori: newer versions are available" in listed.text
    shown = await (await ada.press(listed, "Show newer versions")).reply(PATIENCE)
    assert "Newer versions of your bookmarked LoRAs" in shown.text and "v2" in shown.text
    assert list(shown.buttons) == ["Details"]

    async def is_told() -> bool:
        return "newer" not in (await told(ada, "bookmarks")).text

    await until(is_told)  # it is noted behind the answer
    again = await (await ada.press(listed, "Show newer versions")).reply(PATIENCE)
    assert "You have seen all newer versions" in again.text
    listed = await told(grace, "bookmarks")
    shown = await (await grace.press(listed, "Show newer versions")).reply(PATIENCE)
    begun = await (await grace.press(shown, "Add v2")).reply(PATIENCE)
    await place.scene.control.wait_message(begun.id, lambda seen: "is now in the library" in seen.text, PATIENCE)
    page = await told(grace, "lora info", name="Komori")
    assert "Newer version for" not in page.text and "**v1**" in page.text and "**v2**" in page.text
    again = await (await grace.press(shown, "Add v2")).reply(PATIENCE)
    assert "is already in the library" in again.text


async def test_what_is_otherwise_at_a_hub_has_a_sentence_and_loses_nothing(place: Place) -> None:
    hubs = place.hubs
    models = [hubs.add_model(f"Owl {n}") for n in range(4)]
    for number, model_id in enumerate(models):
        hubs.add_version(model_id, demo_lora(seed=310 + number), "Other")
        await place.add(f"https://civitai.com/models/{model_id}")
    page = await told(place.scene.ada, "lora info", name="Owl 3")
    await (await place.scene.ada.press(page, "Bookmark")).answered(PATIENCE)
    del hubs.models[models[0]]
    hubs.models[models[1]]["mode"] = "Archived"
    hubs.models[models[2]] |= {"allowCommercialUse": [], "allowDerivatives": False}
    hubs.models[models[3]]["modelVersions"][0]["earlyAccessEndsAt"] = "2099-01-01T00:00:00.000Z"
    await place.look()
    words = [
        "Civitai no longer has this LoRA",
        "The author has archived this LoRA",
        "The terms on Civitai have changed",
        "now in early access on Civitai until 2099-01-01 00:00 UTC",
    ]
    for number, expected in enumerate(words):
        page = await told(place.scene.ada, "lora info", name=f"Owl {number}")
        assert expected in page.text, page.text
        assert "Use now" in page.buttons
    terms = (await told(place.scene.ada, "lora info", name="Owl 2")).text
    credit = "The LoRA's author asks for credit."
    assert f"Before: {credit} Now: {credit} Pictures generated with this LoRA must not" in terms
    picture = await place.scene.painted(await place.scene.ada.slash("imagine", prompt="a", lora1="Owl 3", steps=2))
    assert "Owl 3" in picture.text
    status = await told(place.scene.control.person("Margaret"), "status")
    assert "Hugging Face: 2 no longer available there" in status.text


async def test_the_same_file_under_two_names_is_known_by_both(place: Place) -> None:
    data = demo_lora(seed=320)
    first, second = (place.hubs.add_lora(name, data, "Other") for name in ("Bat of dusk", "Bat of dawn"))
    await place.add(place.hubs.link(first))
    await place.add(place.hubs.link(second))
    page = await told(place.scene.ada, "lora info", name="Bat of dusk")
    assert "The same file is also on" in page.text and "as Bat of dawn." in page.text
    twin = place.scene.house.library / "twin.safetensors"
    await asyncio.to_thread(twin.write_bytes, data)
    await place.easel.keeper.scan()
    page = await told(place.scene.ada, "lora info", name="twin")
    assert "This file is identical to" in page.text
    await asyncio.to_thread(twin.unlink)


async def test_an_unreadable_answer_of_a_hub_keeps_no_notice_from_others(place: Place) -> None:
    control = place.scene.control
    readers = [control.person(name) for name in ("Margaret", "Kai")]  # the one with the unreadable answer comes first
    models = [place.hubs.add_model(name) for name in ("Torn", "Whole")]
    for number, (model_id, person, name) in enumerate(zip(models, readers, ("Torn", "Whole"), strict=True)):
        place.hubs.add_version(model_id, demo_lora(seed=340 + number), "Other")
        await place.add(f"https://civitai.com/models/{model_id}", "Margaret")
        page = await told(person, "lora info", name=name, in_="dm")
        await (await person.press(page, "Bookmark")).answered(PATIENCE)
        panel = await told(person, "settings", in_="dm")
        await (await person.press(panel, "Message me about new LoRA versions")).answered(PATIENCE)
        place.hubs.add_version(model_id, demo_lora(seed=350 + number), "Other")
    place.easel.updates.looked, looked = (lambda: None), place.easel.updates.looked
    await place.look()
    place.easel.updates.looked = looked
    db = place.easel.db
    await db.connection.execute("UPDATE hub_look SET newer = '{}' WHERE newer ->> 'name' = 'Torn'")
    await db.connection.commit()
    assert await db.connection.execute_fetchall("SELECT 1 FROM hub_look WHERE newer = '{}'")
    looked()

    async def told_kai() -> bool:
        letters = [each.text for each in await control.messages("dm", "Kai")]
        return any("Newer versions" in text and "Whole" in text for text in letters)

    await until(told_kai)


async def test_who_wants_it_gets_a_direct_message(place: Place) -> None:
    control, linus = place.scene.control, place.scene.control.person("Linus")
    model_id = place.hubs.add_model("Letter")
    place.hubs.add_version(model_id, demo_lora(seed=330), "Other")
    await place.add(f"https://civitai.com/models/{model_id}")
    page = await told(linus, "lora info", name="Letter")
    await (await linus.press(page, "Bookmark")).answered(PATIENCE)
    panel = await told(linus, "settings")
    await (await linus.press(panel, "Message me about new LoRA versions")).answered(PATIENCE)
    assert "Easel sends you a direct message" in (await told(linus, "settings")).text
    place.hubs.add_version(model_id, demo_lora(seed=331), "Other")
    await place.look()

    async def letters() -> list[VisibleMessage]:
        return [each for each in await control.messages("dm", "Linus") if "Letter" in each.text]

    async def one() -> bool:
        return bool(await letters())

    await until(one)
    (letter,) = await letters()
    assert "Newer versions of your bookmarked LoRAs" in letter.text and "Details" in letter.buttons
    await place.look()
    assert len(await letters()) == 1
    assert "newer" not in (await told(linus, "bookmarks")).text

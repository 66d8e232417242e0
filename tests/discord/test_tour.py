"""The tour of the library as one person takes it, with a second one and with a restart of the bot in the middle.

Everything is done as people do it: commands, buttons, menus, forms and files. The names are as long as names can be,
and half of them are written from right to left. When the tour is over, each request of the bot is judged by the rules
of the playground, by Discord's limits on messages and forms, and by Discord's own document where it is at hand.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from playground.component_shapes import walk
from playground.control import File, Person, SentInteraction
from playground.visible_message import VisibleMessage
from playground.wire import as_objects
from tests.discord import limits
from tests.discord.conftest import PATIENCE, PROMPT, Scene, open_scene, use_picture
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARABIC, BAIT = "ليلى تقرأ في المكتبة والمطر ", "[free](https://evil.example) @everyone **_~|"
# what the name begins with: (base model, category, trigger word)
SAVED = {
    "Lantern": (VIVID, "style", "glowing paper"),
    "Gargoyle": (VIVID, "character", "stone imp"),
    "Bat": (VIVID, "character", "night flyer"),
    "Umbrella": (PASTEL, "detail", "rain shade"),
    "Wash": (PASTEL, "style", "wet brush"),
}
NEWEST_FIRST = list(reversed(SAVED))


def longest(begin: str, number: int) -> str:
    """A text of 100 characters, every second one from right to left."""
    return f"{begin} {(ARABIC if number % 2 else BAIT) * 4}"[:99] + "W"


NAMES = {word: longest(word, number) for number, word in enumerate(SAVED)}
STACK = longest("Castle", 1)[:60]
WORDS = f"{PROMPT} {ARABIC}".strip()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tour(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    house = House(tmp_path_factory.mktemp("tour") / "house")
    for number, (word, (checkpoint, category, trigger)) in enumerate(SAVED.items(), 30):
        path: Path = house.add_lora(word, BASES[checkpoint], seed=number)
        write_sidecar(
            path,
            name=NAMES[word],
            base_model=BASES[checkpoint],
            category=category,
            trigger_words=[trigger, *(longest(f"{n}", n) for n in range(8))],
            description=longest("", number) * 30,
        )
    async with open_scene(house) as scene:
        yield scene


def named(text: str) -> list[str]:
    """Which of the five a text names, in the order in which they are named first."""
    return sorted((word for word in SAVED if word in text), key=text.index)


@dataclass
class Tourist:
    """A person on the tour; `place` is where they are."""

    scene: Scene
    person: Person
    place: str = "general"

    async def tells(self, command: str, /, **options: object) -> SentInteraction:
        return await self.person.slash(command, in_=self.place, **options)

    async def told(self, command: str, /, **options: object) -> VisibleMessage:
        return await (await self.tells(command, **options)).reply(PATIENCE)

    async def press(self, message: VisibleMessage, *label: str) -> VisibleMessage:
        """The message after pressing the first button whose label has all of these."""
        return await (await self.presses(message, *label)).reply(PATIENCE)

    async def presses(self, message: VisibleMessage, *label: str) -> SentInteraction:
        buttons = [part for part in walk(message.components) if part["type"] == 2 and not part.get("disabled")]
        button = next(each for each in buttons if all(part in each["label"] for part in label))
        return await self.person.press(message, button["custom_id"])

    async def choose(self, message: VisibleMessage, label: str) -> VisibleMessage:
        """The message after choosing what begins so, in whichever menu has it."""
        for menu in (part for part in walk(message.components) if part["type"] == 3):
            for option in as_objects(menu["options"]):
                if option["label"].lstrip("\u2068").startswith(label):
                    return await (await self.person.select(message, menu["custom_id"], option["value"])).reply(PATIENCE)
        raise AssertionError(f"nothing is called {label}")

    async def fill_in(self, opener: SentInteraction, **values: object) -> VisibleMessage:
        await opener.modal(PATIENCE)
        return await (await self.person.submit(opener, dict(values))).reply(PATIENCE)

    async def menu(self, message: VisibleMessage, name: str) -> VisibleMessage:
        """The answer to what is chosen for the picture of a message."""
        return await (await use_picture(self.person, message, name)).reply(PATIENCE)

    async def bookmarks(self) -> list[str]:
        """All of them, page by page, as they come."""
        page = await self.told("bookmarks", base="any")
        found = named(page.text)
        while not page.buttons.get("Next", {"disabled": True}).get("disabled"):
            page = await self.press(page, "Next")
            found += named(page.text)
        return found


async def saves_and_finds(ada: Tourist) -> None:
    """Five LoRAs of two base models: saved, filtered, searched, sorted."""
    for word in SAVED:
        kept = await ada.press(await ada.told("lora info", name=NAMES[word]), "Bookmark")
        assert "Remove bookmark" in kept.buttons
    page = await ada.told("bookmarks")
    assert (
        named(page.text) == ["Bat", "Gargoyle", "Lantern"] and "2 more bookmarks are for other base models" in page.text
    )
    page = await ada.fill_in(await ada.presses(page, "Filter"), base="-")
    assert named(page.text) == NEWEST_FIRST[:4] and "5 bookmarks" in page.text and "page 1 of 2" in page.text
    assert f"Does not fit {VIVID}, but fits {PASTEL}" in page.text
    page = await ada.choose(page, "style")
    assert named(page.text) == ["Wash", "Lantern"]
    page = await ada.fill_in(await ada.presses(page, "Filter"), base=BASES[PASTEL])
    assert named(page.text) == ["Wash"]
    page = await ada.choose(page, "All categories")
    page = await ada.fill_in(await ada.presses(page, "Filter"), base="-")
    page = await ada.fill_in(await ada.presses(page, "Search"), words="stoen")  # a trigger word with a typo
    assert named(page.text) == ["Gargoyle"] and "1 bookmark" in page.text
    page = await ada.choose(await ada.press(page, "Clear search"), "By name")
    assert named(page.text) == sorted(SAVED)[:4]
    card = await ada.press(page, "Open")
    card = await ada.fill_in(await ada.presses(card, "Note"), note=f"for the cave {ARABIC}")
    assert "> \u2068for the cave" in card.text
    assert await ada.bookmarks() == NEWEST_FIRST


async def puts_together(ada: Tourist) -> VisibleMessage:
    """Two LoRAs in the studio, on one checkpoint and on the other; gives the panel."""
    panel = await ada.told("studio")
    assert "LoRAs: 0 of 5" in panel.text
    panel = await ada.choose(await ada.choose(panel, "Gargoyle"), "Lantern")
    panel = await ada.fill_in(await ada.presses(panel, "Edit prompt"), prompt=WORDS)
    assert "LoRAs: 2 of 5" in panel.text and "all LoRAs fit Vivid" in panel.text and PROMPT in panel.text
    panel = await ada.choose(panel, PASTEL)
    assert "2 LoRAs do not fit Pastel" in panel.text and panel.text.count("~~") == 4
    assert (
        "is made for Vivid" in panel.text
        and "is based on Pastel" in panel.text
        and f"The LoRA fits {VIVID}" in panel.text
    )
    question = await ada.press(panel, "Generate")
    assert "Generate without" in question.text, "nothing is left out silently"
    panel = await ada.choose(panel, VIVID)
    assert "~~" not in panel.text and "all LoRAs fit Vivid" in panel.text
    return panel


async def shares(ada: Tourist, panel: VisibleMessage) -> str:
    """The two as a stack; gives its code."""
    saved = await ada.fill_in(await ada.presses(panel, "Save as stack"), name=STACK)
    assert "Saved" in saved.text and named(saved.text) == ["Gargoyle", "Lantern"]
    listed = await ada.told("stack list")
    assert "Castle" in listed.text and f"All LoRAs fit {VIVID}" in listed.text
    return (await ada.press(listed, "Share")).text.split("`")[1]


async def takes_along(ada: Tourist) -> bytes:
    """The bookmarks as a file."""
    exported = await ada.press(await ada.told("bookmarks"), "Export / import")
    (file,) = exported.attachments
    async with aiohttp.ClientSession() as session, session.get(file["url"]) as response:
        data = await response.read()
    names = [entry["name"] for entry in json.loads(data)["bookmarks"]]
    assert names == [NAMES[word] for word in NEWEST_FIRST]
    return data


async def loses_and_brings_back(ada: Tourist, data: bytes) -> None:
    """All bookmarks are removed, one of them is brought back at once, the rest by the file."""
    page = await ada.told("bookmarks", base="any")
    page = await ada.press(await ada.press(page, "Open"), "Remove")
    assert "Removed" in page.text and "4 bookmarks" in page.text
    page = await ada.press(page, "Undo")
    assert "5 bookmarks" in page.text
    for _time in SAVED:
        page = await ada.press(await ada.press(page, "Open"), "Remove")
    page = await ada.told("bookmarks", base="any")
    assert "No bookmarks yet" in page.text
    form = await ada.presses(page, "Import")
    assert "Bookmarked 5 LoRAs." in (await ada.fill_in(form, file=[File("bookmarks.json", data)])).text
    assert await ada.bookmarks() == NEWEST_FIRST
    assert "for the cave" in (await ada.told("bookmarks", search="cave")).text


async def tries_weights(ada: Tourist) -> None:
    """One LoRA at three weights; the one that pleases goes into the studio."""
    sent = await ada.tells("sweep", lora=NAMES["Lantern"], weights="0.4 0.8 1.2", prompt=WORDS, checkpoint=VIVID)
    sheet = await ada.scene.painted(sent)
    assert "at the weights 0.4 · 0.8 · 1.2" in sheet.text and len(sheet.attachments) == 1
    panel = await ada.press(sheet, "Lantern", " 0.4")
    assert "· style · weight **0.4**" in panel.text and "· character · weight **0.8**" in panel.text


async def goes_on_from(picture: VisibleMessage, ada: Tourist, grace: Tourist) -> None:
    """A picture is taken up again, by who painted it, and by somebody else, who does not get its words."""
    panel = await ada.menu(picture, "Remix")
    assert PROMPT in panel.text and "· style · weight **0.8**" in panel.text
    again = await ada.scene.painted(await ada.presses(panel, "Generate"))
    assert again.id != picture.id and named(again.text) == ["Gargoyle", "Lantern"]
    panel = await grace.menu(picture, "Remix")
    assert panel.ephemeral and named(panel.text) == ["Gargoyle", "Lantern"]
    assert PROMPT not in panel.text and "private" in panel.text


async def in_a_direct_message(grace: Tourist, code: str) -> None:
    """Somebody else takes the stack by its code, paints with it, and goes on from the picture."""
    copy = await grace.told("stack import", code=code)
    assert "Copied **" in copy.text and named(copy.text) == ["Gargoyle", "Lantern"]
    picture = await grace.scene.painted(await grace.tells("imagine", prompt=WORDS, stack=STACK, checkpoint=VIVID))
    assert named(picture.text) == ["Gargoyle", "Lantern"] and picture.text.count(" 0.8 · ") == 2
    panel = await grace.menu(picture, "Remix")
    assert PROMPT in panel.text and named(panel.text) == ["Gargoyle", "Lantern"]
    again = await grace.scene.painted(await grace.presses(await grace.press(panel, "+0.1"), "Generate"))
    assert again.text.count(" 0.9 · ") == 1
    assert again.id in {message.id for message in await grace.person.messages("dm")}
    assert again.id not in {message.id for message in await grace.scene.ada.messages("dm")}


async def fills_it_up(ada: Tourist) -> None:
    """All five in the studio: two do not fit, and are left out only once she says so."""
    for word in ("Bat", "Umbrella", "Wash"):
        panel = await ada.told("studio", add=NAMES[word])
    assert "LoRAs: 5 of 5" in panel.text and "2 LoRAs do not fit Vivid" in panel.text
    question = await ada.press(panel, "Generate")
    picture = await ada.scene.painted(await ada.presses(question, "Generate without"))
    assert sorted(named(picture.text)) == ["Bat", "Gargoyle", "Lantern"]


async def test_the_tour(tour: Scene) -> None:
    ada, grace = Tourist(tour, tour.ada), Tourist(tour, tour.grace, place="dm")
    async with tour.bot():
        await saves_and_finds(ada)
        panel = await puts_together(ada)
        code = await shares(ada, panel)
        data = await takes_along(ada)
        page = await ada.told("bookmarks", base="any")
    async with tour.bot():  # everything from before the restart is alive
        assert named((await ada.press(page, "Next")).text) == NEWEST_FIRST[4:]
        picture = await tour.painted(await ada.presses(panel, "Generate"))
        assert named(picture.text) == ["Gargoyle", "Lantern"] and picture.text.count(" 0.8 · ") == 2
        await tries_weights(ada)
        await goes_on_from(picture, ada, grace)
        await in_a_direct_message(grace, code)
        await loses_and_brings_back(ada, data)
        await fills_it_up(ada)
    most, longest_text = limits.fullest(tour.playground.exchanges)
    assert 30 < most <= limits.MOST_COMPONENTS and 1500 < longest_text <= limits.MOST_TEXT

"""Every common task takes one command or two clicks; docs/tour.md lists the ways, and this tests each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from playground.component_shapes import walk
from playground.control import Person, SentInteraction
from playground.visible_message import VisibleMessage
from playground.wire import as_objects
from tests.discord.conftest import PATIENCE, PROMPT, Scene
from tests.discord.test_studio import fresh, say
from tests.house import BASES, PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")

TABLE = Path(__file__).parents[2] / "docs" / "tour.md"
ALL = ("Riddle", "Mystery", "Wash", "Cape", "Bat")  # in the order in which they were saved


@dataclass
class Way:
    """What a person does, written down as it is done: `path` has the command and the clicks that it takes."""

    scene: Scene
    path: list[str] = field(default_factory=list[str])

    @property
    def person(self) -> Person:
        return self.scene.ada

    async def command(self, name: str, /, **options: object) -> SentInteraction:
        given = "".join(f" {option}:{value}" for option, value in options.items() if option != "prompt")
        self.path.append(f"`/{name}{given}`")
        return await self.person.slash(name, **options)

    async def shown(self, name: str, /, **options: object) -> VisibleMessage:
        return await (await self.command(name, **options)).reply(PATIENCE)

    async def press(self, page: VisibleMessage, label: str) -> SentInteraction:
        self.path.append(f"*{label}*")
        return await self.person.press(page, label)

    async def pressed(self, page: VisibleMessage, label: str) -> VisibleMessage:
        return await (await self.press(page, label)).reply(PATIENCE)

    async def chosen(self, page: VisibleMessage, label: str) -> VisibleMessage:
        """The message after the choice of this label in whichever menu has it."""
        self.path.append(f"*{label}*")
        menus = [part for part in walk(page.components) if part["type"] == 3]
        menu, value = next(
            (menu["custom_id"], option["value"])
            for menu in menus
            for option in as_objects(menu["options"])
            if option["label"] == label
        )
        return await (await self.person.select(page, menu, value)).reply(PATIENCE)

    async def submitted(self, opener: SentInteraction, **values: object) -> SentInteraction:
        self.path.append("*Submit*")
        await opener.modal(PATIENCE)
        return await self.person.submit(opener, dict(values))


async def categories(way: Way) -> None:
    page = await way.shown("lora browse", category="other")
    assert "other" in page.text and "**Bat**" in page.text


async def categories_by_clicks(way: Way) -> None:
    page = await way.shown("lora browse")
    page = await way.chosen(page, "style")
    assert "No matches here for these filters: style" in page.text


async def kept(way: Way) -> None:
    await without_bookmark(way.person, "Bat")
    assert "**Bat**" in (await way.shown("bookmarks", add="Bat")).text


async def kept_by_clicks(way: Way) -> None:
    page = await way.shown("lora browse")
    page = await (await way.person.press(page, "Remove bookmark")).reply(PATIENCE)
    assert "is now in your /bookmarks" in (await way.pressed(page, "Bookmark")).text


async def used(way: Way) -> None:
    sent = await way.command("imagine", prompt=PROMPT, lora1="Bat", checkpoint=VIVID)
    assert "Bat at 0.8" in (await way.scene.painted(sent)).text


async def used_by_clicks(way: Way) -> None:
    form = await way.press(await way.shown("bookmarks"), "Use now")
    picture = await way.scene.painted(await way.submitted(form, prompt=PROMPT))
    assert any(name.lower() in picture.text.lower() for name in ALL)


async def in_the_panel(way: Way) -> None:
    panel = await way.shown("studio")
    assert any("Add from bookmarks" in str(menu.get("placeholder")) for menu in panel.selects.values())


async def in_the_panel_by_clicks(way: Way) -> None:
    panel = await way.chosen(await way.shown("studio"), "Bat")
    assert "**Bat** · other · weight **0.8**" in panel.text


async def more(way: Way) -> None:
    page = await way.pressed(await way.shown("bookmarks", base="any"), "Next")
    assert "page 2 of 2" in page.text


async def in_order(way: Way) -> None:
    text = (await way.shown("bookmarks", sort="name", base="any")).text
    assert text.index("**Bat**") < text.index("**Cape**") < text.index("**mystery**")


async def in_order_by_clicks(way: Way) -> None:
    page = await way.chosen(await way.shown("lora browse"), "By name")
    assert "· By name" in page.text


async def filtered(way: Way) -> None:
    text = (await way.shown("bookmarks", base=BASES[PASTEL])).text
    assert "**Wash**" in text and "**Bat**" not in text


async def filtered_by_clicks(way: Way) -> None:
    form = await way.press(await way.shown("lora browse"), "Filter")
    page = await (await way.submitted(form, base=BASES[PASTEL])).reply(PATIENCE)
    assert "**Wash**" in page.text and "**Bat**" not in page.text


async def sought(way: Way) -> None:
    text = (await way.shown("bookmarks", search="wash", base="any")).text
    assert "**Wash**" in text and "1 bookmark" in text


async def sought_by_clicks(way: Way) -> None:
    form = await way.press(await way.shown("lora browse"), "Search")
    page = await (await way.submitted(form, words="capr")).reply(PATIENCE)
    assert "**Cape**" in page.text


async def combined(way: Way) -> None:
    sent = await way.command("imagine", prompt=PROMPT, lora1="Bat", weight1=0.7, lora2="Cape", weight2=0.4)
    text = (await way.scene.painted(sent)).text
    assert "Bat at 0.7" in text and "Cape at 0.4" in text


async def combined_by_clicks(way: Way) -> None:
    await say(way.person, await fresh(way.scene, way.person, add="Bat"), PROMPT)
    panel = await way.chosen(await way.shown("studio"), "Cape")
    panel = await way.pressed(panel, "+0.1")
    assert "**0.9**" in panel.text and "**Cape**" in panel.text and "**Bat**" in panel.text


async def page_of_one(way: Way) -> None:
    assert "## Bat" in (await way.shown("lora info", name="Bat")).text


async def page_of_one_by_clicks(way: Way) -> None:
    page = await way.pressed(await way.pressed(await way.shown("bookmarks"), "Open"), "Details")
    assert "Rate this LoRA" in str(page.selects)


async def market(way: Way) -> None:
    assert "## Market" in (await way.shown("lora browse")).text


async def market_by_clicks(way: Way) -> None:
    assert "## Market" in (await way.pressed(await way.shown("studio"), "Market")).text


async def words(way: Way) -> None:
    page = await way.shown("lora info", name="Bat")
    assert "Trigger words: bat" in page.text


async def words_by_clicks(way: Way) -> None:
    await fresh(way.scene, way.person, add="Bat")
    panel = await way.shown("studio")
    assert "Added to the prompt: bat" in panel.text and "1 of 1 active" in str(panel.selects)


async def swept(way: Way) -> None:
    sent = await way.command("sweep", lora="Bat", prompt=PROMPT, checkpoint=VIVID)
    assert "**Bat** at" in (await way.scene.painted(sent)).text


async def swept_by_clicks(way: Way) -> None:
    await say(way.person, await fresh(way.scene, way.person, add="Bat"), PROMPT)
    form = await way.press(await way.shown("studio"), "Try weights")
    assert "**Bat** at" in (await way.scene.painted(await way.submitted(form))).text


async def goal(way: Way) -> None:
    assert "goal" in (await way.shown("guide", chapter="goal")).text


async def goal_by_clicks(way: Way) -> None:
    page = await way.chosen(await way.shown("guide", chapter="goal"), "My own idea in a certain style")
    page = await way.pressed(page, "Market")
    assert "## Market" in page.text


Walk = Callable[[Way], Awaitable[None]]
FEATURES: dict[str, tuple[Walk, ...]] = {
    "Browse a category": (categories, categories_by_clicks),
    "Bookmark a LoRA": (kept, kept_by_clicks),
    "Use a LoRA now": (used, used_by_clicks),
    "Add a bookmark to the studio": (in_the_panel, in_the_panel_by_clicks),
    "Show more bookmarks": (more,),
    "Sort LoRAs": (in_order, in_order_by_clicks),
    "Filter LoRAs by base model": (filtered, filtered_by_clicks),
    "Search for a LoRA": (sought, sought_by_clicks),
    "Combine LoRAs with weights": (combined, combined_by_clicks),
    "See the trigger words": (words, words_by_clicks),
    "Compare weights of a LoRA": (swept, swept_by_clicks),
    "Open a LoRA's page": (page_of_one, page_of_one_by_clicks),
    "Open the market": (market, market_by_clicks),
    "Find the category for a goal": (goal, goal_by_clicks),
}


# Names in the demo, where a reader can try the table's examples, by the names in this test's library.
DEMO_NAMES = {"category:other": "category:character", "Bat": "Komori", "Cape": "Stripes", "wash": "stripes"}


def in_the_demo(path: str) -> str:
    """Return the path with the demo's names."""
    for name, demo_name in DEMO_NAMES.items():
        path = path.replace(name, demo_name)
    return path


async def without_bookmark(person: Person, name: str) -> None:
    page = await (await person.slash("lora info", name=name)).reply(PATIENCE)
    if "Remove bookmark" in page.buttons:
        await (await person.press(page, "Remove bookmark")).answered(PATIENCE)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def collection(scene: Scene) -> None:
    """Ada has five bookmarks, and a studio with nothing in it."""
    await (await scene.ada.slash("settings", reset=True)).reply(PATIENCE)
    for name in ALL:
        await without_bookmark(scene.ada, name)
        await (await scene.ada.slash("bookmarks", add=name)).reply(PATIENCE)
    await fresh(scene, scene.ada)


@pytest.mark.parametrize("feature", FEATURES)
async def test_each_task_takes_the_documented_clicks(scene: Scene, collection: None, feature: str) -> None:
    paths: list[str] = []
    for go in FEATURES[feature]:
        way = Way(scene)
        await go(way)
        assert way.path[0].startswith("`/") and len(way.path) <= 3, "one command, and at most two clicks"
        paths.append(" → ".join(way.path))
    assert f"| {feature} | {in_the_demo(' | '.join(paths))} |" in TABLE.read_text("utf-8")

"""The tour of the library as one person takes it, with a second one and with a restart of the bot in the middle.

Everything is done as people do it: commands, buttons, menus and forms. Each request of the bot is judged by the rules
of the playground, and by Discord's own document where it is at hand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.playground.control import Person
from bot.playground.seen import Seen
from tests.discord.conftest import PROMPT, Scene, open_scene
from tests.discord.test_studio import pick, press, say
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

pytestmark = pytest.mark.asyncio(loop_scope="module")

# name: (base model, category, trigger word)
SAVED = {
    "Lantern": (VIVID, "style", "glowing paper"),
    "Gargoyle": (VIVID, "character", "stone imp"),
    "Bat": (VIVID, "character", "night flyer"),
    "Umbrella": (PASTEL, "detail", "rain shade"),
    "Wash": (PASTEL, "style", "wet brush"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tour(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    house = House(tmp_path_factory.mktemp("tour") / "house")
    for seed, (name, (checkpoint, category, word)) in enumerate(SAVED.items(), 30):
        path: Path = house.add_lora(name, BASES[checkpoint], seed=seed)
        write_sidecar(path, name=name, base_model=BASES[checkpoint], category=category, trigger_words=[word])
    async with open_scene(house) as scene:
        yield scene


async def told(person: Person, command: str, /, **options: object) -> Seen:
    return await (await person.slash(command, **options)).reply()


async def bookmarked(person: Person) -> list[str]:
    """The names on the pages of somebody's bookmarks, as they come."""
    page = await told(person, "bookmarks", base="any")
    names = [name for name in SAVED if f"**{name}**" in page.text]
    while not page.buttons.get("More", {"disabled": True}).get("disabled"):
        page = await press(person, page, "More")
        names += [name for name in SAVED if f"**{name}**" in page.text]
    return names


async def before_the_restart(tour: Scene) -> str:
    """Save, find and put together; gives the code of the stack."""
    ada = tour.ada
    for name in SAVED:
        await press(ada, await told(ada, "lora info", name=name), "Bookmark")
    assert sorted(await bookmarked(ada)) == sorted(SAVED)

    page = await told(ada, "bookmarks", category="style", base="any")
    assert "**Lantern**" in page.text and "**Wash**" in page.text and "**Bat**" not in page.text
    page = await told(ada, "bookmarks", base=BASES[PASTEL])
    assert "**Umbrella**" in page.text and "**Lantern**" not in page.text
    page = await told(ada, "bookmarks", search="stone")
    assert "**Gargoyle**" in page.text and "1 bookmark" in page.text
    by_name = (await told(ada, "bookmarks", sort="name")).text
    assert by_name.index("**Bat**") < by_name.index("**Gargoyle**") < by_name.index("**Lantern**")

    await told(ada, "studio", checkpoint=VIVID, add="Gargoyle")
    panel = await say(ada, await told(ada, "studio", add="Lantern"), PROMPT)
    assert "all fit Vivid" in panel.text and "LoRAs 2 of 5" in panel.text
    panel = await pick(ada, panel, "checkpoint", PASTEL)
    assert "~~Gargoyle~~" in panel.text and "was trained on Vivid" in panel.text and "is Pastel" in panel.text
    panel = await pick(ada, panel, "checkpoint", VIVID)
    assert "~~" not in panel.text

    saved = await told(ada, "stack save", name="Castle")
    assert "Gargoyle 0.8" in saved.text and "Lantern 0.8" in saved.text
    return (await told(ada, "stack share", name="Castle")).text.split("`")[1]


async def tried_and_taken_up(tour: Scene, picture: Seen) -> None:
    """A weight is tried out, the one that pleased is taken; a picture is gone on from, also by somebody else."""
    ada, grace = tour.ada, tour.grace
    sent = await ada.slash("sweep", lora="Lantern", weights="0.4 0.8 1.2", prompt=PROMPT, checkpoint=VIVID)
    sheet = await tour.painted(sent)
    assert "**Lantern** at 0.4 · 0.8 · 1.2" in sheet.text and len(sheet.attachments) == 1
    panel = await press(ada, sheet, "Lantern 0.4")
    assert "**Lantern** · style · **0.4**" in panel.text and "**Gargoyle** · character · **0.8**" in panel.text

    panel = await (await ada.message_command("Remix", picture)).reply()
    assert PROMPT in panel.text and "**Lantern** · style · **0.8**" in panel.text
    again = await tour.painted(await ada.press(panel, "Generate"))
    assert again.id != picture.id and "Gargoyle 0.8" in again.text and "Lantern 0.8" in again.text

    panel = await (await grace.message_command("Remix", picture)).reply()
    assert panel.ephemeral and "Gargoyle" in panel.text and "Lantern" in panel.text
    assert PROMPT not in panel.text and "private" in panel.text


async def in_a_direct_message(tour: Scene, code: str) -> None:
    """Somebody else takes the stack by its code, paints with it, and goes on from the picture."""
    grace = tour.grace
    copy = await told(grace, "stack import", code=code, in_="dm")
    assert "copy of **Castle**" in copy.text
    sent = await grace.slash("imagine", prompt=PROMPT, stack="Castle", checkpoint=VIVID, in_="dm")
    picture = await tour.painted(sent)
    assert "Gargoyle 0.8" in picture.text and "Lantern 0.8" in picture.text
    panel = await (await grace.message_command("Remix", picture)).reply()
    assert PROMPT in panel.text and "**Gargoyle**" in panel.text
    panel = await press(grace, panel, "+0.1")
    again = await tour.painted(await grace.press(panel, "Generate"))
    assert "Gargoyle 0.9" in again.text or "Lantern 0.9" in again.text
    assert again.id in {message.id for message in await grace.messages("dm")}
    assert again.id not in {message.id for message in await tour.ada.messages("dm")}


async def test_the_tour(tour: Scene) -> None:
    async with tour.bot():
        code = await before_the_restart(tour)
        (panel,) = [m for m in await tour.ada.messages() if "## Studio" in m.text][-1:]
    async with tour.bot():
        assert sorted(await bookmarked(tour.ada)) == sorted(SAVED)
        picture = await tour.painted(await tour.ada.press(panel, "Generate"))
        assert "Gargoyle 0.8" in picture.text and "Lantern 0.8" in picture.text
        await tried_and_taken_up(tour, picture)
        await in_a_direct_message(tour, code)

"""The name of a LoRA is shown nowhere that its content rating is not shown: not in lists, forms or refusals."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from playground.control import File
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, told, use_picture
from tests.discord.test_content_ratings import AFTER_DARK, rate
from tests.discord.test_results import INFOTEXT, png
from tests.discord.test_stacks import stacked
from tests.discord.test_studio import fresh
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "Bat"


@pytest_asyncio.fixture(loop_scope="session")
async def rated(scene: Scene) -> AsyncGenerator[Scene]:
    """The scene with a LoRA that is rated explicit, and that Ada had before: in a stack, a bookmark and her studio."""
    await stacked(scene, scene.ada, "Evening", NAME)
    assert NAME in (await told(scene.ada, "bookmarks", add=NAME)).text
    await rate(scene, NAME, "explicit")
    yield scene
    await rate(scene, NAME, "-")
    await (await scene.ada.slash("stack delete", name="Evening")).reply()
    await fresh(scene, scene.ada)


async def number_of(scene: Scene) -> str:
    """The typed form of the LoRA that does not name it: `#12`."""
    (choice,) = await scene.ada.autocomplete("imagine", "lora1", NAME, in_=AFTER_DARK)
    return str(choice["value"])


def said(seen: VisibleMessage) -> str:
    """All that a message says: its text, the labels of its buttons and the options of its menus."""
    return "\n".join([seen.text, *seen.buttons, *map(str, seen.selects.values())])


async def test_what_a_person_has_is_listed_without_the_name(rated: Scene) -> None:
    ada = rated.ada
    for command, options in (
        ("stack list", {}),
        ("studio", {}),
        ("bookmarks", {}),
        ("lora info", {"name": await number_of(rated)}),
        ("history", {}),
    ):
        assert NAME not in said(await told(ada, command, **options)), command
        there = await told(ada, command, in_=AFTER_DARK, **options)
        assert NAME in said(there) or command == "history", command
    (here,) = await ada.autocomplete("imagine", "stack", "even")
    (there,) = await ada.autocomplete("imagine", "stack", "even", in_=AFTER_DARK)
    assert NAME not in here["name"] and NAME in there["name"]
    assert NAME not in str(await (await ada.press(await told(ada, "studio"), "Save as stack")).modal())


async def test_refusals_do_not_name_it(rated: Scene) -> None:
    ada, number = rated.ada, await number_of(rated)
    orders = (
        {"lora1": number, "checkpoint": VIVID},
        {"lora1": number, "checkpoint": PASTEL},  # does not fit
        {"stack": "Evening", "checkpoint": VIVID},
        {"stack": "Evening", "checkpoint": PASTEL},
    )
    for order in orders:
        refused = await told(ada, "imagine", prompt=PROMPT, **order)
        assert refused.ephemeral and not refused.attachments and NAME not in said(refused), refused.text
        assert f"LoRA {number}" in refused.text, refused.text
        there = await told(ada, "imagine", in_=AFTER_DARK, prompt=PROMPT, steps=1, **order)
        assert NAME in there.text, there.text
    kept = await told(ada, "bookmarks", add=number)
    assert f"LoRA {number}" in kept.text and NAME not in said(kept), kept.text


async def test_pictures_from_elsewhere_do_not_name_it(rated: Scene) -> None:
    ada = rated.ada
    await rated.painted(await ada.slash("imagine", in_=AFTER_DARK, prompt=PROMPT, steps=1, lora1=NAME))
    history = await told(ada, "history")
    assert "is rated explicit" in history.text and NAME not in said(history)
    assert NAME in (await told(ada, "history", in_=AFTER_DARK)).text
    posted = await rated.grace.say("look", "general", File("elsewhere.png", png(INFOTEXT.format(model=VIVID))))
    for menu in ("Details", "Bookmark LoRAs"):
        seen = await (await use_picture(ada, posted, menu)).reply(PATIENCE)
        assert NAME not in said(seen) and "LoRA #" in seen.text, seen.text


async def test_a_queue_of_all_channels_does_not_name_it(rated: Scene) -> None:
    order = await rated.begun(in_=AFTER_DARK, lora1=NAME)
    try:
        assert NAME in order.text
        own = await told(rated.ada, "queue")
        assert PROMPT in own.text and NAME not in said(own)
        margaret = rated.control.person("Margaret")
        queue = await told(margaret, "queue")
        await margaret.press(queue, "All jobs")
        everybodys = await rated.control.wait_message(queue.id, lambda seen: "<@" in seen.text, PATIENCE)
        assert NAME not in said(everybodys)
    finally:
        await rated.ada.press(order, "Cancel")
        await rated.ended(order)

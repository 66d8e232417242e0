"""A person's defaults: which checkpoint, which size, and who sees the pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from playground.control import Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene
from tests.discord.test_slow_database import held
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def margaret(scene: Scene) -> AsyncIterator[Person]:
    """Somebody who prefers nothing before the test and after it."""
    yield scene.control.person("Margaret")
    await (await scene.control.person("Margaret").slash("settings", reset=True)).reply()


async def test_preferences_fill_in_missing_options(scene: Scene, margaret: Person) -> None:
    told = await (await margaret.slash("settings", checkpoint=PASTEL, size="portrait")).reply()
    assert told.ephemeral and PASTEL in told.text and "portrait" in told.text
    picture = await scene.painted(await margaret.slash("imagine", prompt=PROMPT))
    assert PASTEL in picture.text
    assert (picture.attachments[0]["width"], picture.attachments[0]["height"]) == (48, 80)
    picture = await scene.painted(await margaret.slash("imagine", prompt=PROMPT, checkpoint=VIVID, size="square"))
    assert VIVID in picture.text and picture.attachments[0]["width"] == 64
    assert "default" in (await (await margaret.slash("settings", size="default")).reply()).text


async def test_settings_are_changed_in_their_own_panel(scene: Scene, margaret: Person) -> None:
    panel = await (await margaret.slash("settings")).reply()
    assert panel.ephemeral and "Reset to defaults" not in panel.buttons

    async def changed(words: str) -> VisibleMessage:
        return await scene.control.wait_message(panel.id, lambda seen: words in seen.text, PATIENCE)

    await margaret.select(panel, "set:checkpoint", f"={PASTEL}")
    panel = await changed(f"**{PASTEL}**")
    await margaret.select(panel, "set:size", "=portrait")
    panel = await changed("**portrait**")
    await margaret.press(panel, "Make my results private")
    panel = await changed("**only you see them**")
    await margaret.press(panel, "Show my prompts")
    panel = await changed("**shown with your pictures**")
    assert {"Show my results to everyone", "Keep my prompts private"} < set(panel.buttons)
    picture = await scene.painted(await margaret.slash("imagine", prompt=PROMPT))
    assert picture.ephemeral and PASTEL in picture.text
    assert (picture.attachments[0]["width"], picture.attachments[0]["height"]) == (48, 80)
    await margaret.select(panel, "set:size", "-")
    panel = await changed("Size: **default**")
    await margaret.press(panel, "Reset to defaults")
    panel = await changed("Model: **default**")
    assert "everyone sees them" in panel.text and "Prompts: **private** (default)" in panel.text


async def test_an_unknown_checkpoint_is_refused(margaret: Person) -> None:
    reply = await (await margaret.slash("settings", checkpoint="nothing")).reply()
    assert reply.ephemeral and "Available models: " in reply.text


async def test_private_pictures_are_seen_by_nobody_else(scene: Scene, margaret: Person) -> None:
    await (await margaret.slash("settings", results="only I see them")).reply()
    picture = await scene.painted(await margaret.slash("imagine", prompt=PROMPT))
    assert picture.ephemeral
    again = await scene.painted(await margaret.press(picture, "Again"))
    assert again.ephemeral
    assert not {picture.id, again.id} & {message.id for message in await scene.grace.messages()}


async def test_a_late_private_result_stays_private(scene: Scene, margaret: Person) -> None:
    await (await margaret.slash("settings", results="only I see them")).reply()
    older = {message.id for message in await scene.control.messages("general")}
    async with held(scene):
        await (await margaret.slash("imagine", prompt=PROMPT)).answered()
    picture = await scene.control.wait_in_channel(
        "general",
        lambda seen: seen.id not in older and bool(seen.attachments) and "Again" in seen.buttons,
        PATIENCE,
    )
    assert picture.ephemeral and picture.attachments
    assert picture.id not in {message.id for message in await scene.grace.messages()}

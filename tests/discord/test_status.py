"""`/status` and `/reload`, for staff and operators alone."""

from __future__ import annotations

import asyncio

import pytest

from playground.control import ControlError
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, told

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def at_rest(scene: Scene) -> VisibleMessage:
    """The status once all earlier jobs have ended, as an operator sees it."""
    async with asyncio.timeout(PATIENCE):
        while "idle for" not in (seen := await told(scene.control.person("Margaret"), "status")).text:
            pass
    return seen


async def test_status_for_an_operator_contains_no_names(scene: Scene) -> None:
    await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))
    seen = await at_rest(scene)
    assert seen.ephemeral
    for words in ("`cpu`", "idle for", "loaded models: vivid", "0 jobs queued", "files", "MB", "Easel 0", "torch 2"):
        assert words in seen.text, seen.text
    assert "Ada" not in seen.text and PROMPT not in seen.text
    assert set(seen.buttons) == {"Refresh", "Reload settings"}


async def test_staff_see_the_status_and_cannot_reload(scene: Scene) -> None:
    linus = scene.control.person("Linus")
    await scene.control.set_roles("Linus", ["Staff"])
    try:
        seen = await (await linus.slash("status")).reply()
        refused = await (await linus.slash("reload")).reply()
    finally:
        await scene.control.set_roles("Linus", [])
    assert "Workers" in seen.text and list(seen.buttons) == ["Refresh"]
    assert refused.ephemeral and "Only the bot's operators" in refused.text


async def test_status_is_neither_offered_to_members_nor_shown_to_others(scene: Scene) -> None:
    for command in ("status", "reload"):
        with pytest.raises(ControlError, match="is not offered"):
            await scene.ada.slash(command)
        seen = await (await scene.ada.slash(command, in_="dm")).reply()  # where no permission is asked for
        assert "operators" in seen.text and "`cpu`" not in seen.text


async def test_status_is_refreshed_in_place(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    seen = await (await margaret.slash("status")).reply()
    (await margaret.press(seen, "Refresh"))
    await scene.control.wait_message(seen.id, lambda now: "running for" in now.text, PATIENCE)


async def test_settings_are_reloaded_by_button_and_by_command(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    seen = await (await margaret.slash("status")).reply()
    await margaret.press(seen, "Reload settings")
    told = await scene.control.wait_in_channel("general", lambda seen: "No changes" in seen.text, PATIENCE)
    assert told.ephemeral
    assert "No changes" in (await (await margaret.slash("reload")).reply()).text

"""Private content is ephemeral, also in a public channel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from playground.wire import Json, as_objects
from tests.discord.conftest import PROMPT, Scene
from tests.discord.test_stacks import stacked

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOR_EVERYBODY = {"imagine", "sweep", "stack compare"}  # commands that paint
GIVEN = {"prompt": PROMPT, "lora": "Bat", "code": "2222-2222", "to": "Evening too"}


def leaves(commands: list[Json], before: str = "") -> Iterator[tuple[str, list[Json]]]:
    """The names of slash commands, those inside groups too, with their options."""
    for command in commands:
        name, options = f"{before}{command['name']}", as_objects(command.get("options"))
        inner = [option for option in options if option["type"] in (1, 2)]
        if inner:
            yield from leaves(inner, f"{name} ")
        elif command.get("type", 1) == 1:
            yield name, options


async def test_only_commands_that_paint_reply_publicly(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    everything = dict(leaves(await scene.ada.commands()))
    assert set(everything) > FOR_EVERYBODY and len(everything) > 15
    ones = {message.id for message in await scene.grace.messages()}
    for command, options in everything.items():
        if command not in FOR_EVERYBODY:
            name = "Bat" if command.startswith("lora") else "Evening"
            known = {**GIVEN, "name": name}
            given = {option["name"]: known[option["name"]] for option in options if option.get("required")}
            reply = await (await scene.ada.slash(command, **given)).reply()
            assert reply.ephemeral, command
    assert {message.id for message in await scene.grace.messages()} <= ones


async def test_messages_about_a_private_picture_are_ephemeral(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    ones = {message.id for message in await scene.grace.messages()}
    await (await scene.ada.slash("settings", results="only I see them")).reply()
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", seed=7))
    made = [await scene.painted(await scene.ada.press(picture, button)) for button in ("Again", "Vary", "Upscale")]
    made.append(await scene.painted(await scene.ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0.2 0.5 0.8")))
    made.append(await scene.painted(await scene.ada.slash("stack compare", name="Evening", prompt=PROMPT)))
    panel = await (await scene.ada.press(picture, "Edit")).reply()
    assert "visible only to you" in panel.text
    made.append(await scene.painted(await scene.ada.press(panel, "Generate")))
    await (await scene.ada.slash("settings", reset=True)).reply()
    assert all(message.ephemeral for message in (picture, *made))
    assert {message.id for message in await scene.grace.messages()} <= ones

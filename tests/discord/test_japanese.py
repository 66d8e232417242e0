"""Somebody who uses Discord in Japanese walks through the rooms and meets no English sentence."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bot.playground.control import Person
from bot.playground.seen import Seen
from bot.playground.wire import Json
from tests.discord.conftest import Scene
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMPT = "猫と月"
# Two words in a row; what is quoted as code or is the name of a command is not a sentence.
ENGLISH = re.compile(r"[A-Za-z][a-z]+,? [a-z]{2,}")
NAMES = re.compile(r"`[^`]*`|/[a-z]+( [a-z]+)?|\*stack\*|dpmpp_2m")


def written(part: object) -> Iterator[str]:
    """Every text of components or of a modal that people read."""
    if isinstance(part, list):
        for each in part:
            yield from written(each)
    elif isinstance(part, dict):
        read = ("content", "label", "placeholder", "description", "title", "value" if part.get("type") == 4 else "")
        yield from (str(part[key]) for key in read if part.get(key))
        for key in ("components", "component", "accessory", "options", "items"):
            yield from written(part.get(key))


def english(part: object) -> list[str]:
    return [text for text in written(part) if ENGLISH.search(NAMES.sub("", text))]


@pytest_asyncio.fixture(loop_scope="session")
async def kai(scene: Scene) -> AsyncIterator[Person]:
    """Kai reads Japanese."""
    await scene.control.set_person("Kai", locale="ja")
    yield scene.control.person("Kai")
    await scene.control.set_person("Kai", locale="en-US")


async def told(person: Person, command: str, /, **options: object) -> Seen:
    seen = await (await person.slash(command, in_="dm", **options)).reply()
    assert not english(seen.components), command
    return seen


async def pressed(person: Person, seen: Seen, button: str) -> Seen:
    shown = await (await person.press(seen, button)).reply()
    assert not english(shown.components), button
    return shown


async def asked(person: Person, seen: Seen, button: str) -> Json:
    modal = await (await person.press(seen, button)).modal()
    assert not english(modal), button
    return modal


def labelled(seen: Seen, label: str) -> str:
    return next(str(one["custom_id"]) for name, one in seen.buttons.items() if name == label)


async def test_a_picture_from_the_order_to_the_result(scene: Scene, kai: Person) -> None:
    sent = await kai.slash("imagine", prompt=PROMPT, lora1="Bat", in_="dm")
    waiting = await sent.reply()
    assert not english(waiting.components)
    done = await scene.control.wait_message(waiting.id, lambda seen: bool(seen.attachments), 60)
    assert "もう一度" in done.buttons and not english(done.components)


async def test_refusals(kai: Person) -> None:
    refusal = await told(kai, "imagine", prompt=PROMPT, lora1="Bat", checkpoint=PASTEL)
    assert "学習" in refusal.text and f"{VIVID} で生成" in refusal.buttons
    for options in ({"lora1": "Batt"}, {"lora1": "mystery"}, {"checkpoint": "sdxl"}, {"lora1": "Bat", "lora2": "bat"}):
        await told(kai, "imagine", prompt=PROMPT, **options)


async def test_bookmarks_and_a_loras_page(kai: Person) -> None:
    assert "ブックマーク" in (await told(kai, "bookmarks")).text
    await told(kai, "bookmarks", add="Bat", note="洞窟")
    await told(kai, "bookmarks", search="nowhere")
    page = await told(kai, "lora info", name="Bat")
    await asked(kai, page, "今すぐ使う")
    await pressed(kai, page, "ブックマークを外す")


async def test_the_studio_and_a_stack(kai: Person) -> None:
    await told(kai, "studio")
    panel = await told(kai, "studio", add="Bat")
    for button in ("プロンプトを編集", "オプション", "詳細設定", "強さ", "スタックとして保存"):
        await asked(kai, panel, button)
    checkpoint = next(key for key in panel.selects if key.startswith("stcheckpoint:"))
    misfit = await (await kai.select(panel, checkpoint, PASTEL)).reply()
    assert "~~Bat~~" in misfit.text and not english(misfit.components)
    await told(kai, "stack save", name="夜")
    await told(kai, "stack list")
    await told(kai, "stack share", name="夜")
    await told(kai, "stack import", code="2222-2222")
    await told(kai, "stack delete", name="夜")


async def test_the_small_rooms(kai: Person) -> None:
    for command in ("queue", "settings", "guide", "cancel"):
        await told(kai, command)


async def test_what_is_offered_while_typing(kai: Person) -> None:
    await told(kai, "bookmarks", add="Wash")
    for option in ("lora1", "checkpoint", "stack"):
        choices = await kai.autocomplete("imagine", option, "", prompt=PROMPT, in_="dm")
        assert not [choice["name"] for choice in choices if ENGLISH.search(choice["name"])], option

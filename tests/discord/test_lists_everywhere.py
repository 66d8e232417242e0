"""Every list turns its pages in a server, in a direct message, and as a user-installed app."""

from __future__ import annotations

import pytest

from bot.ui.bot import load_features
from bot.ui.views.list_page import ListPage
from playground import component_shapes
from playground.control import SentInteraction
from tests.discord.conftest import PATIENCE, Scene, told

load_features()
pytestmark = pytest.mark.asyncio(loop_scope="session")

USERS = {"mk": "t-::0.", "bm": "A-::0.", "ga": "n-::0.", "hi": "::", "sk": "", "myqueue": ""}
PANEL = {"home", "blocks", "reports", "proposals", "audit"}  # what operators see of all servers
IN_SERVERS = {"allqueue", "places", "art", "ratings", "words", "phrases", "people", "limits"}  # test_server.py
SHOWN = {
    "mk": "LoRAs", "bm": "bookmark", "ga": "", "hi": "", "sk": "stack", "myqueue": "nothing in the queue",
    "home": "Overview", "blocks": "Blocks", "reports": "Reports", "proposals": "Proposed", "audit": "Audit log",
}  # fmt: skip


def test_each_list_is_tried() -> None:
    assert {*USERS, *PANEL, *IN_SERVERS} == set(ListPage.registered)


async def pressed(scene: Scene, name: str, place: str, custom_id: str) -> SentInteraction:
    """Press a button of this custom_id in a message that the person opened there."""
    person = scene.control.person(name)
    page = await told(person, "guide", in_=place)
    message = scene.playground.world.messages[page.id]
    button = next(part for part in component_shapes.walk(message.components) if part.get("label") == "Next")
    button["custom_id"] = custom_id
    return await person.press(page, custom_id)


@pytest.mark.parametrize(("place", "user"), [("general", "Ada"), ("dm", "Kai"), ("tea-table", "Kai")])
@pytest.mark.parametrize("key", USERS)
async def test_a_list_of_users_turns_its_pages(scene: Scene, place: str, user: str, key: str) -> None:
    await turn_pages(scene, user, place, key, USERS[key])


@pytest.mark.parametrize("place", ["general", "dm"])  # operators have not installed Easel for themselves
@pytest.mark.parametrize("key", sorted(PANEL))
async def test_a_list_of_operators_turns_its_pages(scene: Scene, place: str, key: str) -> None:
    await turn_pages(scene, "Margaret", place, key, "0.")


async def turn_pages(scene: Scene, user: str, place: str, key: str, query: str) -> None:
    page = await (await pressed(scene, user, place, f"pg:{key}:0:{query}")).reply(PATIENCE)
    assert "went wrong" not in page.text and "outdated" not in page.text and SHOWN[key] in page.text
    form = await pressed(scene, user, place, f"go:{key}:0:{query}")
    await form.modal()
    last = await (await scene.control.person(user).submit(form, {"page": "99"})).reply(PATIENCE)
    assert last.text.splitlines()[0] == page.text.splitlines()[0]

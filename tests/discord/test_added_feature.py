"""A feature that is defined outside of the bot works, also across a restart: nothing of the bot was edited for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playground.visible_message import VisibleMessage
from tests.discord.conftest import Scene, told
from tests.discord.test_restarts import bot_process

FEATURE = "tests.discord.added_feature"
SENTENCES = """
import sys
from bot.ui import cogs
cogs.__path__.append(sys.argv[1])
from tools.i18n import everything_said
print([said.one for said in everything_said()])
"""


async def turned(scene: Scene, page: VisibleMessage, button: str, then: str) -> VisibleMessage:
    await scene.ada.press(page, button)
    return await scene.control.wait_message(page.id, lambda seen: then in seen.text)


async def test_a_command_a_list_a_button_and_an_error_need_no_other_edit(empty: Scene) -> None:
    async with bot_process(empty, module=FEATURE):
        (listed,) = [command for command in await empty.ada.commands() if command["name"] == "wall"]
        assert listed["description"] == "Look at the LoRAs one by one."
        page = await told(empty.ada, "wall")
        assert "**Bat**" in page.text and "Page 1 of 3" in page.buttons
        page = await turned(empty, page, "Next", then="**mystery**")
        form = await empty.ada.press(page, "Search")
        assert (await form.modal())["title"] == "Search the wall"
        await empty.ada.submit(form, {"words": "wash"})
        found = await empty.control.wait_message(page.id, lambda seen: "**Wash**" in seen.text)
    async with bot_process(empty, module=FEATURE):  # which knows nothing of the message but its custom_ids
        refusal = await (await empty.ada.press(found, "Hang up")).reply()
        assert "There is no room for Wash on the wall. Take another picture down first." in refusal.text
        page = await turned(empty, found, "Clear search", then="**Bat**")
        assert "Bat hangs on the wall." in (await (await empty.ada.press(page, "Hang up")).reply()).text


def test_its_sentences_are_collected_from_one_file_among_the_commands(tmp_path: Path) -> None:
    here = Path(__file__)
    shutil.copy(here.with_name("added_feature.py"), tmp_path / "wall.py")
    command = [sys.executable, "-c", SENTENCES, str(tmp_path)]
    done = subprocess.run(command, cwd=here.parents[2], check=True, capture_output=True, text=True)
    for sentence in ("There is no room for {lora} on the wall.", "Look at the LoRAs one by one."):
        assert sentence in done.stdout

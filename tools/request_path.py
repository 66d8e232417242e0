"""Count the files that a reader meets on the way of a request: `python -m tools.request_path`.

The bot runs in the playground with the demo's worker, and one person orders a picture several times. `sys.setprofile`
notes every function that is called in any thread of the bot, from `ImagineCog.imagine` until the message shows the
picture. A file counts if one of its functions runs in every one of the orders: what happens to run meanwhile, such as
a check every few seconds, is not on the way. What the worker does in its own process does not count.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import FrameType

from bot.app.demo_settings import demo_settings
from bot.cli.run import serve
from bot.config import LibrarySettings
from inference.demo import LORAS
from playground import Playground
from playground.control import Control

ROOT = Path(__file__).parents[1]
TOPS = ("bot", "inference")
ORDERS = 5
SECONDS = 300.0  # that a picture may take; the first one waits for torch


class CalledFiles:
    """The files of bot/ and inference/ of which a function was called since `ImagineCog.imagine` was."""

    def __init__(self) -> None:
        self.files: set[str] | None = None
        self._ours: dict[str, str | None] = {}

    def notice(self, frame: FrameType, event: str, _: object) -> None:
        """To be called by `sys.setprofile`."""
        if event != "call":
            return
        code = frame.f_code
        if self.files is None and code.co_qualname == "ImagineCog.imagine":
            self.files = set()
        if self.files is not None and (name := self._name_of(code.co_filename)):
            self.files.add(name)

    def take(self) -> set[str]:
        """What was called; nothing is noted before the next order."""
        files, self.files = self.files or set(), None
        return files

    def _name_of(self, file: str) -> str | None:
        if file not in self._ours:
            path = Path(file)
            inside = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in TOPS
            self._ours[file] = path.relative_to(ROOT).as_posix() if inside else None
        return self._ours[file]


async def files_on_the_way(data: Path) -> set[str]:
    """The files in which a function runs for every order."""
    called = CalledFiles()
    threading.setprofile(called.notice)
    sys.setprofile(called.notice)
    async with Playground.serve() as playground, Control.connect(playground.page_url) as control:
        settings = demo_settings(data)
        discord = settings.discord.model_validate({"token": playground.token, "api_url": playground.api_url})
        library = LibrarySettings(folder=LORAS, samples=0)
        serving = asyncio.create_task(serve(settings.model_copy(update={"discord": discord, "library": library})))
        await control.wait_online(seconds=SECONDS)
        ada = control.person("ada")
        found: list[set[str]] = []
        for _ in range(ORDERS + 1):
            sent = await ada.slash("imagine", prompt="a red circle", lora1="Komori")
            reply = await sent.reply(SECONDS)
            await control.wait_message(reply.id, lambda seen: "Again" in seen.buttons, SECONDS)
            found.append(called.take())
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    return set.intersection(*found[1:])  # at the first, caches are filled


def main() -> int:
    """Print the files, and how many there are in each room."""
    with tempfile.TemporaryDirectory() as data:
        files = asyncio.run(files_on_the_way(Path(data)))
    for file in sorted(files):
        print(file)
    rooms = Counter("/".join(file.split("/")[:2]) if file.count("/") > 1 else file.split("/")[0] for file in files)
    print(f"{len(files)} files:", ", ".join(f"{room} {number}" for room, number in sorted(rooms.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())

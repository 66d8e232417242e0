"""The demo with what its shipped library lacks: a few-step LoRA, groups of trigger words, measured weights.

The few-step LoRA is made up: it has next to no effect, and its file is called as Lightning's are. It is served by
`python -m tools.screenshots.staged_demo DATA`, which prints the address of the page as `easel demo` does.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from safetensors.torch import load_file, save_file

from bot.app.demo_settings import copy_demo
from bot.cli import demo
from bot.cli.run import serve
from bot.cli.terminal.ending import Ended, until_asked
from bot.config import Settings
from playground import Playground
from playground.control import Control

FAST = "Four Steps"
GROUPS = '\n[trigger_groups]\n"Red coat" = "komori, red coat, hat"\n"Night" = "komori, pyjamas, moon"\n'
NEXT_TO_NOTHING = 0.02


def stage(library: Path) -> None:
    """Add a few-step LoRA to a copy of the shipped library, and outfits to the owl."""
    tensors = {key: NEXT_TO_NOTHING * tensor for key, tensor in load_file(library / "gloss-vivid.safetensors").items()}
    few = library / "demo_lightning_4step_lora.safetensors"
    save_file(tensors, few)
    about = "Made up for the screenshots: it is called as a few-step LoRA is, and changes next to nothing."
    few.with_suffix(".toml").write_text(f'name = "{FAST}"\nbase_model = "demo/vivid"\ndescription = "{about}"\n')
    owl = library / "komori-vivid.toml"
    owl.write_text(owl.read_text() + GROUPS)


def staged(settings: Settings, library: Path) -> Settings:
    """The demo's settings with that library, *fast* on the first checkpoint, and weights measured."""
    vivid, *others = settings.checkpoints
    folder = settings.library.model_copy(update={"folder": library, "measure_weights": True})
    checkpoints = (vivid.model_copy(update={"fast": FAST}), *others)
    return settings.model_copy(update={"library": folder, "checkpoints": checkpoints})


async def _run(data: Path) -> None:
    copy_demo(data)
    stage(data / "loras")
    async with AsyncExitStack() as stack:
        playground = await stack.enter_async_context(Playground.serve(port=0))

        def settings() -> Settings:
            return staged(demo.settings_in(playground, data), data / "loras")

        async with asyncio.TaskGroup() as group:
            group.create_task(serve(settings(), settings))
            group.create_task(_tell(playground.page_url))


async def _tell(page_url: str) -> None:
    async with Control.connect(page_url) as control:
        await control.wait_online(seconds=demo.START_SECONDS)
    print(page_url, flush=True)


if __name__ == "__main__":
    with suppress(Ended):
        asyncio.run(until_asked(_run(Path(sys.argv[1]))))

"""The demo with a library of its own, to which LoRAs are added from a hub."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from pathlib import Path

from bot.app.demo_settings import copy_demo
from bot.cli.demo import stay_in
from bot.cli.terminal.ending import Ended, until_asked
from bot.config import Settings
from playground import Playground


async def _run(data: Path, hub: str) -> None:
    copy_demo(data)

    def change(settings: Settings) -> Settings:
        sources = {
            "enabled": True, "free_gigabytes": 0.0, "civitai_endpoint": hub, "civitai_red_endpoint": hub,
            "huggingface_endpoint": hub,
        }  # fmt: skip
        library = {"folder": data / "loras"}
        return settings.model_copy(
            update={
                "sources": settings.sources.model_copy(update=sources),
                "library": settings.library.model_copy(update=library),
            }
        )

    async with Playground.serve(port=0) as playground:
        await stay_in(playground, data, browser=False, change=change)


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots.adding_demo", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--hub", required=True, help="the address of the hub")
    options = parser.parse_args()
    with suppress(Ended):
        asyncio.run(until_asked(_run(options.data, options.hub)))


if __name__ == "__main__":
    main()

"""What operators are told of files that came from hubs: `library list` and `status`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from bot.app.assembly import open_catalogue
from bot.cli import DONE
from bot.config.settings import load_settings
from bot.sources.additions import Additions
from bot.sources.hubs.http import SourceHttp
from bot.sources.updates import Updates
from tests.bot.cli.commands import Here
from tests.bot.sources.adding import ADA, PATIENCE, anybody, demo_lora
from tests.bot.sources.hubs import running_hubs
from tests.bot.sources.test_updates import a_day_later
from tests.house import House


async def add_and_look(config: Path) -> None:
    """Add two LoRAs; then one is gone from its hub, and of the other there is a newer version."""
    async with running_hubs() as hubs:
        settings = load_settings(config).model_copy(update={"sources": hubs.settings})
        async with open_catalogue(settings) as found:
            http = SourceHttp(lambda: settings.sources)
            additions = Additions(found.db, found.configuration, found.keeper, http)
            updates = Updates(found.db, found.configuration, additions.civitai, additions.hugging_face, pause=0.0)
            for number in range(2):
                link = hubs.link(hubs.add_lora(f"Owl {number}", demo_lora(seed=400 + number), "Other"))
                model = await additions.look_up(link)
                addition = await additions.add(model.versions[0], ADA, None, anybody)
                await additions.until_ended(addition.id, PATIENCE)
            first, second = hubs.models
            hubs.add_version(second, demo_lora(seed=410), "Other")
            del hubs.models[first]
            await a_day_later(found.db)
            await updates.look()
            await additions.close()


def test_operators_see_what_is_otherwise_at_a_hub(here: Here, tmp_path: Path) -> None:
    config = House(tmp_path / "house").config
    asyncio.run(add_and_look(config))
    said = here("library", "list", "--config", str(config))
    assert said.code == DONE, said.err
    assert (
        "Civitai no longer has this LoRA (noticed on 20" in said.out
        and "You can still use the copy in this library." in said.out
    )
    assert "v2 at Civitai is newer: https://civitai.com/models/" in said.out
    told = json.loads(here("library", "list", "Owl", "--json", "--config", str(config)).out)
    hubs = {lora["name"]: lora["versions"][0]["hubs"][0] for lora in told}
    assert (hubs["Owl 0"]["state"], hubs["Owl 1"]["newer"]["version"]) == ("gone", "v2")
    status = here("status", "--config", str(config)).out
    assert "1 no longer on their hub, 1 with a newer version there" in status
    state = json.loads(here("status", "--json", "--config", str(config)).out)
    assert state["hubs"] == {"lost": 1, "newer": 1}
